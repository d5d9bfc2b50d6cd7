//! Comparisons at work: two sources in one session, and two programs step by step.
use bench_core::run::{Purpose, RunSpec, Seed};
use bench_harness::interrupt::Interrupts;
use bench_harness::session::{self, Action, SessionEvent, Sources};
use bench_harness::store;
use bench_harness::trajectory::{self, Course, Ground, TrajectoryError};
use bench_score::Trial;
use bench_score::gate::{Rule, judge};
use bench_tests::fixture::{self, Prebuilt, limits, programs, run_spec};
use bench_tests::script::{Act, Moment, Script};
use std::time::Duration;

fn studies(count: u32) -> Vec<RunSpec> {
    let of = |study| RunSpec {
        seed: Seed::new(Purpose::Comparing, 0, study, 1),
        ..run_spec()
    };
    (1..=count)
        .flat_map(|study| [of(study), of(study)])
        .collect()
}

#[test]
fn two_sources_of_one_submission_are_two_programs_and_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let script = Script {
        error_rates: vec![0.5, 0.1],
        ..Script::default()
    };
    let session = fixture::session(folder.path(), &script, studies(2));
    let (mut old, mut new) = (
        Prebuilt::of(&script).built_from("old"),
        Prebuilt::of(&script).built_from("new"),
    );
    let of = vec![0, 1, 1, 0];
    let mut sources = Sources::several(vec![&mut old, &mut new], of.clone());
    let mut order = Vec::new();
    let reports = session::run_from(
        &session,
        &mut sources,
        &Interrupts::default(),
        &mut |event| {
            if let SessionEvent::TrialStarted { index, .. } = event {
                order.push(index);
            }
        },
    );
    let reports = reports.unwrap();
    assert_eq!(order, [0, 1, 2, 3]);
    assert_eq!((old.builds, new.builds), (1, 1));
    let trials = |side: usize| -> Vec<Trial> {
        let own = reports.iter().filter(|report| of[report.index] == side);
        own.map(|report| store::read(report.folder.as_ref().unwrap()).unwrap().trial)
            .collect()
    };
    let (base, candidate) = (trials(0), trials(1));
    assert!(base.iter().all(|trial| trial.record.source_hash == "old"));
    assert!(
        candidate
            .iter()
            .all(|trial| trial.record.source_hash == "new")
    );
    let judgement = judge(&base, &candidate, Rule::default());
    assert!(judgement.identical, "the same script, the same numbers");
    assert_eq!(judgement.studies(), 2);
}

#[test]
fn one_source_on_both_sides_runs_once() {
    let folder = tempfile::tempdir().unwrap();
    let script = Script {
        error_rates: vec![0.1],
        ..Script::default()
    };
    let session = fixture::session(folder.path(), &script, studies(1));
    let (mut a, mut b) = (
        Prebuilt::of(&script).built_from("same"),
        Prebuilt::of(&script).built_from("same"),
    );
    let mut sources = Sources::several(vec![&mut a, &mut b], vec![0, 1]);
    let reports = session::run_from(&session, &mut sources, &Interrupts::default(), &mut |_| {});
    let actions: Vec<Action> = reports
        .unwrap()
        .into_iter()
        .map(|report| report.action)
        .collect();
    assert_eq!(actions, [Action::Run { attempt: 1 }, Action::Skip]);
}

fn follow(script: &Script) -> Result<trajectory::Trajectory, TrajectoryError> {
    let course = |side| Course {
        side,
        worker: programs(script).worker.launch,
        run: run_spec(),
    };
    let mut limits = limits();
    limits.stall = bench_core::number::Span(Duration::from_secs(2));
    let ground = Ground {
        data: Default::default(),
        limits,
        device_index: 0,
        steps: 3,
    };
    let courses = [&course("base"), &course("candidate")];
    trajectory::follow(courses, &ground, &Interrupts::default(), &mut |_| {})
}

#[test]
fn a_worker_that_fails_in_a_trajectory_is_told_of() {
    let acting = |moment: Moment, act: Act| {
        let mut script = Script::default();
        script.worker.insert(moment.key(), act);
        follow(&script).unwrap_err()
    };
    let source = |error: &TrajectoryError| {
        let source = std::error::Error::source(error).map(ToString::to_string);
        source.unwrap_or_default()
    };
    let failed = acting(
        Moment::Train(1),
        Act::Fail("error".into(), "no such layer".into()),
    );
    assert!(source(&failed).contains("no such layer"), "{failed}");
    let died = acting(Moment::Load, Act::LastWords("cannot open libc10.so".into()));
    assert!(source(&died).contains("libc10.so"), "{}", source(&died));
    let late = acting(Moment::Train(1), Act::Hang);
    assert!(
        source(&late).contains("while training a step"),
        "{}",
        source(&late)
    );
}
