//! AutoLRS on AdamW: `bench run submissions/auto-lrs`.
//!
//! Another rule is another type in this line, and its crate in Cargo.toml: `AutoLrs<lion::Lion>`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench_sdk::run_algorithm::<auto_lrs::AutoLrs<adamw::Adamw>>()
}
