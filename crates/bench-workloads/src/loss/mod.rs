//! Losses: per example, summed, and the mean that training minimises.

pub(crate) mod cross_entropy;

use crate::batch::Batch;
use bench_core::spec::workload::{self, CrossEntropy};
use bench_torch::errors::LibtorchError;
use tch::Tensor;

/// A loss on a batch, in all the forms that algorithms and metrics want. None of them is detached.
#[derive(Debug)]
pub struct LossValues {
    /// After weighting; shaped like the targets.
    pub per_example: Tensor,
    /// Their sum.
    pub summed: Tensor,
    /// What the mean divides by: sum of weights, or number of targets without weights. A scalar.
    pub valid: Tensor,
}

impl LossValues {
    /// `summed / valid`: NaN where nothing counts.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn mean(&self) -> Result<Tensor, LibtorchError> {
        Ok(self.summed.f_div(&self.valid)?)
    }
}

/// What training minimises: a kind of loss with its settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Loss {
    spec: workload::Loss,
}

impl Loss {
    /// The loss of a workload.
    pub fn new(spec: &workload::Loss) -> Loss {
        Loss { spec: spec.clone() }
    }

    /// The same without label smoothing: what metrics are of.
    pub fn unsmoothed(spec: &workload::Loss) -> Loss {
        match spec {
            workload::Loss::CrossEntropy(_) => {
                Loss::new(&workload::Loss::CrossEntropy(Default::default()))
            }
        }
    }

    /// Every example's loss, their sum and what it counts.
    ///
    /// # Errors
    /// What libtorch says: outputs and targets that do not fit each other, a target beyond the classes.
    pub fn values(&self, outputs: &Tensor, batch: &Batch) -> Result<LossValues, LibtorchError> {
        match self.spec {
            workload::Loss::CrossEntropy(CrossEntropy { label_smoothing }) => {
                cross_entropy::values(outputs, batch, label_smoothing, Weighting::Multiply)
            }
        }
    }

    /// The mean alone: what a training step differentiates, in the fewest operations.
    ///
    /// # Errors
    /// As [`Loss::values`].
    pub fn mean(&self, outputs: &Tensor, batch: &Batch) -> Result<Tensor, LibtorchError> {
        match (&self.spec, &batch.weights) {
            (workload::Loss::CrossEntropy(CrossEntropy { label_smoothing }), None) => {
                cross_entropy::mean(outputs, &batch.targets, *label_smoothing)
            }
            _ => self.values(outputs, batch)?.mean(),
        }
    }

    /// Targets drawn from the model's own distribution, shaped like the batch's; `uniform` is one number in [0, 1) for each of them.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn sample_targets(
        &self,
        outputs: &Tensor,
        uniform: &Tensor,
    ) -> Result<Tensor, LibtorchError> {
        match self.spec {
            workload::Loss::CrossEntropy(_) => cross_entropy::sample(outputs, uniform),
        }
    }
}

/// What a weight does to its loss. The count is the sum of weights either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weighting {
    /// It multiplies: NaN in an example of weight 0 stays NaN.
    Multiply,
    /// It only selects: where it is 0 the loss is 0, elsewhere the loss is as it is (AlgoPerf's translation workload).
    Select,
}

/// Weights each loss, sums, and counts.
fn weighted(
    per_example: Tensor,
    weights: Option<&Tensor>,
    weighting: Weighting,
) -> Result<LossValues, LibtorchError> {
    let kind = per_example.kind();
    let (per_example, valid) = match weights {
        None => {
            let count = per_example.numel() as f64;
            let valid = Tensor::f_full([0_i64; 0], count, (kind, per_example.device()))?;
            (per_example, valid)
        }
        Some(weights) => {
            let weights = weights.f_to_kind(kind)?;
            let weighed = match weighting {
                Weighting::Multiply => per_example.f_mul(&weights)?,
                Weighting::Select => per_example.f_masked_fill(&weights.f_eq(0.0)?, 0.0)?,
            };
            (weighed, weights.f_sum(kind)?)
        }
    };
    Ok(LossValues {
        summed: per_example.f_sum(kind)?,
        per_example,
        valid,
    })
}
