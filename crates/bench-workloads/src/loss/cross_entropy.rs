//! Softmax cross-entropy over classes or tokens.
//!
//! With smoothing `e` the target class has `1 - e + e/C` and each of the others `e/C`.

use super::{Kind, LossValues, Weighting, weighted};
use crate::batch::Batch;
use bench_core::spec::workload::CrossEntropy;
use bench_torch::errors::LibtorchError;
use tch::{Reduction, Tensor};

/// No class is ignored: AlgoPerf's padding goes through weights.
const IGNORE_NONE: i64 = -100;

impl Kind for CrossEntropy {
    fn values(&self, logits: &Tensor, batch: &Batch) -> Result<LossValues, LibtorchError> {
        values(logits, batch, self.label_smoothing, Weighting::Multiply)
    }

    fn mean(&self, logits: &Tensor, batch: &Batch) -> Result<Tensor, LibtorchError> {
        match batch.counted()? {
            None => loss(
                logits,
                &batch.targets,
                Reduction::Mean,
                self.label_smoothing,
            ),
            Some(_) => self.values(logits, batch)?.mean(),
        }
    }

    /// The class where the cumulated probability passes the uniform number.
    fn sample(&self, logits: &Tensor, uniform: &Tensor) -> Result<Tensor, LibtorchError> {
        let _guard = tch::no_grad_guard();
        let last = logits.size().last().copied().unwrap_or(0) - 1;
        Ok(logits
            .f_softmax(-1, None::<tch::Kind>)?
            .f_cumsum(-1, None::<tch::Kind>)?
            .f_le_tensor(&uniform.f_unsqueeze(-1)?)?
            .f_sum_dim_intlist(-1, false, tch::Kind::Int64)?
            .f_clamp_max(last)?)
    }
}

pub(crate) fn values(
    logits: &Tensor,
    batch: &Batch,
    label_smoothing: f64,
    weighting: Weighting,
) -> Result<LossValues, LibtorchError> {
    let per_example = loss(logits, &batch.targets, Reduction::None, label_smoothing)?;
    weighted(per_example, batch.counted()?.as_ref(), weighting)
}

/// Targets are classes `[…]`, or distributions over classes `[…, C]` where they are floating.
fn loss(
    logits: &Tensor,
    targets: &Tensor,
    reduction: Reduction,
    label_smoothing: f64,
) -> Result<Tensor, LibtorchError> {
    let classes = logits.size().last().copied().unwrap_or(0);
    let dense = targets.kind() != tch::Kind::Int64;
    let flat_targets = match dense {
        true => targets.f_reshape([-1, classes])?,
        false => targets.f_reshape([-1])?,
    };
    let flat = logits
        .f_reshape([flat_targets.size()[0], classes])?
        .f_cross_entropy_loss(
            &flat_targets,
            None::<&Tensor>,
            reduction,
            IGNORE_NONE,
            label_smoothing,
        )?;
    match reduction {
        Reduction::None => {
            let shape = logits.size();
            Ok(flat.f_reshape(&shape[..shape.len() - 1])?)
        }
        _ => Ok(flat),
    }
}
