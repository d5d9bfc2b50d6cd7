//! `bench export`: records as flat tables for other programs.

use crate::arguments::Results;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_harness::store;
use bench_report::export::{evaluations, trials};
use bench_score::Trial;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Write records as a flat table for other programs
#[derive(Args)]
#[command(after_help = "Examples:
  bench export csv > trials.csv
  bench export csv --table evaluations --output evaluations.csv

results/README.md documents the columns.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    format: Format,
}

#[derive(Subcommand)]
enum Format {
    Csv(Csv),
}

/// Comma-separated, full precision, one header line; nothing where there is no value
#[derive(Args)]
struct Csv {
    /// What a row is
    #[arg(long, value_enum, default_value = "trials")]
    table: Table,
    /// Where it goes [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    results: Results,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Table {
    /// A trial, the last attempt of each
    Trials,
    /// A metric of a split at an evaluation
    Evaluations,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let Format::Csv(arguments) = &arguments.format;
    let runs = Workspace::open()?.runs(arguments.results.folder.as_deref())?;
    let (stored, mut errors) = store::scan(&runs);
    let records: Vec<Trial> = store::latest(stored)
        .into_iter()
        .map(|stored| stored.trial)
        .collect();
    let grid = match arguments.table {
        Table::Trials => trials(&records),
        Table::Evaluations => evaluations(&records),
    };
    let text = grid.csv().map_err(Failure::bug)?;
    match &arguments.output {
        None => screen.print(&text)?,
        Some(path) => {
            std::fs::write(path, text).map_err(|error| {
                let message = format!("cannot write {}: {error}", path.display());
                Failure::new(Exit::Results, message, None)
            })?;
            screen.aside(&format!("{} rows in {}", grid.rows.len(), path.display()));
        }
    }
    match errors.pop() {
        Some(error) => Err(error.into()),
        None => Ok(Exit::Ok),
    }
}
