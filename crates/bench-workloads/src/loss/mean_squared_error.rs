//! Squared distance from the target: the mean over the numbers of each example.

use super::{Kind, LossValues, Weighting, weighted};
use crate::batch::Batch;
use bench_core::spec::workload::MeanSquaredError;
use bench_torch::errors::LibtorchError;
use tch::Tensor;

impl Kind for MeanSquaredError {
    fn values(&self, outputs: &Tensor, batch: &Batch) -> Result<LossValues, LibtorchError> {
        let shape = batch.targets.size();
        let count = shape.first().copied().unwrap_or(1);
        let distances = outputs
            .f_reshape(&shape)?
            .f_sub(&batch.targets)?
            .f_square()?
            .f_reshape([count, -1])?;
        let each = distances.f_mean_dim([1_i64].as_slice(), false, None::<tch::Kind>)?;
        weighted(each, batch.weights.as_ref(), Weighting::Multiply)
    }

    /// The normal distribution of deviation sqrt(1/2) around the output, of which this is the negative logarithm: `erfinv(2 u - 1)` away from it.
    fn sample(&self, outputs: &Tensor, uniform: &Tensor) -> Result<Tensor, LibtorchError> {
        let _guard = tch::no_grad_guard();
        // 0 would be infinitely far away.
        let inside = uniform.f_mul_scalar(2.0)?.f_sub_scalar(1.0)?;
        let inside = inside.f_clamp(-1.0 + 1e-7, 1.0 - 1e-7)?;
        Ok(outputs
            .f_reshape(uniform.size())?
            .f_add(&inside.f_erfinv()?)?)
    }
}
