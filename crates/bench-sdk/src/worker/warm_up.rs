//! The model and the algorithm run once before the clock, on copies and dummy data: what is measured starts with memory and kernels ready,
//! and with nothing else. The trial's own model, state, data and random streams are not touched.

use crate::algorithm::TrainingAlgorithm;
use crate::problem::WorkloadProblem;
use crate::training::{Settings, Training};
use anyhow::{Context, Result};
use bench_core::run::RunSpec;
use bench_torch::device;
use std::rc::Rc;
use tch::Device;

/// Steps: the first allocates state, the second finds it there.
const STEPS: u64 = 2;

/// Makes a second model and a second algorithm, takes steps with them, and drops them.
pub(crate) fn warm_up<A: TrainingAlgorithm>(
    run: &RunSpec,
    settings: &Rc<Settings>,
    device: Device,
) -> Result<()> {
    steps::<A>(run, settings, device).context("in the warm-up on dummy data")
}

fn steps<A: TrainingAlgorithm>(
    run: &RunSpec,
    settings: &Rc<Settings>,
    device: Device,
) -> Result<()> {
    let problem = WorkloadProblem::dummy(run, device)?;
    let mut training = Training::new(Box::new(problem), settings.clone());
    let mut algorithm: A = training.start()?;
    training.open();
    algorithm.resume_training(&mut training)?;
    for _ in 0..STEPS.min(run.budget_steps()) {
        algorithm.step(&mut training)?;
        training.advance();
    }
    algorithm.prepare_for_eval(&mut training)?;
    Ok(device::synchronise(device)?)
}
