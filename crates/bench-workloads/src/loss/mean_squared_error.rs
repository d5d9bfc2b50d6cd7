//! Squared distance from the target: the mean over the numbers of each example.

use super::{Kind, LossValues, apart};
use crate::batch::Batch;
use bench_core::spec::workload::MeanSquaredError;
use bench_torch::errors::LibtorchError;
use tch::Tensor;

impl Kind for MeanSquaredError {
    fn values(&self, outputs: &Tensor, batch: &Batch) -> Result<LossValues, LibtorchError> {
        apart(outputs, batch, |difference| difference.f_square())
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
