//! Every way one trial can end, with a worker that does as it is told.

use bench_core::number::Span;
use bench_core::outcome::{FailureKind, Outcome, Phase};
use bench_core::run::SplitName;
use bench_core::spec::harness::TestEvaluations;
use bench_harness::launch::Launch;
use bench_tests::fixture::{Played, play, play_as};
use bench_tests::script::{Act, Moment, Script};
use std::time::Duration;

const SIGSEGV: i32 = 11;
const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;

fn worker(moment: Moment, act: Act) -> Script {
    Script::good().worker(moment, act)
}

fn evaluator(moment: Moment, act: Act) -> Script {
    Script::good().evaluator(moment, act)
}

/// Steps at which a split was evaluated.
fn evaluated(played: &Played, split: SplitName) -> Vec<u64> {
    let curve = played.summary.curve.iter();
    curve
        .filter(|point| point.metrics.iter().any(|(of, ..)| of == split))
        .map(|point| point.step)
        .collect()
}

#[test]
fn the_ordinary_path_is_recorded_whole() {
    let played = play(&Script::good());
    assert_eq!(*played.outcome(), Outcome::TargetReached);
    let interval = ["trained", "snapshotted", "evaluated"];
    let expected: Vec<&str> = ["started", "ready"]
        .into_iter()
        .chain(interval.into_iter().cycle().take(9))
        .chain(["warned", "ended"])
        .collect();
    assert_eq!(played.events(), expected);
    assert_eq!(played.stored.trial.summary, played.summary);
    assert_eq!(played.stored.trial.record.outcome, played.summary.outcome);
    assert!(played.stored.trial.record.ended.is_some());
    assert!(!played.stored.live);
    let summary = &played.summary;
    let passage = summary.passage.unwrap();
    assert_eq!((passage.before.unwrap().step, passage.at.step), (20, 30));
    assert_eq!(
        summary.warnings,
        ["hyperparameter `unused` was given but never read"]
    );
    assert_eq!((summary.parameters, summary.state), (Some(42), Some(2)));
    assert!(summary.worker_memory.unwrap() > 100_000);
    // The parts of the wall time are the whole of it, and training is exactly the submission time.
    let phases = summary.phases;
    assert_eq!(phases.training_ns, summary.submission_ns);
    assert!(phases.training_ns >= 3 * 2_000_000);
    // Copies of a finished trial's snapshots are gone.
    assert!(!played.stored.folder.join("snapshot").exists());
}

#[test]
fn evaluation_and_snapshot_are_off_the_clock() {
    let slow = Act::Slow(1500);
    let script = evaluator(Moment::Evaluate(10), slow.clone()).worker(Moment::Snapshot(20), slow);
    let phases = play(&script).summary.phases;
    assert!(phases.evaluation_ns >= 1_500_000_000 && phases.snapshot_ns >= 1_500_000_000);
    assert!(phases.training_ns < 1_500_000_000, "{phases:?}");
}

#[test]
fn all_splits_are_evaluated_when_the_ruleset_says() {
    let played = play(&Script::good());
    assert_eq!(evaluated(&played, SplitName::Validation), [10, 20, 30]);
    assert_eq!(evaluated(&played, SplitName::Train), [10, 20, 30]);
    assert_eq!(evaluated(&played, SplitName::Test), [30]);
    let played = play_as(&Script::good(), |trial| {
        trial.record.run.ruleset.test = TestEvaluations::Always;
    });
    assert_eq!(evaluated(&played, SplitName::Test), [10, 20, 30]);
    let played = play(&Script::slow_learner());
    assert_eq!(evaluated(&played, SplitName::Test), [50]);
}

#[test]
fn rules_end_a_trial() {
    let outcome = |script: &Script| play(script).summary.outcome;
    assert_eq!(
        outcome(&Script::slow_learner()),
        Some(Outcome::BudgetExhausted)
    );
    let complete = Script {
        complete_at: Some(20),
        ..Script::good()
    };
    assert_eq!(outcome(&complete), Some(Outcome::Stopped));
    let to_budget = play_as(&Script::good(), |trial| trial.to_budget = true);
    assert_eq!(*to_budget.outcome(), Outcome::TargetReached);
    assert_eq!(to_budget.summary.steps, 50);
    // One evaluation past the budget, and only to confirm.
    let late = Script {
        error_rates: vec![0.5, 0.5, 0.5, 0.5, 0.1],
        ..Script::good()
    };
    let confirmed = play_as(&late, |trial| trial.record.run.ruleset.confirm = true);
    assert_eq!(*confirmed.outcome(), Outcome::TargetReached);
    assert_eq!(confirmed.summary.steps, 60);
    assert_eq!(confirmed.summary.passage.unwrap().at.step, 50);
}

