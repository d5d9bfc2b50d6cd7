//! Fira as a program: `bench run submissions/fira`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench_sdk::run::<fira::Fira>()
}
