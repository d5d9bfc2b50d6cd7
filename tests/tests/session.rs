//! Whole sessions: what is skipped, resumed, run again, and never lost.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use bench_core::outcome::{Failure, FailureKind, Outcome};
use bench_core::record::TrialEvent;
use bench_core::run::{Purpose, RunSpec, Seed, SubmissionIdentity};
use bench_harness::interrupt::Interrupts;
use bench_harness::lock::Lock;
use bench_harness::program::{Builder, Listener, ProgramError, Programs};
use bench_harness::session::{self, Action, SessionError, SessionEvent, TrialReport};
use bench_harness::store;
use bench_harness::trial::TrialProgress;
use bench_score::TrialSummary;
use bench_tests::fixture::{self, Prebuilt, Staged, example, run_session, run_spec};
use bench_tests::script::{Act, Moment, Script};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The same run in studies 1, 2, and so on.
fn studies(count: u32) -> Vec<RunSpec> {
    let of = |study| RunSpec {
        seed: Seed::new(Purpose::Scoring, 0, study, 1),
        ..run_spec()
    };
    (1..=count).map(of).collect()
}

fn outcome(report: &TrialReport) -> Option<&Outcome> {
    report.summary.outcome.as_ref()
}

fn is_build_failure(report: &TrialReport) -> bool {
    matches!(
        outcome(report),
        Some(Outcome::Failed(Failure {
            kind: FailureKind::Build,
            ..
        }))
    )
}

/// Every file below a folder with its content.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => all.extend(contents(&path)),
            false => all.push((path.clone(), std::fs::read(path).unwrap())),
        }
    }
    all.sort();
    all
}

/// Runs a session that somebody interrupts after the evaluation at `step` of its first trial.
fn interrupt_at(session: &Staged, step: u64) -> Vec<TrialReport> {
    let interrupts = Interrupts::default();
    session::run(
        session,
        &mut Prebuilt::of(&session.script),
        &interrupts,
        &mut |event| {
            if let SessionEvent::Trial {
                progress: TrialProgress::Recorded(TrialEvent::Evaluated { step: now, .. }),
                ..
            } = event
                && *now == step
            {
                interrupts.raise();
            }
        },
    )
    .unwrap()
}

/// What must not depend on whether a trial was interrupted.
fn story(summary: &TrialSummary) -> (Option<Outcome>, Vec<(u64, String)>) {
    let point = |p: &bench_score::CurvePoint| (p.step, format!("{:?}", p.metrics));
    (
        summary.outcome.clone(),
        summary.curve.iter().map(point).collect(),
    )
}

#[test]
fn finished_trials_are_skipped_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let session = fixture::session(folder.path(), &Script::good(), studies(2));
    let first = run_session(&session);
    assert!(
        first
            .iter()
            .all(|report| outcome(report) == Some(&Outcome::TargetReached))
    );
    let before = contents(&session.runs);
    let mut builder = Prebuilt::default();
    let again = session::run(&session, &mut builder, &Interrupts::default(), &mut |_| {}).unwrap();
    assert!(again.iter().all(|report| report.action == Action::Skip));
    assert_eq!(again[1].summary, first[1].summary);
    assert_eq!(builder.builds, 0, "nothing to run, nothing to build");
    assert_eq!(contents(&session.runs), before);
}

#[test]
fn a_trial_asked_for_twice_runs_once() {
    let folder = tempfile::tempdir().unwrap();
    let runs = vec![run_spec(), run_spec()];
    let session = fixture::session(folder.path(), &Script::good(), runs);
    let reports = run_session(&session);
    assert_eq!(reports[0].action, Action::Run { attempt: 1 });
    assert_eq!(reports[1].action, Action::Skip);
    assert_eq!(reports[0].summary, reports[1].summary);
}

