//! Distance from the target: the mean over the numbers of each example.

use super::{Kind, LossValues, Weighting, weighted};
use crate::batch::Batch;
use bench_core::spec::workload::MeanAbsoluteError;
use bench_torch::errors::LibtorchError;
use tch::Tensor;

impl Kind for MeanAbsoluteError {
    fn values(&self, outputs: &Tensor, batch: &Batch) -> Result<LossValues, LibtorchError> {
        let shape = batch.targets.size();
        let count = shape.first().copied().unwrap_or(1);
        let distances = outputs
            .f_reshape(&shape)?
            .f_sub(&batch.targets)?
            .f_abs()?
            .f_reshape([count, -1])?;
        let each = distances.f_mean_dim([1_i64].as_slice(), false, None::<tch::Kind>)?;
        weighted(each, batch.weights.as_ref(), Weighting::Multiply)
    }

    /// Laplace's distribution, of which this is the logarithm: around the output, on either side as likely.
    fn sample(&self, outputs: &Tensor, uniform: &Tensor) -> Result<Tensor, LibtorchError> {
        let _guard = tch::no_grad_guard();
        let side = uniform.f_sub_scalar(0.5)?;
        let inside = side.f_abs()?.f_mul_scalar(-2.0)?;
        let distance = inside.f_log1p()?.f_mul(&side.f_sign()?)?;
        Ok(outputs.f_reshape(uniform.size())?.f_sub(&distance)?)
    }
}
