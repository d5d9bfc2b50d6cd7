//! From a row of a table down to the evaluations behind it: which trial of which study counted, and why.

use crate::read::Trial;
use crate::result::{Group, StudyResult, WorkloadResult, groups, newest, result, study_result};
use bench_core::outcome::Outcome;
use bench_core::passage::{Passage, Point};
use bench_core::run::SplitName;
use bench_core::spec::search;
use bench_core::spec::workload::{Direction, Metric};
use serde::Serialize;
use std::collections::BTreeMap;

/// One row of a table with everything that made it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Explained {
    /// The row.
    pub result: WorkloadResult,
    /// What its target is in.
    pub metric: Metric,
    /// The target on the validation split.
    pub target: f64,
    /// Whether the next evaluation has to meet it too.
    pub confirm: bool,
    /// In order.
    pub studies: Vec<ExplainedStudy>,
    /// Trials that do not take part, because newer records stand in their place.
    pub superseded: Vec<ExplainedTrial>,
}

/// One study.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ExplainedStudy {
    /// What it counts for.
    pub result: StudyResult,
    /// The trial whose time counts.
    pub fastest: Option<u32>,
    /// The trial whose steps count, which need not be the same.
    pub fewest_steps: Option<u32>,
    /// All of its trials, in order.
    pub trials: Vec<ExplainedTrial>,
}

/// One trial.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ExplainedTrial {
    /// Number of the study, from 1.
    pub study: u32,
    /// Its own number, from 1.
    pub trial: u32,
    /// Finds the record.
    pub config_hash: String,
    /// When it began.
    pub started: String,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Its point.
    pub hyperparameters: search::Point,
    /// Where it met the target, and the evaluation before.
    pub passage: Option<Passage>,
    /// The evaluation after, which confirms it.
    pub confirmed: Option<Point>,
    /// The evaluation with the best validation value that it ever had.
    pub best: Option<Point>,
    /// Why it cannot count.
    pub uncounted: Option<Uncounted>,
    /// Its place among the trials that were given.
    #[serde(skip)]
    pub index: usize,
    /// Where all of this stands, once somebody looked: see [`Explained::with_evidence`].
    pub evidence: Option<Evidence>,
}

/// The lines of a record that an explanation rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Evidence {
    /// The record's `events.jsonl`.
    pub file: String,
    /// blake3 of that file, as in a published board's digests.
    pub digest: String,
    /// Step to the number of its line.
    pub lines: BTreeMap<u64, usize>,
}

/// Why a trial cannot count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Uncounted {
    /// It is not over.
    Unfinished,
    /// It never met the target.
    Missed,
    /// It met the target, but only once in a row.
    Unconfirmed,
    /// It failed for the machine's sake, the disk's, the build's or an evaluator's: no observation.
    Unobserved,
    /// What its worker said about time disagrees with the clock.
    TimingSuspect,
    /// The submission's source or settings changed since.
    OlderSource,
    /// The same trial was run again.
    RunAgain,
}

/// Every row of a submission. Nothing is known of one that never ran.
pub fn explain(trials: &[Trial], submission: &str) -> Vec<Explained> {
    groups(trials)
        .into_iter()
        .filter(|(_, group)| {
            group
                .iter()
                .any(|trial| trial.record.run.submission.name == submission)
        })
        .map(|(setting, group)| {
            let all = group.clone();
            let counted = newest(group);
            let row = result(setting, &counted);
            explained(row, &all, &counted, trials)
        })
        .collect()
}

impl Explained {
    /// With the lines that it rests on, from each trial's place among those that were given.
    #[must_use]
    pub fn with_evidence(mut self, of: impl Fn(usize) -> Option<Evidence>) -> Explained {
        let studies = self.studies.iter_mut();
        let counted = studies.flat_map(|study| &mut study.trials);
        for trial in counted.chain(&mut self.superseded) {
            trial.evidence = of(trial.index);
        }
        self
    }
}

