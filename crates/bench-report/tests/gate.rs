//! Comparisons in words, a verdict each.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use bench_core::outcome::Outcome;
use bench_core::passage::{Passage, Point};
use bench_core::run::{Purpose, Seed};
use bench_report::gate::{comparison, comparison_text, headline};
use bench_score::Trial;
use bench_score::gate::{By, Judgement, Rule, judge};
use std::path::Path;

/// Some record, to be changed.
fn record() -> Trial {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../bench-cli/tests/fixtures/runs/single/adamw/blobs/study-1/trial-1-ec7ace9a944d");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    Trial::parse(&read("run.json"), &read("events.jsonl")).unwrap()
}

/// Studies of a workload that took these steps; 0 for a miss.
fn studies(workload: &str, steps: &[u64], milliseconds_a_step: f64) -> Vec<Trial> {
    let study = |(index, &step): (usize, &u64)| {
        let mut trial = record();
        trial.record.run.workload_name = workload.to_owned();
        trial.record.comparability_key = workload.to_owned();
        trial.record.run.seed = Seed::new(Purpose::Comparing, 0, index as u32 + 1, 1);
        let ns = |step: u64| (step as f64 * milliseconds_a_step * 1e6) as u64;
        let point = |step| Point {
            step,
            submission_ns: ns(step),
            value: 0.1,
        };
        let last = if step == 0 { 2_000 } else { step };
        (trial.summary.steps, trial.summary.submission_ns) = (last, ns(last));
        trial
            .summary
            .curve
            .iter_mut()
            .for_each(|point| point.step += last);
        trial.summary.outcome = Some(Outcome::TargetReached);
        trial.summary.passage = (step > 0).then(|| Passage {
            before: Some(point(step - 10)),
            at: point(step),
        });
        trial
    };
    steps.iter().enumerate().map(study).collect()
}

const QUIET: [u64; 5] = [1_000, 1_010, 990, 1_020, 1_005];
const NOISY: [u64; 5] = [1_000, 1_300, 800, 1_100, 900];

fn scaled(steps: &[u64], factor: f64) -> Vec<u64> {
    steps
        .iter()
        .map(|&steps| (steps as f64 * factor).round() as u64)
        .collect()
}

fn over_three(base: &[u64], candidate: &[u64]) -> Judgement {
    let side = |steps: &[u64], pace: f64| -> Vec<Trial> {
        ["alpha", "beta", "gamma"]
            .iter()
            .flat_map(|workload| studies(workload, steps, pace))
            .collect()
    };
    judge(&side(base, 2.0), &side(candidate, 2.2), Rule::default())
}

fn mixed() -> Judgement {
    let side = |alpha: &[u64], beta: &[u64]| {
        [studies("alpha", alpha, 2.0), studies("beta", beta, 2.0)].concat()
    };
    judge(
        &side(&QUIET, &QUIET),
        &side(&scaled(&QUIET, 1.3), &scaled(&QUIET, 0.7)),
        Rule::default(),
    )
}

#[test]
fn each_verdict_has_its_line() {
    let by_time = Rule {
        by: By::Time,
        ..Rule::default()
    };
    let misses = [0, 0, 0, 1_000, 1_010];
    let one = |base: &[u64], candidate: &[u64], rule| {
        judge(
            &studies("alpha", base, 2.0),
            &studies("alpha", candidate, 2.0),
            rule,
        )
    };
    let lines = [
        over_three(&QUIET, &scaled(&QUIET, 0.9)),
        over_three(&NOISY, &scaled(&NOISY, 0.55)),
        over_three(&QUIET, &scaled(&QUIET, 1.08)),
        over_three(&QUIET, &scaled(&QUIET, 1.001)),
        over_three(&NOISY, &scaled(&NOISY, 1.02)),
        over_three(&QUIET, &misses),
        mixed(),
        over_three(&QUIET, &QUIET),
        one(&QUIET, &QUIET, by_time),
        one(&QUIET[..2], &scaled(&QUIET[..2], 0.8), by_time),
        one(&[0, 0, 0], &[0, 0, 0], Rule::default()),
        judge(&[], &studies("alpha", &QUIET, 2.0), Rule::default()),
    ];
    let told: Vec<String> = lines.iter().map(headline).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn the_whole_answer() {
    insta::assert_snapshot!(
        "gate-faster",
        comparison_text(&over_three(&QUIET, &scaled(&QUIET, 0.9)), 200)
    );
    insta::assert_snapshot!("gate-mixed", comparison_text(&mixed(), 120));
    insta::assert_snapshot!(
        "gate-doubt",
        comparison_text(&over_three(&NOISY, &scaled(&NOISY, 1.02)), 80)
    );
}

#[test]
fn programs_get_full_precision() {
    insta::assert_snapshot!(comparison(&mixed()).csv().unwrap());
}

#[test]
fn looser_limits_are_told() {
    let mut judgement = mixed();
    judgement.workloads[1].candidate.loosened = 2;
    let told = "trials under limits or tolerances looser than the built-in ones: 0 of the base, 2 of the candidate";
    let text = comparison_text(&judgement, 200);
    assert!(text.contains(told), "{text}");
}
