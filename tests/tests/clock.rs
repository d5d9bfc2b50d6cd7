//! Nothing is free: what runs off the clock is timed, compared, charged, or suspect.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use bench_core::number::Span;
use bench_core::outcome::{FailureKind, Outcome};
use bench_core::protocol::{Command, Event, Message, Passes};
use bench_core::record::{Line, RunRecord, TrialEvent};
use bench_core::run::SplitName;
use bench_core::spec::harness::{Limits, TestEvaluations};
use bench_harness::interrupt::Interrupts;
use bench_harness::store;
use bench_harness::trial::{self, Trial, TrialProgress, resume_point};
use bench_score::TrialSummary;
use bench_tests::fixture::{self, Played, play, play_as, play_watched};
use bench_tests::script::{Act, Moment, Script};
use std::path::Path;
use std::time::Duration;

fn lines(folder: &Path) -> Vec<Line> {
    store::open(folder).unwrap().1
}

/// Plays until the evaluation of step 20 and is interrupted there.
fn half(script: &Script, change: impl FnOnce(&mut Trial)) -> Played {
    let interrupts = Interrupts::default();
    let played = play_watched(script, change, &interrupts, |progress| {
        if let TrialProgress::Recorded(TrialEvent::Evaluated { step: 20, .. }) = progress {
            interrupts.raise();
        }
    });
    assert_eq!(*played.outcome(), Outcome::Interrupted);
    played
}

/// Goes on where [`half`] was interrupted.
fn resumed(half: &Played, script: &Script, change: impl FnOnce(&mut Trial)) -> TrialSummary {
    let folder = &half.stored.folder;
    let mut trial = fixture::trial(folder, script);
    change(&mut trial);
    trial.record = RunRecord {
        ended: None,
        outcome: None,
        events_digest: None,
        ..half.stored.trial.record.clone()
    };
    trial.lines = lines(folder);
    trial.resume = resume_point(folder, trial.run(), &trial.lines).point;
    assert!(trial.resume.is_some());
    trial::run(&trial, &Interrupts::default(), &mut |_| {})
}

/// `init-ns` and `charged-ns` of every part.
fn inits(folder: &Path) -> Vec<(u64, u64)> {
    let lines = lines(folder);
    let ready = lines.iter().filter_map(|line| match line.event {
        TrialEvent::Ready {
            init_ns,
            charged_ns,
            ..
        } => Some((init_ns, charged_ns)),
        _ => None,
    });
    ready.collect()
}

#[test]
fn init_beyond_five_seconds_is_submission_time_once() {
    let script = Script::good().worker(Moment::Init, Act::Slow(5400));
    let half = half(&script, |_| {});
    let [(init, charged)] = inits(&half.stored.folder)[..] else {
        panic!("one part");
    };
    assert_eq!(charged, init - 5_000_000_000);
    assert!((200_000_000..5_000_000_000).contains(&charged), "{charged}");
    // An interval that was cut off is in the phases alone.
    let is_paid_once = |summary: &TrialSummary| {
        let once = summary.phases.training_ns + charged;
        summary.submission_ns.abs_diff(once) < charged / 2
    };
    assert!(is_paid_once(&half.summary));
    let summary = resumed(&half, &script, |_| {});
    assert_eq!(summary.outcome, Some(Outcome::TargetReached));
    let parts = inits(&half.stored.folder);
    assert_eq!((parts[0], parts[1].1), ((init, charged), 0));
    assert_eq!(summary.charged_ns, charged);
    assert_eq!(summary.init_ns, init + parts[1].0);
    assert!(is_paid_once(&summary));
}

#[test]
fn a_short_init_is_free_and_recorded() {
    let played = play(&Script::good().worker(Moment::Init, Act::Slow(250)));
    let [(init, charged)] = inits(&played.stored.folder)[..] else {
        panic!("one part");
    };
    assert!((150_000_000..5_000_000_000).contains(&init), "{init}");
    assert_eq!(charged, 0);
    assert_eq!(
        played.summary.submission_ns,
        played.summary.phases.training_ns
    );
}

#[test]
fn an_init_that_is_not_announced_is_not_believed() {
    let line = serde_json::to_string(&Message::from(Event::Loaded)).unwrap();
    let played = play(&Script::good().worker(Moment::Load, Act::Line(line)));
    let message = played.failure(FailureKind::Protocol);
    assert!(message.contains("was not asked for"), "{message}");
}

#[test]
fn weights_that_changed_before_the_clock_are_a_failure() {
    let trained = Act::Weights("0123456789abcdef".to_owned());
    let script = Script::good().worker(Moment::WarmUp, trained);
    let played = play(&script);
    assert_eq!(
        played.failure(FailureKind::OffClock),
        "weights or buffers changed before the clock ran: the worker's digest is 0123456789ab, that of the model that the evaluator builds is as built"
    );
    assert_eq!(played.events(), ["started", "ended"]);
    // A resumed trial's are those of its snapshot.
    let half = half(&Script::good(), |_| {});
    let summary = resumed(&half, &script, |_| {});
    let Some(Outcome::Failed(failure)) = summary.outcome else {
        panic!("{:?}", summary.outcome);
    };
    assert_eq!(failure.kind, FailureKind::OffClock);
    let expected = "0123456789ab, that of the model of the snapshot that it goes on from is ";
    assert!(failure.message.contains(expected), "{}", failure.message);
}

