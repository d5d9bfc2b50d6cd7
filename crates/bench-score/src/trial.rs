//! One trial: the fold over its events.

use crate::measured::MetricValues;
use bench_core::number::Measured;
use bench_core::outcome::Outcome;
use bench_core::passage::{Passage, Point, Tracker};
use bench_core::protocol::{DeviceReport, Passes};
use bench_core::record::{Line, Phases, ResumedFrom, Slowdown, TrialEvent, WorkerCpu};
use bench_core::run::{RunSpec, SplitName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const NANOSECONDS: f64 = 1e9;

/// What a trial's events add up to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TrialSummary {
    /// How it ended; none while it runs or when the referee was killed.
    pub outcome: Option<Outcome>,
    /// When the target was met, with the evaluation before: the true passage lies between them.
    pub passage: Option<Passage>,
    /// Steps done.
    pub steps: u64,
    /// Submission time spent, in nanoseconds.
    pub submission_ns: u64,
    /// Examples passed through the model.
    #[serde(default)]
    pub passes: Passes,
    /// All evaluations that count, in order.
    pub curve: Vec<CurvePoint>,
    /// What training looked like at the end of each interval, in order. In no file: it follows from the events.
    #[serde(skip)]
    pub training: Vec<TrainingPoint>,
    /// Where the wall time went, over all parts whose end was recorded.
    pub phases: Phases,
    /// How often the trial was resumed.
    pub resumed: u32,
    /// What held the processors up, over all parts that say so.
    #[serde(default)]
    pub slowdown: Option<Slowdown>,
    /// What the worker's own account says of training time, over all intervals, repeated ones too; none before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<Claimed>,
    /// How long `init` took, over all parts.
    #[serde(default)]
    pub init_ns: u64,
    /// What of it was submission time.
    #[serde(default)]
    pub charged_ns: u64,
    /// Processor time of the worker, over all parts that tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_cpu: Option<WorkerCpu>,
    /// Trainable numbers.
    pub parameters: Option<u64>,
    /// What it ran on, as the worker found it.
    pub device: Option<DeviceReport>,
    /// Highest resident memory of the worker, in bytes.
    pub worker_memory: Option<u64>,
    /// Highest memory of the device, in bytes.
    pub device_memory: Option<u64>,
    /// Numbers in the algorithm's state, beside the parameters.
    pub state: Option<u64>,
    /// What a person should know, each once.
    pub warnings: Vec<String>,
}

/// A worker's own account of its intervals together, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Claimed {
    /// The intervals.
    pub seconds: f64,
    /// Of them, waiting for batches or making them.
    pub input_seconds: f64,
    /// Of them, in `prepare_for_eval`.
    pub prepare_seconds: f64,
}

impl Claimed {
    /// Share of training that went into input; none where no time passed.
    pub fn input_share(&self) -> Option<f64> {
        (self.seconds > 0.0).then(|| self.input_seconds / self.seconds)
    }
}

/// One evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CurvePoint {
    /// Steps done.
    pub step: u64,
    /// Submission time, in nanoseconds.
    pub submission_ns: u64,
    /// Examples passed through the model so far.
    #[serde(default)]
    pub passes: Passes,
    /// Split to metric to value.
    pub metrics: MetricValues,
}

/// The end of an interval of training.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TrainingPoint {
    /// Steps done.
    pub step: u64,
    /// Submission time, in nanoseconds.
    pub submission_ns: u64,
    /// Training loss of the last step, where the algorithm computed one.
    pub loss: Option<f64>,
    /// The learning rate of the last step in the interval that logged it as `learning-rate`.
    pub learning_rate: Option<f64>,
    /// The norm of the gradients before clipping, of the last step in the interval that logged it as `gradient-norm`.
    pub gradient_norm: Option<f64>,
}

impl TrainingPoint {
    /// Takes over what the interval logged, a later step's value over an earlier one's.
    fn log(&mut self, values: &BTreeMap<String, Measured>) {
        let value = |name: &str| values.get(name).map(|&Measured(value)| value);
        self.learning_rate = value("learning-rate").or(self.learning_rate);
        self.gradient_norm = value("gradient-norm").or(self.gradient_norm);
    }
}

impl CurvePoint {
    /// A split's metric; none where that split was not evaluated here.
    pub fn metric(&self, split: SplitName, metric: &str) -> Option<f64> {
        self.metrics.get(split, metric)
    }
}

