//! One trial in full: what `bench show` prints.

use crate::grid::{Cell, Column, Grid};
use crate::units;
use bench_core::outcome::Outcome;
use bench_core::passage::Passage;
use bench_core::record::WorkerCpu;
use bench_core::run::{RunSpec, SplitName};
use bench_core::spec::submission::Value;
use bench_core::spec::workload::{Direction, Precision};
use bench_score::{Trial, TrialSummary};

/// What was run, where, and how it ended: pairs of a name and a line.
pub fn facts(trial: &Trial) -> Vec<(&'static str, String)> {
    let mut facts = vec![("outcome", outcome(trial))];
    facts.extend(passage(trial.summary.passage));
    facts.push(("target", target(trial)));
    facts.push(("spent", spent(trial)));
    facts.extend(costs(&trial.summary));
    let loosened = trial.record.loosened();
    if !loosened.is_empty() {
        facts.push(("looser than built in", loosened.join("; ")));
    }
    facts.extend(regime(&trial.record.run).map(|regime| ("regime", regime)));
    facts.extend(settings(trial));
    facts.extend(sizes(trial));
    let warnings = trial.summary.warnings.iter();
    facts.extend(warnings.map(|warning| ("warning", warning.clone())));
    facts
}

fn outcome(trial: &Trial) -> String {
    match &trial.summary.outcome {
        None => "unfinished: it is running, or its referee was killed".to_owned(),
        Some(Outcome::Failed(failure)) => format!("failed: {}", failure.message),
        Some(Outcome::TimedOut { phase }) => {
            format!("timed-out in the phase {phase:?}").to_lowercase()
        }
        Some(outcome) => outcome.name().to_owned(),
    }
}

fn passage(passage: Option<Passage>) -> Vec<(&'static str, String)> {
    let Some(Passage { before, at }) = passage else {
        return Vec::new();
    };
    let time = |ns: u64| units::seconds(ns as f64 / 1e9);
    let since =
        |text: Option<String>| text.map_or_else(String::new, |text| format!(" (missed at {text})"));
    vec![
        (
            "time to target",
            time(at.submission_ns) + &since(before.map(|point| time(point.submission_ns))),
        ),
        (
            "steps to target",
            units::count(at.step) + &since(before.map(|point| units::count(point.step))),
        ),
    ]
}

fn target(trial: &Trial) -> String {
    let run = &trial.record.run;
    let target = &run.workload.target;
    let sign = match target.metric.direction() {
        Direction::Min => "<=",
        Direction::Max => ">=",
    };
    if run.target().is_none() {
        return format!(
            "none: a calibration, in validation {}",
            target.metric.name()
        );
    }
    let twice = if run.ruleset.confirm {
        ", confirmed by the next evaluation"
    } else {
        ""
    };
    format!(
        "validation {} {sign} {}{twice}",
        target.metric.name(),
        target.validation
    )
}

fn spent(trial: &Trial) -> String {
    let (run, summary) = (&trial.record.run, &trial.summary);
    let speed = summary
        .steps_per_second()
        .map_or_else(String::new, |speed| {
            format!(", {} steps/s", units::significant(speed))
        });
    format!(
        "{} of {}, {} of {} steps{speed}",
        units::seconds(summary.submission_seconds()),
        units::roughly(run.budget_seconds()),
        units::count(summary.steps),
        units::count(run.budget_steps()),
    )
}

