//! Mean cross-entropy in nats without label smoothing, and what follows from it: perplexity, bits per byte.

use super::mean::Mean;
use super::{Accumulator, Scored};
use bench_torch::errors::LibtorchError;

/// Summed loss and what it counts.
#[derive(Debug)]
pub(super) struct CrossEntropy {
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
    pub(super) fn new(unit: Unit) -> CrossEntropy {
        CrossEntropy {
            mean: Mean::new(),
            unit,
        }
    }
}

impl Accumulator for CrossEntropy {
    fn add(&mut self, scored: &Scored) -> Result<(), LibtorchError> {
        let (summed, count) = scored.loss()?;
        self.mean.add(summed, count);
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