#[test]
fn a_panic_is_an_outcome_wherever_it_happens() {
    for moment in [
        Moment::Load,
        Moment::WarmUp,
        Moment::Train(20),
        Moment::Snapshot(20),
    ] {
        let played = play(&worker(moment, Act::Panic));
        let message = played.failure(FailureKind::Panic);
        assert!(message.contains("told to panic"), "{message}");
        // The same, told by the SDK.
        let told = Act::Fail("panic".to_owned(), "index out of bounds".to_owned());
        let played = play(&worker(moment, told));
        let message = played.failure(FailureKind::Panic);
        assert!(
            message.starts_with("index out of bounds, at src/lib.rs:7"),
            "{message}"
        );
    }
}

#[test]
fn an_error_is_told_with_its_place() {
    let act = Act::Fail("error".to_owned(), "no such layer\nbacktrace".to_owned());
    let played = play(&worker(Moment::Train(20), act));
    assert_eq!(
        played.failure(FailureKind::Error),
        "no such layer, at src/lib.rs:7, after step 20"
    );
    assert_eq!(played.summary.steps, 10, "the interval did not count");
}

#[test]
fn signals_are_told_by_name() {
    for (number, name) in [
        (SIGSEGV, "SIGSEGV"),
        (SIGABRT, "SIGABRT"),
        (SIGKILL, "SIGKILL"),
    ] {
        for moment in [Moment::Load, Moment::Train(20), Moment::Snapshot(10)] {
            let played = play(&worker(moment, Act::Signal(number)));
            let message = played.failure(FailureKind::Signal);
            assert!(message.contains(name), "{message}");
        }
    }
}

#[test]
fn an_early_exit_is_told_with_its_last_words() {
    let played = play(&worker(Moment::Train(30), Act::Exit(3)));
    let message = played.failure(FailureKind::Exit);
    assert_eq!(
        message,
        "the worker exited by itself with code 3, while training after step 30"
    );
    let words =
        "RuntimeError: DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.";
    let played = play(&worker(Moment::Load, Act::LastWords(words.to_owned())));
    let message = played.failure(FailureKind::OutOfMemory);
    assert!(message.contains("peak memory"), "{message}");
    let log = std::fs::read_to_string(played.stored.folder.join("stderr.log")).unwrap();
    assert!(log.contains("DefaultCPUAllocator"), "{log}");
}