/// What steps were made of, and what was beside them: examples, `init`, `prepare_for_eval`, input.
fn costs(summary: &TrialSummary) -> Vec<(&'static str, String)> {
    let mut costs = Vec::new();
    let passes = summary.passes;
    if !passes.is_empty() {
        let judged = match passes.judged {
            0 => String::new(),
            judged => format!(", {} judged", units::count(judged)),
        };
        let each = passes.total() as f64 / summary.steps.max(1) as f64;
        costs.push((
            "examples",
            format!(
                "{} forward, {} backward{judged}: {} a step",
                units::count(passes.forward),
                units::count(passes.backward),
                units::significant(each)
            ),
        ));
    }
    if summary.init_ns > 0 {
        let charged = match summary.charged_ns {
            0 => String::new(),
            ns => format!(
                ", of which {} are submission time",
                units::seconds(ns as f64 / 1e9)
            ),
        };
        let took = units::seconds(summary.init_ns as f64 / 1e9);
        costs.push(("init", format!("{took}{charged}")));
    }
    if let Some(claimed) = summary.claimed {
        let took = units::seconds(claimed.prepare_seconds);
        costs.push(("prepare for evaluations", format!("{took} of training")));
        let share = claimed.input_share().map_or_else(String::new, |share| {
            format!(
                "{:.1} % of training spent waiting for data, ",
                share * 100.0
            )
        });
        let took = units::seconds(claimed.input_seconds);
        costs.push(("input", format!("{share}{took}")));
    }
    costs
}

