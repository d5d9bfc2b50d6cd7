//! Who is faster: a table for each set of comparable results.

use crate::read::Trial;
use crate::result::{Setting, WorkloadResult, results};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All tables, by workload and ruleset.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Leaderboard {
    /// One for each comparability key.
    pub tables: Vec<Table>,
}

/// Results that may stand beside each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Table {
    /// Name of the workload.
    pub workload: String,
    /// Name of the ruleset.
    pub ruleset: String,
    /// What all rows share. Two tables of one workload and ruleset differ in its file's contents.
    pub comparability_key: String,
    /// Fastest first, one setting after the other.
    pub rows: Vec<Row>,
}

/// One submission in one setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    /// By time, among the rows of this setting. Ties share a rank; none without a median.
    pub time_rank: Option<u32>,
    /// By steps, among all rows: steps travel between machines.
    pub step_rank: Option<u32>,
    /// The result.
    pub result: WorkloadResult,
}

impl Leaderboard {
    /// The leaderboard of these trials. Their order does not matter.
    pub fn of(trials: &[Trial]) -> Leaderboard {
        let mut groups: BTreeMap<_, Vec<WorkloadResult>> = BTreeMap::new();
        for result in results(trials) {
            let key = (
                result.workload.clone(),
                result.ruleset.clone(),
                result.comparability_key.clone(),
            );
            groups.entry(key).or_default().push(result);
        }
        let tables = groups
            .into_iter()
            .map(|((workload, ruleset, comparability_key), results)| Table {
                workload,
                ruleset,
                comparability_key,
                rows: rows(results),
            })
            .collect();
        Leaderboard { tables }
    }

    /// With the rows marked whose machine is one of these fingerprints: those that measure time well.
    #[must_use]
    pub fn pinned(mut self, machines: &[String]) -> Leaderboard {
        for row in self.tables.iter_mut().flat_map(|table| &mut table.rows) {
            row.result.pinned = machines.contains(&row.result.setting.machine);
        }
        self
    }
}

impl Table {
    /// The settings in it: with more than one, times of different rows do not compare.
    pub fn settings(&self) -> Vec<&Setting> {
        let mut settings: Vec<_> = self.rows.iter().map(|row| &row.result.setting).collect();
        settings.sort();
        settings.dedup();
        settings
    }
}

fn rows(results: Vec<WorkloadResult>) -> Vec<Row> {
    let steps: Vec<_> = results.iter().map(|result| result.median_steps).collect();
    let time_rank = |result: &WorkloadResult| {
        let peers = results
            .iter()
            .filter(|other| other.setting == result.setting)
            .map(|other| other.median_seconds);
        rank(result.median_seconds, peers)
    };
    let mut rows: Vec<Row> = results
        .iter()
        .map(|result| Row {
            time_rank: time_rank(result),
            step_rank: rank(result.median_steps, steps.iter().copied()),
            result: result.clone(),
        })
        .collect();
    rows.sort_by_key(|row| {
        let last = u32::MAX;
        (
            row.result.setting.clone(),
            row.time_rank.unwrap_or(last),
            row.result.submission.clone(),
        )
    });
    rows
}

/// 1 plus the number of peers that are strictly better, so that ties share a rank. A miss has none.
pub fn rank(value: Option<f64>, peers: impl Iterator<Item = Option<f64>>) -> Option<u32> {
    let value = value?;
    let better = peers.filter(|peer| peer.is_some_and(|peer| peer < value));
    Some(1 + better.count() as u32)
}
