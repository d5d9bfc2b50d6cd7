//! How sure a ranking is, from its studies: bands of profiles, pairs, and what so many studies can show.

use super::Times;
use crate::gate::{Noise, NoiseSource, Sight, prior};
use crate::statistics::{
    Certainty, Pair, RankTest, Shift, Standing, bootstrap, log_spread, quantile, resample,
    stratified_shift,
};
use bench_core::spec::submission::Tuning;

/// Replicates behind the bands of profiles: their ends need fewer than an interval's that is printed to three digits.
const BAND_RESAMPLES: usize = 500;

/// Pointwise ends of a profile's band.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// Lower end at each ratio.
    pub lower: Vec<f64>,
    /// Upper end at each ratio.
    pub upper: Vec<f64>,
}

/// Two submissions against each other over all workloads.
#[derive(Debug, Clone, PartialEq)]
pub struct Duel {
    /// A, which stands higher.
    pub first: usize,
    /// B.
    pub second: usize,
    /// Time of B over time of A.
    pub shift: Shift,
    /// Whether they differ at all.
    pub test: RankTest,
    /// Its two-sided p, Holm-adjusted over all pairs.
    pub adjusted: f64,
}

/// Bands of profiles, from studies drawn again.
pub(crate) fn bands(
    names: &[String],
    times: &Times,
    certainty: Certainty,
    profiles: impl Fn(&[Vec<f64>]) -> Vec<Vec<f64>>,
) -> Vec<Option<Band>> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let resamples = certainty.resamples.min(BAND_RESAMPLES);
    let draws = resample(&names, times, resamples, certainty.seed);
    let drawn = bootstrap(times, draws, certainty.alpha, |medians| {
        profiles(medians).concat()
    });
    let points = drawn.point.len() / names.len().max(1);
    let end = |submission: usize, q: f64| -> Option<Vec<f64>> {
        let column = |point: usize| -> Vec<f64> {
            let at = submission * points + point;
            drawn.replicates.iter().map(|line| line[at]).collect()
        };
        (0..points)
            .map(|point| quantile(&column(point), q))
            .collect()
    };
    let band = |submission| {
        Some(Band {
            lower: end(submission, certainty.alpha)?,
            upper: end(submission, 1.0 - certainty.alpha)?,
        })
    };
    (0..names.len()).map(band).collect()
}

/// All pairs of a standing, with how much slower the second is.
pub(crate) fn duels(times: &Times, standing: &Standing, alpha: f64) -> Vec<Duel> {
    let duel = |(&(first, second, test), &adjusted): (&(usize, usize, RankTest), &f64)| {
        let workloads = times[first].iter().zip(&times[second]);
        let pairs: Vec<Pair> = workloads.map(|(a, b)| Pair::new(a, b)).collect();
        Duel {
            first,
            second,
            shift: stratified_shift(&pairs, alpha),
            test,
            adjusted,
        }
    };
    let adjusted = &standing.groups.adjusted;
    standing.pairs.iter().zip(adjusted).map(duel).collect()
}

/// What the fewest studies of a field can show of two of its submissions.
pub(crate) fn sight(workloads: &[String], times: &Times, tuning: Tuning, alpha: f64) -> Sight {
    /// The difference that people ask about.
    const EFFECT: f64 = 0.05;
    let noise = |(column, workload): (usize, &String)| {
        let seen = log_spread(times.iter().map(|row| row[column].as_slice()));
        // Where all are alike, evaluations at intervals hide the spread.
        let seen = seen.filter(|&sd| sd > 0.0);
        Noise {
            workload: workload.clone(),
            sd: seen.unwrap_or_else(|| prior(workload, true, tuning)),
            source: match seen {
                Some(_) => NoiseSource::Records,
                None => NoiseSource::Prior,
            },
        }
    };
    let noise = workloads.iter().enumerate().map(noise).collect();
    let studies = times.iter().flatten().map(Vec::len).min();
    Sight::with(noise, studies.unwrap_or(0), EFFECT, alpha)
}
