//! Elementwise functions between layers.

use bench_core::spec::workload::Activation;
use bench_torch::errors::LibtorchError;
use tch::Tensor;

/// What is left of a number below 0.
const LEAK: f64 = 0.2;

/// Applies an activation.
pub(super) fn apply(activation: Activation, x: &Tensor) -> Result<Tensor, LibtorchError> {
    Ok(match activation {
        Activation::Relu => x.f_relu()?,
        Activation::Sigmoid => x.f_sigmoid()?,
        Activation::Tanh => x.f_tanh()?,
        Activation::Gelu => x.f_gelu("none")?,
        Activation::GeluTanh => x.f_gelu("tanh")?,
        Activation::Silu => x.f_silu()?,
        // The slope has no argument in the bindings.
        Activation::LeakyRelu => x.f_maximum(&x.f_mul_scalar(LEAK)?)?,
    })
}