impl TrialSummary {
    /// Adds up a trial's lines. What an earlier part recorded beyond the point of resuming was repeated, and does not count.
    pub fn fold(run: &RunSpec, lines: &[Line]) -> TrialSummary {
        let mut summary = TrialSummary::default();
        for line in lines {
            summary.observe(&line.event);
        }
        summary.passage = passage(run, &summary.curve, run.workload.target.validation);
        summary
    }

    /// The passage, where it counts: the trial is over, and its clock is trusted.
    pub fn hit(&self) -> Option<Passage> {
        match &self.outcome {
            Some(outcome) if outcome.is_final() && *outcome != Outcome::TimingSuspect => {
                self.passage
            }
            _ => None,
        }
    }

    /// Whether it is over and says something of the algorithm. One that failed for the machine's sake does not, unless it had met its target before.
    pub fn is_observed(&self) -> bool {
        let outcome = self.outcome.as_ref();
        outcome.is_some_and(Outcome::is_observation) || self.hit().is_some()
    }

    /// Whether it is over without having shown anything: what the same command tries again.
    pub fn is_unobserved(&self) -> bool {
        let outcome = self.outcome.as_ref();
        outcome.is_some_and(Outcome::is_final) && !self.is_observed()
    }

    /// The passage of another target, on what was recorded. It counts as [`TrialSummary::hit`] does.
    pub fn hit_at(&self, run: &RunSpec, target: f64) -> Option<Passage> {
        let counts = self
            .outcome
            .as_ref()
            .is_some_and(|outcome| outcome.is_final() && *outcome != Outcome::TimingSuspect);
        let passage = || passage(run, &self.curve, target);
        counts.then(passage).flatten()
    }

    /// Whether it ended at its target with budget left: what another target would have taken beyond is not known.
    pub fn stopped_at_target(&self, run: &RunSpec) -> bool {
        let left =
            self.steps < run.budget_steps() && self.submission_seconds() < run.budget_seconds();
        self.outcome == Some(Outcome::TargetReached) && left
    }

    /// Whether something held its processors up: heat, or more than a hundredth of its wall time taken by a quota or by other guests.
    pub fn is_throttled(&self) -> bool {
        /// Of the wall time.
        const NOTHING: f64 = 0.01;
        self.slowdown.is_some_and(|slowdown| {
            let taken = slowdown.quota_ns.unwrap_or(0) + slowdown.stolen_ns.unwrap_or(0);
            let hot = slowdown.thermal_events.is_some_and(|events| events > 0);
            hot || taken as f64 > NOTHING * self.phases.wall_ns as f64
        })
    }

    /// Submission time spent, in seconds.
    pub fn submission_seconds(&self) -> f64 {
        self.submission_ns as f64 / NANOSECONDS
    }

    /// Steps in a second of submission time.
    pub fn steps_per_second(&self) -> Option<f64> {
        (self.submission_ns > 0).then(|| self.steps as f64 / self.submission_seconds())
    }

    /// Examples passed through the model up to an evaluation; none in records of before they were counted.
    pub fn passes_at(&self, step: u64) -> Option<Passes> {
        let point = self.curve.iter().find(|point| point.step == step)?;
        (!point.passes.is_empty()).then_some(point.passes)
    }

    /// The last value of a split's metric.
    pub fn last(&self, split: SplitName, metric: &str) -> Option<f64> {
        self.curve
            .iter()
            .rev()
            .find_map(|point| point.metric(split, metric))
    }

