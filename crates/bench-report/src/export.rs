//! Records as flat tables for other programs. `results/README.md` documents the columns.

use crate::grid::{Cell, Column, Grid};
use bench_core::number::Measured;
use bench_core::run::Purpose;
use bench_core::spec::submission::Value;
use bench_score::{Setting, Trial};
use std::collections::BTreeSet;

/// What finds a trial again, in both tables.
const KEYS: [&str; 12] = [
    "submission",
    "workload",
    "ruleset",
    "purpose",
    "base-seed",
    "study",
    "trial",
    "machine",
    "device",
    "threads",
    "config-hash",
    "source-hash",
];

/// One row a trial. Every hyperparameter that any of them has is a column `hyperparameter-<name>`.
pub fn trials(trials: &[Trial]) -> Grid {
    let names: BTreeSet<&String> = trials
        .iter()
        .flat_map(|trial| trial.record.run.hyperparameters.keys())
        .collect();
    let facts = [
        "comparability-key",
        "started",
        "ended",
        "outcome",
        "seconds-to-target",
        "steps-to-target",
        "submission-seconds",
        "steps",
        "parameters",
        "state",
        "worker-memory-bytes",
        "device-memory-bytes",
        "resumed",
    ];
    let searched = names.iter().map(|name| format!("hyperparameter-{name}"));
    let keys = KEYS.iter().chain(&facts).map(|key| (*key).to_owned());
    Grid {
        columns: keys.chain(searched).map(column).collect(),
        rows: trials.iter().map(|trial| row(trial, &names)).collect(),
    }
}

/// One row a metric of a split at an evaluation, in the order of trials and steps.
pub fn evaluations(trials: &[Trial]) -> Grid {
    let facts = ["step", "submission-seconds", "split", "metric", "value"];
    let mut rows = Vec::new();
    for trial in trials {
        for point in &trial.summary.curve {
            for (split, metrics) in &point.metrics {
                for (metric, Measured(value)) in metrics {
                    let mut cells = keys(trial);
                    cells.extend([
                        Cell::plain(point.step),
                        Cell::plain(point.submission_ns as f64 / 1e9),
                        Cell::plain(split.name()),
                        Cell::plain(metric),
                        Cell::plain(value),
                    ]);
                    rows.push(cells);
                }
            }
        }
    }
    let names = KEYS.iter().chain(&facts).map(|key| (*key).to_owned());
    Grid {
        columns: names.map(column).collect(),
        rows,
    }
}

fn column(key: String) -> Column {
    Column {
        name: key.clone().into(),
        key: key.into(),
        number: false,
        priority: 0,
    }
}

fn keys(trial: &Trial) -> Vec<Cell> {
    let record = &trial.record;
    let run = &record.run;
    let setting = Setting::of(trial);
    let purpose = match run.seed.purpose {
        Purpose::Scoring => "scoring",
        Purpose::Calibrating => "calibrating",
        Purpose::Comparing => "comparing",
    };
    vec![
        Cell::plain(&run.submission.name),
        Cell::plain(&run.workload_name),
        Cell::plain(&run.ruleset_name),
        Cell::plain(purpose),
        Cell::plain(run.seed.base),
        Cell::plain(run.seed.study),
        Cell::plain(run.seed.trial),
        Cell::plain(setting.machine),
        Cell::plain(setting.device),
        Cell::plain(setting.threads),
        Cell::plain(&record.config_hash),
        Cell::plain(&record.source_hash),
    ]
}

fn row(trial: &Trial, names: &BTreeSet<&String>) -> Vec<Cell> {
    let (record, summary) = (&trial.record, &trial.summary);
    let hit = summary.hit().map(|hit| hit.at);
    let outcome = summary.outcome.as_ref();
    let mut cells = keys(trial);
    cells.extend([
        Cell::plain(&record.comparability_key),
        Cell::plain(&record.started),
        given(record.ended.as_ref()),
        Cell::plain(outcome.map_or("unfinished", |outcome| outcome.name())),
        given(hit.map(|at| at.submission_ns as f64 / 1e9)),
        given(hit.map(|at| at.step)),
        Cell::plain(summary.submission_seconds()),
        Cell::plain(summary.steps),
        given(summary.parameters),
        given(summary.state),
        given(summary.worker_memory),
        given(summary.device_memory),
        Cell::plain(summary.resumed),
    ]);
    cells.extend(names.iter().map(|name| {
        given(
            record
                .run
                .hyperparameters
                .get(*name)
                .map(|value| match value {
                    Value::Number(number) => number.to_string(),
                    Value::Flag(flag) => flag.to_string(),
                    Value::Text(text) => text.clone(),
                }),
        )
    }));
    cells
}

/// Nothing at all where there is nothing, so that readers see a missing value and not a word.
fn given<T: ToString>(value: Option<T>) -> Cell {
    value.map_or_else(Cell::default, Cell::plain)
}
