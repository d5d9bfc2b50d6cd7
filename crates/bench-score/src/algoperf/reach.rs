//! From evaluations to a workload's time: the first four steps of AlgoPerf's scoring.

use super::evaluation::Evaluation;
use super::finding::{Finding, Problem};
use super::logs::{Log, natural};
use super::rules::Pick;
use super::targets::{Goal, Target};
use crate::statistics::median_time;

/// Where a trial reached its target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reach {
    /// Evaluations before it.
    pub index: usize,
    /// The evaluation.
    pub evaluation: Evaluation,
}

/// One trial against its target.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialResult {
    /// Its folder.
    pub trial: String,
    /// Its file, relative to the logs.
    pub file: String,
    /// How many evaluations it has.
    pub evaluations: usize,
    /// Where it reached the target.
    pub reached: Option<Reach>,
    /// Its best evaluation; none without a number.
    pub best: Option<Evaluation>,
}

/// One study.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyResult {
    /// Its folder.
    pub study: String,
    /// Its trials, in their folders' order.
    pub trials: Vec<TrialResult>,
    /// The trial that counts; none when no trial reached the target.
    pub counted: Option<usize>,
    /// The trial with the least time: the other way to pick.
    pub fastest: Option<usize>,
}

/// Step 1: a workload's name, from its folder's.
pub fn strip_framework(folder: &str) -> &str {
    let stripped = folder.strip_suffix("_jax");
    stripped
        .or_else(|| folder.strip_suffix("_pytorch"))
        .unwrap_or(folder)
}

/// Step 2: the first evaluation that meets the target.
pub fn first_reaching(evaluations: &[Evaluation], target: &Target) -> Option<Reach> {
    let index = evaluations
        .iter()
        .position(|evaluation| target.is_met(evaluation.value))?;
    Some(Reach {
        index,
        evaluation: evaluations[index],
    })
}

/// Step 3: which trial counts.
pub fn pick_trial(trials: &[TrialResult], pick: Pick) -> Option<usize> {
    let key = |reach: &Reach| match pick {
        Pick::FewestEvaluations => reach.index,
        Pick::LeastTime => 0,
    };
    let reached = trials
        .iter()
        .enumerate()
        .filter_map(|(i, trial)| Some((i, trial.reached.as_ref()?)));
    let best = reached.min_by(|(_, a), (_, b)| {
        let seconds = a.evaluation.seconds.total_cmp(&b.evaluation.seconds);
        key(a).cmp(&key(b)).then(seconds)
    });
    best.map(|(i, _)| i)
}

/// Step 4: the median over studies; infinite when half of them missed, NaN without studies.
pub fn workload_time(studies: &[StudyResult]) -> f64 {
    let times: Vec<f64> = studies.iter().map(StudyResult::seconds).collect();
    median_time(&times).unwrap_or(f64::NAN)
}

impl StudyResult {
    /// Judges the logs of one study on one workload.
    pub fn of(study: &str, logs: &[&Log], target: &Target, pick: Pick) -> StudyResult {
        let mut trials: Vec<TrialResult> = logs
            .iter()
            .map(|log| TrialResult::of(log, target))
            .collect();
        trials.sort_by(|a, b| natural(&a.trial).cmp(&natural(&b.trial)));
        StudyResult {
            study: study.to_owned(),
            counted: pick_trial(&trials, pick),
            fastest: pick_trial(&trials, Pick::LeastTime),
            trials,
        }
    }

    /// Submission time to target; infinite when none of the trials reached it.
    pub fn seconds(&self) -> f64 {
        self.reached()
            .map_or(f64::INFINITY, |reach| reach.evaluation.seconds)
    }

    /// Steps to target of the trial that counts.
    pub fn steps(&self) -> f64 {
        self.reached()
            .map_or(f64::INFINITY, |reach| reach.evaluation.step)
    }

    /// Where the trial that counts reached the target.
    pub fn reached(&self) -> Option<&Reach> {
        self.trials[self.counted?].reached.as_ref()
    }

    /// Whether the two ways to pick a trial disagree on the time.
    pub fn picks_differ(&self) -> bool {
        let seconds = |trial: usize| {
            self.trials[trial]
                .reached
                .map(|reach| reach.evaluation.seconds)
        };
        self.counted.and_then(seconds) != self.fastest.and_then(seconds)
    }
}

impl TrialResult {
    fn of(log: &Log, target: &Target) -> TrialResult {
        let reached = first_reaching(&log.evaluations, target);
        let better = |a: f64, b: f64| match target.goal {
            Goal::Minimize => a < b,
            Goal::Maximize => a > b,
        };
        let best = log
            .evaluations
            .iter()
            .filter(|evaluation| !evaluation.value.is_nan())
            .reduce(|best, next| {
                if better(next.value, best.value) {
                    next
                } else {
                    best
                }
            });
        TrialResult {
            trial: log.trial.clone(),
            file: log.file.clone(),
            evaluations: log.evaluations.len(),
            // A target without a time is no time to target.
            reached: reached.filter(|reach| reach.evaluation.seconds.is_finite()),
            best: best.copied(),
        }
    }

