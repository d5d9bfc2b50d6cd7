//! What each workload adds to a submission's two scores.

use super::{Field, medians};
use crate::algoperf::profile::{LARGEST_RATIO, POINTS, fastest, profile, ratio, score, taus};
use crate::frozen::FrozenReference;
use crate::measure::Measure;
use crate::statistics::frozen_score;
use serde::Serialize;

/// One workload's part of a submission's scores. Both scores are sums of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Credit {
    /// Its name.
    pub workload: String,
    /// What its amounts are: where rows of it differ in examples a step, examples.
    pub measure: Measure,
    /// Median over studies; none where half of them or more missed, or none ran.
    pub median: Option<f64>,
    /// Studies behind it.
    pub studies: usize,
    /// The median over the fastest one, where there is any.
    pub ratio: Option<f64>,
    /// Who is fastest, and their median.
    pub fastest: Option<(String, f64)>,
    /// What it adds to the profile score.
    pub points: f64,
    /// The most that a workload can add.
    pub most: f64,
    /// Its part of the frozen score; none where the reference does not have it, or nothing ran.
    pub frozen: Option<FrozenCredit>,
}

/// One workload's part of a frozen score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FrozenCredit {
    /// What the reference's amount is: examples where a step of the reference passes others.
    pub measure: Measure,
    /// The reference's amount.
    pub reference: f64,
    /// What it adds: the mean over studies of reference / (reference + own), over the number of workloads.
    pub points: f64,
    /// The most that it can add, which nobody reaches.
    pub most: f64,
}

impl Field {
    /// Takes a submission's scores apart; none for one that is not in this field.
    pub fn credits(
        &self,
        submission: &str,
        reference: Option<&FrozenReference>,
    ) -> Option<Vec<Credit>> {
        let own = self
            .submissions
            .iter()
            .position(|name| name == submission)?;
        let medians = medians(&self.times);
        let taus = taus(LARGEST_RATIO, POINTS);
        let points = |ratio| score(&profile(&[ratio], self.workloads.len(), &taus), &taus);
        let credit = |column: usize| {
            let times = medians.iter().map(|row| row[column]);
            let best = fastest(times.clone());
            let first = times
                .clone()
                .position(|time| time == best && time.is_finite());
            let median = Some(medians[own][column]).filter(|time| time.is_finite());
            let ratio = median.map(|median| ratio(median, best));
            Credit {
                workload: self.workloads[column].clone(),
                measure: self.measures[column],
                median,
                studies: self.times[own][column].len(),
                ratio,
                fastest: first.map(|index| (self.submissions[index].clone(), best)),
                points: ratio.map_or(0.0, points),
                most: points(1.0),
                frozen: self.frozen_credit(own, column, reference),
            }
        };
        Some((0..self.workloads.len()).map(credit).collect())
    }

    fn frozen_credit(
        &self,
        own: usize,
        column: usize,
        reference: Option<&FrozenReference>,
    ) -> Option<FrozenCredit> {
        let times = reference?.workloads.iter();
        let all: Vec<_> = times.filter(|time| time.ruleset == self.ruleset).collect();
        let is_it = |time: &&&crate::FrozenTime| time.comparability_key == self.keys[column];
        let (measure, frozen) =
            self.measured_against(all.iter().find(is_it)?, &self.amounts[own])?;
        let of = all.len() as f64;
        Some(FrozenCredit {
            measure,
            reference: frozen.reference,
            // A single workload's score needs no level.
            points: frozen_score(&[frozen], 0.5).score? / of,
            most: 1.0 / of,
        })
    }
}
