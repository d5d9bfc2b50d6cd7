//! Population based training of AdamW: `bench run submissions/pbt`.
//!
//! Another rule is another type in this line, and its crate in Cargo.toml: `Pbt<lion::Lion>`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench_sdk::run_algorithm::<pbt::Pbt<adamw::Adamw>>()
}
