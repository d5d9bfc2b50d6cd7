//! Schedule-Free AdamW as a program: `bench run submissions/schedule-free-adamw`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench_sdk::run::<schedule_free_adamw::ScheduleFreeAdamw>()
}
