//! Normalisations.

use super::Pass;
use super::builder::{Initial, Layer};
use bench_core::spec::submission::Role;
use bench_torch::errors::LibtorchError;
use tch::Tensor;

/// Added to variances.
const EPSILON: f64 = 1e-5;
/// Share of the new batch in running statistics.
const MOMENTUM: f64 = 0.1;

/// Layer normalisation: each row by itself, with scale and bias.
pub(super) struct LayerNorm {
    scale: Tensor,
    bias: Tensor,
}

impl LayerNorm {
    /// Added to variances.
    const EPSILON: f64 = 1e-6;

    pub(super) fn new(
        layer: &mut Layer,
        name: &str,
        width: i64,
    ) -> Result<LayerNorm, LibtorchError> {
        let mut parameter = |part: &str, value: f64, role: Role| {
            let name = format!("{name}.{part}");
            layer.parameter(&name, &[width], Initial::Constant(value), role)
        };
        Ok(LayerNorm {
            scale: parameter("weight", 1.0, Role::NormScale)?,
            bias: parameter("bias", 0.0, Role::Bias)?,
        })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor, LibtorchError> {
        let (scale, bias) = (Some(&self.scale), Some(&self.bias));
        Ok(x.f_layer_norm(self.scale.size(), scale, bias, LayerNorm::EPSILON, true)?)
    }

    /// All channels and places of each image `[N, C, H, W]` together, scale and bias a channel.
    pub(super) fn forward_image(&self, x: &Tensor) -> Result<Tensor, LibtorchError> {
        let (scale, bias) = (Some(&self.scale), Some(&self.bias));
        Ok(x.f_group_norm(1, scale, bias, LayerNorm::EPSILON, true)?)
    }
}

/// Batch normalisation with scale and bias, as torch does it: the batch's biased variance normalises, the unbiased one is kept.
pub(super) struct BatchNorm {
    scale: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
}

impl BatchNorm {
    pub(super) fn new(
        layer: &mut Layer,
        name: &str,
        channels: i64,
        scale: f64,
    ) -> Result<BatchNorm, LibtorchError> {
        let shape = [channels];
        let named = |part: &str| format!("{name}.{part}");
        Ok(BatchNorm {
            scale: layer.parameter(
                &named("weight"),
                &shape,
                Initial::Constant(scale),
                Role::NormScale,
            )?,
            bias: layer.parameter(&named("bias"), &shape, Initial::Constant(0.0), Role::Bias)?,
            running_mean: layer.buffer(&named("running_mean"), &shape, 0.0)?,
            running_var: layer.buffer(&named("running_var"), &shape, 1.0)?,
        })
    }

    pub(super) fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor, LibtorchError> {
        // Momentum 0 would also leave the buffers, but writes them: another model may be reading.
        let running =
            (!pass.train || pass.update_buffers).then_some((&self.running_mean, &self.running_var));
        Ok(x.f_batch_norm(
            Some(&self.scale),
            Some(&self.bias),
            running.map(|(mean, _)| mean),
            running.map(|(_, var)| var),
            pass.train,
            MOMENTUM,
            EPSILON,
            true,
        )?)
    }
}
