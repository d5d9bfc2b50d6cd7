//! A calibration of the fake worker: trials that go to the step hint, judged from their records.

use bench_core::run::{Purpose, RunSpec, Seed};
use bench_core::spec::harness::TestEvaluations;
use bench_core::spec::workload::Direction;
use bench_harness::session::Action;
use bench_harness::store;
use bench_score::calibration::{CalibrationRecord, CalibrationTrial, Chosen, find};
use bench_tests::fixture::{self, run_session, run_spec};
use bench_tests::script::{Act, Moment, Script};

const CHOSEN: Chosen = Chosen {
    direction: Direction::Min,
    step_hint: 50,
    budget_steps: 50,
    at: 75.0,
};

/// Without a target that could be reached, as a calibration resolves it.
fn run(study: u32, number: u32) -> RunSpec {
    let mut run = run_spec();
    run.workload.target.validation = -1e9;
    run.ruleset.test = TestEvaluations::Always;
    run.seed = Seed::new(Purpose::Calibrating, 0, study, number);
    run
}

fn script() -> Script {
    Script {
        error_rates: vec![0.5, 0.4, 0.3, 0.2, 0.1],
        ..Script::good()
    }
}

#[test]
fn a_target_comes_out_of_records_and_a_second_time_nothing_runs() {
    let folder = tempfile::tempdir().unwrap();
    let runs = (1..=6).map(|study| run(study, 1)).collect();
    let session = fixture::session(folder.path(), &script(), runs);
    let judge = || {
        let reports = run_session(&session);
        let trials: Vec<CalibrationTrial> = reports
            .iter()
            .map(|report| store::read(report.folder.as_deref().unwrap()).unwrap())
            .map(|stored| CalibrationTrial::of(&stored.trial))
            .collect();
        let skipped = reports.iter().all(|report| report.action == Action::Skip);
        (trials, skipped)
    };
    let (trials, skipped) = judge();
    assert!(!skipped);
    let finding = find(&trials, CHOSEN).unwrap();
    // 37.5 of 50 steps: evaluations stand at 30 and 40.
    assert_eq!((finding.at_step, finding.validation), (40, 0.2));
    assert_eq!(finding.standings[0].reached, 5);
    let (again, skipped) = judge();
    assert!(skipped);
    assert_eq!(
        CalibrationRecord::digest(&again).unwrap(),
        CalibrationRecord::digest(&trials).unwrap()
    );
}

#[test]
fn a_point_that_breaks_is_a_miss() {
    let folder = tempfile::tempdir().unwrap();
    let broken = script().worker(Moment::Train(30), Act::Panic);
    let reports = run_session(&fixture::session(folder.path(), &broken, vec![run(1, 1)]));
    let stored = store::read(reports[0].folder.as_deref().unwrap()).unwrap();
    let trial = CalibrationTrial::of(&stored.trial);
    assert_eq!(trial.outcome, "failed");
    assert!(find(&[trial], CHOSEN).is_err());
}
