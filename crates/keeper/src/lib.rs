//! The keeper node: sessions and requests over zab and the tree.
