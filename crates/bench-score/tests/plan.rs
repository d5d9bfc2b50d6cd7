//! What runs will cost, from what is known of others.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use bench_score::plan::{Cost, CostSource, cost};
use support::{run, trial};

/// A trial of 1,000 steps took 50 s.
fn planned(change: impl Fn(&mut bench_core::run::RunSpec)) -> Cost {
    let mut run = run("lion", 1, 1);
    run.ruleset.confirm = false;
    change(&mut run);
    cost(&run, &[trial("lion", 1, 1, None)], &[], "m1")
}

#[test]
fn no_more_steps_are_counted_than_a_trial_may_take() {
    let same = planned(|_| {});
    assert_eq!(
        (same.seconds, same.seconds_at_most, same.source),
        (50.0, 50.0, CostSource::Records)
    );
    let capped = planned(|run| run.workload.budget.steps = 40);
    assert_eq!((capped.seconds, capped.seconds_at_most), (2.0, 2.0));
    let timed = planned(|run| run.workload.budget.time.0 /= 6);
    assert_eq!((timed.seconds, timed.seconds_at_most), (10.0, 10.0));
}

#[test]
fn a_variant_without_records_knows_its_steps_from_its_base() {
    let variant = planned(|run| {
        run.workload_name = "blobs-short".to_owned();
        run.workload.budget.steps = 40;
    });
    assert_eq!(
        (variant.seconds, variant.seconds_at_most, variant.source),
        (2.0, 2.0, CostSource::Steps)
    );
    // Of another batch size a step is another one.
    let other = planned(|run| {
        run.workload_name = "blobs-short".to_owned();
        run.submission.batch_size = 64;
    });
    assert_eq!(other.source, CostSource::Budget);
}
