//! Records as flat tables for other programs. `results/README.md` documents the columns.

use crate::curves::training;
use crate::grid::{Cell, Column, Grid, Kind};
use bench_core::record::Slowdown;
use bench_core::run::Purpose;
use bench_core::spec::submission::Value;
use bench_score::{Setting, Trial};
use std::collections::BTreeMap;

/// What finds a trial again, in all tables.
const KEYS: [(&str, Kind); 12] = [
    ("submission", Kind::Words),
    ("workload", Kind::Words),
    ("ruleset", Kind::Words),
    ("purpose", Kind::Words),
    ("base-seed", Kind::Whole),
    ("study", Kind::Whole),
    ("trial", Kind::Whole),
    ("machine", Kind::Words),
    ("device", Kind::Words),
    ("threads", Kind::Whole),
    ("config-hash", Kind::Words),
    ("source-hash", Kind::Words),
];

const FACTS: [(&str, Kind); 26] = [
    ("comparability-key", Kind::Words),
    ("started", Kind::Words),
    ("ended", Kind::Words),
    ("outcome", Kind::Words),
    ("seconds-to-target", Kind::Real),
    ("steps-to-target", Kind::Whole),
    ("submission-seconds", Kind::Real),
    ("steps", Kind::Whole),
    ("examples-to-target", Kind::Whole),
    ("examples-forward", Kind::Whole),
    ("examples-backward", Kind::Whole),
    ("examples-judged", Kind::Whole),
    ("init-seconds", Kind::Real),
    ("charged-init-seconds", Kind::Real),
    ("prepare-seconds", Kind::Real),
    ("input-seconds", Kind::Real),
    ("looser-limits", Kind::Words),
    ("parameters", Kind::Whole),
    ("state", Kind::Whole),
    ("worker-memory-bytes", Kind::Whole),
    ("device-memory-bytes", Kind::Whole),
    ("resumed", Kind::Whole),
    ("throttled", Kind::Flag),
    ("thermal-events", Kind::Whole),
    ("quota-seconds", Kind::Real),
    ("stolen-seconds", Kind::Real),
];

const EVALUATION: [(&str, Kind); 6] = [
    ("step", Kind::Whole),
    ("submission-seconds", Kind::Real),
    ("examples", Kind::Whole),
    ("split", Kind::Words),
    ("metric", Kind::Words),
    ("value", Kind::Real),
];

const INTERVAL: [(&str, Kind); 5] = [
    ("step", Kind::Whole),
    ("submission-seconds", Kind::Real),
    ("train-loss", Kind::Real),
    ("learning-rate", Kind::Real),
    ("gradient-norm", Kind::Real),
];

/// One row a trial. Every hyperparameter that any of them has is a column `hyperparameter-<name>`, of numbers where all of its values are.
pub fn trials(trials: &[Trial]) -> Grid {
    let mut names: BTreeMap<&String, Kind> = BTreeMap::new();
    for (name, value) in trials
        .iter()
        .flat_map(|trial| &trial.record.run.hyperparameters)
    {
        let kind = names.entry(name).or_insert(Kind::Real);
        if value.as_number().is_none() {
            *kind = Kind::Words;
        }
    }
    let facts = KEYS.iter().chain(&FACTS);
    let searched = names.iter();
    let searched = searched.map(|(name, kind)| column(format!("hyperparameter-{name}"), *kind));
    Grid {
        columns: facts
            .map(|(key, kind)| column((*key).to_owned(), *kind))
            .chain(searched)
            .collect(),
        rows: trials
            .iter()
            .map(|trial| row(trial, names.keys()))
            .collect(),
    }
}

/// One row a metric of a split at an evaluation, in the order of trials and steps.
pub fn evaluations(trials: &[Trial]) -> Grid {
    let mut rows = Vec::new();
    for trial in trials {
        for point in &trial.summary.curve {
            for (split, metric, value) in point.metrics.iter() {
                let mut cells = keys(trial);
                cells.extend([
                    Cell::plain(point.step),
                    Cell::plain(point.submission_ns as f64 / 1e9),
                    given(Some(point.passes.total()).filter(|&all| all > 0)),
                    Cell::plain(split.name()),
                    Cell::plain(metric),
                    Cell::plain(value),
                ]);
                rows.push(cells);
            }
        }
    }
    let columns = KEYS.iter().chain(&EVALUATION);
    Grid {
        columns: columns
            .map(|(key, kind)| column((*key).to_owned(), *kind))
            .collect(),
        rows,
    }
}

/// One row an interval of training, at its end, in the order of trials and steps.
pub fn intervals(trials: &[Trial]) -> Grid {
    let mut rows = Vec::new();
    for trial in trials {
        for (point, rate) in training(trial) {
            let mut cells = keys(trial);
            cells.extend([
                Cell::plain(point.step),
                Cell::plain(point.submission_ns as f64 / 1e9),
                given(point.loss),
                given(rate),
                given(point.gradient_norm),
            ]);
            rows.push(cells);
        }
    }
    let columns = KEYS.iter().chain(&INTERVAL);
    Grid {
        columns: columns
            .map(|(key, kind)| column((*key).to_owned(), *kind))
            .collect(),
        rows,
    }
}

fn column(key: String, kind: Kind) -> Column {
    Column {
        name: key.clone().into(),
        key: key.into(),
        kind,
        priority: 0,
        noted: false,
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

fn row<'a>(trial: &Trial, names: impl Iterator<Item = &'a &'a String>) -> Vec<Cell> {
    let (record, summary) = (&trial.record, &trial.summary);
    let hit = summary.hit().map(|hit| hit.at);
    let outcome = summary.outcome.as_ref();
    let seconds = |of: fn(Slowdown) -> Option<u64>| Some(of(summary.slowdown?)? as f64 / 1e9);
    let passes = Some(summary.passes).filter(|passes| !passes.is_empty());
    let claimed = summary.claimed;
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
        given(hit.and_then(|at| Some(summary.passes_at(at.step)?.total()))),
        given(passes.map(|passes| passes.forward)),
        given(passes.map(|passes| passes.backward)),
        given(passes.map(|passes| passes.judged)),
        given(claimed.map(|_| summary.init_ns as f64 / 1e9)),
        given(claimed.map(|_| summary.charged_ns as f64 / 1e9)),
        given(claimed.map(|claimed| claimed.prepare_seconds)),
        given(claimed.map(|claimed| claimed.input_seconds)),
        given(record.limits.map(|_| record.loosened().join("; "))),
        given(summary.parameters),
        given(summary.state),
        given(summary.worker_memory),
        given(summary.device_memory),
        Cell::plain(summary.resumed),
        given(summary.slowdown.map(|_| summary.is_throttled())),
        given(
            summary
                .slowdown
                .and_then(|slowdown| slowdown.thermal_events),
        ),
        given(seconds(|slowdown| slowdown.quota_ns)),
        given(seconds(|slowdown| slowdown.stolen_ns)),
    ]);
    cells.extend(names.map(|name| {
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
