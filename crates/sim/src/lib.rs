//! Whole nodes in a simulated world from one seed.
