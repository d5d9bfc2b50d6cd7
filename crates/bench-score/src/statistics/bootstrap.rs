//! How sure AlgoPerf's score and its first rank are: studies drawn again, within each workload.

use super::order::{median_time, quantile};

/// Replicates of a ranking's scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Bootstrap {
    /// Scores of the data as they are, by submission.
    pub point: Vec<f64>,
    /// Scores of all submissions together, by replicate.
    pub replicates: Vec<Vec<f64>>,
    /// Ends of each score's interval, by submission; `None` without replicates.
    pub intervals: Vec<Option<ScoreInterval>>,
    /// Share of replicates in which each submission is first, ties shared. Over-sure near a tie: show it, decide by tie groups.
    pub p_rank1: Vec<f64>,
}

/// From the `alpha` to the `1 - alpha` quantile of the replicates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreInterval {
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

/// Which studies a replicate takes, by submission and workload; `None` is a drawn miss.
pub type Indices = Vec<Vec<Vec<Option<usize>>>>;

/// Scores below this distance share a rank.
const SAME_SCORE: f64 = 1e-12;

/// Scores `times`, by submission, workload and study, once as they are and once for each draw of studies.
/// `score` makes scores of medians, by submission and workload: [`profile_scores`](crate::algoperf::profile::profile_scores) where there are no variants.
pub fn bootstrap(
    times: &[Vec<Vec<f64>>],
    draws: impl IntoIterator<Item = Indices>,
    alpha: f64,
    score: impl Fn(&[Vec<f64>]) -> Vec<f64>,
) -> Bootstrap {
    let point = score(&medians(times, |_, _, studies| studies.to_vec()));
    let replicates: Vec<Vec<f64>> = draws
        .into_iter()
        .map(|draw| {
            score(&medians(times, |submission, workload, studies| {
                let taken = draw.get(submission).and_then(|draw| draw.get(workload));
                let time = |index: &Option<usize>| {
                    let study = index.and_then(|index| studies.get(index));
                    study.copied().unwrap_or(f64::INFINITY)
                };
                taken
                    .map(|taken| taken.iter().map(time).collect())
                    .unwrap_or_default()
            }))
        })
        .collect();
    let column = |i: usize| {
        replicates
            .iter()
            .map(|scores| scores[i])
            .collect::<Vec<_>>()
    };
    let intervals = (0..times.len())
        .map(|i| {
            let scores = column(i);
            Some(ScoreInterval {
                lower: quantile(&scores, alpha)?,
                upper: quantile(&scores, 1.0 - alpha)?,
            })
        })
        .collect();
    Bootstrap {
        p_rank1: first_rank(&replicates, times.len()),
        intervals,
        point,
        replicates,
    }
}

fn medians(
    times: &[Vec<Vec<f64>>],
    studies: impl Fn(usize, usize, &[f64]) -> Vec<f64>,
) -> Vec<Vec<f64>> {
    let submissions = times.iter().enumerate();
    submissions
        .map(|(submission, workloads)| {
            let median = |(workload, times): (usize, &Vec<f64>)| {
                // NaN is AlgoPerf's missing workload: it gets no credit.
                median_time(&studies(submission, workload, times)).unwrap_or(f64::NAN)
            };
            workloads.iter().enumerate().map(median).collect()
        })
        .collect()
}

fn first_rank(replicates: &[Vec<f64>], submissions: usize) -> Vec<f64> {
    let mut firsts = vec![0.0; submissions];
    for scores in replicates {
        let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let is_first = |score: f64| top - score <= SAME_SCORE;
        let sharing = scores.iter().filter(|&&score| is_first(score)).count();
        for (first, &score) in firsts.iter_mut().zip(scores) {
            if is_first(score) {
                *first += 1.0 / sharing as f64;
            }
        }
    }
    let share = |sum: f64| sum / replicates.len().max(1) as f64;
    firsts.into_iter().map(share).collect()
}

/// Draws studies with the half-miss remedy: with k of n missed, a miss has probability (k + 1/2)/(n + 1), and what was never reached stays so.
/// Without it a workload that was reached five times of five would look as if it could not be missed.
///
/// The same seed and name draw the same studies on every machine, in every version and in any field: the stream is a hash's.
pub fn resample(
    names: &[&str],
    times: &[Vec<Vec<f64>>],
    replicates: usize,
    seed: u64,
) -> impl Iterator<Item = Indices> {
    let mut streams: Vec<Stream> = names.iter().map(|name| Stream::new(seed, name)).collect();
    (0..replicates).map(move |_| {
        let submission = |(workloads, stream): (&Vec<Vec<f64>>, &mut Stream)| {
            let draw = |studies: &Vec<f64>| half_miss(stream, studies);
            workloads.iter().map(draw).collect()
        };
        times.iter().zip(&mut streams).map(submission).collect()
    })
}

fn half_miss(stream: &mut Stream, studies: &[f64]) -> Vec<Option<usize>> {
    let reached: Vec<usize> = (0..studies.len())
        .filter(|&study| studies[study].is_finite())
        .collect();
    let missed = (studies.len() - reached.len()) as f64;
    let p_miss = (missed + 0.5) / (studies.len() as f64 + 1.0);
    let draw = |_: &f64| {
        if reached.is_empty() || stream.unit() < p_miss {
            return None;
        }
        reached
            .get((stream.unit() * reached.len() as f64) as usize)
            .copied()
    };
    studies.iter().map(draw).collect()
}

/// Uniform numbers that are the same for ever.
struct Stream(blake3::OutputReader);

impl Stream {
    fn new(seed: u64, name: &str) -> Stream {
        let mut hasher = blake3::Hasher::new_derive_key("bench 2026 bootstrap of studies");
        hasher.update(&seed.to_le_bytes());
        hasher.update(name.as_bytes());
        Stream(hasher.finalize_xof())
    }

    /// In [0, 1), with 53 random bits.
    fn unit(&mut self) -> f64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        (u64::from_le_bytes(bytes) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algoperf::profile::profile_scores;
    const MISS: f64 = f64::INFINITY;

    #[test]
    fn the_half_miss_remedy_draws_misses_where_none_was_seen() {
        let times = vec![vec![vec![1.0, 2.0, 3.0], vec![MISS, MISS, MISS]]];
        let draws: Vec<Indices> = resample(&["a"], &times, 4_000, 1).collect();
        let missed = draws
            .iter()
            .flat_map(|draw| &draw[0][0])
            .filter(|i| i.is_none())
            .count();
        let share = missed as f64 / 12_000.0;
        assert!((share - 0.125).abs() < 0.01, "{share}");
        assert!(
            draws
                .iter()
                .all(|draw| draw[0][1].iter().all(Option::is_none))
        );
    }

    #[test]
    fn a_seed_names_its_draws() {
        let times = vec![vec![vec![1.0, 2.0, 3.0]]];
        let draws = |name, seed| resample(&[name], &times, 20, seed).collect::<Vec<_>>();
        assert_eq!(draws("a", 7), draws("a", 7));
        assert_ne!(draws("a", 7), draws("a", 8));
        assert_ne!(draws("a", 7), draws("b", 7));
    }

    #[test]
    fn without_replicates_there_is_no_interval() {
        let times = vec![vec![vec![1.0, 2.0]]];
        let result = bootstrap(&times, Vec::new(), 0.05, profile_scores);
        assert_eq!((result.point, result.intervals), (vec![1.0], vec![None]));
    }
}