#[test]
fn fresh_and_failed_ones_run_beside_the_old() {
    let folder = tempfile::tempdir().unwrap();
    let failing = Script::good().worker(Moment::Train(20), Act::Panic);
    let mut session = fixture::session(folder.path(), &failing, studies(1));
    run_session(&session);
    assert_eq!(run_session(&session)[0].action, Action::Skip);
    let failed = contents(&session.runs);

    session.script = Script::good();
    session.options.rerun_failed = true;
    let second = run_session(&session);
    assert_eq!(second[0].action, Action::Run { attempt: 2 });
    assert_eq!(outcome(&second[0]), Some(&Outcome::TargetReached));
    assert_eq!(run_session(&session)[0].action, Action::Skip);

    session.options.fresh = true;
    assert_eq!(run_session(&session)[0].action, Action::Run { attempt: 3 });
    let after = contents(&session.runs);
    assert!(failed.iter().all(|file| after.contains(file)));
    let (stored, errors) = store::scan(&session.runs);
    assert_eq!((stored.len(), errors.len()), (3, 0));
    let latest = store::latest(stored);
    assert_eq!((latest.len(), latest[0].attempt), (1, 3));
    assert_eq!(latest[0].suite, "single");
}

#[test]
fn an_edited_submission_opens_a_new_folder() {
    let folder = tempfile::tempdir().unwrap();
    let session = fixture::session(folder.path(), &Script::good(), studies(1));
    run_session(&session);
    let mut edited = Prebuilt::default().built_from("another");
    let reports = session::run(&session, &mut edited, &Interrupts::default(), &mut |_| {}).unwrap();
    assert_eq!(reports[0].action, Action::Run { attempt: 1 });
    assert_eq!(store::latest(store::scan(&session.runs).0).len(), 2);
}

/// Edited between the plan and the build: what is recorded is what ran.
#[test]
fn a_submission_edited_after_the_plan_is_recorded_as_what_was_built() {
    /// Says one thing when the session plans, and builds another.
    struct Edited(Prebuilt);

    impl Builder for Edited {
        fn source_hash(&mut self, _: &SubmissionIdentity) -> Result<String, ProgramError> {
            Ok("planned".to_owned())
        }

        fn build(
            &mut self,
            submission: &SubmissionIdentity,
            interrupts: &Interrupts,
            listener: &mut Listener<'_>,
        ) -> Result<Programs, ProgramError> {
            self.0.build(submission, interrupts, listener)
        }
    }

    let folder = tempfile::tempdir().unwrap();
    let session = fixture::session(folder.path(), &Script::good(), studies(2));
    let built = || Edited(Prebuilt::default().built_from("edited"));
    let run = |mut builder: Edited| {
        session::run(&session, &mut builder, &Interrupts::default(), &mut |_| {}).unwrap()
    };
    for report in run(built()) {
        let stored = store::read(report.folder.as_ref().unwrap()).unwrap();
        let record = stored.trial.record;
        assert_eq!(record.source_hash, "edited");
        assert_eq!(
            record.programs,
            Some(fixture::programs(&session.script).digests())
        );
        let place = store::folder(&session.runs, "single", &record.run, "edited").unwrap();
        assert_eq!(stored.folder, place);
    }
    // And what was built is what has run already.
    assert!(
        run(built())
            .iter()
            .all(|report| report.action == Action::Skip)
    );
}

