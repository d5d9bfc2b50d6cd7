//! Sophia-G as a program: `bench run submissions/sophia-g`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench_sdk::run_algorithm::<sophia_g::SophiaG>()
}
