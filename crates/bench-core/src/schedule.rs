//! Learning-rate schedules: pure functions of step, horizon and parameters.

use crate::spec::submission::Schedule;
use std::f64::consts::PI;

impl Schedule {
    /// Factor on the learning rate at `step` (0-based: the factor that step `step + 1` uses) of a training of `horizon` steps.
    pub fn factor(&self, step: u64, horizon: u64) -> f64 {
        match self {
            Schedule::Constant => 1.0,
            Schedule::WarmupCosine(spec) => {
                let warmup = spec.warmup.steps(horizon);
                if step < warmup {
                    return step as f64 / warmup as f64;
                }
                let decay = (horizon - warmup.min(horizon)).max(1);
                // At the horizon the cosine has arrived; beyond it AlgoPerf's formula would rise again.
                let progress = ((step - warmup) as f64 / decay as f64).min(1.0);
                0.5 * (1.0 + (PI * progress).cos())
            }
        }
    }
}
