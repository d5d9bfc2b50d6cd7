//! A competition against a frozen reference: seconds in a versioned file, so that no other entry moves a score.

use super::board::Board;
use super::rules::budget;
use super::targets::Targets;
use crate::frozen::{AgainstReference, Frozen};
use crate::statistics::{FrozenWorkload, frozen_score};
use bench_core::spec::harness::Scoring;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a submission of a competition needed: the file of a reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FrozenTimes {
    /// From 1. Scores of two versions do not compare.
    pub version: u32,
    /// Whose times these are.
    pub submission: String,
    /// The benchmark's version, whose targets they were taken at.
    pub benchmark: String,
    /// The competition's ruleset.
    pub ruleset: String,
    /// Base workload to median seconds to target; the budget where that is a miss.
    pub seconds: BTreeMap<String, f64>,
}

/// One-sided level of the intervals: 90 % of two sides.
const ALPHA: f64 = 0.05;

impl FrozenTimes {
    /// A row of a board as a reference. None where the board has no such submission, or where a miss has no budget to stand for it.
    pub fn of(
        board: &Board,
        submission: &str,
        targets: &Targets,
        ruleset: &str,
    ) -> Option<FrozenTimes> {
        let row = board.rows.iter().find(|row| row.submission == submission)?;
        let scoring = match targets.version.as_str() {
            "0.5" => Scoring::AlgoperfV05,
            _ => Scoring::AlgoperfV06,
        };
        let cells = row.cells.iter().zip(&board.workloads);
        let base = cells.filter(|(_, workload)| board.base.contains(workload));
        let seconds = base.map(|(cell, workload)| {
            let written = targets
                .workloads
                .get(workload)
                .and_then(|target| target.budget);
            let budget = written.or_else(|| budget(scoring, workload));
            let seconds = match cell.time.is_finite() {
                true => cell.time,
                false => budget? * board.rules.budget_factor,
            };
            Some((workload.clone(), seconds))
        });
        Some(FrozenTimes {
            version: 1,
            submission: submission.to_owned(),
            benchmark: targets.version.clone(),
            ruleset: ruleset.to_owned(),
            seconds: seconds.collect::<Option<_>>()?,
        })
    }
}

impl Board {
    /// Frozen scores in the board's order. They stand beside the competition's own, which decides.
    pub fn frozen(&self, reference: &FrozenTimes) -> Frozen {
        let columns: Vec<Option<&f64>> = self
            .base
            .iter()
            .map(|workload| reference.seconds.get(workload))
            .collect();
        let rows = self.rows.iter().zip(self.study_times());
        let against = |(row, times): (&super::Row, Vec<Vec<f64>>)| {
            let of = reference.seconds.len();
            let known = times.into_iter().zip(&columns);
            let known: Vec<(Vec<f64>, f64)> = known
                .filter_map(|(times, seconds)| Some((times, *(*seconds)?)))
                .collect();
            let ran = known.iter().filter(|(times, _)| !times.is_empty()).count();
            let workload = |(times, reference): (Vec<f64>, f64)| {
                // Without a log there is no credit, as everywhere in the competition's rules.
                let times = match times.is_empty() {
                    true => vec![f64::INFINITY; self.rules.studies],
                    false => times,
                };
                FrozenWorkload { times, reference }
            };
            let workloads: Vec<FrozenWorkload> = known.into_iter().map(workload).collect();
            AgainstReference {
                submission: row.submission.clone(),
                score: (of > 0 && workloads.len() == of).then(|| frozen_score(&workloads, ALPHA)),
                workloads: ran,
                of,
            }
        };
        Frozen {
            submission: reference.submission.clone(),
            version: reference.version,
            decides: false,
            scores: rows.map(against).collect(),
        }
    }
}