#[test]
fn a_reverted_edit_counts_again() {
    let folder = tempfile::tempdir().unwrap();
    let session = fixture::session(folder.path(), &Script::good(), studies(2));
    let run = |source: &str, broken: bool| {
        let mut builder = Prebuilt {
            broken: broken.then(|| "pretender".to_owned()).into_iter().collect(),
            ..Prebuilt::default().built_from(source)
        };
        session::run(&session, &mut builder, &Interrupts::default(), &mut |_| {}).unwrap()
    };
    let board = || {
        let stored = store::latest(store::scan(&session.runs).0).into_iter();
        let trials: Vec<_> = stored.map(|stored| stored.trial).collect();
        let result = bench_score::results(&trials).remove(0);
        (result.reached, result.unobserved.len(), result.superseded)
    };
    run("A", false);
    assert_eq!(board(), (2, 0, 0));
    let unchanged = contents(&session.runs);
    assert!(run("B", true).iter().all(is_build_failure));
    assert_eq!(board(), (0, 2, 2), "what was asked for last has not built");
    assert!(
        run("A", false)
            .iter()
            .all(|report| report.action == Action::Skip)
    );
    assert_eq!(board(), (2, 0, 2), "the edit is undone");
    let after = contents(&session.runs);
    assert!(
        unchanged.iter().all(|file| after.contains(file)),
        "nothing finished is touched"
    );
    // A build that fails as before leaves no second record, and is what was asked for.
    run("B", true);
    assert_eq!(board(), (0, 2, 2));
    // Joined with a copy of older notes, the later ones stand, whichever way round.
    let copy = folder.path().join("copy");
    let joined = bench_harness::merge::merge(&session.runs, &copy).unwrap();
    assert_eq!((joined.copied.len(), joined.conflicts.len()), (4, 0));
    run("A", false);
    for (from, into) in [(&copy, &session.runs), (&session.runs, &copy)] {
        let joined = bench_harness::merge::merge(from, into).unwrap();
        assert_eq!((joined.same, joined.conflicts.len()), (4, 0));
    }
    let notes = |runs: &Path| -> Vec<_> {
        let stored = store::scan(runs).0.into_iter();
        stored.map(|stored| stored.trial.asked).collect()
    };
    assert_eq!(board(), (2, 0, 2));
    assert_eq!(notes(&copy), notes(&session.runs));
}

#[test]
fn what_the_machine_broke_is_tried_again_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let broken = Script::good().evaluator(Moment::Load, Act::Exit(1));
    let mut session = fixture::session(folder.path(), &broken, studies(1));
    run_session(&session);
    session.script = Script::good();
    let second = run_session(&session);
    assert_eq!(second[0].action, Action::Run { attempt: 2 });
    assert_eq!(outcome(&second[0]), Some(&Outcome::TargetReached));
    // Broken again when run anew: the observation stands.
    session.script = broken;
    session.options.fresh = true;
    run_session(&session);
    let latest = store::latest(store::scan(&session.runs).0);
    assert_eq!((latest.len(), latest[0].attempt), (1, 2));
}

#[test]
fn a_resumed_trial_equals_an_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fixture::session(&folder.path().join("whole"), &Script::good(), studies(2));
    let uninterrupted = run_session(&whole);

    let parts = fixture::session(&folder.path().join("parts"), &Script::good(), studies(2));
    let interrupted = interrupt_at(&parts, 10);
    assert_eq!(outcome(&interrupted[0]), Some(&Outcome::Interrupted));
    assert_eq!(outcome(&interrupted[1]), None, "the rest waits");
    interrupt_at(&parts, 20);
    let resumed = run_session(&parts);
    assert!(matches!(&resumed[0].action, Action::Resume { from: Some(at), .. } if at.step == 20));
    assert_eq!(resumed[0].summary.resumed, 2);
    for (one, other) in uninterrupted.iter().zip(&resumed) {
        assert_eq!(story(&one.summary), story(&other.summary));
    }
    // The clock went on from where it was.
    let summary = &resumed[0].summary;
    assert!(summary.submission_ns > interrupted[0].summary.submission_ns);
    assert_eq!(
        summary.curve[0].submission_ns,
        interrupted[0].summary.submission_ns
    );
    assert!(
        !resumed[0]
            .folder
            .as_ref()
            .unwrap()
            .join("snapshot")
            .exists()
    );
}

#[test]
fn a_part_that_other_programs_run_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let session = fixture::session(folder.path(), &Script::good(), studies(1));
    interrupt_at(&session, 10);
    let warnings = |report: &TrialReport| {
        let (_, lines) = store::open(report.folder.as_ref().unwrap()).unwrap();
        let said = |line: &bench_core::record::Line| match &line.event {
            TrialEvent::Warned { message } => message.contains("another digest"),
            _ => false,
        };
        lines.iter().filter(|line| said(line)).count()
    };
    assert_eq!(
        warnings(&interrupt_at(&session, 20)[0]),
        0,
        "the same programs"
    );
    let mut rebuilt = Prebuilt::of(&session.script);
    rebuilt.programs.worker.digest = "rebuilt".to_owned();
    let interrupts = Interrupts::default();
    let reports = session::run(&session, &mut rebuilt, &interrupts, &mut |_| {}).unwrap();
    assert_eq!(outcome(&reports[0]), Some(&Outcome::TargetReached));
    assert_eq!(warnings(&reports[0]), 1);
}

