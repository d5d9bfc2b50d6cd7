//! From a score of a competition down to the lines of the logs that decided it.

use super::board::{Board, Cell};
use super::evaluation::Evaluation;
use super::logs::{Log, Logs};
use super::profile::{profile, score};
use super::reach::TrialResult;
use super::targets::{Target, Targets};
use std::collections::BTreeMap;

/// One submission's score with everything that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained<'a> {
    /// Its name.
    pub submission: &'a str,
    /// Its score: the sum of its workloads' points.
    pub score: f64,
    /// 1 plus the number of submissions with a higher score.
    pub rank: usize,
    /// All submissions.
    pub of: usize,
    /// In the board's order, variants too.
    pub workloads: Vec<ExplainedWorkload<'a>>,
}

/// One workload.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainedWorkload<'a> {
    /// Its name.
    pub name: &'a str,
    /// What has to be reached.
    pub target: &'a Target,
    /// Whether it counts; variants can only take a base workload's time away.
    pub is_base: bool,
    /// What it adds to the score.
    pub points: f64,
    /// The most that a workload can add.
    pub most: f64,
    /// The submission with the fastest time that counts, and that time.
    pub fastest: Option<(&'a str, f64)>,
    /// Its studies, its time, and why that does not count.
    pub cell: &'a Cell,
    /// Of each study and trial, the evaluation before the one that reached the target: the true passage lies between them.
    pub before: Vec<Vec<Option<Evaluation>>>,
}

impl Board {
    /// Explains a submission's score from the logs that this board was made of; none for one that is not in them.
    pub fn explain<'a>(
        &'a self,
        logs: &Logs,
        targets: &'a Targets,
        submission: &str,
    ) -> Option<Explained<'a>> {
        let row = self.rows.iter().find(|row| row.submission == submission)?;
        let files: BTreeMap<&str, &Log> = logs
            .logs
            .iter()
            .map(|log| (log.file.as_str(), log))
            .collect();
        let before = |trial: &TrialResult| {
            let index = trial.reached?.index.checked_sub(1)?;
            files
                .get(trial.file.as_str())?
                .evaluations
                .get(index)
                .copied()
        };
        let workload = |(column, (name, cell)): (usize, (&'a String, &'a Cell))| {
            let is_base = self.base.contains(name);
            let points = |ratio| score(&profile(&[ratio], self.base.len(), &self.taus), &self.taus);
            Some(ExplainedWorkload {
                name,
                target: targets.workloads.get(name)?,
                is_base,
                points: cell.ratio.filter(|_| is_base).map_or(0.0, points),
                most: points(1.0),
                fastest: self.fastest(column),
                before: cell
                    .studies
                    .iter()
                    .map(|study| study.trials.iter().map(before).collect())
                    .collect(),
                cell,
            })
        };
        let cells = self.workloads.iter().zip(&row.cells).enumerate();
        Some(Explained {
            submission: &row.submission,
            score: row.score,
            rank: 1 + self
                .rows
                .iter()
                .filter(|other| other.score > row.score)
                .count(),
            of: self.rows.len(),
            workloads: cells.filter_map(workload).collect(),
        })
    }

    /// Whose time all others of a column are set against.
    fn fastest(&self, column: usize) -> Option<(&str, f64)> {
        let first = self
            .rows
            .iter()
            .find(|row| row.cells[column].ratio == Some(1.0))?;
        Some((&first.submission, first.cells[column].time))
    }
}