fn explained(row: WorkloadResult, all: &Group, counted: &Group, given: &[Trial]) -> Explained {
    let run = &counted[0].record.run;
    let source = &counted[0].record.source_hash;
    let left_out = |trial: &&&Trial| !counted.iter().any(|other| std::ptr::eq(*other, **trial));
    let superseded: Vec<ExplainedTrial> = all
        .iter()
        .filter(left_out)
        .map(|trial| ExplainedTrial {
            uncounted: Some(match trial.record.source_hash == *source {
                true => Uncounted::RunAgain,
                false => Uncounted::OlderSource,
            }),
            ..explained_trial(trial, given)
        })
        .collect();
    let mut studies: BTreeMap<(u64, u32), Vec<&Trial>> = BTreeMap::new();
    for trial in counted {
        let seed = &trial.record.run.seed;
        studies
            .entry((seed.base, seed.study))
            .or_default()
            .push(trial);
    }
    Explained {
        metric: run.workload.target.metric,
        target: run.workload.target.validation,
        confirm: run.ruleset.confirm,
        studies: studies
            .into_iter()
            .map(|(study, trials)| explained_study(study, trials, given))
            .collect(),
        result: WorkloadResult {
            superseded: superseded.len() as u32,
            ..row
        },
        superseded,
    }
}

fn explained_study(study: (u64, u32), mut trials: Vec<&Trial>, given: &[Trial]) -> ExplainedStudy {
    trials.sort_by_key(|trial| trial.record.run.seed.trial);
    let least = |of: fn(Passage) -> u64| {
        let hits = trials.iter().filter_map(|trial| {
            let number = trial.record.run.seed.trial;
            Some((of(trial.summary.hit()?), number))
        });
        hits.min().map(|(_, number)| number)
    };
    ExplainedStudy {
        result: study_result(study, &trials),
        fastest: least(|hit| hit.at.submission_ns),
        fewest_steps: least(|hit| hit.at.step),
        trials: trials
            .iter()
            .map(|trial| explained_trial(trial, given))
            .collect(),
    }
}

fn explained_trial(trial: &Trial, given: &[Trial]) -> ExplainedTrial {
    let run = &trial.record.run;
    let metric = run.workload.target.metric;
    let values = trial.summary.curve.iter().filter_map(|point| {
        Some(Point {
            step: point.step,
            submission_ns: point.submission_ns,
            value: point.metric(SplitName::Validation, metric.name())?,
        })
    });
    let points: Vec<Point> = values.collect();
    let is_better = |a: f64, b: f64| match metric.direction() {
        Direction::Min => a < b || b.is_nan(),
        Direction::Max => a > b || b.is_nan(),
    };
    let best = points.iter().copied();
    let best = best.reduce(|best, point| match is_better(point.value, best.value) {
        true => point,
        false => best,
    });
    let passage = trial.summary.passage;
    let after = |passage: Passage| {
        points
            .iter()
            .find(|point| point.step > passage.at.step)
            .copied()
    };
    ExplainedTrial {
        study: run.seed.study,
        trial: run.seed.trial,
        config_hash: trial.record.config_hash.clone(),
        started: trial.record.started.clone(),
        outcome: trial.summary.outcome.clone(),
        hyperparameters: run.hyperparameters.clone(),
        passage,
        confirmed: passage.filter(|_| run.ruleset.confirm).and_then(after),
        best: best.filter(|best| best.value.is_finite()),
        uncounted: uncounted(trial, best.map(|best| best.value)),
        index: given
            .iter()
            .position(|other| std::ptr::eq(other, trial))
            .unwrap_or(0),
        evidence: None,
    }
}

fn uncounted(trial: &Trial, best: Option<f64>) -> Option<Uncounted> {
    if trial.summary.hit().is_some() {
        return None;
    }
    let target = &trial.record.run.workload.target;
    let met = best.is_some_and(|best| match target.metric.direction() {
        Direction::Min => best <= target.validation,
        Direction::Max => best >= target.validation,
    });
    Some(match &trial.summary.outcome {
        Some(Outcome::TimingSuspect) => Uncounted::TimingSuspect,
        _ if trial.summary.is_unobserved() => Uncounted::Unobserved,
        Some(outcome) if outcome.is_final() => match met {
            true => Uncounted::Unconfirmed,
            false => Uncounted::Missed,
        },
        _ => Uncounted::Unfinished,
    })
}
