//! A referee of one trial with the fake worker, for tests that kill it: `fake-referee FOLDER SCRIPT`.
//! It prints each event that it records, and the outcome.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program of tests, which read its lines"
)]

use bench_harness::interrupt::Interrupts;
use bench_harness::trial::{self, TrialProgress};
use bench_tests::fixture;
use std::path::PathBuf;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap());
    let script = serde_json::from_str(&arguments.next().unwrap()).unwrap();
    let trial = fixture::trial(&folder, &script);
    let interrupts = Interrupts::install().unwrap();
    let summary = trial::run(&trial, &interrupts, &mut |progress| {
        if let TrialProgress::Recorded(event) = progress {
            println!("{}", serde_json::to_string(event).unwrap());
        }
    });
    println!("{}", serde_json::to_string(&summary.outcome).unwrap());
}
