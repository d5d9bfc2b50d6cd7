//! Shampoo as a program: `bench run submissions/shampoo`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench_sdk::run::<shampoo::Shampoo>()
}
