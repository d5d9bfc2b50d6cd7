//! Laws of comparisons, for every set of records.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use bench_score::Trial;
use bench_score::gate::{By, Judgement, Rule, judge};
use bench_score::statistics::Verdict;
use proptest::prelude::*;
use support::trial;

/// Milliseconds and steps of each study, or a miss. Nine times as long is within the budget of a minute.
type Hits = Vec<Option<(u64, u64)>>;

fn hits() -> impl Strategy<Value = Hits> {
    prop::collection::vec(prop::option::weighted(0.8, (1..6_000u64, 1..1000u64)), 1..6)
}

fn trials(submission: &str, hits: &Hits) -> Vec<Trial> {
    let numbered = hits.iter().enumerate();
    numbered
        .map(|(index, hit)| {
            let mut trial = trial(submission, index as u32 + 1, 1, *hit);
            // Else a miss would wait for its study's other trials.
            trial.record.context.study_trials = Some(1);
            trial
        })
        .collect()
}

fn by(by: By) -> Rule {
    Rule {
        by,
        ..Rule::default()
    }
}

/// What must not change: everything but the raw numbers.
fn story(judgement: &Judgement) -> (Verdict, Option<f64>, Option<f64>, usize, bool) {
    let rounded = |x: Option<f64>| x.map(|x| (x * 1e9).round() / 1e9);
    (
        judgement.verdict,
        rounded(judgement.lower),
        rounded(judgement.upper),
        judgement.candidate_misses,
        judgement.identical,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_order_of_records_does_not_matter((a, b, turned) in (hits(), hits()).prop_flat_map(|(a, b)| {
        let (a, b) = (trials("a", &a), trials("b", &b));
        (Just(a.clone()), Just(b), Just(a).prop_shuffle())
    })) {
        let (one, other) = (judge(&a, &b, Rule::default()), judge(&turned, &b, Rule::default()));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn scaling_all_times_changes_nothing(a in hits(), b in hits(), factor in 2..9u64) {
        let scaled = |hits: &Hits| -> Hits {
            hits.iter().map(|hit| hit.map(|(ms, steps)| (ms * factor, steps))).collect()
        };
        let judged = |a: &Hits, b: &Hits| judge(&trials("a", a), &trials("b", b), by(By::Time));
        prop_assert_eq!(story(&judged(&a, &b)), story(&judged(&scaled(&a), &scaled(&b))));
    }

    #[test]
    fn duplicates_tie(hits in hits()) {
        let judgement = judge(&trials("a", &hits), &trials("a", &hits), Rule::default());
        prop_assert!(judgement.identical);
        prop_assert!(!matches!(judgement.verdict, Verdict::Faster | Verdict::Regression | Verdict::ReachRateFell | Verdict::Mixed));
        prop_assert!(judgement.ratio.is_none_or(|ratio| (ratio - 1.0).abs() < 1e-12 || hits.iter().any(Option::is_none)));
    }

    #[test]
    fn a_faster_candidate_is_never_judged_worse(a in hits(), b in hits()) {
        let faster: Hits = b.iter().map(|hit| hit.map(|(ms, steps)| (ms.div_ceil(2), steps.div_ceil(2)))).collect();
        let judged = |b: &Hits| judge(&trials("a", &a), &trials("b", b), Rule::default());
        let (before, after) = (judged(&b), judged(&faster));
        prop_assert!(after.verdict != Verdict::Regression || before.verdict == Verdict::Regression);
        prop_assert!(before.verdict != Verdict::Faster || after.verdict == Verdict::Faster);
    }

    #[test]
    fn more_studies_see_no_less(sd in 0.005..0.3f64, n in 3..12usize) {
        use bench_score::gate::{Noise, NoiseSource, Sight};
        let noise = || vec![Noise { workload: "w".to_owned(), sd, source: NoiseSource::Prior }];
        let least = |n| Sight::with(noise(), n, 0.05, 0.05).detectable.unwrap_or(f64::INFINITY);
        prop_assert!(least(n + 1) <= least(n));
    }
}

#[test]
fn records_of_other_rules_are_left_out_and_said() {
    let mut other = trials("b", &vec![Some((100, 10)); 3]);
    for trial in &mut other {
        trial.record.comparability_key = "other".to_owned();
    }
    let judgement = judge(
        &trials("a", &vec![Some((100, 10)); 3]),
        &other,
        Rule::default(),
    );
    assert!(judgement.workloads.is_empty() && !judgement.identical);
    assert!(
        judgement.left_out[0].contains("other rules"),
        "{:?}",
        judgement.left_out
    );
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
}

#[test]
fn seconds_of_other_machines_do_not_meet_but_steps_do() {
    let here = trials("a", &vec![Some((100, 10)); 3]);
    let mut there = trials("b", &vec![Some((900, 10)); 3]);
    for trial in &mut there {
        trial.record.machine.fingerprint = "elsewhere".to_owned();
    }
    let by_time = judge(&here, &there, by(By::Time));
    assert!(by_time.workloads.is_empty() && by_time.left_out[0].contains("other machines"));
    let by_steps = judge(&here, &there, by(By::Steps));
    assert_eq!(by_steps.workloads.len(), 1);
    assert_eq!(by_steps.workloads[0].seconds_per_step_ratio, None);
}

#[test]
fn a_clock_that_is_not_trusted_costs_the_seconds_and_not_the_steps() {
    let mut trials = trials("a", &vec![Some((100, 10)); 3]);
    trials[0].summary.outcome = Some(bench_core::outcome::Outcome::TimingSuspect);
    let judged = |by| {
        judge(
            &trials,
            &trials,
            Rule {
                by,
                ..Rule::default()
            },
        )
        .workloads
        .remove(0)
        .base
    };
    assert_eq!(
        (judged(By::Steps).reached, judged(By::Steps).timing_suspect),
        (3, 1)
    );
    assert_eq!(judged(By::Time).studies[0].seconds, None);
    assert_eq!(judge(&trials, &trials, Rule::default()).base_misses, 0);
    let by_time = Rule {
        by: By::Time,
        ..Rule::default()
    };
    assert_eq!(judge(&trials, &trials, by_time).base_misses, 1);
}
