//! Scores snapshots on the splits that a submission never sees.
fn main() {}
