//! The mean log ratio with its studies drawn again: an interval to look at beside the exact one, which covers better.

use super::order::quantile;
use super::pair::{Pair, two_sided};
use super::welch::log_ratio;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// The mean difference of ln(time) with replicates.
#[derive(Debug, Clone, PartialEq)]
pub struct BootstrapRatio {
    /// Of the data as they are; `None` where a study missed.
    pub estimate: Option<f64>,
    /// One a draw.
    pub replicates: Vec<f64>,
    /// The `alpha` quantile of the replicates.
    pub lower: Option<f64>,
    /// The `1 - alpha` quantile.
    pub upper: Option<f64>,
    /// By how much a percentile interval is too narrow with so few studies; `None` with one a side.
    pub stretch: Option<f64>,
    /// Lower end, stretched about the estimate.
    pub stretched_lower: Option<f64>,
    /// Upper end.
    pub stretched_upper: Option<f64>,
}

/// Which studies a replicate takes of one side, by workload.
pub type SideIndices = Vec<Vec<usize>>;

/// Draws studies of A and B again, as the given pairs of indices say. Indices beyond a workload's studies are passed over.
pub fn bootstrap_ratio(
    pairs: &[Pair],
    draws: impl IntoIterator<Item = (SideIndices, SideIndices)>,
    alpha: f64,
) -> BootstrapRatio {
    let estimate = log_ratio(pairs);
    let replicates: Vec<f64> = draws
        .into_iter()
        .filter_map(|(a, b)| {
            let drawn = pairs.iter().zip(a.iter().zip(&b));
            let pair = |(pair, (a, b)): (&Pair, (&Vec<usize>, &Vec<usize>))| {
                Pair::new(&taken(pair.a(), a), &taken(pair.b(), b))
            };
            log_ratio(&drawn.map(pair).collect::<Vec<_>>())
        })
        .collect();
    let (lower, upper) = (
        quantile(&replicates, alpha),
        quantile(&replicates, 1.0 - alpha),
    );
    let stretch = stretch(&two_sided(pairs), alpha);
    let stretched = |end: Option<f64>| Some(estimate? + stretch? * (end? - estimate?));
    BootstrapRatio {
        stretched_lower: stretched(lower),
        stretched_upper: stretched(upper),
        estimate,
        replicates,
        lower,
        upper,
        stretch,
    }
}

fn taken(times: &[f64], indices: &[usize]) -> Vec<f64> {
    let time = |&index: &usize| times.get(index).copied();
    indices.iter().filter_map(time).collect()
}

/// sqrt(n/(n-1)), for the variance that resampling n studies lacks, times t over z, for the tails.
fn stretch(pairs: &[&Pair], alpha: f64) -> Option<f64> {
    let sides = 2.0 * pairs.len() as f64;
    let studies: usize = pairs.iter().map(|pair| pair.total()).sum();
    let each = studies as f64 / sides;
    let t = StudentsT::new(0.0, 1.0, studies as f64 - sides).ok()?;
    let z = Normal::standard().inverse_cdf(1.0 - alpha);
    Some((each / (each - 1.0)).sqrt() * t.inverse_cdf(1.0 - alpha) / z)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_study_a_side_cannot_be_stretched() {
        let pairs = [Pair::new(&[1.0], &[2.0])];
        let one = vec![vec![0]];
        let result = bootstrap_ratio(&pairs, [(one.clone(), one)], 0.05);
        assert_eq!((result.stretch, result.stretched_lower), (None, None));
        assert_eq!(result.replicates.len(), 1);
        assert_eq!(bootstrap_ratio(&pairs, [], 0.05).lower, None);
    }
}
