//! Muon as a program: `bench run submissions/muon`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench_sdk::run::<muon::Muon>()
}