/// What the workload does to its training beyond the usual, where it does anything.
fn regime(run: &RunSpec) -> Option<String> {
    let workload = &run.workload;
    let examples = run.examples(SplitName::Train);
    let parts = [
        workload.one_epoch.then(|| "one epoch".to_owned()),
        workload
            .train_examples
            .map(|_| format!("{} training examples", units::count(examples))),
        (workload.label_noise > 0.0).then(|| {
            format!(
                "{} % of labels wrong",
                units::significant(workload.label_noise * 100.0)
            )
        }),
        (workload.precision == Precision::Bf16).then(|| "bf16".to_owned()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn settings(trial: &Trial) -> Vec<(&'static str, String)> {
    let (record, run) = (&trial.record, &trial.record.run);
    let point = run.hyperparameters.iter();
    let point: Vec<_> = point
        .map(|(name, value)| format!("{name} {}", hyperparameter(value)))
        .collect();
    let seed = &run.seed;
    let machine = &record.machine;
    let short = |hash: &str| hash.get(..12).unwrap_or(hash).to_owned();
    let ran = match &trial.summary.device {
        Some(device) => format!(
            "{}, threads {}, libtorch {}",
            device.name.as_ref().unwrap_or(&device.device),
            device.threads,
            device.libtorch
        ),
        None => format!("threads {}", run.threads),
    };
    let format = record.is_older().then(|| {
        let format = record.format;
        let text = format!(
            "{format}, of an older bench: shown, never gone on with, in no table with newer ones"
        );
        ("format", text)
    });
    let mut facts = Vec::from_iter(format);
    facts.extend([
        ("hyperparameters", point.join(", ")),
        ("batch size", units::count(run.submission.batch_size)),
        (
            "seed",
            format!(
                "{} (study {}, trial {}, --seed {})",
                seed.value, seed.study, seed.trial, seed.base
            ),
        ),
        (
            "machine",
            format!(
                "{}, {} processors, {} ({})",
                machine.cpu,
                machine.cores,
                units::bytes(machine.memory),
                machine.fingerprint
            ),
        ),
        ("ran on", ran),
        (
            "hashes",
            format!(
                "config {}, source {}",
                short(&record.config_hash),
                short(&record.source_hash)
            ),
        ),
        ("started", record.started.clone()),
    ]);
    facts
}

/// `0.001`, and `1e-8` where zeros would have to be counted.
/// As tables show it.
pub(crate) fn hyperparameter(value: &Value) -> String {
    match value.as_number() {
        Some(number) if number.abs() < 1e-4 => format!("{number:e}"),
        _ => value.to_string(),
    }
}

/// What kept the processors from it, where that is enough to doubt its seconds.
fn slowdown(summary: &TrialSummary) -> Option<String> {
    let slowdown = summary.slowdown.filter(|_| summary.is_throttled())?;
    let time = |ns: Option<u64>, by: &str| {
        let ns = ns.filter(|&ns| ns > 0)?;
        Some(format!("{} by {by}", units::seconds(ns as f64 / 1e9)))
    };
    let heat = slowdown.thermal_events.filter(|&events| events > 0);
    let parts = [
        heat.map(|events| format!("{events} times by heat")),
        time(slowdown.quota_ns, "a quota"),
        time(slowdown.stolen_ns, "other guests of the machine"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    Some(parts.join(", "))
}

fn sizes(trial: &Trial) -> Vec<(&'static str, String)> {
    let summary = &trial.summary;
    [
        ("parameters", summary.parameters.map(units::count)),
        (
            "algorithm state",
            summary
                .state
                .map(|n| format!("{} numbers", units::count(n))),
        ),
        ("worker memory", summary.worker_memory.map(units::bytes)),
        ("device memory", summary.device_memory.map(units::bytes)),
        ("held up", slowdown(summary)),
        (
            "resumed",
            (summary.resumed > 0).then(|| match summary.resumed {
                1 => "once".to_owned(),
                n => format!("{n} times"),
            }),
        ),
    ]
    .into_iter()
    .filter_map(|(name, text)| Some((name, text?)))
    .collect()
}

/// One row an evaluation: the target's metric on each split.
pub fn evaluations(trial: &Trial) -> Grid {
    let metric = trial.record.run.workload.target.metric.name();
    let at = trial.summary.passage.map(|passage| passage.at.step);
    let row = |point: &bench_score::CurvePoint| {
        let value = |split| Cell::optional(point.metric(split, metric), units::significant);
        let seconds = point.submission_ns as f64 / 1e9;
        vec![
            Cell::new(units::count(point.step), point.step),
            Cell::new(units::seconds(seconds), seconds),
            value(SplitName::Train),
            value(SplitName::Validation),
            value(SplitName::Test),
            Cell::plain(if at == Some(point.step) { "target" } else { "" }),
        ]
    };
    let grid = Grid {
        columns: vec![
            Column::numbers("steps", "steps", 0),
            Column::numbers("submission time", "submission-seconds", 0),
            Column::numbers("train", "train", 0),
            Column::numbers("validation", "validation", 0),
            Column::numbers("test", "test", 0),
            Column::words("", "passage", 1),
        ],
        rows: trial.summary.curve.iter().map(row).collect(),
    };
    grid.without_empty(&["train", "test", "passage"])
}

/// Where the wall time went, largest first, and the processor time that the worker used meanwhile, where that was counted.
pub fn wall_time(summary: &TrialSummary) -> Grid {
    let phases = &summary.phases;
    let used = |of: fn(&WorkerCpu) -> u64| summary.worker_cpu.as_ref().map(of);
    let mut parts = [
        ("training", phases.training_ns, used(|cpu| cpu.training_ns)),
        (
            "evaluation",
            phases.evaluation_ns,
            used(|cpu| cpu.frozen_ns),
        ),
        ("start-up", phases.start_up_ns, used(|cpu| cpu.start_up_ns)),
        ("warm-up", phases.warm_up_ns, used(|cpu| cpu.warm_up_ns)),
        ("snapshots", phases.snapshot_ns, used(|cpu| cpu.snapshot_ns)),
        (
            "shut-down",
            phases.shut_down_ns,
            used(|cpu| cpu.shut_down_ns),
        ),
        ("referee", phases.other_ns, None),
    ];
    parts.sort_by_key(|&(_, ns, _)| std::cmp::Reverse(ns));
    let wall = phases.wall_ns.max(1) as f64;
    let row = |&(name, ns, used): &(&str, u64, Option<u64>)| {
        let (seconds, share) = (ns as f64 / 1e9, ns as f64 / wall);
        vec![
            Cell::plain(name),
            Cell::new(units::seconds(seconds), seconds),
            Cell::new(format!("{:.1} %", share * 100.0), share),
            Cell::optional(used.map(|ns| ns as f64 / 1e9), units::seconds),
        ]
    };
    Grid {
        columns: vec![
            Column::words("phase", "phase", 0),
            Column::numbers("wall time", "wall-seconds", 0),
            Column::numbers("share", "share", 0),
            Column::numbers("worker's processors", "processor-seconds", 1),
        ],
        rows: parts.iter().map(row).collect(),
    }
    .without_empty(&["processor-seconds"])
}
