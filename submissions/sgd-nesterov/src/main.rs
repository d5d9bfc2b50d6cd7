//! SGD with momentum as a program: `bench run submissions/sgd-nesterov`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench_sdk::run::<sgd_nesterov::Sgd>()
}
