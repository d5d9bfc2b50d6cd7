//! Developer commands: test, perf, goldens.
fn main() {}
