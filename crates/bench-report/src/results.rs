//! The table at the end of a run.

use crate::grid::{Cell, Column, Grid};
use crate::units;
use bench_core::run::SplitName;
use bench_score::Trial;

/// One row a trial, in the order given. Which study and trial it is only matters beside others.
pub fn trials(trials: &[Trial]) -> Grid {
    let grid = Grid {
        columns: vec![
            Column::words("submission", "submission", 0),
            Column::words("workload", "workload", 0),
            Column::numbers("study", "study", 2),
            Column::numbers("trial", "trial", 2),
            Column::words("outcome", "outcome", 0),
            Column::numbers("time to target", "seconds-to-target", 0),
            Column::numbers("steps to target", "steps-to-target", 0),
            Column::numbers("submission time", "submission-seconds", 5),
            Column::numbers("validation (target)", "validation", 1),
            Column::numbers("test", "test", 3),
            Column::numbers("steps/s", "steps-per-second", 4),
            Column::numbers("memory", "worker-memory-bytes", 5),
        ],
        rows: trials.iter().map(row).collect(),
    };
    let grid = grid.without_empty(&["test", "worker-memory-bytes"]);
    match trials {
        [_] => grid.without(&["study", "trial"]),
        _ => grid,
    }
}

fn row(trial: &Trial) -> Vec<Cell> {
    let (run, summary) = (&trial.record.run, &trial.summary);
    let metric = run.workload.target.metric.name();
    let last = |split| Cell::optional(summary.last(split, metric), units::significant);
    let hit = summary.hit();
    let outcome = summary.outcome.as_ref();
    let seconds = hit.map(|hit| hit.at.submission_ns as f64 / 1e9);
    vec![
        Cell::plain(&run.submission.name),
        Cell::plain(&run.workload_name),
        Cell::plain(run.seed.study),
        Cell::plain(run.seed.trial),
        Cell::plain(outcome.map_or("unfinished", |outcome| outcome.name())),
        Cell::optional(seconds, units::seconds),
        Cell::optional(hit.map(|hit| hit.at.step), units::count),
        Cell::new(
            units::seconds(summary.submission_seconds()),
            summary.submission_seconds(),
        ),
        validation(trial),
        last(SplitName::Test),
        Cell::optional(summary.steps_per_second(), units::significant),
        Cell::optional(summary.worker_memory, units::bytes),
    ]
}

/// The last value on the validation split beside what it has to reach there; trials of a calibration have nothing to reach.
pub fn validation(trial: &Trial) -> Cell {
    let (run, summary) = (&trial.record.run, &trial.summary);
    let value = summary.last(SplitName::Validation, run.workload.target.metric.name());
    let target = run.target().map(units::significant);
    Cell::optional(value, |value| match target {
        Some(target) => format!("{} ({target})", units::significant(value)),
        None => units::significant(value),
    })
}
