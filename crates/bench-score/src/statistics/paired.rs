//! How much faster where studies of A and B share a seed: signed ranks of the differences.

use super::law::Law;
use super::pair::Pair;
use super::within;

/// The common shift of ln(time) from A to B, by pairs of studies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedShift {
    /// Median of all means of two differences; `None` without pairs.
    pub estimate: Option<f64>,
    /// Lower end; minus infinity where so few pairs give none at this level.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// What the interval truly covers.
    pub confidence: f64,
    /// The largest sum of signed ranks that is refused; `None` where none is.
    pub critical: Option<u64>,
}

impl PairedShift {
    /// Time of B over time of A.
    pub fn ratio(&self) -> Option<f64> {
        self.estimate.map(f64::exp)
    }

    /// Ends of the interval as ratios; 0 and infinity where there is none.
    pub fn ratios(&self) -> (f64, f64) {
        (self.lower.exp(), self.upper.exp())
    }
}

/// Estimates the shift from studies in the same order on both sides, equally many in every workload. Pairs pay only when they go together closely
/// (correlation .8 and more); a pair that both missed says nothing and is left out.
pub fn paired_shift(pairs: &[Pair], alpha: f64) -> PairedShift {
    let mut means = Vec::new();
    let mut law = Law::zero();
    for pair in pairs {
        let differences = differences(pair);
        means.extend(walsh_averages(&differences));
        for rank in 1..=differences.len() as u64 {
            law.add(&[(0, 0.5), (rank, 0.5)], 1);
        }
    }
    means.sort_by(f64::total_cmp);
    let critical = law.low(|probability| within(probability, alpha));
    let end = |from_the_end: bool| {
        let (critical, _) = critical?;
        let inside = critical as usize;
        let index = match from_the_end {
            false => inside,
            true => means.len().checked_sub(1 + inside)?,
        };
        means.get(index).copied()
    };
    PairedShift {
        estimate: super::median_time(&means).filter(|estimate| !estimate.is_nan()),
        lower: end(false).unwrap_or(f64::NEG_INFINITY),
        upper: end(true).unwrap_or(f64::INFINITY),
        confidence: 1.0 - 2.0 * critical.map_or(0.0, |(_, probability)| probability),
        critical: critical.map(|(critical, _)| critical),
    }
}

fn differences(pair: &Pair) -> Vec<f64> {
    let both = pair.a().iter().zip(pair.b());
    both.map(|(a, b)| b.ln() - a.ln())
        .filter(|difference| !difference.is_nan())
        .collect()
}

/// Means of all pairs of differences, each with itself too. One miss of A and one of B cancel: nothing says by how much.
fn walsh_averages(differences: &[f64]) -> Vec<f64> {
    let mean = |(i, j): (usize, usize)| match (differences[i] + differences[j]) / 2.0 {
        mean if mean.is_nan() => 0.0,
        mean => mean,
    };
    (0..differences.len())
        .flat_map(|i| (i..differences.len()).map(move |j| (i, j)))
        .map(mean)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_pairs_give_no_interval_and_five_do() {
        let shift = |n: usize| {
            let a: Vec<f64> = (1..=n).map(|i| i as f64).collect();
            let b: Vec<f64> = a.iter().map(|a| 2.0 * a).collect();
            paired_shift(&[Pair::new(&a, &b)], 0.05)
        };
        assert_eq!(
            (shift(4).critical, shift(4).lower),
            (None, f64::NEG_INFINITY)
        );
        let five = shift(5);
        assert!((five.ratio().unwrap() - 2.0).abs() < 1e-12);
        assert!((five.ratios().0 - 2.0).abs() < 1e-12 && five.confidence > 0.93);
    }

    #[test]
    fn misses_stay_at_the_ends() {
        let miss = f64::INFINITY;
        let pair = Pair::new(&[1.0, miss, 1.0, miss], &[1.0, miss, miss, 1.0]);
        let shift = paired_shift(&[pair], 0.3);
        assert_eq!(shift.estimate, Some(0.0));
        assert_eq!(paired_shift(&[], 0.05).estimate, None);
    }
}
