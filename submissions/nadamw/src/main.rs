//! NAdamW as a program: `bench run submissions/nadamw`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench_sdk::run::<nadamw::Nadamw>()
}
