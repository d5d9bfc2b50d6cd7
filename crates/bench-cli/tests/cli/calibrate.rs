//! `bench calibrate` where nothing runs: a committed record looked at again.

use crate::support::Checkout;
use bench_core::number::Measured;
use bench_core::record::Machine;
use bench_core::spec::workload::{Direction, Metric};
use bench_score::calibration::{
    CalibrationRecord, CalibrationTrial, Chosen, Evaluation, FORMAT, find,
};

/// Five seeds after one point, which meet the target at 75 % of the workload's 1,500 steps.
pub(crate) fn record() -> CalibrationRecord {
    let trial = |study: u32| CalibrationTrial {
        submission: "adamw".to_owned(),
        study,
        number: 1,
        seed: study.into(),
        point: Default::default(),
        config_hash: "c".to_owned(),
        source_hash: "s".to_owned(),
        outcome: "budget-exhausted".to_owned(),
        seconds_per_step: Some(0.001),
        evaluations: (1..=6)
            .map(|k| {
                let value = 0.3 - 0.04 * k as f64 + 0.0001 * f64::from(study);
                Evaluation(k * 250, Measured(value), Measured(value + 0.01))
            })
            .collect(),
    };
    of((1..=6).map(trial).collect())
}

/// What follows from these trials.
pub(crate) fn of(trials: Vec<CalibrationTrial>) -> CalibrationRecord {
    let chosen = Chosen {
        direction: Direction::Min,
        step_hint: 1500,
        budget_steps: 2000,
        at: 75.0,
    };
    CalibrationRecord {
        format: FORMAT,
        workload: "blobs".to_owned(),
        command: "bench calibrate blobs".to_owned(),
        machine: Machine {
            fingerprint: "f".to_owned(),
            cpu: "abacus".to_owned(),
            cores: 2,
            memory: 1 << 30,
            gpus: Vec::new(),
            kernel: "Linux".to_owned(),
        },
        metric: Metric::ErrorRate,
        step_hint: chosen.step_hint,
        budget_steps: chosen.budget_steps,
        at: chosen.at,
        comparability_key: "of another workload".to_owned(),
        digest: CalibrationRecord::digest(&trials).unwrap(),
        finding: find(&trials, chosen).unwrap(),
        trials,
    }
}

#[test]
fn a_record_reads_back_as_it_was_written() {
    let record = record();
    let text = record.text().unwrap();
    assert_eq!(
        serde_json::from_str::<CalibrationRecord>(&text).unwrap(),
        record
    );
}

#[test]
fn check_says_what_disagrees() {
    let text = record().text().unwrap();
    let checkout = Checkout::new().with("results/calibration/blobs/calibration.json", &text);
    insta::assert_snapshot!(checkout.says("calibrate blobs --check"));
}

#[test]
fn nothing_to_check_and_wrong_shares_are_told() {
    let checkout = Checkout::new();
    insta::assert_snapshot!(checkout.says("calibrate blobs --check"));
    insta::assert_snapshot!(checkout.says("calibrate blobs --at 0.75"));
}

/// In a map in braces as in a block, and nothing else of the file changes.
#[test]
fn restore_writes_what_the_record_found() {
    let text = record().text().unwrap();
    let checkout = Checkout::new().with("results/calibration/blobs/calibration.json", &text);
    let read = |checkout: &Checkout| {
        std::fs::read_to_string(checkout.path().join("workloads/blobs.yaml")).unwrap()
    };
    let in_braces = read(&checkout);
    let in_a_block = in_braces.replace(
        "target: { metric: error-rate, validation: 0.1, source: provisional }",
        "target:\n  metric: error-rate\n  validation: 0.1\n  source: provisional",
    );
    assert_ne!(in_braces, in_a_block);
    checkout.says("calibrate blobs --restore");
    let restored = read(&checkout);
    let checkout = checkout.with("workloads/blobs.yaml", &in_a_block);
    checkout.says("calibrate blobs --restore");
    let blocks = read(&checkout);
    insta::assert_snapshot!(format!("{restored}\n{blocks}"));
    insta::assert_snapshot!(checkout.says("calibrate blobs --check"));
}
