//! Comparisons at work: two sources in one session, and two programs step by step.
use bench_core::run::{PROTOCOL, Purpose, RunSpec, Seed};
use bench_harness::interrupt::Interrupts;
use bench_harness::session::{self, Action, SessionEvent, Sources};
use bench_harness::store;
use bench_harness::trajectory::{self, Course, Ground, Trajectory, TrajectoryError, Way};
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

/// The fake worker on both sides, each with a script of its own.
fn walk(scripts: [&Script; 2], way: Way) -> Result<Trajectory, TrajectoryError> {
    let [a, b] = [("base", scripts[0]), ("candidate", scripts[1])].map(|(side, script)| Course {
        side,
        programs: programs(script),
        run: way.shorten(&run_spec()),
    });
    trajectory::follow(
        [&a, &b],
        &ground(),
        way,
        &Interrupts::default(),
        &mut |_| {},
    )
}

fn ground() -> Ground {
    let mut limits = limits();
    limits.stall = bench_core::number::Span(Duration::from_secs(2));
    Ground {
        data: fixture::data(),
        limits,
        device_index: 0,
    }
}

fn follow(script: &Script) -> Result<Trajectory, TrajectoryError> {
    walk([script, script], Way::plain(3))
}

#[test]
fn a_shortened_run_has_all_of_a_training_in_it_and_finds_what_differs() {
    let good = Script::good();
    let same = walk([&good, &good], Way::SHORT).unwrap();
    assert!(same.is_equal(), "{same:?}");
    assert_eq!(same.steps, 30);
    // A changed rule is found at its step, before the evaluation, after it, and after the resume.
    for step in [2, 16, 30] {
        let changed = Script::good().worker(Moment::Train(step), Act::Drift);
        let found = walk([&good, &changed], Way::SHORT).unwrap();
        assert_eq!((found.first_weights, found.first_loss), (Some(step), None));
        assert_eq!(found.first_parameters, ["chain"]);
    }
    // The same weights, and other numbers from the evaluator.
    let changed = Script::good().evaluator(Moment::Evaluate(15), Act::Nan);
    let found = walk([&good, &changed], Way::SHORT).unwrap();
    assert_eq!((found.first_scores, found.growth.len()), (Some(15), 0));
    assert!(!found.is_equal());
}

/// State that is not saved shows only where a worker goes on from a snapshot.
#[test]
fn a_resume_is_inside_of_a_shortened_run() {
    let lost = Script::good().worker(
        Moment::Resume,
        Act::Fail("error".into(), "the snapshot has no `momentum`".into()),
    );
    let error = walk([&Script::good(), &lost], Way::SHORT).unwrap_err();
    assert!(error.to_string().contains("candidate"), "{error}");
    assert!(walk([&lost, &lost], Way::plain(30)).unwrap().is_equal());
}

#[test]
fn the_protocol_of_an_old_program_is_known_before_anything_runs() {
    let old = r#"{"v":1,"event":"failed","kind":"error","message":"no task"}"#;
    let speaking = |script: &Script| {
        let course = Course {
            side: "base",
            programs: programs(script),
            run: run_spec(),
        };
        trajectory::protocol(&course, &ground(), &Interrupts::default())
    };
    let told = Script::good().worker(Moment::NoTask, Act::Line(old.to_owned()));
    assert_eq!(speaking(&told).unwrap(), 1);
    assert_eq!(speaking(&Script::good()).unwrap(), PROTOCOL);
    let mute = Script::good().worker(Moment::NoTask, Act::LastWords("no libc10.so".into()));
    assert!(speaking(&mute).is_err());
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
