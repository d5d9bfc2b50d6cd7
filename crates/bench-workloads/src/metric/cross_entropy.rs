//! Mean cross-entropy in nats without label smoothing, and what follows from it: perplexity, bits per byte.

use super::mean::Mean;
use super::{Accumulator, Scored};
use crate::loss::Loss;
use bench_torch::errors::LibtorchError;
use tch::Kind;

/// Summed loss and what it counts.
#[derive(Debug)]
pub(super) struct CrossEntropy {
    loss: Loss,
    mean: Mean,
    unit: Unit,
}

/// What the mean is told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Nats an example, or token.
    Nats,
    /// exp(nats).
    Perplexity,
    /// Bits a byte, where a token is a byte.
    BitsPerByte,
}

impl CrossEntropy {
    pub(super) fn new(loss: Loss, unit: Unit) -> CrossEntropy {
        CrossEntropy {
            loss,
            mean: Mean::new(),
            unit,
        }
    }
}

impl Accumulator for CrossEntropy {
    fn add(&mut self, scored: &Scored) -> Result<(), LibtorchError> {
        let values = self.loss.values(scored.outputs, scored.batch, 0.0)?;
        let summed = values
            .per_example
            .f_sum(Kind::Double)?
            .f_double_value(&[])?;
        self.mean.add(summed, values.valid.f_double_value(&[])?);
        Ok(())
    }

    fn value(&self) -> f64 {
        let nats = self.mean.value();
        match self.unit {
            Unit::Nats => nats,
            Unit::Perplexity => perplexity(nats),
            Unit::BitsPerByte => bits(nats),
        }
    }
}

/// Of a mean over a whole split: never a mean of batches' perplexities.
pub(crate) fn perplexity(nats: f64) -> f64 {
    nats.exp()
}

/// Nats in bits.
pub(crate) fn bits(nats: f64) -> f64 {
    nats / std::f64::consts::LN_2
}
