//! Distance from the target: the mean over the numbers of each example.

use super::{Kind, LossValues, apart};
use crate::batch::Batch;
use bench_core::spec::workload::MeanAbsoluteError;
use bench_torch::errors::LibtorchError;
use tch::Tensor;

impl Kind for MeanAbsoluteError {
    fn values(&self, outputs: &Tensor, batch: &Batch) -> Result<LossValues, LibtorchError> {
        apart(outputs, batch, |difference| difference.f_abs())
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
