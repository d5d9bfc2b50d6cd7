//! Losses: per example, summed, and the mean that training minimises.

pub(crate) mod binary_cross_entropy;
pub(crate) mod cross_entropy;
pub(crate) mod ctc;
mod mean_absolute_error;
mod mean_squared_error;

use crate::batch::Batch;
use bench_core::spec::workload;
use bench_torch::errors::LibtorchError;
use std::sync::Arc;
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

/// A kind of loss with its settings.
pub(crate) trait Kind: Send + Sync {
    /// Every example's loss, their sum and what it counts.
    fn values(&self, outputs: &Tensor, batch: &Batch) -> Result<LossValues, LibtorchError>;

    /// The mean alone, in the fewest operations.
    fn mean(&self, outputs: &Tensor, batch: &Batch) -> Result<Tensor, LibtorchError> {
        self.values(outputs, batch)?.mean()
    }

    /// Targets drawn from the distribution that outputs stand for.
    fn sample(&self, outputs: &Tensor, uniform: &Tensor) -> Result<Tensor, LibtorchError>;
}

/// What training minimises.
#[derive(Clone)]
pub struct Loss(Arc<dyn Kind>);

impl Loss {
    /// The loss of a workload on what its model gives: the list of losses.
    pub fn new(spec: &workload::Loss, model: &workload::Model) -> Loss {
        match spec {
            workload::Loss::CrossEntropy(settings) => Loss::cross_entropy(*settings),
            workload::Loss::BinaryCrossEntropy(settings) => Loss(Arc::new(*settings)),
            workload::Loss::MeanAbsoluteError(settings) => Loss(Arc::new(*settings)),
            workload::Loss::MeanSquaredError(settings) => Loss(Arc::new(*settings)),
            workload::Loss::Ctc(_) => Loss(Arc::new(ctc::Ctc {
                model: model.clone(),
            })),
        }
    }

    /// Softmax cross-entropy, of any model.
    pub fn cross_entropy(settings: workload::CrossEntropy) -> Loss {
        Loss(Arc::new(settings))
    }

    /// Every example's loss, their sum and what it counts.
    ///
    /// # Errors
    /// What libtorch says: outputs and targets that do not fit each other, a target beyond the classes.
    pub fn values(&self, outputs: &Tensor, batch: &Batch) -> Result<LossValues, LibtorchError> {
        self.0.values(outputs, batch)
    }

    /// The mean alone: what a training step differentiates, in the fewest operations.
    ///
    /// # Errors
    /// As [`Loss::values`].
    pub fn mean(&self, outputs: &Tensor, batch: &Batch) -> Result<Tensor, LibtorchError> {
        self.0.mean(outputs, batch)
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
        self.0.sample(outputs, uniform)
    }
}

/// The mean over each example's numbers of a distance between output and target.
fn apart(
    outputs: &Tensor,
    batch: &Batch,
    distance: impl Fn(Tensor) -> Result<Tensor, tch::TchError>,
) -> Result<LossValues, LibtorchError> {
    let shape = batch.targets.size();
    let count = shape.first().copied().unwrap_or(1);
    let differences = outputs.f_reshape(&shape)?.f_sub(&batch.targets)?;
    let distances = distance(differences)?.f_reshape([count, -1])?;
    let each = distances.f_mean_dim([1_i64].as_slice(), false, None::<tch::Kind>)?;
    weighted(each, batch.weights.as_ref(), Weighting::Multiply)
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
