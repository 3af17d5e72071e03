//! The words and bytes of ZooKeeper's client protocol and of its transactions.
