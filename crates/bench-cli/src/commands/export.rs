//! `bench export`: records as flat tables for other programs.

use crate::arguments::Results;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_harness::file::write_together;
use bench_harness::store;
use bench_report::Grid;
use bench_report::export::{evaluations, intervals, trials};
use bench_score::Trial;
use clap::{Args, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};

/// Write records as a flat table for other programs
#[derive(Args)]
#[command(after_help = "Examples:
  bench export csv > trials.csv
  bench export csv --table evaluations --output evaluations.csv
  bench export csv --table intervals --output training.csv
  bench export parquet --output trials.parquet

results/README.md documents the columns.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    format: Format,
}

#[derive(Subcommand)]
enum Format {
    /// Comma-separated, full precision, one header line; nothing where there is no value
    Csv {
        #[command(flatten)]
        rows: Rows,
        /// Where it goes [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Apache Parquet, each column with its type; null where there is no value
    Parquet {
        #[command(flatten)]
        rows: Rows,
        /// Where it goes
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
}

/// Which rows.
#[derive(Args)]
struct Rows {
    /// What a row is
    #[arg(long, value_enum, default_value = "trials")]
    table: Table,
    #[command(flatten)]
    results: Results,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Table {
    /// A trial, the last attempt of each
    Trials,
    /// A metric of a split at an evaluation
    Evaluations,
    /// The end of an interval of training: loss, learning rate, gradient norm
    Intervals,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let (Format::Csv { rows, .. } | Format::Parquet { rows, .. }) = &arguments.format;
    let runs = Workspace::open()?.runs(rows.results.folder.as_deref())?;
    let (stored, errors) = store::scan(&runs);
    let records: Vec<Trial> = store::latest(stored)
        .into_iter()
        .map(|stored| stored.trial)
        .collect();
    let grid = match rows.table {
        Table::Trials => trials(&records),
        Table::Evaluations => evaluations(&records),
        Table::Intervals => intervals(&records),
    };
    match &arguments.format {
        Format::Csv { output, .. } => {
            let text = grid.csv().map_err(Failure::bug)?;
            match output {
                None => screen.data(&text)?,
                Some(path) => write(path, text.as_bytes(), &grid, screen)?,
            }
        }
        Format::Parquet { output, .. } => write(output, &grid.parquet(), &grid, screen)?,
    }
    Failure::left_out(errors)?;
    Ok(Exit::Ok)
}

fn write(path: &Path, bytes: &[u8], grid: &Grid, screen: &Screen) -> Result<(), Failure> {
    write_together(&[(path.to_owned(), bytes)])?;
    screen.aside(&format!("{} rows in {}", grid.rows.len(), path.display()));
    Ok(())
}