#[test]
fn what_is_no_protocol_is_an_outcome() {
    let line = |text: &str| Act::Line(text.to_owned());
    let cases = [
        (
            line("epoch 1: loss 0.3"),
            "not a message: `epoch 1: loss 0.3`",
        ),
        (line(r#"{"v":1,"event":"ready"}"#), "speaks version 1"),
        (line(r#"{"v":9,"event":"ready"}"#), "speaks version 9"),
        (line(r#"{"v":2,"event":"loaded"}"#), "was not asked for"),
        (Act::Oversized(3 << 20), "a line longer than"),
        (Act::HalfLine, "ended in the middle of a line"),
        (Act::Step(10), "due at step 10, after step 10"),
    ];
    for (act, expected) in cases {
        let played = play(&worker(Moment::Train(20), act.clone()));
        let message = played.failure(FailureKind::Protocol);
        assert!(message.contains(expected), "{act:?}: {message}");
    }
}

#[test]
fn unknown_events_and_floods_are_recorded_and_harmless() {
    let news = r#"{"v":2,"event":"dreamt","of":"sheep"}"#;
    let script = worker(Moment::Train(10), Act::Line(news.to_owned()))
        .worker(Moment::Train(20), Act::Flood(20_000));
    let played = play(&script);
    assert_eq!(*played.outcome(), Outcome::TargetReached);
    let events = played.events();
    assert_eq!(
        events.iter().filter(|name| *name == "logged").count(),
        20_000
    );
    assert_eq!(events.iter().filter(|name| *name == "unknown").count(), 1);
    let text = std::fs::read_to_string(played.stored.folder.join("events.jsonl")).unwrap();
    assert!(text.contains("sheep"));
}

#[test]
fn not_a_number_is_divergence() {
    for script in [
        worker(Moment::Train(20), Act::Nan),
        evaluator(Moment::Evaluate(20), Act::Nan),
    ] {
        let played = play(&script);
        assert_eq!(*played.outcome(), Outcome::Diverged);
        assert_eq!(
            evaluated(&played, SplitName::Test),
            [20],
            "the end is evaluated whole"
        );
    }
}

#[test]
fn every_phase_has_a_limit() {
    let cases = [
        (worker(Moment::Load, Act::Hang), Phase::StartUp),
        (worker(Moment::WarmUp, Act::Hang), Phase::WarmUp),
        (worker(Moment::Train(20), Act::Hang), Phase::Training),
        (worker(Moment::Snapshot(20), Act::Hang), Phase::Snapshot),
        (
            evaluator(Moment::Evaluate(20), Act::Hang),
            Phase::Evaluation,
        ),
    ];
    for (script, phase) in cases {
        let played = play_as(&script, |trial| {
            let short = bench_core::number::Span(Duration::from_millis(700));
            let limits = &mut trial.limits;
            match phase {
                Phase::StartUp => limits.start_up = short,
                Phase::WarmUp => limits.warm_up = short,
                Phase::Training => limits.stall = short,
                Phase::Snapshot => limits.snapshot = short,
                Phase::Evaluation => limits.evaluation = short,
                Phase::ShutDown => limits.shut_down = short,
            }
        });
        assert_eq!(*played.outcome(), Outcome::TimedOut { phase });
    }
}

#[test]
fn an_interval_that_shows_life_but_no_end_runs_out_of_budget() {
    let played = play_as(&worker(Moment::Train(20), Act::Plod), |trial| {
        let span = |ms| bench_core::number::Span(Duration::from_millis(ms));
        trial.record.run.workload.budget.time = span(600);
        trial.limits.stall = span(400);
    });
    assert_eq!(*played.outcome(), Outcome::BudgetExhausted);
    let warnings = played.summary.warnings.join("\n");
    assert!(warnings.contains("no evaluation came before"), "{warnings}");
}

#[test]
fn a_result_outlives_a_bad_farewell() {
    let hang = play_as(&worker(Moment::Stop, Act::Hang), |trial| {
        trial.limits.shut_down = bench_core::number::Span(Duration::from_millis(300));
    });
    let crash = play(&worker(Moment::Stop, Act::Signal(SIGSEGV)));
    for (played, expected) in [(hang, "was killed"), (crash, "SIGSEGV")] {
        assert_eq!(*played.outcome(), Outcome::TargetReached);
        let warnings = played.summary.warnings.join("\n");
        assert!(warnings.contains(expected), "{warnings}");
    }
}

#[test]
fn claims_that_the_clock_contradicts_are_suspect() {
    for lie in [-9.0, 9.0] {
        let played = play(&worker(Moment::Train(10), Act::Claim(lie)));
        assert_eq!(*played.outcome(), Outcome::TimingSuspect);
        assert_eq!(played.summary.hit(), None);
        assert!(played.summary.warnings[0].contains("the worker claims"));
    }
}

#[test]
fn the_evaluator_is_checked_too() {
    let fail = Act::Fail("error".to_owned(), "no such file".to_owned());
    let cases = [
        (
            Act::Count(29),
            "scored 29 examples of validation instead of 30",
        ),
        (
            Act::Count(31),
            "scored 31 examples of validation instead of 30",
        ),
        (Act::Signal(SIGSEGV), "SIGSEGV"),
        (fail, "no such file"),
        (Act::Line("hello".to_owned()), "not a message"),
    ];
    for (act, expected) in cases {
        // Twice on the same weights: their fault.
        let played = play(&evaluator(Moment::Evaluate(20), act.clone()));
        let message = played.failure(FailureKind::Unscored);
        assert!(message.contains(expected), "{message}");
        assert!(played.summary.is_observed());
        // Once: another evaluator scores them, and nothing else changes.
        let folder = tempfile::tempdir().unwrap();
        let once = Act::Once(folder.path().join("mark"), Box::new(act));
        let played = play(&evaluator(Moment::Evaluate(20), once));
        assert_eq!(*played.outcome(), Outcome::TargetReached, "{expected}");
        assert_eq!(evaluated(&played, SplitName::Validation), [10, 20, 30]);
        let warning = &played.summary.warnings[0];
        assert!(warning.contains(expected), "{warning}");
        assert!(
            warning.ends_with("another evaluator scores the weights of step 20 again"),
            "{warning}"
        );
    }
}

#[test]
fn an_evaluator_that_never_gets_to_weights_is_no_observation() {
    let exits = Act::LastWords("no such data".to_owned());
    for moment in [Moment::Load, Moment::WarmUp] {
        let played = play(&evaluator(moment, exits.clone()));
        assert!(
            played
                .failure(FailureKind::Evaluator)
                .contains("no such data")
        );
        assert!(!played.summary.is_observed());
    }
    let late = play_as(&evaluator(Moment::Load, Act::Hang), |trial| {
        trial.limits.start_up = Span(Duration::from_millis(300));
    });
    let message = late.failure(FailureKind::Evaluator);
    assert_eq!(message, "the evaluator was not ready within 300ms");
    let slow = play_as(&evaluator(Moment::Evaluate(20), Act::Hang), |trial| {
        trial.limits.evaluation = Span(Duration::from_millis(300));
    });
    let phase = Phase::Evaluation;
    assert_eq!(*slow.outcome(), Outcome::TimedOut { phase });
    assert!(slow.summary.is_observed());
}

#[test]
fn a_worker_cannot_put_the_blame_elsewhere() {
    for kind in ["environment", "evaluator", "build", "record", "unscored"] {
        let act = Act::Fail(kind.to_owned(), "no data".to_owned());
        let played = play(&worker(Moment::Train(20), act));
        let message = played.failure(FailureKind::Error);
        let expected =
            format!("by its own account {kind}: no data, at src/lib.rs:7, after step 20");
        assert_eq!(message, expected);
        assert!(played.summary.is_observed(), "{kind}");
    }
    for kind in ["error", "panic", "out-of-memory"] {
        let act = Act::Fail(kind.to_owned(), "no luck".to_owned());
        let played = play(&worker(Moment::Train(20), act));
        let Outcome::Failed(failure) = played.outcome() else {
            panic!("{:?}", played.outcome());
        };
        assert_eq!(failure.kind.name(), kind);
        assert!(failure.message.starts_with("no luck"));
    }
}

#[test]
fn data_that_is_gone_is_an_outcome_that_names_it() {
    let played = play_as(&Script::good(), |trial| {
        trial.data.insert(
            SplitName::Validation,
            "/nowhere/validation.safetensors".into(),
        );
    });
    let message = played.failure(FailureKind::Environment);
    assert!(
        message.contains("/nowhere/validation.safetensors, which it needs, is not there"),
        "{message}"
    );
    // The worker is given the training split alone, and needs no other.
    assert!(message.contains("fake-worker cannot start"), "{message}");
}

#[test]
fn a_program_that_is_not_there_is_an_outcome() {
    let played = play_as(&Script::good(), |trial| {
        trial.programs.worker.launch = Launch::of("/nowhere/lion");
    });
    let message = played.failure(FailureKind::Environment);
    assert!(
        message.starts_with("/nowhere/lion did not start"),
        "{message}"
    );
}

/// The fake worker's weights end in its step and another number.
#[test]
fn weights_of_the_best_and_the_last_evaluation_are_kept_where_that_is_wanted() {
    let script = Script {
        error_rates: vec![0.5, 0.2, 0.3, 0.4],
        ..Script::good()
    };
    let kept = |keep| {
        let played = play_as(&script, |trial| trial.keep_weights = keep);
        let folder = played.stored.folder.join("weights");
        let step = |name: &str| {
            let bytes = std::fs::read(folder.join(name)).ok()?;
            let step = bytes.len().checked_sub(16).map(|at| &bytes[at..at + 8])?;
            Some(u64::from_le_bytes(step.try_into().ok()?))
        };
        let steps = [step("best.safetensors"), step("last.safetensors")];
        (steps, played.summary.steps)
    };
    let (steps, last) = kept(true);
    assert_eq!(steps, [Some(20), Some(last)]);
    assert_eq!(kept(false).0, [None, None]);
}
