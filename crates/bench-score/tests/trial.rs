//! The fold from events to a trial's summary.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use bench_core::number::Measured;
use bench_core::outcome::{Failure, FailureKind, Outcome};
use bench_core::record::{ResumedFrom, TrialEvent};
use bench_core::run::SplitName;
use bench_score::{ReadError, Trial, parse_events};
use support::{ended, interval, line, record, run};

fn started(resumed: Option<(u64, u64)>) -> bench_core::record::Line {
    let resumed = resumed.map(|(step, ms)| ResumedFrom {
        step,
        submission_ns: ms * 1_000_000,
    });
    line(TrialEvent::Started {
        at: String::new(),
        resumed,
    })
}

fn fold(lines: Vec<bench_core::record::Line>) -> Trial {
    Trial::new(record(run("a", 1, 1)), &lines)
}

#[test]
fn a_passage_is_the_first_evaluation_that_meets_the_target() {
    let mut lines = vec![started(None)];
    for (step, ms, error) in [(100, 10, 0.3), (200, 20, 0.1), (300, 30, 0.05)] {
        lines.extend(interval(step, ms, error));
    }
    lines.push(ended(Outcome::TargetReached));
    let summary = fold(lines).summary;
    let passage = summary.hit().unwrap();
    assert_eq!((passage.before.unwrap().step, passage.at.step), (100, 200));
    assert_eq!((summary.steps, summary.submission_ns), (300, 30_000_000));
    assert_eq!(summary.steps_per_second(), Some(10_000.0));
    assert_eq!(
        summary.last(SplitName::Validation, "error-rate"),
        Some(0.05)
    );
    assert_eq!(summary.last(SplitName::Test, "error-rate"), None);
}

#[test]
fn what_was_recorded_beyond_the_snapshot_does_not_count() {
    let mut lines = vec![started(None)];
    lines.extend(interval(100, 10, 0.3));
    lines.extend(interval(200, 20, 0.09));
    // Killed without a last word; the snapshot is that of step 100.
    lines.push(started(Some((100, 10))));
    lines.extend(interval(200, 25, 0.2));
    lines.extend(interval(300, 35, 0.08));
    lines.push(ended(Outcome::TargetReached));
    let summary = fold(lines).summary;
    let steps: Vec<u64> = summary.curve.iter().map(|point| point.step).collect();
    assert_eq!(steps, [100, 200, 300]);
    assert_eq!(
        (summary.resumed, summary.hit().unwrap().at.submission_ns),
        (1, 35_000_000)
    );
    assert_eq!(summary.phases.wall_ns, 1_000);
}

#[test]
fn a_trial_begun_again_forgets_the_first_attempt() {
    let mut lines = vec![started(None)];
    lines.extend(interval(100, 10, 0.05));
    lines.push(started(None));
    lines.extend(interval(100, 12, 0.3));
    let summary = fold(lines).summary;
    assert_eq!(
        (summary.curve.len(), summary.passage, summary.outcome),
        (1, None, None)
    );
}

#[test]
fn which_outcomes_let_a_passage_count() {
    let failure = Failure {
        kind: FailureKind::Panic,
        message: String::new(),
    };
    for (outcome, counts) in [
        (Outcome::TargetReached, true),
        (Outcome::BudgetExhausted, true),
        (Outcome::Failed(failure), true),
        (Outcome::Interrupted, false),
        (Outcome::TimingSuspect, false),
    ] {
        let mut lines = vec![started(None)];
        lines.extend(interval(100, 10, 0.05));
        lines.push(ended(outcome.clone()));
        assert_eq!(fold(lines).summary.hit().is_some(), counts, "{outcome:?}");
    }
}

#[test]
fn a_torn_line_is_ignored_where_a_kill_leaves_one() {
    let started = r#"{"t":0.0,"event":"started","at":"now"}"#;
    let read = |text: &str| parse_events(text).map(|lines| lines.len());
    assert_eq!(read(&format!("{started}\n{{\"t\":1.0,\"ev")).unwrap(), 1);
    assert_eq!(
        read(&format!("{started}\n{{\"t\":1.0,\"ev\n{started}\n")).unwrap(),
        2
    );
    let error = read(&format!(
        "{started}\nnonsense\n{{\"t\":1.0,\"event\":\"warned\",\"message\":\"m\"}}\n"
    ));
    assert!(matches!(error, Err(ReadError::Event { line: 2, .. })));
}

#[test]
fn a_newer_format_is_refused() {
    let mut record = record(run("a", 1, 1));
    record.format = 99;
    let text = serde_json::to_string(&record).unwrap();
    assert!(matches!(
        Trial::parse(&text, ""),
        Err(ReadError::Format { found: 99 })
    ));
}

#[test]
fn a_trial_survives_its_json() {
    let mut trial = support::trial("a", 1, 1, Some((10, 100)));
    let text = serde_json::to_string(&trial).unwrap();
    // In no file: it follows from the events.
    trial.summary.training.clear();
    assert_eq!(serde_json::from_str::<Trial>(&text).unwrap(), trial);
}

#[test]
fn an_interval_keeps_what_its_last_step_logged() {
    let logged = |step, values: &[(&str, f64)]| {
        let values = values.iter();
        let values = values.map(|&(name, value)| (name.to_owned(), Measured(value)));
        line(TrialEvent::Logged {
            step,
            values: values.collect(),
        })
    };
    let mut lines = vec![started(None)];
    lines.extend(interval(100, 10, 0.3));
    lines.push(logged(
        50,
        &[("learning-rate", 0.5), ("gradient-norm", 3.0)],
    ));
    lines.push(logged(99, &[("learning-rate", 0.25), ("win-rate", 1.0)]));
    lines.extend(interval(200, 20, 0.2));
    let seen = |lines: &[_]| -> Vec<(u64, Option<f64>, Option<f64>)> {
        let training = fold(lines.to_vec()).summary.training.into_iter();
        let seen = training.map(|point| (point.step, point.learning_rate, point.gradient_norm));
        seen.collect()
    };
    let first = (100, Some(0.25), Some(3.0));
    assert_eq!(seen(&lines), [first, (200, None, None)]);
    // A part that goes on from before repeats what came after.
    lines.push(started(Some((100, 10))));
    assert_eq!(seen(&lines), [first]);
}
