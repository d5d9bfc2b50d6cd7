//! Elementwise functions between layers.

use bench_core::spec::workload::Activation;
use bench_torch::errors::LibtorchError;
use tch::Tensor;

/// Applies an activation.
pub(super) fn apply(activation: Activation, x: &Tensor) -> Result<Tensor, LibtorchError> {
    Ok(match activation {
        Activation::Relu => x.f_relu()?,
        Activation::Sigmoid => x.f_sigmoid()?,
        Activation::Tanh => x.f_tanh()?,
        Activation::Gelu => x.f_gelu("none")?,
        Activation::Silu => x.f_silu()?,
    })
}
