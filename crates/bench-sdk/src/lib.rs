//! What an author of a training algorithm uses.
//!
//! ```ignore
//! // src/main.rs, whole
//! fn main() -> std::process::ExitCode {
//!     bench_sdk::run::<lion::Lion>()
//! }
//! ```
//!
//! An [`UpdateRule`] turns gradients into new parameters; a [`TrainingAlgorithm`] decides everything that happens in a step. Both are given
//! the model, its derivatives and the training examples through [`Training`], and name their state once, in `state`.

mod algorithm;
mod check;
mod first_order;
mod group;
mod hyperparameters;
mod problem;
mod program;
mod state;
mod tensor;
pub mod testing;
mod timing;
pub mod toolkit;
mod training;
mod watch;
mod worker;

pub use algorithm::{TrainingAlgorithm, UpdateRule};
pub use anyhow;
pub use bench_workloads::model::Pass;
pub use bench_workloads::{Batch, Buffer, LossValues, Parameter};
pub use check::{Comparison, reference_uniform};
pub use first_order::{FirstOrder, Rules};
pub use group::{Group, Update};
pub use hyperparameters::{HyperparameterError, Hyperparameters};
pub use program::Program;
pub use serde_json;
pub use state::{Contents, State, Value, Visit};
pub use tch;
pub use training::{Budget, Facts, Gradients, Replica, Training};

use std::process::ExitCode;
pub use worker::failure::Located;

/// What most submissions use.
pub mod prelude {
    pub use crate::toolkit::{Elementwise, Float, Reference, bias_correction};
    pub use crate::{
        Batch, Group, Hyperparameters, Parameter, State, Training, TrainingAlgorithm, Update,
        UpdateRule,
    };
    pub use anyhow::{Context, Result, bail, ensure};
    pub use bench_core::spec::submission::Role;
    pub use tch::{Device, Kind, Tensor};
}

/// The program of a submission that is an update rule.
#[track_caller]
pub fn run<R: UpdateRule>() -> ExitCode {
    run_algorithm::<FirstOrder<R>>()
}

/// The program of a submission that is a whole training algorithm.
#[track_caller]
pub fn run_algorithm<A: TrainingAlgorithm>() -> ExitCode {
    Program::of_this_process().run::<A>()
}