    /// The finding where a trial met the target at an evaluation that has no time.
    pub(super) fn without_time(log: &Log, target: &Target) -> Option<Finding> {
        let reach = first_reaching(&log.evaluations, target)?;
        (!reach.evaluation.seconds.is_finite()).then(|| Finding {
            line: Some(u64::from(reach.evaluation.line)),
            ..Finding::of(&log.file, Problem::NoTime)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(goal: Goal) -> Target {
        Target {
            metric: "loss".into(),
            goal,
            value: 0.5,
            step_hint: None,
            budget: None,
        }
    }

    fn log(trial: &str, points: &[(f64, f64)]) -> Log {
        let evaluation = |(i, &(seconds, value)): (usize, &(f64, f64))| Evaluation {
            line: i as u32 + 2,
            step: i as f64,
            seconds,
            value,
        };
        Log {
            submission: "s".into(),
            study: "study_0".into(),
            workload: "w_jax".into(),
            trial: trial.into(),
            file: format!("s/study_0/w_jax/{trial}/eval_measurements.csv"),
            evaluations: points.iter().enumerate().map(evaluation).collect(),
        }
    }

    #[test]
    fn frameworks_are_stripped_once_and_only_at_the_end() {
        let names = [
            "wmt_jax",
            "wmt_pytorch",
            "wmt",
            "jax_wmt",
            "wmt_jax_pytorch",
        ]
        .map(strip_framework);
        assert_eq!(names, ["wmt", "wmt", "wmt", "jax_wmt", "wmt_jax"]);
    }

    #[test]
    fn the_first_passage_counts_and_nan_is_none() {
        let log = log(
            "trial_1",
            &[
                (1.0, f64::NAN),
                (2.0, 0.6),
                (3.0, 0.5),
                (4.0, 0.9),
                (5.0, 0.1),
            ],
        );
        let down = first_reaching(&log.evaluations, &target(Goal::Minimize)).unwrap();
        assert_eq!((down.index, down.evaluation.line), (2, 4));
        let up = first_reaching(&log.evaluations, &target(Goal::Maximize)).unwrap();
        assert_eq!(up.index, 1);
        let result = TrialResult::of(&log, &target(Goal::Minimize));
        assert_eq!(result.best.unwrap().seconds, 5.0);
    }

    #[test]
    fn the_official_pick_is_by_evaluations_and_the_rules_are_by_time() {
        let slow = log("trial_1", &[(100.0, 0.4)]);
        let fast = log("trial_2", &[(10.0, 0.9), (20.0, 0.4)]);
        let study =
            |pick| StudyResult::of("study_0", &[&slow, &fast], &target(Goal::Minimize), pick);
        let official = study(Pick::FewestEvaluations);
        assert_eq!((official.seconds(), official.picks_differ()), (100.0, true));
        assert_eq!(study(Pick::LeastTime).seconds(), 20.0);
    }

    #[test]
    fn equal_indices_are_decided_by_time() {
        let logs = [
            log("trial_1", &[(30.0, 0.4)]),
            log("trial_2", &[(20.0, 0.4)]),
        ];
        let study = StudyResult::of(
            "study_0",
            &[&logs[0], &logs[1]],
            &target(Goal::Minimize),
            Pick::FewestEvaluations,
        );
        assert_eq!((study.counted, study.seconds()), (Some(1), 20.0));
    }

    #[test]
    fn a_passage_without_a_time_is_none() {
        let log = log("trial_1", &[(f64::NAN, 0.4), (20.0, 0.4)]);
        let target = target(Goal::Minimize);
        assert_eq!(TrialResult::of(&log, &target).reached, None);
        assert_eq!(
            TrialResult::without_time(&log, &target).unwrap().line,
            Some(2)
        );
    }

    #[test]
    fn the_median_over_studies_knows_misses() {
        let study = |seconds: f64| {
            let log = log(
                "trial_1",
                &[(seconds, if seconds.is_finite() { 0.4 } else { 0.9 })],
            );
            StudyResult::of("study", &[&log], &target(Goal::Minimize), Pick::LeastTime)
        };
        let miss = f64::INFINITY;
        assert_eq!(workload_time(&[study(3.0), study(1.0), study(miss)]), 3.0);
        assert_eq!(workload_time(&[study(3.0), study(miss)]), miss);
        assert!(workload_time(&[]).is_nan());
    }
}
