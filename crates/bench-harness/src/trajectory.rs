//! Two programs side by side on one seed, step by step: where their losses or weights first differ, and how the difference grows.
//!
//! Nothing here is timed, and nothing in a worker knows of it: a cadence of one step makes every step an evaluation that nobody evaluates, and the
//! ordinary snapshot holds the weights. So any revision can be looked at, old ones too.

mod difference;
mod worker;

pub use difference::{ParameterDifference, SnapshotError};
pub use worker::WorkerError;

use crate::channel::Source;
use crate::interrupt::Interrupts;
use crate::program::Programs;
use crate::scratch::{self, Scratch};
use bench_core::number::Measured;
use bench_core::run::{RunSpec, SplitName};
use bench_core::spec::harness::Limits;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use worker::{Scores, Walker};

/// A trajectory cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum TrajectoryError {
    /// One of the programs.
    #[error("the {side}'s worker: {cause}")]
    Worker {
        /// `base` or `candidate`.
        side: &'static str,
        /// What happened to it.
        #[source]
        cause: WorkerError,
    },
    /// A snapshot.
    #[error("the snapshots after step {step} do not compare: {cause}")]
    Snapshot {
        /// Which step.
        step: u64,
        /// Why.
        #[source]
        cause: SnapshotError,
    },
    /// No place for snapshots.
    #[error("no place for snapshots: {0}")]
    Scratch(#[source] io::Error),
    /// Somebody stopped the command.
    #[error("interrupted")]
    Interrupted,
}

/// One of the two: what runs, and with what settings.
#[derive(Debug, Clone)]
pub struct Course {
    /// `base` or `candidate`.
    pub side: &'static str,
    /// Its programs.
    pub programs: Programs,
    /// Its configuration; seed and workload are the other's too.
    pub run: RunSpec,
}

/// What both share.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Split to its file.
    pub data: BTreeMap<SplitName, PathBuf>,
    /// Of start-up, a step and a snapshot.
    pub limits: Limits,
    /// Card of a `cuda` run.
    pub device_index: u32,
}

impl Ground {
    /// What a program is given of the data: a worker the training split alone.
    fn data_of(&self, source: Source) -> BTreeMap<SplitName, PathBuf> {
        let mut data = self.data.clone();
        data.retain(|split, _| source == Source::Evaluator || *split == SplitName::Train);
        data
    }
}

/// How far to go, and what happens on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// All steps.
    pub steps: u64,
    /// Each side's evaluator scores the weights after this step, and its submission is told.
    pub evaluate_after: Option<u64>,
    /// Each side's worker ends after this step, and another one goes on from its snapshot.
    pub resume_after: Option<u64>,
}

impl Way {
    /// Steps of a run that is cut short so that all of a training happens in it: warm-up and decay, an evaluation, a resume.
    pub const SHORT: Way = Way {
        steps: 30,
        evaluate_after: Some(15),
        resume_after: Some(20),
    };

    /// So many steps and nothing else.
    pub fn plain(steps: u64) -> Way {
        Way {
            steps,
            evaluate_after: None,
            resume_after: None,
        }
    }

    /// A run with this way's steps for its step hint and its budget, so that schedules come to their end on it.
    pub fn shorten(&self, run: &RunSpec) -> RunSpec {
        let mut run = run.clone();
        run.workload.step_hint = self.steps;
        run.workload.budget.steps = self.steps;
        run.ruleset.budget_factor = 1.0;
        run
    }
}

/// What two trajectories have in common, and from where on they do not.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Trajectory {
    /// Steps that were compared.
    pub steps: u64,
    /// The first step whose training loss differs in any bit.
    pub first_loss: Option<u64>,
    /// The first step after which weights differ in any bit.
    pub first_weights: Option<u64>,
    /// Names of the parameters and buffers that differ then, the largest relative difference first.
    pub first_parameters: Vec<String>,
    /// The step after which the evaluators do not say the same of the same weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_scores: Option<u64>,
    /// How the difference grew: the step of the first one, then at doubling distances from it, and the last step.
    pub growth: Vec<Difference>,
}

/// The difference after one step.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// Steps done.
    pub step: u64,
    /// Training loss of the base.
    pub base_loss: Option<f64>,
    /// Training loss of the candidate.
    pub candidate_loss: Option<f64>,
    /// Each differing parameter or buffer, the largest relative difference first.
    pub parameters: Vec<ParameterDifference>,
}

impl Difference {
    fn is_some(&self) -> bool {
        self.has_other_loss() || !self.parameters.is_empty()
    }

    fn has_other_loss(&self) -> bool {
        self.base_loss.map(f64::to_bits) != self.candidate_loss.map(f64::to_bits)
    }
}

impl Trajectory {
    /// Whether no bit of any loss or weight differs.
    pub fn is_equal(&self) -> bool {
        self.growth.is_empty() && self.first_scores.is_none()
    }

    /// What evaluators say matters where the weights are the same: other weights are told already.
    fn score(&mut self, step: u64, scores: [&Scores; 2]) {
        let bits = |scores: &Scores| -> Vec<(SplitName, String, u64)> {
            let all = scores.iter().flat_map(|(split, metrics)| {
                let of = move |(name, value): (&String, &Measured)| {
                    (*split, name.clone(), value.0.to_bits())
                };
                metrics.iter().map(of)
            });
            all.collect()
        };
        if self.is_equal() && bits(scores[0]) != bits(scores[1]) {
            self.first_scores = Some(step);
        }
    }