    fn observe(&mut self, event: &TrialEvent) {
        match event {
            TrialEvent::Started { resumed, .. } => self.start(*resumed),
            TrialEvent::Ready {
                parameters,
                device,
                init_ns,
                charged_ns,
                ..
            } => {
                self.init_ns += init_ns;
                self.charged_ns += charged_ns;
                self.submission_ns += charged_ns;
                self.parameters = Some(*parameters);
                self.device = Some(device.clone());
            }
            TrialEvent::Trained {
                step,
                submission_ns,
                loss,
                passes,
                claim,
                ..
            } => {
                self.steps = *step;
                self.submission_ns = *submission_ns;
                self.passes = *passes;
                let claimed = self.claimed.get_or_insert_default();
                claimed.seconds += claim.seconds;
                claimed.input_seconds += claim.input_seconds;
                claimed.prepare_seconds += claim.prepare_seconds;
                self.training.push(TrainingPoint {
                    step: *step,
                    submission_ns: *submission_ns,
                    loss: loss.map(|Measured(loss)| loss),
                    ..TrainingPoint::default()
                });
            }
            // What an interval logged comes after its end.
            TrialEvent::Logged { step, values } => {
                let interval = self.training.last_mut();
                if let Some(interval) = interval.filter(|interval| *step < interval.step) {
                    interval.log(values);
                }
            }
            TrialEvent::Evaluated {
                step,
                submission_ns,
                metrics,
                passes,
                ..
            } => {
                let before = self.curve.last().map(|point| &point.metrics);
                let metrics = MetricValues::after(before, metrics);
                self.curve.push(CurvePoint {
                    step: *step,
                    submission_ns: *submission_ns,
                    passes: *passes,
                    metrics,
                });
            }
            TrialEvent::Warned { message } => {
                if !self.warnings.contains(message) {
                    self.warnings.push(message.clone());
                }
            }
            TrialEvent::Ended {
                outcome,
                phases,
                worker_memory,
                device_memory,
                state,
                slowdown,
                worker_cpu,
            } => {
                self.outcome = Some(outcome.clone());
                self.slowdown = slowed(self.slowdown, *slowdown);
                self.worker_cpu = used(self.worker_cpu, *worker_cpu);
                self.phases = sum(self.phases, *phases);
                self.worker_memory = self.worker_memory.max(*worker_memory);
                self.device_memory = self.device_memory.max(*device_memory);
                self.state = state.or(self.state);
            }
            TrialEvent::Snapshotted { .. } | TrialEvent::Unknown { .. } => {}
        }
    }

    /// A new part begins: back to the snapshot, or to the very start.
    fn start(&mut self, resumed: Option<ResumedFrom>) {
        self.outcome = None;
        let from = resumed.unwrap_or(ResumedFrom {
            step: 0,
            submission_ns: 0,
        });
        self.resumed += u32::from(resumed.is_some());
        self.steps = from.step;
        self.submission_ns = from.submission_ns;
        self.training.retain(|point| point.step <= from.step);
        match resumed {
            Some(_) => self.curve.retain(|point| point.step <= from.step),
            None => {
                self.curve.clear();
                // What an attempt from the start charges is charged once.
                self.charged_ns = 0;
            }
        }
        self.passes = self
            .curve
            .last()
            .map_or_else(Passes::default, |last| last.passes);
    }
}

/// The rule that the referee stops by, applied to what was recorded.
fn passage(run: &RunSpec, curve: &[CurvePoint], value: f64) -> Option<Passage> {
    let target = &run.workload.target;
    let mut tracker = Tracker::new(
        value,
        target.metric.direction(),
        run.ruleset.confirm,
        (run.budget_seconds() * NANOSECONDS) as u64,
        run.budget_steps(),
    );
    for point in curve {
        if let Some(value) = point.metric(SplitName::Validation, target.metric.name()) {
            tracker.observe(Point {
                step: point.step,
                submission_ns: point.submission_ns,
                value,
            });
        }
    }
    tracker.passage()
}

fn slowed(a: Option<Slowdown>, b: Option<Slowdown>) -> Option<Slowdown> {
    let (Some(a), Some(b)) = (a, b) else {
        return a.or(b);
    };
    let both = |of: fn(Slowdown) -> Option<u64>| match (of(a), of(b)) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    };
    Some(Slowdown {
        thermal_events: both(|slowdown| slowdown.thermal_events),
        quota_ns: both(|slowdown| slowdown.quota_ns),
        stolen_ns: both(|slowdown| slowdown.stolen_ns),
    })
}

fn used(a: Option<WorkerCpu>, b: Option<WorkerCpu>) -> Option<WorkerCpu> {
    let (Some(a), Some(b)) = (a, b) else {
        return a.or(b);
    };
    Some(WorkerCpu {
        start_up_ns: a.start_up_ns + b.start_up_ns,
        warm_up_ns: a.warm_up_ns + b.warm_up_ns,
        training_ns: a.training_ns + b.training_ns,
        snapshot_ns: a.snapshot_ns + b.snapshot_ns,
        frozen_ns: a.frozen_ns + b.frozen_ns,
        shut_down_ns: a.shut_down_ns + b.shut_down_ns,
    })
}

fn sum(a: Phases, b: Phases) -> Phases {
    Phases {
        start_up_ns: a.start_up_ns + b.start_up_ns,
        warm_up_ns: a.warm_up_ns + b.warm_up_ns,
        training_ns: a.training_ns + b.training_ns,
        snapshot_ns: a.snapshot_ns + b.snapshot_ns,
        evaluation_ns: a.evaluation_ns + b.evaluation_ns,
        shut_down_ns: a.shut_down_ns + b.shut_down_ns,
        other_ns: a.other_ns + b.other_ns,
        wall_ns: a.wall_ns + b.wall_ns,
    }
}
