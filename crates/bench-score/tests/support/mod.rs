//! Records made up for tests.

use bench_core::number::Measured;
use bench_core::outcome::Outcome;
use bench_core::protocol::{Claim, Metrics, Passes};
use bench_core::record::{FORMAT, Line, Phases, RunRecord, TrialEvent};
use bench_core::run::{Purpose, RunSpec, Seed, SplitName};
use bench_score::Trial;
use serde_json::json;

/// A run of `submission` on a workload whose target is an error rate of 0.1 within 1,000 steps and 60 seconds.
pub(crate) fn run(submission: &str, study: u32, trial: u32) -> RunSpec {
    let split = |n: u64| json!({ "examples": n, "hash": "00" });
    let spec = json!({
        "protocol": bench_core::run::PROTOCOL,
        "workload-name": "blobs",
        "workload": {
            "schema": 1, "dataset": "synthetic", "model": { "mlp": { "hidden": [8] } }, "loss": "cross-entropy",
            "metrics": ["error-rate"], "target": { "metric": "error-rate", "validation": 0.1 },
            "budget": { "time": "60s", "steps": 1000 }, "step-hint": 800,
            "evaluate": { "every-steps": 100, "batch-size": 100, "train-subset": 100 },
        },
        "dataset": {
            "name": "synthetic",
            "columns": bench_core::spec::columns::Columns::images(1, 8, 8, 4),
            "splits": { "train": split(1000), "validation": split(100), "test": split(100) },
        },
        "submission": {
            "name": submission, "program": submission, "schedule": "constant", "batch-size": 32,
            "gradient-clipping": "none", "groups": [],
        },
        "hyperparameters": { "learning-rate": 0.001 },
        "ruleset-name": "test",
        "ruleset": { "tuning": "external-tuning", "studies": 3, "trials": 2, "confirm": false },
        "seed": Seed::new(Purpose::Scoring, 0, study, trial),
        "threads": 1,
        "device": "cpu",
    });
    serde_json::from_value(spec).unwrap()
}

/// `run.json` of such a run, on machine `m1`.
pub(crate) fn record(run: RunSpec) -> RunRecord {
    let machine = json!({ "fingerprint": "m1", "cpu": "a processor", "cores": 2, "memory": 8_000_000_000u64, "kernel": "Linux 6" });
    RunRecord {
        format: FORMAT,
        config_hash: run.config_hash().unwrap(),
        source_hash: "s1".into(),
        programs: None,
        context: Default::default(),
        comparability_key: run.comparability_key().unwrap(),
        run: run.into(),
        machine: serde_json::from_value(machine).unwrap(),
        allotment: None,
        limits: None,
        tolerances: None,
        bench_version: "0.1.0".into(),
        started: "2026-01-01T00:00:00Z".into(),
        ended: None,
        outcome: None,
        events_digest: None,
    }
}

pub(crate) fn line(event: TrialEvent) -> Line {
    Line { t: 0.0, event }
}

/// Training up to `step` at `ms` milliseconds, and an evaluation there with this validation error rate.
pub(crate) fn interval(step: u64, ms: u64, error_rate: f64) -> [Line; 2] {
    interval_of(ms, step, 10, error_rate)
}

/// The same with so many examples passed forward in each step, and as many backward.
pub(crate) fn interval_of(ms: u64, step: u64, examples: u64, error_rate: f64) -> [Line; 2] {
    let metrics = Metrics::from([("error-rate".to_owned(), Measured(error_rate))]);
    let passes = Passes {
        forward: step * examples,
        backward: step * examples,
        judged: 0,
    };
    [
        line(TrialEvent::Trained {
            step,
            interval_ns: 0,
            submission_ns: ms * 1_000_000,
            loss: None,
            passes,
            claim: Claim::default(),
        }),
        line(TrialEvent::Evaluated {
            step,
            submission_ns: ms * 1_000_000,
            passes,
            evaluation_ns: 5,
            frozen_cpu_ns: None,
            metrics: [(SplitName::Validation, metrics)].into(),
            examples: [(SplitName::Validation, 100)].into(),
        }),
    ]
}

pub(crate) fn ended(outcome: Outcome) -> Line {
    line(TrialEvent::Ended {
        outcome,
        phases: Phases {
            wall_ns: 1_000,
            ..Phases::default()
        },
        worker_memory: Some(1 << 20),
        worker_cpu: None,
        device_memory: None,
        state: None,
        slowdown: None,
    })
}

/// A finished trial that reached the target after these milliseconds and steps, or missed it.
pub(crate) fn trial(submission: &str, study: u32, number: u32, hit: Option<(u64, u64)>) -> Trial {
    let mut lines = vec![line(TrialEvent::Started {
        at: String::new(),
        resumed: None,
    })];
    match hit {
        Some((ms, step)) => {
            lines.extend(interval(step, ms, 0.05));
            lines.push(ended(Outcome::TargetReached));
        }
        None => {
            lines.extend(interval(1000, 50_000, 0.5));
            lines.push(ended(Outcome::BudgetExhausted));
        }
    }
    Trial::new(record(run(submission, study, number)), &lines)
}
