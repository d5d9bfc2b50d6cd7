//! Share of answers that are right, or wrong. Ties go to the first class; NaN counts as the largest.

use super::{Accumulator, Scored};
use crate::batch::Batch;
use bench_torch::errors::LibtorchError;
use tch::{Kind, Tensor};

/// Which share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    Right,
    Wrong,
}

/// What the share is of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Over {
    /// This many examples, whatever they weigh: AlgoPerf's rule for classes.
    Examples(u64),
    /// The sum of weights: its rule for tokens.
    Weights,
}

/// Right answers and answers.
#[derive(Debug)]
pub(crate) struct Accuracy {
    share: Share,
    over: Over,
    right: f64,
    weights: f64,
}

impl Accuracy {
    pub(crate) fn new(share: Share, over: Over) -> Accuracy {
        Accuracy {
            share,
            over,
            right: 0.0,
            weights: 0.0,
        }
    }

    /// Adds what [`count`] or [`count_binary`] found.
    pub(crate) fn add_count(&mut self, (right, weights): (f64, f64)) {
        self.right += right;
        self.weights += weights;
    }
}

impl Accumulator for Accuracy {
    fn add(&mut self, scored: &Scored) -> Result<(), LibtorchError> {
        self.add_count(count(scored.outputs, scored.batch)?);
        Ok(())
    }

    fn value(&self) -> f64 {
        let all = match self.over {
            Over::Examples(examples) => examples as f64,
            Over::Weights => self.weights,
        };
        match self.share {
            Share::Right => self.right / all,
            // Not 1 minus the share of right ones: that would miss a target of 0.105 by a rounding.
            Share::Wrong => (all - self.right) / all,
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
    weigh(&right, batch.counted()?.as_ref())
}

/// The same for yes-or-no answers: a logit above 0 says yes, 0 itself no.
pub(crate) fn count_binary(logits: &Tensor, batch: &Batch) -> Result<(f64, f64), LibtorchError> {
    let yes = logits.f_gt(0.0)?;
    let right = yes.f_eq_tensor(&batch.targets.f_eq(1.0)?)?;
    weigh(&right, batch.weights.as_ref())
}

fn weigh(right: &Tensor, weights: Option<&Tensor>) -> Result<(f64, f64), LibtorchError> {
    let sum = |tensor: &Tensor| tensor.f_sum(Kind::Double)?.f_double_value(&[]);
    Ok(match weights {
        None => (sum(right)?, right.numel() as f64),
        Some(weights) => (sum(&right.f_mul(weights)?)?, sum(weights)?),
    })
}