/// What was planned compiled; what somebody made of it meanwhile does not. That is no failure of what was planned.
#[test]
fn a_build_that_fails_is_recorded_with_the_source_that_failed() {
    /// Plans with one source, and finds another when it builds.
    struct Broken(Vec<&'static str>);

    impl Builder for Broken {
        fn source_hash(&mut self, _: &SubmissionIdentity) -> Result<String, ProgramError> {
            let now = if self.0.len() > 1 {
                self.0.remove(0)
            } else {
                self.0[0]
            };
            Ok(now.to_owned())
        }

        fn build(
            &mut self,
            submission: &SubmissionIdentity,
            interrupts: &Interrupts,
            listener: &mut Listener<'_>,
        ) -> Result<Programs, ProgramError> {
            let broken = vec![submission.program.clone()];
            let mut inner = Prebuilt {
                broken,
                ..Prebuilt::default()
            };
            inner.build(submission, interrupts, listener)
        }
    }

    let folder = tempfile::tempdir().unwrap();
    let session = fixture::session(folder.path(), &Script::good(), studies(1));
    let mut builder = Broken(vec!["planned", "edited"]);
    let reports =
        session::run(&session, &mut builder, &Interrupts::default(), &mut |_| {}).unwrap();
    assert!(is_build_failure(&reports[0]));
    let place =
        |source: &str| store::folder(&session.runs, "single", &studies(1)[0], source).unwrap();
    assert_eq!(reports[0].folder.as_ref(), Some(&place("edited")));
    assert!(!place("planned").exists());
}

#[test]
fn a_trial_resumes_after_its_referee_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let slow = Script::good().worker(Moment::Train(30), Act::Hang);
    let mut session = fixture::session(folder.path(), &slow, studies(1));
    let run = run_spec();
    session.trials[0].run = run.clone();
    let place = store::folder(&session.runs, "single", &run, "source").unwrap();
    let mut referee = Command::new(example("fake-referee"))
        .arg(&place)
        .arg(slow.to_json())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !place.join("snapshot/step-20").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(run_session(&session)[0].action, Action::Busy);
    referee.kill().unwrap();
    referee.wait().unwrap();
    // A kill can tear the last line.
    let events = place.join("events.jsonl");
    let torn = [std::fs::read(&events).unwrap(), b"{\"t\":1.0,\"ev".to_vec()].concat();
    std::fs::write(&events, torn).unwrap();

    session.script = Script::good();
    let reports = run_session(&session);
    assert!(matches!(&reports[0].action, Action::Resume { from: Some(at), .. } if at.step == 20));
    assert_eq!(outcome(&reports[0]), Some(&Outcome::TargetReached));
    assert_eq!(
        reports[0].summary,
        store::read(&place).unwrap().trial.summary
    );
}

#[test]
fn a_clock_does_not_go_on_on_another_machine() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = fixture::session(folder.path(), &Script::good(), studies(1));
    interrupt_at(&session, 10);
    session.machine.fingerprint = "elsewhere".to_owned();
    assert_eq!(run_session(&session)[0].action, Action::Run { attempt: 2 });
}

#[test]
fn one_that_does_not_compile_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut runs = studies(2);
    runs[0].submission.name = "broken".to_owned();
    runs[0].submission.program = "broken".to_owned();
    let session = fixture::session(folder.path(), &Script::good(), runs);
    let mut builder = Prebuilt {
        broken: vec!["broken".to_owned()],
        ..Prebuilt::of(&session.script)
    };
    let mut run = || session::run(&session, &mut builder, &Interrupts::default(), &mut |_| {});
    let reports = run().unwrap();
    assert!(is_build_failure(&reports[0]));
    assert_eq!(outcome(&reports[1]), Some(&Outcome::TargetReached));
    let place = reports[0].folder.clone().unwrap();
    let log = std::fs::read_to_string(place.join("stderr.log")).unwrap();
    assert!(log.contains("E0308"));
    // Tried again with the next command, and recorded once.
    let again = run().unwrap();
    assert!(is_build_failure(&again[0]));
    assert_eq!(again[1].action, Action::Skip);
    assert_eq!(store::scan(&session.runs).0.len(), 2);
}

