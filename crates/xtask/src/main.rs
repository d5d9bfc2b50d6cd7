//! Developer commands, torch-free: they drive `cargo`, `bench` and the programs of the torch half.

mod claims;
mod entrants;
mod gate;
mod goldens;
mod mutants;
mod perf;
mod shell;
mod test;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Developer commands of bench.
#[derive(Parser)]
#[command(name = "cargo xtask", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// All set-up and all tests, torch-free ones first.
    Test(test::Options),
    /// Compare models with golden files in double precision.
    ModelGoldens {
        /// Files of the model-golden format; all of the shared folder's when none is given.
        files: Vec<PathBuf>,
    },
    /// Compare losses and metrics with a golden file.
    MetricGoldens {
        /// A file of the metric-golden format; the shared folder's when none is given.
        file: Option<PathBuf>,
    },
    /// Compare the statistics with a golden file.
    StatGoldens {
        /// A file of the statistics-golden format; the shared folder's when none is given.
        file: Option<PathBuf>,
    },
    /// Try what papers claim, at this scale, and write down what the runs show.
    Claims(claims::Options),
    /// Compare a submission with itself, each time on seeds of its own: how often the gate is wrong for real.
    Gate(gate::Options),
    /// Compare learning-rate schedules with a golden file.
    ScheduleGoldens {
        /// A file of the schedule-golden format; the shared folder's when none is given.
        file: Option<PathBuf>,
    },
    /// Measure what the submissions' table says: worst differences from golden files, lines, state.
    Entrants(entrants::Options),
    /// Put faults into the submissions, one at a time, and see that a check catches each.
    Mutants(mutants::Options),
    /// Measure the tables of results/performance, as ratios within one run.
    Perf(perf::Options),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Test(options) => test::run(&options),
        Command::ModelGoldens { files } => goldens::models(files),
        Command::MetricGoldens { file } => goldens::metrics(file),
        Command::StatGoldens { file } => goldens::statistics(file),
        Command::Claims(options) => claims::run(&options),
        Command::Gate(options) => gate::run(&options),
        Command::ScheduleGoldens { file } => goldens::schedules(file),
        Command::Entrants(options) => entrants::run(&options),
        Command::Mutants(options) => mutants::run(&options),
        Command::Perf(options) => perf::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
