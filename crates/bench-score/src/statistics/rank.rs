//! Any difference at all: the exact stratified rank test (van Elteren).

use super::law::{Law, doubled_midranks, doubled_u, weights};
use super::pair::{Pair, two_sided};
use std::f64::consts::FRAC_1_SQRT_2;

/// The test's outcome.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankTest {
    /// T, the weighted rank sum of B less its mean; below 0: B is faster.
    pub statistic: f64,
    /// Of T under exchangeability.
    pub variance: f64,
    /// T over its standard deviation; 0 where nothing varies.
    pub z: f64,
    /// Exact probability of a T as low.
    pub p_faster: f64,
    /// Exact probability of a T as high.
    pub p_slower: f64,
    /// Twice the smaller, at most 1.
    pub p_two_sided: f64,
    /// Two-sided, by the normal approximation, to look at beside the exact one.
    pub p_normal: f64,
    /// Mean over workloads of the share of pairs in which B is faster, ties half. Needs no common shift. `None` without workloads.
    pub prob_b_faster: Option<f64>,
}

/// Tests whether A and B differ, workload by workload, misses tied behind all times.
pub fn rank_test(pairs: &[Pair]) -> RankTest {
    let pairs = two_sided(pairs);
    let weights = weights(&pairs);
    let mut law = Law::zero();
    let (mut observed, mut statistic, mut variance) = (0, 0.0, 0.0);
    for (pair, &weight) in pairs.iter().zip(&weights) {
        let ranks = Ranks::of(pair);
        law.add(&doubled_u(&ranks.all, ranks.m), weight);
        observed += ranks.doubled_u() * weight;
        statistic += ranks.statistic();
        variance += ranks.variance();
    }
    let p_faster = law.at_most(observed);
    let p_slower = law.at_least(observed);
    let z = if variance > 0.0 {
        statistic / variance.sqrt()
    } else {
        0.0
    };
    RankTest {
        statistic,
        variance,
        z,
        p_faster,
        p_slower,
        p_two_sided: (2.0 * p_faster.min(p_slower)).min(1.0),
        p_normal: libm::erfc(z.abs() * FRAC_1_SQRT_2),
        prob_b_faster: prob_b_faster(&pairs),
    }
}

/// Doubled midranks of one workload.
struct Ranks {
    all: Vec<u64>,
    /// Sum of B's.
    b: u64,
    /// Studies of B.
    m: usize,
    /// Sum of t^3 - t over ties.
    ties: f64,
}

impl Ranks {
    fn of(pair: &Pair) -> Ranks {
        let mut sorted: Vec<f64> = pair.a().iter().chain(pair.b()).copied().collect();
        sorted.sort_by(f64::total_cmp);
        let all = doubled_midranks(&sorted);
        let rank = |time: &f64| all[sorted.partition_point(|other| other < time)];
        let ties = sorted
            .chunk_by(|x, y| x == y)
            .map(|tied| (tied.len().pow(3) - tied.len()) as f64)
            .sum();
        Ranks {
            b: pair.b().iter().map(rank).sum(),
            m: pair.b().len(),
            ties,
            all,
        }
    }

    fn doubled_u(&self) -> u64 {
        self.b - (self.m * (self.m + 1)) as u64
    }

    fn statistic(&self) -> f64 {
        let ranks = self.all.len() as f64 + 1.0;
        (self.b as f64 - self.m as f64 * ranks) / 2.0 / ranks
    }

    fn variance(&self) -> f64 {
        let (total, m) = (self.all.len() as f64, self.m as f64);
        let tied = self.ties / (total * (total - 1.0));
        (total - m) * m / 12.0 * (total + 1.0 - tied) / (total + 1.0).powi(2)
    }
}

fn prob_b_faster(pairs: &[&Pair]) -> Option<f64> {
    let share = |pair: &Pair| {
        let points = |a: &f64, b: &f64| if b < a { 1.0 } else { 0.5 * f64::from(b == a) };
        let sum: f64 = pair
            .a()
            .iter()
            .flat_map(|a| pair.b().iter().map(move |b| points(a, b)))
            .sum();
        sum / (pair.a().len() * pair.b().len()) as f64
    };
    (!pairs.is_empty())
        .then(|| pairs.iter().map(|pair| share(pair)).sum::<f64>() / pairs.len() as f64)
}
