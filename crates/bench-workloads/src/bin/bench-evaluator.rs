//! Scores snapshots on the splits that a submission never sees; compares models, losses and metrics with reference numbers.
#![expect(clippy::print_stderr, reason = "a program's own last words")]

use bench_workloads::{evaluator, golden};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage:
  bench-evaluator                       speaks the referee's protocol on standard input and output
  bench-evaluator golden FILE…          compares models with model goldens
  bench-evaluator metric-golden FILE…   compares losses and metrics with metric goldens";

/// A difference, or a comparison that could not be made.
const DIFFERS: u8 = 1;
/// Arguments that mean nothing.
const USAGE_ERROR: u8 = 2;

fn main() -> ExitCode {
    bench_torch::runtime::keep_freed_memory();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => evaluator::run(),
        ["golden", files @ ..] if !files.is_empty() => compare(files, golden::compare_models),
        ["metric-golden", files @ ..] if !files.is_empty() => {
            compare(files, golden::compare_metrics)
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(USAGE_ERROR)
        }
    }
}

type Compare = fn(&Path) -> Result<Vec<golden::Compared>, golden::GoldenError>;

/// Prints a verdict for every case of every file. A file that cannot be compared hides no other.
fn compare(files: &[&str], compare: Compare) -> ExitCode {
    // Models in goldens are too small to share between threads.
    tch::set_num_threads(1);
    let mut code = ExitCode::SUCCESS;
    let mut out = std::io::stdout().lock();
    for file in files {
        match compare(Path::new(file)) {
            Ok(report) => {
                for compared in report {
                    if matches!(compared.verdict, golden::Verdict::Differs(_)) {
                        code = ExitCode::from(DIFFERS);
                    }
                    // A reader that has seen enough is no failure.
                    let _ = writeln!(out, "{compared}");
                }
            }
            Err(error) => {
                eprintln!("error: {}", evaluator::sentence(&error));
                code = ExitCode::from(DIFFERS);
            }
        }
    }
    code
}
