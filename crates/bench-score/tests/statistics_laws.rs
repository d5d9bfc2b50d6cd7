//! Laws of the statistics, and their exact probabilities against plain enumeration.

#![cfg(test)]

use bench_score::statistics::{
    FrozenWorkload, Pair, Verdict, compare, frozen_difference, frozen_score, holm, rank_test,
    reach_test, stratified_shift, to_time,
};
use proptest::prelude::*;

const MISS: f64 = f64::INFINITY;

/// Few different numbers, so that ties are common, and misses.
fn time() -> impl Strategy<Value = f64> {
    prop_oneof![3 => (1..12u32).prop_map(f64::from), 3 => 1.0..100.0f64, 1 => Just(MISS)]
}

fn pair() -> impl Strategy<Value = Pair> {
    let times = || prop::collection::vec(time(), 1..5);
    (times(), times()).prop_map(|(a, b)| Pair::new(&a, &b))
}

fn pairs() -> impl Strategy<Value = Vec<Pair>> {
    prop::collection::vec(pair(), 1..4)
}

fn swapped(pairs: &[Pair]) -> Vec<Pair> {
    pairs
        .iter()
        .map(|pair| Pair::new(pair.b(), pair.a()))
        .collect()
}

fn close(x: f64, y: f64) -> bool {
    x == y || (x - y).abs() <= 1e-9 * y.abs().max(1.0)
}

/// Every way to call as many of a workload's studies B.
fn relabelled(pair: &Pair) -> Vec<Pair> {
    let all: Vec<f64> = pair.a().iter().chain(pair.b()).copied().collect();
    let chosen = |mask: u32| (0..all.len()).map(move |i| mask >> i & 1 == 1);
    (0..1u32 << all.len())
        .filter(|mask| mask.count_ones() as usize == pair.b().len())
        .map(|mask| {
            let side = |b: bool| -> Vec<f64> {
                let taken = all.iter().zip(chosen(mask)).filter(|(_, is_b)| *is_b == b);
                taken.map(|(time, _)| *time).collect()
            };
            Pair::new(&side(false), &side(true))
        })
        .collect()
}

