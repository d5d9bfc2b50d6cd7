//! `bench watch`: follows what runs, from its files alone.

use super::queue::Board;
use crate::arguments::Results;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_harness::store::{self, StoreError, Stored};
use bench_report::{Cell, Column, Grid, units, validation};
use clap::Args;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// Follow running trials from their files, on any machine that sees the folder
///
/// What `bench run --on slurm` submitted is shown too, queued or running on which node. Ends when nothing is queued or runs any more; Ctrl-C stops watching, never a trial.
#[derive(Args)]
#[command(after_help = "Examples:
  bench watch
  bench watch --results /data/runs --every 10
  bench watch --once")]
pub(crate) struct Arguments {
    #[command(flatten)]
    results: Results,
    /// Seconds between looks
    #[arg(long, value_name = "S", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// Look once
    #[arg(long)]
    once: bool,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let runs = Workspace::open()?.runs(arguments.results.folder.as_deref())?;
    let terminal = console::Term::stdout();
    let mut drawn = 0;
    loop {
        let (text, is_live, unreadable) = look(&runs, screen.width());
        if terminal.is_term() {
            // What cannot be cleared is merely written below.
            let _ = terminal.clear_last_lines(drawn);
        }
        drawn = text.lines().count();
        screen.print(&text)?;
        if arguments.once || !is_live {
            Failure::left_out(unreadable)?;
            return Ok(Exit::Ok);
        }
        thread::sleep(Duration::from_secs(arguments.every));
    }
}

/// The table, whether anything runs or will, and the records that are in neither.
fn look(runs: &Path, width: usize) -> (String, bool, Vec<StoreError>) {
    let (stored, unreadable) = store::scan(runs);
    let stored = store::latest(stored);
    let live: Vec<&Stored> = stored.iter().filter(|stored| stored.live).collect();
    let is_over = |stored: &&Stored| {
        let outcome = stored.outcome();
        !stored.live && outcome.is_some_and(|outcome| outcome.is_final())
    };
    let over = stored.iter().filter(is_over).count();
    let reached = stored
        .iter()
        .filter(|stored| stored.trial.summary.hit().is_some());
    let mut text = format!(
        "{} running, {over} over ({} reached their target), {} interrupted",
        live.len(),
        reached.count(),
        stored.len() - over - live.len()
    );
    if !unreadable.is_empty() {
        // Which, is said at the end.
        text.push_str(&format!(", {} unreadable", unreadable.len()));
    }
    let board = Board::of(runs, &stored);
    for line in board.text().lines() {
        text.push('\n');
        text.push_str(line);
    }
    if !live.is_empty() {
        let grid = Grid {
            columns: vec![
                Column::words("submission", "submission", 0),
                Column::words("workload", "workload", 0),
                Column::numbers("study", "study", 0),
                Column::numbers("trial", "trial", 0),
                Column::numbers("steps", "steps", 0),
                Column::numbers("submission time", "submission-seconds", 0),
                Column::numbers("of budget", "budget-share", 1),
                Column::numbers("validation (target)", "validation", 0),
            ],
            rows: live.iter().map(|stored| row(stored)).collect(),
        };
        text.push('\n');
        text.push_str(&grid.terminal(width));
    }
    let is_live = !live.is_empty() || board.is_live();
    (text, is_live, unreadable)
}

fn row(stored: &Stored) -> Vec<Cell> {
    let (run, summary) = (&stored.trial.record.run, &stored.trial.summary);
    let seconds = summary.submission_seconds();
    let by_time = seconds / run.budget_seconds().max(f64::MIN_POSITIVE);
    let share = by_time.max(summary.steps as f64 / run.budget_steps().max(1) as f64);
    vec![
        Cell::plain(&run.submission.name),
        Cell::plain(&run.workload_name),
        Cell::plain(run.seed.study),
        Cell::plain(run.seed.trial),
        Cell::new(units::count(summary.steps), summary.steps),
        Cell::new(units::seconds(seconds), seconds),
        Cell::new(format!("{:.0} %", share * 100.0), share),
        validation(&stored.trial),
    ]
}
