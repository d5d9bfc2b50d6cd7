//! How sure a ranking is: intervals of its scores, and which of its places are ties.

use super::bootstrap::{Bootstrap, ScoreInterval};
use super::pair::Pair;
use super::rank::{RankTest, rank_test};
use super::ties::{TieGroups, tie_groups};

/// What a ranking's certainty is computed with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Certainty {
    /// One-sided level: 0.05 for 90 % intervals and for tie groups.
    pub alpha: f64,
    /// Replicates of the bootstrap; 0 for none.
    pub resamples: usize,
    /// Of its draws; printed with them.
    pub seed: u64,
}

impl Default for Certainty {
    fn default() -> Certainty {
        Certainty {
            alpha: 0.05,
            resamples: 2_000,
            seed: 1,
        }
    }
}

/// How sure a ranking is, by submission as given.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Of each score; `None` without replicates.
    pub intervals: Vec<Option<ScoreInterval>>,
    /// Share of replicates in which each is first.
    pub p_rank1: Vec<f64>,
    /// All pairs, with the test of the second against the first.
    pub pairs: Vec<(usize, usize, RankTest)>,
    /// Ties, from Holm's adjustment over all pairs.
    pub groups: TieGroups,
}

/// Judges a ranking by `scores` of `times`, by submission, base workload and study, with the replicates of those scores.
pub fn standing(
    names: &[&str],
    scores: &[f64],
    times: &[Vec<Vec<f64>>],
    replicates: Bootstrap,
    alpha: f64,
) -> Standing {
    let test = |(i, j): (usize, usize)| {
        let workloads = times[i].iter().zip(&times[j]);
        let pairs: Vec<Pair> = workloads.map(|(a, b)| Pair::new(a, b)).collect();
        (i, j, rank_test(&pairs))
    };
    let pairs: Vec<_> = (0..times.len())
        .flat_map(|i| (i + 1..times.len()).map(move |j| (i, j)))
        .map(test)
        .collect();
    let p: Vec<_> = pairs
        .iter()
        .map(|&(i, j, test)| (i, j, test.p_two_sided))
        .collect();
    Standing {
        intervals: replicates.intervals,
        p_rank1: replicates.p_rank1,
        groups: tie_groups(names, scores, &p, alpha),
        pairs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algoperf::profile::profile_scores;
    use crate::statistics::{bootstrap, resample};

    #[test]
    fn a_clear_ranking_has_groups_and_a_sure_first() {
        let times = |factor: f64| -> Vec<Vec<f64>> {
            let study = |i: i32| factor * (100.0 + f64::from(i));
            vec![(0..5).map(study).collect(); 4]
        };
        let field = [times(1.0), times(1.001), times(2.0)];
        let names = ["a", "b", "c"];
        let draws = resample(&names, &field, 2_000, 1);
        let replicates = bootstrap(&field, draws, 0.05, profile_scores);
        let scores = replicates.point.clone();
        let standing = standing(&names, &scores, &field, replicates, 0.05);
        assert_eq!(standing.groups.group, [1, 1, 2]);
        assert_eq!(standing.pairs.len(), 3);
        assert!(standing.p_rank1[2] < 0.01 && standing.p_rank1[0] > 0.4);
        let interval = standing.intervals[2].unwrap();
        assert!(interval.lower > 0.5 && interval.upper < 0.8, "{interval:?}");
    }
}
