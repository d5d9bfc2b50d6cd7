//! Sophia-H as a program: `bench run submissions/sophia-h`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench_sdk::run_algorithm::<sophia_h::SophiaH>()
}
