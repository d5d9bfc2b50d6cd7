//! What of a calibration's trials is kept: enough to judge them again, small enough to commit.

use super::rule::Finding;
use crate::read::Trial;
use bench_core::canonical::{self, CanonicalError};
use bench_core::number::Measured;
use bench_core::outcome::Outcome;
use bench_core::record::Machine;
use bench_core::run::SplitName;
use bench_core::spec::calibration::TUNING;
use bench_core::spec::search::Point;
use bench_core::spec::workload::Metric;
use serde::{Deserialize, Serialize};

/// Version of the file.
pub const FORMAT: u32 = 1;

/// A calibration: `results/calibration/<workload>/calibration.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CalibrationRecord {
    /// [`FORMAT`].
    pub format: u32,
    /// Name of the workload.
    #[serde(deserialize_with = "bench_core::name::deserialize")]
    pub workload: String,
    /// As it was typed.
    pub command: String,
    /// Where it ran.
    pub machine: Machine,
    /// The metric of the target.
    pub metric: Metric,
    /// Steps of every trial: the step hint.
    pub step_hint: u64,
    /// Steps that the budget allows.
    pub budget_steps: u64,
    /// Where along the step hint the target is taken, in percent.
    pub at: f64,
    /// blake3 over workload (without target and budget), data and rules: another workload, another number.
    pub comparability_key: String,
    /// blake3 over the trials.
    pub digest: String,
    /// What follows from the trials.
    pub finding: Finding,
    /// All trials, those that tune first.
    pub trials: Vec<CalibrationTrial>,
}

/// One trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CalibrationTrial {
    /// Name of the submission.
    pub submission: String,
    /// 1 tunes; each higher one is a seed.
    pub study: u32,
    /// Number of the point, from 1.
    pub number: u32,
    /// What random draws began with.
    pub seed: u64,
    /// The hyperparameters.
    pub point: Point,
    /// Of the trial's record.
    pub config_hash: String,
    /// Of what it was built from.
    pub source_hash: String,
    /// Name of the outcome.
    pub outcome: String,
    /// Of submission time.
    pub seconds_per_step: Option<f64>,
    /// In order.
    pub evaluations: Vec<Evaluation>,
}

/// One evaluation: step, validation value and test value of the target's metric; trials that tune have a test value at their end alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evaluation(pub u64, pub Measured, pub Measured);

impl CalibrationTrial {
    /// What is kept of a trial.
    pub fn of(trial: &Trial) -> CalibrationTrial {
        let (record, run) = (&trial.record, &trial.record.run);
        let metric = run.workload.target.metric.name();
        let outcome = trial.summary.outcome.as_ref();
        let curve = trial.summary.curve.iter();
        let evaluation = |point: &crate::CurvePoint| {
            let value = |split| Measured(point.metric(split, metric).unwrap_or(f64::NAN));
            Evaluation(
                point.step,
                value(SplitName::Validation),
                value(SplitName::Test),
            )
        };
        CalibrationTrial {
            submission: run.submission.name.clone(),
            study: run.seed.study,
            number: run.seed.trial,
            seed: run.seed.value,
            point: run.hyperparameters.clone(),
            config_hash: record.config_hash.clone(),
            source_hash: record.source_hash.clone(),
            outcome: outcome.map_or("unfinished", Outcome::name).to_owned(),
            seconds_per_step: trial.summary.steps_per_second().map(|speed| 1.0 / speed),
            evaluations: curve.map(evaluation).collect(),
        }
    }

    /// Whether it chose a point, or counts.
    pub fn tunes(&self) -> bool {
        self.study == TUNING
    }
}

impl CalibrationRecord {
    /// blake3 over trials, in an order of their own.
    ///
    /// # Errors
    /// Never: trials have a canonical form.
    pub fn digest(trials: &[CalibrationTrial]) -> Result<String, CanonicalError> {
        let mut sorted: Vec<&CalibrationTrial> = trials.iter().collect();
        sorted.sort_by(|a, b| a.key().cmp(&b.key()));
        canonical::hash("bench calibration v1", &sorted)
    }

    /// As a file: one line a trial, so that two calibrations can be set side by side.
    ///
    /// # Errors
    /// Never: it is written to memory.
    pub fn text(&self) -> Result<String, serde_json::Error> {
        let lines: Result<Vec<String>, _> = self
            .trials
            .iter()
            .map(|trial| serde_json::to_string(trial).map(|line| format!("\n    {line}")))
            .collect();
        let head = CalibrationRecord {
            trials: Vec::new(),
            ..self.clone()
        };
        let head = serde_json::to_string_pretty(&head)?;
        let trials = format!("\"trials\": [{}\n  ]", lines?.join(","));
        Ok(head.replace("\"trials\": []", &trials) + "\n")
    }
}

impl CalibrationTrial {
    pub(super) fn key(&self) -> (&str, u32, u32, u64) {
        (&self.submission, self.study, self.number, self.seed)
    }
}
