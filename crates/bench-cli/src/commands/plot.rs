//! `bench plot`: pictures as SVG.

use crate::arguments::Results;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::workspace::{Workspace, find_records};
use bench_report::curves::{Axis, curves};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Draw pictures of records, as SVG
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    picture: Picture,
}

#[derive(Subcommand)]
enum Picture {
    Curves(Curves),
}

/// Draw learning curves of one workload, with the target and where it was met
#[derive(Args)]
#[command(after_help = "Examples:
  bench plot curves 0123456789ab --output run.svg
  bench plot curves adamw/fashion-mnist-mlp lion/fashion-mnist-mlp --by steps --output curves.svg")]
struct Curves {
    /// Trials: folders, digits, or parts of paths
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
    /// Where the picture goes; `-` is standard output
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// The horizontal axis
    #[arg(long, value_enum, default_value = "time")]
    by: By,
    #[command(flatten)]
    results: Results,
}

#[derive(Clone, Copy, ValueEnum)]
enum By {
    /// Submission time
    Time,
    /// Steps
    Steps,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let Picture::Curves(arguments) = &arguments.picture;
    let folder = Workspace::open()?.runs(arguments.results.folder.as_deref())?;
    let mut trials = Vec::new();
    for run in &arguments.runs {
        trials.extend(
            find_records(&folder, run)?
                .into_iter()
                .map(|stored| stored.trial),
        );
    }
    let axis = match arguments.by {
        By::Time => Axis::Time,
        By::Steps => Axis::Steps,
    };
    let svg = curves(&trials, axis)?;
    let output = &arguments.output;
    if output.as_os_str() == "-" {
        screen.print(&svg)?;
        return Ok(Exit::Ok);
    }
    std::fs::write(output, svg).map_err(|error| {
        let message = format!("cannot write {}: {error}", output.display());
        Failure::new(Exit::Results, message, None)
    })?;
    screen.print(&format!("{} curves in {}", trials.len(), output.display()))?;
    Ok(Exit::Ok)
}
