//! GaLore as a program: `bench run submissions/galore`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench_sdk::run::<galore::Galore>()
}
