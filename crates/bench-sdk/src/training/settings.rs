//! What stays the same through a trial.

use super::{Budget, Given};
use crate::hyperparameters::Hyperparameters;
use crate::toolkit::elementwise::Form;
use bench_core::run::RunSpec;
use bench_core::spec::submission::{GradientClipping, Group, Norm};
use bench_core::spec::workload::Metric;

use serde::Serialize;

pub(crate) use bench_core::spec::submission::GradientClipping as Clipping;

/// Factor on the learning rate by step, counting from 0.
pub(crate) type Schedule = Box<dyn Fn(u64) -> f64>;

/// What stays the same through a trial.
pub(crate) struct Settings {
    pub(crate) hyperparameters: Hyperparameters,
    pub(crate) groups: Vec<Group>,
    pub(crate) clipping: GradientClipping,
    /// To be logged.
    pub(crate) gradient_norm: Option<Norm>,
    pub(crate) schedule: Schedule,
    pub(crate) horizon: u64,
    pub(crate) budget: Budget,
    pub(crate) batch_size: u64,
    pub(crate) seed: u64,
    /// Of libtorch, and of one-pass updates.
    pub(crate) threads: u32,
    /// Whether examples come in random order; else in their own.
    pub(crate) shuffle: bool,
    /// Whether each example may come once.
    pub(crate) one_epoch: bool,
    pub(crate) form: Form,
    pub(crate) given: Given,
    pub(crate) facts: Facts,
}

/// What a submission may be told of the workload that it is on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Facts {
    /// Its name.
    pub workload: String,
    /// Kind of loss.
    pub loss: String,
    /// The metric that the target is for.
    pub target: Option<Metric>,
    /// Steps from one evaluation to the next.
    pub evaluate_every: u64,
}

impl Facts {
    fn of(run: &RunSpec) -> Facts {
        Facts {
            workload: run.workload_name.clone(),
            loss: run.workload.loss.name().to_owned(),
            target: Some(run.workload.target.metric),
            evaluate_every: run.evaluate_steps(),
        }
    }
}

impl Settings {
    /// Those of a run.
    pub(crate) fn of(run: &RunSpec) -> Settings {
        let horizon = run.workload.step_hint;
        let schedule = run.submission.schedule.over(horizon);
        Settings {
            hyperparameters: Hyperparameters::of(run),
            groups: run.submission.groups.clone(),
            clipping: run.submission.gradient_clipping,
            gradient_norm: run.submission.log_gradient_norm,
            schedule: Box::new(move |step| schedule.at(step)),
            horizon,
            budget: Budget {
                steps: run.budget_steps(),
                seconds: run.budget_seconds(),
            },
            batch_size: run.submission.batch_size,
            seed: run.seed.value,
            threads: run.threads,
            shuffle: true,
            one_epoch: run.workload.one_epoch,
            form: Form::Fastest,
            given: Given::default(),
            facts: Facts::of(run),
        }
    }

    /// One example a step, in order, at a constant rate: what known functions are trained with.
    pub(crate) fn plain(hyperparameters: Hyperparameters, steps: u64) -> Settings {
        Settings {
            hyperparameters,
            groups: Vec::new(),
            clipping: GradientClipping::None,
            gradient_norm: None,
            schedule: Box::new(|_| 1.0),
            horizon: steps,
            budget: Budget {
                steps,
                seconds: f64::INFINITY,
            },
            batch_size: 1,
            seed: 0,
            threads: 1,
            shuffle: false,
            one_epoch: false,
            form: Form::Fastest,
            given: Given::default(),
            facts: Facts::default(),
        }
    }
}
