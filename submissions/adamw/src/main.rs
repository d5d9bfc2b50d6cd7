//! AdamW as a program: `bench run submissions/adamw`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench_sdk::run::<adamw::Adamw>()
}
