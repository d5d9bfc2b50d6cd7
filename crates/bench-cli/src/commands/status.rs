//! `bench status`: what ran, what runs, what was left half done.

use super::queue::Board;
use crate::arguments::{Format, Results};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_core::outcome::Outcome;
use bench_harness::store::{self, Stored};
use bench_report::{Cell, Column, Grid, units};
use clap::Args;

/// List all recorded trials and what became of them
#[derive(Args)]
#[command(after_help = "Examples:
  bench status
  bench status --results /data/runs --format csv")]
pub(crate) struct Arguments {
    #[command(flatten)]
    results: Results,
    /// How to write it
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let runs = Workspace::open()?.runs(arguments.results.folder.as_deref())?;
    let (stored, errors) = store::scan(&runs);
    let stored = store::latest(stored);
    let plans = match arguments.format {
        Format::Table => Board::of(&runs, &stored).text(),
        _ => String::new(),
    };
    let is_empty = stored.is_empty() && errors.is_empty() && plans.is_empty();
    if is_empty && arguments.format == Format::Table {
        screen.print(&format!(
            "no records in {}; `{}` makes some",
            runs.display(),
            arguments.results.maker()
        ))?;
        return Ok(Exit::Ok);
    }
    let grid = Grid {
        columns: vec![
            Column::words("suite", "suite", 2),
            Column::words("submission", "submission", 0),
            Column::words("workload", "workload", 0),
            Column::words("ruleset", "ruleset", 3),
            Column::numbers("study", "study", 0),
            Column::numbers("trial", "trial", 0),
            Column::words("outcome", "outcome", 0),
            Column::numbers("submission time", "submission-seconds", 1),
            Column::numbers("steps", "steps", 1),
            Column::words("digits", "digits", 0),
        ],
        rows: stored.iter().map(row).collect(),
    };
    screen.table(arguments.format, &grid)?;
    if !plans.is_empty() {
        screen.print(&plans)?;
    }
    Failure::left_out(errors)?;
    Ok(Exit::Ok)
}

fn row(stored: &Stored) -> Vec<Cell> {
    let (run, summary) = (&stored.trial.record.run, &stored.trial.summary);
    let outcome = match &summary.outcome {
        _ if stored.live => "running",
        Some(outcome) => outcome.name(),
        None => Outcome::Interrupted.name(),
    };
    let folder = stored
        .folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    vec![
        Cell::plain(&stored.suite),
        Cell::plain(&run.submission.name),
        Cell::plain(&run.workload_name),
        Cell::plain(&run.ruleset_name),
        Cell::plain(run.seed.study),
        Cell::plain(run.seed.trial),
        Cell::plain(outcome),
        Cell::new(
            units::seconds(summary.submission_seconds()),
            summary.submission_seconds(),
        ),
        Cell::new(units::count(summary.steps), summary.steps),
        Cell::plain(folder.splitn(3, '-').nth(2).unwrap_or(&folder)),
    ]
}