    fn note(&mut self, difference: Difference, last: bool) {
        self.steps = difference.step;
        let first = self.first_loss.into_iter().chain(self.first_weights).min();
        if !difference.is_some() && first.is_none() {
            return;
        }
        if difference.has_other_loss() && self.first_loss.is_none() {
            self.first_loss = Some(difference.step);
        }
        if !difference.parameters.is_empty() && self.first_weights.is_none() {
            self.first_weights = Some(difference.step);
            let names = difference
                .parameters
                .iter()
                .map(|parameter| parameter.name.clone());
            self.first_parameters = names.collect();
        }
        let since = difference.step - first.unwrap_or(difference.step);
        if since == 0 || since.is_power_of_two() || last {
            self.growth.push(difference);
        }
    }
}

/// Follows both as far as the way goes, or until one says that it is complete. `listener` is told each step that was compared.
///
/// The calling thread must outlive both programs, as for any supervised one.
///
/// # Errors
/// When a program fails, or somebody interrupts.
pub fn follow(
    courses: [&Course; 2],
    ground: &Ground,
    way: Way,
    interrupts: &Interrupts,
    listener: &mut dyn FnMut(u64),
) -> Result<Trajectory, TrajectoryError> {
    let scratch = Scratch::create(2 * scratch::SMALL).map_err(TrajectoryError::Scratch)?;
    let start = |number: usize| {
        let course = courses[number];
        let folder = scratch.path().join(course.side);
        let started = Walker::start(course, ground, &way, folder, interrupts);
        started.map_err(|cause| failed(course.side, cause))
    };
    let mut sides = [start(0)?, start(1)?];
    let mut trajectory = Trajectory::default();
    for step in 1..=way.steps {
        let [x, y] = each(&mut sides, Walker::advance)?;
        let parameters = difference::between(&x.snapshot, &y.snapshot)
            .map_err(|cause| TrajectoryError::Snapshot { step, cause })?;
        let difference = Difference {
            step,
            base_loss: x.loss,
            candidate_loss: y.loss,
            parameters,
        };
        let last = step == way.steps || x.complete || y.complete;
        trajectory.note(difference, last);
        listener(step);
        if last {
            break;
        }
        if way.evaluate_after == Some(step) {
            let [x, y] = each(&mut sides, |side| side.evaluate(step))?;
            trajectory.score(step, [&x, &y]);
        }
        if way.resume_after == Some(step) {
            each(&mut sides, |side| side.resume(step))?;
        }
    }
    Ok(trajectory)
}

/// The version of the protocol that a side's worker speaks, whatever it is: programs of old revisions may speak another one.
///
/// # Errors
/// When it does not start, or says nothing that can be read.
pub fn protocol(
    course: &Course,
    ground: &Ground,
    interrupts: &Interrupts,
) -> Result<u32, TrajectoryError> {
    let scratch = Scratch::create(0).map_err(TrajectoryError::Scratch)?;
    let version = worker::version(course, ground, scratch.path(), interrupts);
    version.map_err(|cause| failed(course.side, cause))
}

/// The same of both sides.
fn each<'a, T>(
    sides: &mut [Walker<'a>; 2],
    act: impl Fn(&mut Walker<'a>) -> Result<T, WorkerError>,
) -> Result<[T; 2], TrajectoryError> {
    let [a, b] = sides;
    let of = |side: &mut Walker<'a>| act(side).map_err(|cause| failed(side.course.side, cause));
    Ok([of(a)?, of(b)?])
}

fn failed(side: &'static str, cause: WorkerError) -> TrajectoryError {
    match cause {
        WorkerError::Interrupted => TrajectoryError::Interrupted,
        cause => TrajectoryError::Worker { side, cause },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(step: u64, losses: (f64, f64), parameters: &[&str]) -> Difference {
        let parameter = |name: &&str| ParameterDifference {
            name: (*name).to_owned(),
            largest: Some(0.1),
            relative: Some(0.1),
        };
        Difference {
            step,
            base_loss: Some(losses.0),
            candidate_loss: Some(losses.1),
            parameters: parameters.iter().map(parameter).collect(),
        }
    }

    #[test]
    fn the_first_difference_is_kept_and_its_growth_at_doubling_distances() {
        let mut trajectory = Trajectory::default();
        for step in 1..=20 {
            let (other, parameters): (f64, &[&str]) = match step {
                ..4 => (1.0, &[]),
                4 => (1.0, &["w"]),
                _ => (1.5, &["w", "b"]),
            };
            trajectory.note(difference(step, (1.0, other), parameters), step == 20);
        }
        assert_eq!(
            (trajectory.first_loss, trajectory.first_weights),
            (Some(5), Some(4))
        );
        assert_eq!(trajectory.first_parameters, ["w"]);
        let steps: Vec<u64> = trajectory
            .growth
            .iter()
            .map(|difference| difference.step)
            .collect();
        assert_eq!(steps, [4, 5, 6, 8, 12, 20]);
        assert!(!trajectory.is_equal());
    }

    #[test]
    fn equal_bits_are_equal_and_nan_is_too() {
        let mut trajectory = Trajectory::default();
        trajectory.note(difference(1, (f64::NAN, f64::NAN), &[]), true);
        assert!(trajectory.is_equal());
        assert_eq!(trajectory.steps, 1);
    }
}
