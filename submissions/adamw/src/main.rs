//! AdamW.
fn main() {}
