//! Lion as a program: `bench run submissions/lion`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench_sdk::run::<lion::Lion>()
}
