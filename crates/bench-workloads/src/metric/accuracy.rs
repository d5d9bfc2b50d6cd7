//! Share of examples whose most likely class is right, or wrong. Ties go to the first class; NaN counts as the largest.

use super::{Accumulator, Scored};
use crate::batch::Batch;
use bench_torch::errors::LibtorchError;
use tch::{Kind, Tensor};

/// Which share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    Right,
    Wrong,
}

/// Right answers and answers.
#[derive(Debug)]
pub(super) struct Accuracy {
    share: Share,
    right: f64,
    all: f64,
}

impl Accuracy {
    pub(super) fn new(share: Share) -> Accuracy {
        Accuracy {
            share,
            right: 0.0,
            all: 0.0,
        }
    }
}

impl Accumulator for Accuracy {
    fn add(&mut self, scored: &Scored) -> Result<(), LibtorchError> {
        let (right, all) = count(scored.outputs, scored.batch)?;
        self.right += right;
        self.all += all;
        Ok(())
    }

    fn value(&self) -> f64 {
        let accuracy = self.right / self.all;
        match self.share {
            Share::Right => accuracy,
            Share::Wrong => 1.0 - accuracy,
        }
    }
}

/// The most likely class of each example.
pub(crate) fn predicted(logits: &Tensor) -> Result<Tensor, LibtorchError> {
    Ok(logits.f_argmax(-1, false)?)
}

/// Sum of weights of the right answers, and of all.
pub(crate) fn count(logits: &Tensor, batch: &Batch) -> Result<(f64, f64), LibtorchError> {
    let right = predicted(logits)?.f_eq_tensor(&batch.targets)?;
    Ok(match &batch.weights {
        None => (
            right.f_sum(Kind::Int64)?.f_int64_value(&[])? as f64,
            right.numel() as f64,
        ),
        Some(weights) => (
            right.f_mul(weights)?.f_sum(Kind::Double)?.f_double_value(&[])?,
            weights.f_sum(Kind::Double)?.f_double_value(&[])?,
        ),
    })
}
