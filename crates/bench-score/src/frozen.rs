//! The frozen reference: fixed times that scores are set against, so that nobody else's entry moves a score.

use crate::leaderboard::Leaderboard;
use crate::ranking::{Field, Measure};
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
    /// Studies behind both.
    pub studies: Vec<StudyResult>,
}

/// A submission's score against the reference.
#[derive(Debug, Clone, PartialEq)]
pub struct AgainstReference {
    /// Its name.
    pub submission: String,
    /// The score, with its interval; none where a workload is missing, since the mean of the others would flatter whoever left out the hard ones.
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
            let own = rows.filter(|result| result.submission == submission);
            let most = own.max_by_key(|result| (result.studies.len(), &result.setting));
            most.map(frozen)
        };
        let workloads: Vec<FrozenTime> = board.tables.iter().filter_map(time).collect();
        match workloads.is_empty() {
            true => Err(FreezeError::Nothing(submission.to_owned())),
            false => Ok(FrozenReference {
                version,
                submission: submission.to_owned(),
                workloads,
            }),
        }
    }

    /// Scores the rows of one ruleset, best first. By time only those of the reference's own setting count.
    pub fn scores(
        &self,
        board: &Leaderboard,
        ruleset: &str,
        measure: Measure,
    ) -> Vec<AgainstReference> {
        let frozen: Vec<&FrozenTime> = self
            .workloads
            .iter()
            .filter(|time| time.ruleset == ruleset)
            .collect();
        let mut names: Vec<&str> = board
            .tables
            .iter()
            .filter(|table| table.ruleset == ruleset)
            .flat_map(|table| &table.rows)
            .map(|row| row.result.submission.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        let mut scores: Vec<AgainstReference> = names
            .into_iter()
            .filter_map(|name| against(board, &frozen, name, measure))
            .collect();
        let value = |against: &AgainstReference| {
            let score = against.score.as_ref().and_then(|score| score.score);
            score.unwrap_or(-1.0)
        };
        scores.sort_by(|a, b| value(b).total_cmp(&value(a)));
        scores
    }
}

fn frozen(result: &WorkloadResult) -> FrozenTime {
    FrozenTime {
        workload: result.workload.clone(),
        ruleset: result.ruleset.clone(),
        comparability_key: result.comparability_key.clone(),
        setting: result.setting.clone(),
        seconds: result.median_seconds.unwrap_or(result.budget_seconds),
        steps: result.median_steps.unwrap_or(result.budget_steps as f64),
        studies: result.studies.clone(),
    }
}

fn against(
    board: &Leaderboard,
    frozen: &[&FrozenTime],
    submission: &str,
    measure: Measure,
) -> Option<AgainstReference> {
    let workload = |time: &&FrozenTime| {
        let rows = board
            .tables
            .iter()
            .filter(|table| table.comparability_key == time.comparability_key)
            .flat_map(|table| &table.rows)
            .map(|row| &row.result)
            .filter(|result| result.submission == submission)
            .filter(|result| measure == Measure::Steps || result.setting == time.setting);
        let times = Field::times(rows, measure);
        let reference = match measure {
            Measure::Time => time.seconds,
            Measure::Steps => time.steps,
        };
        (!times.is_empty()).then_some(FrozenWorkload { times, reference })
    };
    let workloads: Vec<FrozenWorkload> = frozen.iter().filter_map(workload).collect();
    (!workloads.is_empty()).then(|| AgainstReference {
        submission: submission.to_owned(),
        workloads: workloads.len(),
        of: frozen.len(),
        score: (workloads.len() == frozen.len()).then(|| frozen_score(&workloads, ALPHA)),
    })
}

/// One-sided level of the intervals: 90 % of two sides.
const ALPHA: f64 = 0.05;
