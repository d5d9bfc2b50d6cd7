//! Mean cross-entropy in nats, without label smoothing: summed over the split, divided once.

use super::{Accumulator, Scored};
use crate::loss::Loss;
use bench_torch::errors::LibtorchError;
use tch::Kind;

/// Summed loss and what it counts.
#[derive(Debug)]
pub(super) struct CrossEntropy {
    loss: Loss,
    summed: f64,
    valid: f64,
}

impl CrossEntropy {
    pub(super) fn new(loss: Loss) -> CrossEntropy {
        CrossEntropy {
            loss,
            summed: 0.0,
            valid: 0.0,
        }
    }
}

impl Accumulator for CrossEntropy {
    fn add(&mut self, scored: &Scored) -> Result<(), LibtorchError> {
        let values = self.loss.values(scored.outputs, scored.batch, 0.0)?;
        self.summed += values.per_example.f_sum(Kind::Double)?.f_double_value(&[])?;
        self.valid += values.valid.f_double_value(&[])?;
        Ok(())
    }

    fn value(&self) -> f64 {
        self.summed / self.valid
    }
}