fn statistic(pair: &Pair) -> f64 {
    rank_test(std::slice::from_ref(pair)).statistic
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn exact_means_enumerated(one in pair(), other in pair()) {
        let pairs = [one.clone(), other.clone()];
        let (test, reach) = (rank_test(&pairs), reach_test(&pairs));
        let (mut all, mut low, mut high, mut fell) = (0, 0, 0, 0);
        let misses = |pair: &Pair| pair.misses().1;
        for first in relabelled(&one) {
            for second in relabelled(&other) {
                let t = statistic(&first) + statistic(&second);
                all += 1;
                low += i32::from(t <= test.statistic + 1e-9);
                high += i32::from(t >= test.statistic - 1e-9);
                fell += i32::from(misses(&first) + misses(&second) >= reach.misses_b);
            }
        }
        let share = |count: i32| f64::from(count) / f64::from(all);
        prop_assert!(close(test.p_faster, share(low)));
        prop_assert!(close(test.p_slower, share(high)));
        prop_assert!(close(reach.p_fell, share(fell)));
    }

    #[test]
    fn swapping_the_sides_mirrors_everything(pairs in pairs()) {
        let (ab, ba) = (stratified_shift(&pairs, 0.05), stratified_shift(&swapped(&pairs), 0.05));
        prop_assert_eq!(ab.estimate.is_none(), ba.estimate.is_none());
        if let (Some(x), Some(y)) = (ab.estimate, ba.estimate) {
            prop_assert!(close(x, -y));
        }
        prop_assert!(close(ab.lower, -ba.upper) && close(ab.upper, -ba.lower));
        let (ab, ba) = (rank_test(&pairs), rank_test(&swapped(&pairs)));
        prop_assert!(close(ab.p_faster, ba.p_slower) && close(ab.p_two_sided, ba.p_two_sided));
        let (ab, ba) = (reach_test(&pairs), reach_test(&swapped(&pairs)));
        prop_assert!(close(ab.p_fell, ba.p_rose));
    }

    #[test]
    fn the_order_of_input_does_not_matter(pairs in pairs()) {
        let turn = |times: &[f64]| times.iter().rev().copied().collect::<Vec<f64>>();
        let turned: Vec<Pair> = pairs.iter().rev().map(|pair| Pair::new(&turn(pair.a()), &turn(pair.b()))).collect();
        let (one, other) = (stratified_shift(&pairs, 0.05), stratified_shift(&turned, 0.05));
        prop_assert!(close(one.lower, other.lower) && close(one.upper, other.upper));
        prop_assert!(close(rank_test(&pairs).p_two_sided, rank_test(&turned).p_two_sided));
        prop_assert_eq!(compare(&pairs, 0.05, 0.05).verdict, compare(&turned, 0.05, 0.05).verdict);
    }

    #[test]
    fn nothing_is_nan_and_intervals_hold_their_estimate(pairs in pairs(), alpha in 0.001..0.5f64) {
        let shift = stratified_shift(&pairs, alpha);
        prop_assert!(shift.lower <= shift.upper, "{shift:?}");
        prop_assert!(shift.confidence >= 1.0 - 2.0 * alpha - 1e-9 && shift.confidence <= 1.0);
        if let Some(estimate) = shift.estimate {
            prop_assert!(!estimate.is_nan());
        }
        let test = rank_test(&pairs);
        for p in [test.p_faster, test.p_slower, test.p_two_sided, test.p_normal] {
            prop_assert!((0.0..=1.0).contains(&p));
        }
    }

    #[test]
    fn a_faster_b_never_has_a_larger_ratio(pairs in pairs(), factor in 0.2..1.0f64) {
        let faster: Vec<Pair> = pairs.iter().map(|pair| {
            let b: Vec<f64> = pair.b().iter().map(|time| time * factor).collect();
            Pair::new(pair.a(), &b)
        }).collect();
        let (before, after) = (stratified_shift(&pairs, 0.05), stratified_shift(&faster, 0.05));
        prop_assert!(after.lower <= before.lower + 1e-12 && after.upper <= before.upper + 1e-12);
        prop_assert!(rank_test(&faster).prob_b_faster >= rank_test(&pairs).prob_b_faster);
    }

    #[test]
    fn identical_sides_are_never_told_apart(times in prop::collection::vec(time(), 1..6)) {
        let pairs = vec![Pair::new(&times, &times); 3];
        let comparison = compare(&pairs, 0.05, 0.05);
        prop_assert!(matches!(comparison.verdict, Verdict::Equivalent | Verdict::Inconclusive));
        prop_assert_eq!(comparison.rank.p_two_sided, 1.0);
    }

    #[test]
    fn holm_only_raises(p in prop::collection::vec(0.0..=1.0f64, 0..10)) {
        let adjusted = holm(&p);
        prop_assert!(p.iter().zip(&adjusted).all(|(p, adjusted)| p <= adjusted && *adjusted <= 1.0));
    }

    #[test]
    fn the_frozen_score_falls_with_time_and_a_miss_is_nothing(times in prop::collection::vec(time(), 2..6), slower in 1.0..3.0f64) {
        let workload = |times: &[f64]| FrozenWorkload { times: times.to_vec(), reference: 10.0 };
        let later: Vec<f64> = times.iter().map(|time| time * slower).collect();
        let missed = vec![MISS; times.len()];
        let score = |times: &[f64]| frozen_score(&[workload(times)], 0.05);
        let (now, then, never) = (score(&times), score(&later), score(&missed));
        prop_assert!(now.score >= then.score && then.score >= never.score);
        prop_assert_eq!(never.score, Some(0.0));
        prop_assert!(now.lower <= now.score && now.score <= now.upper);
        let same = frozen_difference(&[workload(&times)], &[workload(&times)], 0.05);
        prop_assert_eq!(same.difference, Some(0.0));
    }

    #[test]
    fn the_frozen_score_is_logistic_in_the_speed_up(ratio in 0.01..100.0f64) {
        let at = |time: f64| frozen_score(&[FrozenWorkload { times: vec![time; 2], reference: 10.0 }], 0.05).score.unwrap();
        prop_assert!(close(at(10.0 * ratio) + at(10.0 / ratio), 1.0));
    }

    #[test]
    fn any_bits_make_a_time(bits in any::<u64>()) {
        prop_assert!(!to_time(f64::from_bits(bits)).ln().is_nan());
    }
}
