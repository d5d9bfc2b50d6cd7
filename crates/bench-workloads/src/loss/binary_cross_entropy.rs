//! Cross-entropy of answers that are yes or no: outputs are logits, targets 0 and 1.
//!
//! With smoothing `e` a target of 1 becomes `1 - e + e/C` and one of 0 `e/C`, where `C` is the number of questions of an example. What is not there has weight 0.

use super::{Kind, LossValues, Weighting, weighted};
use crate::batch::Batch;
use bench_core::spec::workload::BinaryCrossEntropy;
use bench_torch::errors::LibtorchError;
use tch::Tensor;

impl Kind for BinaryCrossEntropy {
    fn values(&self, logits: &Tensor, batch: &Batch) -> Result<LossValues, LibtorchError> {
        values(logits, batch, self.label_smoothing, Weighting::Select)
    }

    fn sample(&self, logits: &Tensor, uniform: &Tensor) -> Result<Tensor, LibtorchError> {
        let _guard = tch::no_grad_guard();
        let yes = logits.f_reshape(uniform.size())?.f_sigmoid()?;
        Ok(uniform.f_lt_tensor(&yes)?.f_to_kind(yes.kind())?)
    }
}

pub(crate) fn values(
    logits: &Tensor,
    batch: &Batch,
    label_smoothing: f64,
    weighting: Weighting,
) -> Result<LossValues, LibtorchError> {
    let shape = batch.targets.size();
    let questions = match shape.len() {
        0 | 1 => 1,
        _ => shape[shape.len() - 1],
    };
    let logits = logits.f_reshape(&shape)?;
    let targets = batch
        .targets
        .f_to_kind(logits.kind())?
        .f_mul_scalar(1.0 - label_smoothing)?
        .f_add_scalar(label_smoothing / questions.max(1) as f64)?;
    // Two logarithms, not one softplus: certain answers that are right cost 0, and those that are wrong everything.
    let yes = logits.f_log_sigmoid()?.f_mul(&targets)?;
    let rest = targets.f_neg()?.f_add_scalar(1.0)?;
    let no = logits.f_neg()?.f_log_sigmoid()?.f_mul(&rest)?;
    weighted(yes.f_add(&no)?.f_neg()?, batch.weights.as_ref(), weighting)
}