#[test]
fn a_worker_that_goes_on_while_it_is_evaluated_is_suspect() {
    let script = Script::good()
        .worker(Moment::Train(10), Act::Restless)
        .evaluator(Moment::Evaluate(10), Act::Slow(2000));
    let played = play(&script);
    assert_eq!(*played.outcome(), Outcome::TimingSuspect);
    let warnings = played.summary.warnings.join("\n");
    assert!(
        warnings.contains("of processor time while it was stopped after step 10 (allowed: 200ms)"),
        "{warnings}"
    );
    assert!(played.summary.worker_cpu.unwrap().frozen_ns > 200_000_000);
    // One that stands still is not.
    let calm = Script::good()
        .worker(Moment::Train(10), Act::Grandchild)
        .evaluator(Moment::Evaluate(10), Act::Slow(500));
    let played = play(&calm);
    assert_eq!(*played.outcome(), Outcome::TargetReached);
    let frozen = lines(&played.stored.folder);
    let frozen = frozen.iter().filter_map(|line| match line.event {
        TrialEvent::Evaluated { frozen_cpu_ns, .. } => frozen_cpu_ns,
        _ => None,
    });
    assert!(frozen.clone().all(|ns| ns < 200_000_000));
    assert_eq!(frozen.count(), 3);
}

/// What the worker was told with the `train` that leads to a step.
fn told(summary: &TrialSummary, step: u64) -> Vec<SplitName> {
    let commands = summary.warnings.iter();
    let commands = commands.filter_map(|line| serde_json::from_str(line).ok());
    let evaluation = commands.filter_map(|command| match command {
        Command::Train { evaluation, .. } => evaluation,
        _ => None,
    });
    let mut evaluation = evaluation.filter(|evaluation| evaluation.step + 10 == step);
    let metrics = evaluation.next().unwrap().metrics;
    metrics.into_keys().collect()
}

#[test]
fn metrics_of_the_test_split_stay_with_the_referee() {
    let always = |trial: &mut Trial| {
        trial.record.run.ruleset.test = TestEvaluations::Always;
        trial.to_budget = true;
    };
    let script = [20, 30, 40, 50]
        .into_iter()
        .fold(Script::good(), |script, step| {
            script.worker(Moment::Train(step), Act::Repeat)
        });
    let played = play_as(&script, always);
    assert_eq!(played.summary.curve.len(), 5);
    for step in [20, 30, 40, 50] {
        let splits = told(&played.summary, step);
        assert_eq!(splits, [SplitName::Train, SplitName::Validation], "{step}");
    }
    // The record has them, and a resumed worker is not told either.
    assert!(played.summary.last(SplitName::Test, "error-rate").is_some());
    let half = half(&Script::good(), always);
    let summary = resumed(&half, &script, always);
    let splits = told(&summary, 30);
    assert_eq!(splits, [SplitName::Train, SplitName::Validation]);
}

#[test]
fn examples_stand_beside_steps_over_all_parts() {
    // The fake passes 4 examples a step each way, and judges by one an interval.
    let after = |intervals: u64| Passes {
        forward: 40 * intervals,
        backward: 40 * intervals,
        judged: intervals,
    };
    let half = half(&Script::good(), |_| {});
    assert_eq!(half.summary.passes, after(2));
    let summary = resumed(&half, &Script::good(), |_| {});
    assert_eq!(summary.passes, after(3));
    let curve: Vec<Passes> = summary.curve.iter().map(|point| point.passes).collect();
    assert_eq!(curve, [after(1), after(2), after(3)]);
    assert_eq!(summary.passes_at(30).map(Passes::total), Some(243));
    let trained = lines(&half.stored.folder);
    let trained = trained.iter().filter_map(|line| match line.event {
        TrialEvent::Trained { passes, .. } => Some(passes),
        _ => None,
    });
    assert_eq!(trained.collect::<Vec<_>>(), [after(1), after(2), after(3)]);
}

#[test]
fn limits_in_force_are_recorded_and_looser_ones_named() {
    let played = play_as(&Script::good(), |trial| {
        trial.limits = Limits {
            evaluation: Span(Duration::from_secs(900)),
            snapshot: Span(Duration::from_secs(30)),
            ..Limits::default()
        };
    });
    let record = &played.stored.trial.record;
    let evaluation = record.limits.map(|limits| limits.evaluation);
    assert_eq!(evaluation, Some(Span(Duration::from_secs(900))));
    assert_eq!(
        record.loosened(),
        [
            "evaluation 15m, not 5m",
            "claim 0.5, not 0.05",
            "wall 0.5, not 0.01",
            "claim-at-least 5s, not 100ms",
            "frozen 200ms, not 50ms",
        ]
    );
}
