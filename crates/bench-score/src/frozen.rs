//! The frozen reference: fixed times that scores are set against, so that nobody else's entry moves a score.

use crate::leaderboard::Leaderboard;
use crate::measure::Amounts;
use crate::ranking::Field;
use crate::result::{Setting, StudyResult, WorkloadResult};
use crate::statistics::{FrozenScore, FrozenWorkload, frozen_score};
use serde::{Deserialize, Serialize};

/// A versioned file: what a reference submission needed, and the records it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FrozenReference {
    /// From 1; another one for each time it is frozen anew. Scores of two versions do not compare.
    pub version: u32,
    /// Whose times these are.
    pub submission: String,
    /// By workload and ruleset.
    pub workloads: Vec<FrozenTime>,
}

/// One workload under one ruleset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FrozenTime {
    /// Its name.
    pub workload: String,
    /// Its name.
    pub ruleset: String,
    /// Only records with this key are scored by it.
    pub comparability_key: String,
    /// Where it was measured: seconds are used only there.
    pub setting: Setting,
    /// Median seconds to target over studies; the budget where that is a miss.
    pub seconds: f64,
    /// Median steps to target over studies; the budget where that is a miss.
    pub steps: f64,
    /// Median examples passed to target over studies; what the budget's steps pass where that is a miss. None where they were not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples: Option<f64>,
    /// Examples that a step passes: who passes others is set against `examples` in the place of `steps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples_per_step: Option<f64>,
    /// Studies behind all.
    pub studies: Vec<StudyResult>,
}

/// A submission's score against the reference.
#[derive(Debug, Clone, PartialEq)]
pub struct AgainstReference {
    /// Its name.
    pub submission: String,
    /// The score, with its interval; none where a workload is missing, since the mean of the others would flatter whoever left out the hard ones. (In a competition
    /// it counts 0, as its rules have it.)
    pub score: Option<FrozenScore>,
    /// Workloads of the reference under this ruleset that it ran.
    pub workloads: usize,
    /// All workloads of the reference under this ruleset.
    pub of: usize,
}

/// There is nothing to freeze.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FreezeError {
    /// No scored trial.
    #[error("`{0}` has no scored trial")]
    Nothing(String),
}

impl FrozenReference {
    /// Freezes a submission's rows. Where it ran in several settings, the one with most studies counts.
    ///
    /// # Errors
    /// When it never ran.
    pub fn of(
        board: &Leaderboard,
        submission: &str,
        version: u32,
    ) -> Result<FrozenReference, FreezeError> {
        let time = |table: &crate::Table| {
            let rows = table.rows.iter().map(|row| &row.result);
            let own =
                rows.filter(|result| result.submission == submission && result.values.is_none());
            let most = own.max_by_key(|result| (result.studies.len(), &result.setting));
            most.map(frozen)
        };
        let tables = board.tables.iter().filter(|table| table.counts);
        let workloads: Vec<FrozenTime> = tables.filter_map(time).collect();
        match workloads.is_empty() {
            true => Err(FreezeError::Nothing(submission.to_owned())),
            false => Ok(FrozenReference {
                version,
                submission: submission.to_owned(),
                workloads,
            }),
        }
    }

    /// Scores a field's submissions, in its order. By time only what ran in the reference's own setting counts.
    pub fn scores(&self, field: &Field) -> Vec<AgainstReference> {
        let frozen: Vec<&FrozenTime> = self
            .workloads
            .iter()
            .filter(|time| time.ruleset == field.ruleset)
            .collect();
        let against = |(submission, amounts): (&String, &Vec<Amounts>)| {
            let workload = |time: &&FrozenTime| field.against(time, amounts);
            let workloads: Vec<FrozenWorkload> = frozen.iter().filter_map(workload).collect();
            let complete = !workloads.is_empty() && workloads.len() == frozen.len();
            AgainstReference {
                submission: submission.clone(),
                workloads: workloads.len(),
                of: frozen.len(),
                score: complete.then(|| frozen_score(&workloads, ALPHA)),
            }
        };
        field
            .submissions
            .iter()
            .zip(&field.amounts)
            .map(against)
            .collect()
    }

    /// The reference without one workload.
    pub(crate) fn without(&self, comparability_key: &str) -> FrozenReference {
        let mut rest = self.clone();
        rest.workloads
            .retain(|time| time.comparability_key != comparability_key);
        rest
    }
}

/// A reference, and what it is for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Against<'a> {
    /// The reference.
    pub reference: &'a FrozenReference,
    /// Whether its scores decide the order (`scoring: frozen`), or stand beside the one that does.
    pub decides: bool,
}

/// A ranking's frozen scores, in its order.
#[derive(Debug, Clone, PartialEq)]
pub struct Frozen {
    /// Whose times the reference holds.
    pub submission: String,
    /// Of the reference.
    pub version: u32,
    /// Whether they decide the order.
    pub decides: bool,
    /// One a submission.
    pub scores: Vec<AgainstReference>,
}

fn frozen(result: &WorkloadResult) -> FrozenTime {
    FrozenTime {
        workload: result.workload.clone(),
        ruleset: result.ruleset.clone(),
        comparability_key: result.comparability_key.clone(),
        setting: result.setting.clone(),
        seconds: result.median_seconds.unwrap_or(result.budget_seconds),
        steps: result.median_steps.unwrap_or(result.budget_steps as f64),
        examples: result.examples_per_step.map(|each| {
            result
                .median_examples
                .unwrap_or(each * result.budget_steps as f64)
        }),
        examples_per_step: result.examples_per_step,
        studies: result.studies.clone(),
    }
}

/// One-sided level of the intervals: 90 % of two sides.
const ALPHA: f64 = 0.05;
