//! Trials that set a target: to the step hint, whatever the target and the time limit are now.

use super::catalog::Catalog;
use super::harness::{Points, Ruleset, TestEvaluations};
use super::resolve::{Request, ResolveError};
use super::search::{Point, SearchError};
use super::submission::Tuning;
use super::workload::Direction;
use crate::number::Span;
use crate::run::{Purpose, RunSpec};
use std::time::Duration;

/// The rules' name in records.
pub const RULESET: &str = "calibration";
/// The study that tunes; seeds have studies of their own after it, so that none is tuned on and counted.
pub const TUNING: u32 = 1;
/// No metric comes near it, from either side.
const UNREACHABLE: f64 = 1e9;
/// Nobody waits that long for a trial: a busy machine changes nothing but time.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// One trial of a calibration.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// By name.
    pub workload: &'a str,
    /// By name.
    pub submission: &'a str,
    /// The user's `--seed`.
    pub base_seed: u64,
    /// [`TUNING`], and one more for each seed.
    pub study: u32,
    /// Number of the point, from 1.
    pub number: u32,
    /// The point.
    pub point: &'a Point,
}

impl Catalog {
    /// The first `count` points of a submission's search space; fewer where it lists fewer.
    ///
    /// # Errors
    /// When there is no such submission.
    pub fn calibration_points(
        &self,
        submission: &str,
        count: u32,
    ) -> Result<Vec<Point>, ResolveError> {
        let space = &self.entrant(submission)?.space;
        let point = |trial| {
            let point = space.point(TUNING, trial, count);
            point.map_err(|cause: SearchError| ResolveError::Point {
                study: TUNING,
                trial,
                cause,
            })
        };
        (1..=space.trials(count)).map(point).collect()
    }

    /// The configuration of one trial. It depends on nothing that a calibration writes, so that finished trials stay finished.
    ///
    /// # Errors
    /// When a name or a hyperparameter is not there.
    pub fn calibrating(&self, wanted: &Wanted) -> Result<RunSpec, ResolveError> {
        let request = Request {
            workload: wanted.workload,
            submission: wanted.submission,
            ruleset: RULESET,
            purpose: Purpose::Calibrating,
            base_seed: wanted.base_seed,
            study: wanted.study,
            trial: wanted.number,
            trials: None,
            hyperparameters: Some(wanted.point),
            threads: None,
            device: None,
        };
        let mut run = self.resolve_under(&request, rules(wanted.study))?;
        let workload = &mut run.workload;
        let target = &mut workload.target;
        target.validation = match target.metric.direction() {
            Direction::Min => -UNREACHABLE,
            Direction::Max => UNREACHABLE,
        };
        target.test = None;
        target.source = None;
        workload.budget.time = Span(PATIENCE);
        workload.budget.steps = workload.step_hint;
        Ok(run)
    }
}

/// Nothing is tuned on the test split, and a target needs its test value at one evaluation of the seeds.
fn rules(study: u32) -> Ruleset {
    Ruleset {
        tuning: Tuning::ExternalTuning,
        studies: 1,
        trials: 1,
        points: Points::Defaults,
        budget_factor: 1.0,
        confirm: true,
        test: match study {
            TUNING => TestEvaluations::PassageAndEnd,
            _ => TestEvaluations::Always,
        },
        evaluate_every: None,
    }
}
