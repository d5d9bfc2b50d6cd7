//! How much faster: the stratified Hodges-Lehmann estimate of ln(time of B / time of A), with its exact interval.

use super::law::{Law, doubled_u, weights};
use super::pair::{Pair, two_sided};
use super::within;

/// The common shift of ln(time) from A to B over workloads; below 0, and a ratio below 1: B is faster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The estimate; `None` where every study missed, or where misses of the two sides balance.
    pub estimate: Option<f64>,
    /// Lower end; minus infinity where this many studies give none at this level.
    pub lower: f64,
    /// Upper end; infinity where there is none.
    pub upper: f64,
    /// What the interval truly covers, at least 1 - 2 alpha: laws of ranks have steps.
    pub confidence: f64,
}

impl Shift {
    /// Time of B over time of A.
    pub fn ratio(&self) -> Option<f64> {
        self.estimate.map(f64::exp)
    }

    /// Ends of the interval as ratios; 0 and infinity where there is none.
    pub fn ratios(&self) -> (f64, f64) {
        (self.lower.exp(), self.upper.exp())
    }

    /// Whether there is an interval at all.
    pub fn is_bounded(&self) -> bool {
        self.lower > f64::NEG_INFINITY || self.upper < f64::INFINITY
    }
}

/// Estimates the shift. Workloads without studies on both sides are left out; those that nobody reached drop out by themselves.
pub fn stratified_shift(pairs: &[Pair], alpha: f64) -> Shift {
    let pairs = two_sided(pairs);
    let weights = weights(&pairs);
    let differences = Differences::of(&pairs, &weights);
    let law = null_law(&pairs, &weights);
    let low = law.low(|probability| within(probability, alpha));
    let high = law.high(|probability| within(probability, alpha));
    let outside = low.map_or(0.0, |(_, p)| p) + high.map_or(0.0, |(_, p)| p);
    Shift {
        estimate: differences.weighted_median(),
        lower: differences.lower(high.map(|(s, _)| s)),
        upper: differences.upper(low.map(|(s, _)| s)),
        confidence: 1.0 - outside,
    }
}

/// The law of S when A and B are exchangeable, given how many missed in each workload. Finite ties are ignored.
fn null_law(pairs: &[&Pair], weights: &[u64]) -> Law {
    let mut law = Law::zero();
    for (pair, &weight) in pairs.iter().zip(weights) {
        let (missed_a, missed_b) = pair.misses();
        let missed = (missed_a + missed_b) as u64;
        let reached = pair.total() as u64 - missed;
        let mut ranks: Vec<u64> = (1..=reached).map(|rank| 2 * rank).collect();
        ranks.extend((0..missed).map(|_| 2 * reached + missed + 1));
        law.add(&doubled_u(&ranks, pair.b().len()), weight);
    }
    law
}

/// All ln b - ln a within a workload, sorted, with their weights.
struct Differences {
    sorted: Vec<(f64, u64)>,
    /// Weight of the pairs that both missed: they have no difference.
    both_missed: u64,
}

impl Differences {
    fn of(pairs: &[&Pair], weights: &[u64]) -> Differences {
        let mut sorted = Vec::new();
        let mut both_missed = 0;
        for (pair, &weight) in pairs.iter().zip(weights) {
            for a in pair.a() {
                for b in pair.b() {
                    match b.ln() - a.ln() {
                        difference if difference.is_nan() => both_missed += weight,
                        difference => sorted.push((difference, weight)),
                    }
                }
            }
        }
        sorted.sort_by(|x, y| x.0.total_cmp(&y.0));
        Differences {
            sorted,
            both_missed,
        }
    }

    fn weight(&self) -> u64 {
        self.sorted.iter().map(|&(_, weight)| weight).sum()
    }

    fn weighted_median(&self) -> Option<f64> {
        let total = self.weight();
        let mut before = 0;
        for (index, &(difference, weight)) in self.sorted.iter().enumerate() {
            before += weight;
            if 2 * before > total {
                return Some(difference);
            }
            if 2 * before == total {
                let next = self.sorted.get(index + 1)?.0;
                let mean = (difference + next) / 2.0;
                return (!mean.is_nan()).then_some(mean);
            }
        }
        None
    }

    fn lower(&self, high: Option<u64>) -> f64 {
        let fits = |above: u64| high.is_some_and(|high| self.both_missed + 2 * above < high);
        let mut above = self.weight();
        if high.is_none() || fits(above) {
            return f64::NEG_INFINITY;
        }
        for tied in self.sorted.chunk_by(|x, y| x.0 == y.0) {
            above -= tied.iter().map(|&(_, weight)| weight).sum::<u64>();
            if fits(above) {
                return tied[0].0;
            }
        }
        f64::INFINITY
    }

    fn upper(&self, low: Option<u64>) -> f64 {
        let Some(low) = low.filter(|&low| self.both_missed <= low) else {
            return f64::INFINITY;
        };
        let mut from = 0;
        for tied in self.sorted.chunk_by(|x, y| x.0 == y.0).rev() {
            from += tied.iter().map(|&(_, weight)| weight).sum::<u64>();
            if self.both_missed + 2 * from > low {
                return tied[0].0;
            }
        }
        f64::NEG_INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_studies_a_side_give_no_interval_on_one_workload() {
        let shift = stratified_shift(&[Pair::new(&[1.0, 2.0], &[3.0, 4.0])], 0.05);
        assert!(!shift.is_bounded());
        assert_eq!(shift.ratios(), (0.0, f64::INFINITY));
    }

    #[test]
    fn nothing_to_compare_is_no_estimate() {
        let shift = stratified_shift(&[Pair::new(&[1.0], &[])], 0.05);
        assert_eq!((shift.estimate, shift.is_bounded()), (None, false));
    }
}
