//! A score without third parties: times against a frozen reference.

use super::pair::{mean, misses, to_time, variance};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// One workload of a suite: a submission's times and the reference's.
#[derive(Debug, Clone, PartialEq)]
pub struct FrozenWorkload {
    /// Times to target, one a study; infinity for a miss.
    pub times: Vec<f64>,
    /// The reference's fixed time: its median, or the budget where that is a miss.
    pub reference: f64,
}

/// A score in 0..1: 0.5 is as fast as the reference, a miss counts 0. No other submission can move it.
#[derive(Debug, Clone, PartialEq)]
pub struct FrozenScore {
    /// Mean over workloads; `None` without any.
    pub score: Option<f64>,
    /// Mean over studies of reference / (reference + time).
    pub workload_scores: Vec<f64>,
    /// Speed-up over the reference of an entry that were as much faster everywhere.
    pub equivalent_speedup: Option<f64>,
    /// Estimated rate of misses where the target was reached at least once: half a miss is added to those seen.
    pub miss_rate: f64,
    /// Standard error; `None` where a workload has a single study.
    pub se: Option<f64>,
    /// Degrees of freedom; `None` where nothing varies.
    pub df: Option<f64>,
    /// Lower end of the interval, cut to 0..1.
    pub lower: Option<f64>,
    /// Upper end.
    pub upper: Option<f64>,
}

/// B's score less A's on the same suite.
#[derive(Debug, Clone, PartialEq)]
pub struct FrozenDifference {
    /// Above 0: B is better.
    pub difference: Option<f64>,
    /// Standard error.
    pub se: Option<f64>,
    /// Degrees of freedom.
    pub df: Option<f64>,
    /// Lower end of the interval; not cut.
    pub lower: Option<f64>,
    /// Upper end.
    pub upper: Option<f64>,
}

/// Scores one submission.
pub fn frozen_score(workloads: &[FrozenWorkload], alpha: f64) -> FrozenScore {
    let side = Side::of(workloads);
    let score = side.score();
    let error = Error::of(&side.components, alpha);
    FrozenScore {
        score,
        equivalent_speedup: score.map(|score| score / (1.0 - score)),
        miss_rate: side.miss_rate,
        se: error.map(|error| error.se),
        df: error.and_then(|error| error.df),
        lower: score
            .zip(error)
            .map(|(s, e)| (s - e.half_width).clamp(0.0, 1.0)),
        upper: score
            .zip(error)
            .map(|(s, e)| (s + e.half_width).clamp(0.0, 1.0)),
        workload_scores: side.means,
    }
}

/// Compares two submissions.
pub fn frozen_difference(
    a: &[FrozenWorkload],
    b: &[FrozenWorkload],
    alpha: f64,
) -> FrozenDifference {
    let (a, b) = (Side::of(a), Side::of(b));
    let difference = a.score().zip(b.score()).map(|(a, b)| b - a);
    let components: Vec<Component> = a.components.into_iter().chain(b.components).collect();
    let error = Error::of(&components, alpha);
    FrozenDifference {
        difference,
        se: error.map(|error| error.se),
        df: error.and_then(|error| error.df),
        lower: difference.zip(error).map(|(d, e)| d - e.half_width),
        upper: difference.zip(error).map(|(d, e)| d + e.half_width),
    }
}

/// A workload's part of the score's variance.
struct Component {
    variance: f64,
    studies: usize,
}

struct Side {
    means: Vec<f64>,
    miss_rate: f64,
    components: Vec<Component>,
}

impl Side {
    fn of(workloads: &[FrozenWorkload]) -> Side {
        let studied: Vec<&FrozenWorkload> =
            workloads.iter().filter(|w| !w.times.is_empty()).collect();
        let scores: Vec<Vec<f64>> = studied
            .iter()
            .map(|workload| study_scores(workload))
            .collect();
        let means: Vec<f64> = scores.iter().map(|scores| mean(scores)).collect();
        let reached = studied
            .iter()
            .map(|w| (misses(&w.times), w.times.len()))
            .filter(|&(missed, studies)| missed < studies);
        let (missed, of) = reached.fold((0, 0), |(k, n), (missed, studies)| {
            (k + missed, n + studies)
        });
        let miss_rate = (missed as f64 + 0.5) / (of as f64 + 1.0);
        let suite = means.len() as f64;
        let components = studied
            .iter()
            .zip(&scores)
            .map(|(workload, scores)| {
                let studies = scores.len();
                let center = mean(scores);
                let mut variance = variance(scores);
                if misses(&workload.times) == 0 {
                    variance += miss_rate * (1.0 - miss_rate) * center * center;
                }
                Component {
                    variance: variance / studies as f64 / (suite * suite),
                    studies,
                }
            })
            .collect();
        Side {
            means,
            miss_rate,
            components,
        }
    }

    fn score(&self) -> Option<f64> {
        (!self.means.is_empty()).then(|| mean(&self.means))
    }
}

fn study_scores(workload: &FrozenWorkload) -> Vec<f64> {
    let reference = to_time(workload.reference);
    let score = |&time: &f64| reference / (reference + to_time(time));
    workload.times.iter().map(score).collect()
}

#[derive(Clone, Copy)]
struct Error {
    se: f64,
    df: Option<f64>,
    half_width: f64,
}

impl Error {
    /// `None` where one study says nothing of its own spread.
    fn of(components: &[Component], alpha: f64) -> Option<Error> {
        if components.is_empty() || components.iter().any(|component| component.studies < 2) {
            return None;
        }
        let variance: f64 = components.iter().map(|component| component.variance).sum();
        let squares: f64 = components
            .iter()
            .map(|component| component.variance.powi(2) / (component.studies as f64 - 1.0))
            .sum();
        let df = (squares > 0.0).then(|| variance * variance / squares);
        let t = df.and_then(|df| StudentsT::new(0.0, 1.0, df).ok());
        let se = variance.sqrt();
        Some(Error {
            se,
            df,
            half_width: t.map_or(0.0, |t| t.inverse_cdf(1.0 - alpha) * se),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(times: &[f64]) -> FrozenWorkload {
        FrozenWorkload {
            times: times.to_vec(),
            reference: 100.0,
        }
    }

    #[test]
    fn the_reference_scores_one_half() {
        let score = frozen_score(&[workload(&[100.0, 100.0])], 0.05);
        assert_eq!(
            (score.score, score.equivalent_speedup),
            (Some(0.5), Some(1.0))
        );
    }

    #[test]
    fn one_study_has_no_interval() {
        let score = frozen_score(&[workload(&[100.0]), workload(&[90.0, 95.0])], 0.05);
        assert_eq!((score.se, score.lower), (None, None));
        assert!(score.score.is_some());
    }

    #[test]
    fn a_never_reached_suite_scores_a_bare_zero() {
        let score = frozen_score(&[workload(&[f64::INFINITY; 3])], 0.05);
        assert_eq!(
            (score.score, score.lower, score.upper),
            (Some(0.0), Some(0.0), Some(0.0))
        );
        assert_eq!(score.df, None);
    }
}
