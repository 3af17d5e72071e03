//! Castle.
fn main() {}