#[test]
fn a_dry_run_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = fixture::session(folder.path(), &Script::good(), studies(2));
    session.options.dry_run = true;
    let reports = run_session(&session);
    assert!(
        reports
            .iter()
            .all(|report| report.action == Action::Run { attempt: 1 })
    );
    assert!(reports.iter().all(|report| outcome(report).is_none()));
    assert!(contents(folder.path()).is_empty());
}

#[test]
fn sessions_wait_for_the_machine_and_can_be_interrupted_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let session = fixture::session(folder.path(), &Script::good(), studies(1));
    let other = Lock::try_now(&session.lock).unwrap().unwrap();
    let interrupts = Interrupts::default();
    let mut heard = None;
    let reports = session::run(
        &session,
        &mut Prebuilt::of(&session.script),
        &interrupts,
        &mut |event| {
            if let SessionEvent::WaitingForMachine { holder } = event {
                heard = holder.map(|holder| holder.process);
                interrupts.raise();
            }
        },
    );
    assert_eq!(heard, Some(std::process::id()));
    assert_eq!(outcome(&reports.unwrap()[0]), None);
    drop(other);
    assert_eq!(
        outcome(&run_session(&session)[0]),
        Some(&Outcome::TargetReached)
    );
}

#[test]
fn results_that_cannot_be_written_are_noticed_before_anything_is_built() {
    let folder = tempfile::tempdir().unwrap();
    let session = fixture::session(folder.path(), &Script::good(), studies(1));
    std::fs::write(&session.runs, "a file, where a folder should be").unwrap();
    let builder = &mut Prebuilt::default();
    let ended = session::run(&session, builder, &Interrupts::default(), &mut |_| {});
    let Err(SessionError::Results(error)) = ended else {
        panic!("{ended:?}");
    };
    assert_eq!(error.path, session.runs);
    assert_eq!(builder.builds, 0);
}

#[test]
fn the_first_trial_that_cannot_be_recorded_is_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = fixture::session(folder.path(), &Script::good(), studies(3));
    session.options.dry_run = true;
    let place = run_session(&session)[1].folder.clone().unwrap();
    session.options.dry_run = false;
    let study = place.parent().unwrap();
    // Noticed beforehand it would be no trial's: it happens while the first one runs.
    let reports = session::run(
        &session,
        &mut Prebuilt::of(&session.script),
        &Interrupts::default(),
        &mut |event| {
            if let SessionEvent::TrialStarted { index: 0, .. } = event {
                std::fs::create_dir_all(study.parent().unwrap()).unwrap();
                std::fs::write(study, "a file, where a study's folder should be").unwrap();
            }
        },
    );
    let reports = reports.unwrap();
    assert_eq!(outcome(&reports[0]), Some(&Outcome::TargetReached));
    let Some(Outcome::Failed(failure)) = outcome(&reports[1]) else {
        panic!("{:?}", outcome(&reports[1]));
    };
    assert_eq!(failure.kind, FailureKind::Record);
    assert_eq!(outcome(&reports[2]), None, "it would be lost too");
    assert!(!reports[2].folder.as_ref().unwrap().exists());
}

#[test]
fn a_full_disk_fails_the_trial() {
    let script = Script::good().worker(Moment::Train(20), Act::Flood(20_000));
    let folder = tempfile::tempdir().unwrap();
    let mounted = "mount -t tmpfs -o size=256k none \"$1\" && exec \"$2\" \"$1/trial\" \"$3\"";
    let output = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            mounted,
            "sh",
        ])
        .arg(folder.path())
        .arg(example("fake-referee"))
        .arg(script.to_json())
        .output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let Some(last) = text.as_ref().ok().and_then(|text| text.lines().last()) else {
        eprintln!(
            "SKIPPED a_full_disk_fails_the_trial: this machine lets nobody mount a small disk"
        );
        return;
    };
    assert!(last.contains(r#""kind":"record""#), "{last}");
    assert!(last.contains("No space left"), "{last}");
}
