//! The gate: better, worse, equivalent, or not known.

use super::pair::Pair;
use super::rank::{RankTest, rank_test};
use super::reach::{ReachTest, reach_test};
use super::shift::{Shift, stratified_shift};
use super::within;
use serde::{Deserialize, Serialize};

/// What a comparison of B with A ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// B misses the target more often.
    ReachRateFell,
    /// B is slower on one workload and faster on another, so that one number would hide it.
    Mixed,
    /// B's time lies within the margin of A's.
    Equivalent,
    /// B is faster.
    Faster,
    /// B is slower.
    Regression,
    /// These studies cannot tell.
    Inconclusive,
    /// B would pass by its times, but it may miss more often.
    ReachInDoubt,
}

impl Verdict {
    /// The word in files: the two that cannot tell share one.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::ReachRateFell => "reach_rate_fell",
            Verdict::Mixed => "mixed",
            Verdict::Equivalent => "equivalent",
            Verdict::Faster => "faster",
            Verdict::Regression => "regression",
            Verdict::Inconclusive | Verdict::ReachInDoubt => "inconclusive",
        }
    }
}

/// A verdict and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The end of the procedure.
    pub verdict: Verdict,
    /// Over all workloads.
    pub shift: Shift,
    /// Each workload alone, at the level divided by the number of workloads; `None` where one side has no studies.
    pub workloads: Vec<Option<Shift>>,
    /// Misses.
    pub reach: ReachTest,
    /// Any difference, and the probability that B is faster.
    pub rank: RankTest,
    /// Workloads on which B alone is slower, as given. Worth showing with a good verdict too.
    pub slower_on: Vec<usize>,
    /// Workloads on which B alone is faster.
    pub faster_on: Vec<usize>,
}

/// Compares B with A over workloads: does B reach the target as often; do workloads disagree; and is the time ratio within the margin, below 1 or above.
pub fn compare(pairs: &[Pair], margin: f64, alpha: f64) -> Comparison {
    let shift = stratified_shift(pairs, alpha);
    let reach = reach_test(pairs);
    let two_sided = pairs.iter().filter(|pair| pair.is_two_sided()).count();
    let each = alpha / two_sided.max(1) as f64;
    let alone = |pair: &Pair| {
        let pair = std::slice::from_ref(pair);
        pair[0].is_two_sided().then(|| stratified_shift(pair, each))
    };
    let workloads: Vec<Option<Shift>> = pairs.iter().map(alone).collect();
    let on = |is: fn(&Shift) -> bool| -> Vec<usize> {
        let shift = |&i: &usize| workloads[i].as_ref().is_some_and(is);
        (0..workloads.len()).filter(shift).collect()
    };
    let slower_on = on(|shift| shift.lower > 0.0);
    let faster_on = on(|shift| shift.upper < 0.0);
    let mixed = !slower_on.is_empty() && !faster_on.is_empty();
    Comparison {
        verdict: verdict(&shift, &reach, mixed, margin, alpha),
        rank: rank_test(pairs),
        shift,
        workloads,
        reach,
        slower_on,
        faster_on,
    }
}

fn verdict(shift: &Shift, reach: &ReachTest, mixed: bool, margin: f64, alpha: f64) -> Verdict {
    if within(reach.p_fell, alpha) {
        return Verdict::ReachRateFell;
    }
    if mixed {
        return Verdict::Mixed;
    }
    let (lower, upper) = shift.ratios();
    let passed = if lower >= 1.0 / (1.0 + margin) && upper <= 1.0 + margin {
        Verdict::Equivalent
    } else if upper < 1.0 {
        Verdict::Faster
    } else if lower > 1.0 {
        return Verdict::Regression;
    } else {
        return Verdict::Inconclusive;
    };
    if within(reach.p_fell, 5.0 * alpha) {
        return Verdict::ReachInDoubt;
    }
    passed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_study_gives_no_verdict() {
        let comparison = compare(&[Pair::new(&[100.0], &[50.0])], 0.05, 0.05);
        assert_eq!(comparison.verdict, Verdict::Inconclusive);
    }

    #[test]
    fn nothing_to_compare_is_inconclusive() {
        let comparison = compare(&[Pair::new(&[], &[50.0])], 0.05, 0.05);
        assert_eq!(comparison.verdict, Verdict::Inconclusive);
        assert_eq!(
            (comparison.rank.prob_b_faster, comparison.workloads),
            (None, vec![None])
        );
    }
}
