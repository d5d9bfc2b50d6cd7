//! Normalisations of frames, whose scales are kept as their distance from 1.

use super::Frames;
use crate::model::Pass;
use crate::model::builder::{Initial, Layer};
use bench_core::spec::submission::Role;
use bench_torch::errors::LibtorchError;
use tch::{Kind, Tensor};

/// Each frame by itself.
pub(crate) struct DeltaNorm {
    scale: Tensor,
    bias: Tensor,
}

fn parameters(
    layer: &mut Layer,
    name: &str,
    scale: &str,
    width: i64,
) -> Result<[Tensor; 2], LibtorchError> {
    let mut parameter = |part: &str, role: Role| {
        let name = format!("{name}.{part}");
        layer.parameter(&name, &[width], Initial::Constant(0.0), role)
    };
    Ok([
        parameter(scale, Role::NormScale)?,
        parameter("bias", Role::Bias)?,
    ])
}

impl DeltaNorm {
    /// Added to variances.
    const EPSILON: f64 = 1e-6;

    pub(crate) fn new(
        layer: &mut Layer,
        name: &str,
        width: i64,
    ) -> Result<DeltaNorm, LibtorchError> {
        let [scale, bias] = parameters(layer, name, "scale", width)?;
        Ok(DeltaNorm { scale, bias })
    }

    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor, LibtorchError> {
        let scale = self.scale.f_add_scalar(1.0)?;
        let (scale, bias, shape) = (Some(&scale), Some(&self.bias), self.scale.size());
        Ok(x.f_layer_norm(shape, scale, bias, DeltaNorm::EPSILON, true)?)
    }
}

/// By the frames of a batch that are no padding. Both the variance that normalises and the one that is kept are biased.
pub(crate) struct FrameNorm {
    scale: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    share: f64,
}

impl FrameNorm {
    /// Added to variances.
    const EPSILON: f64 = 1e-3;

    /// `scale` is what the reference calls the scale here; `share` that of a new batch in running statistics.
    pub(crate) fn new(
        layer: &mut Layer,
        name: &str,
        scale: &str,
        width: i64,
        share: f64,
    ) -> Result<FrameNorm, LibtorchError> {
        let [scale, bias] = parameters(layer, name, scale, width)?;
        Ok(FrameNorm {
            scale,
            bias,
            running_mean: layer.buffer(&format!("{name}.running_mean"), &[width], 0.0)?,
            running_var: layer.buffer(&format!("{name}.running_var"), &[width], 1.0)?,
            share,
        })
    }

    /// Padding becomes 0.
    pub(crate) fn forward(
        &self,
        x: &Tensor,
        frames: &Frames,
        pass: &Pass,
    ) -> Result<Tensor, LibtorchError> {
        let there = &frames.there;
        let (mean, var) = match pass.train {
            false => (
                self.running_mean.shallow_clone(),
                self.running_var.shallow_clone(),
            ),
            true => {
                let count = there.f_sum(x.kind())?;
                let mean = |x: Tensor| -> Result<Tensor, LibtorchError> {
                    let sum = x.f_mul(there)?.f_sum_dim_intlist(
                        [0_i64, 1].as_slice(),
                        false,
                        None::<Kind>,
                    )?;
                    Ok(sum.f_div(&count)?)
                };
                let centre = mean(x.shallow_clone())?;
                let var = mean(x.f_sub(&centre)?.f_square()?)?;
                if pass.update_buffers {
                    self.remember(&centre, &var)?;
                }
                (centre, var)
            }
        };
        let scale = self.scale.f_add_scalar(1.0)?;
        let factor = var
            .f_add_scalar(FrameNorm::EPSILON)?
            .f_rsqrt()?
            .f_mul(&scale)?;
        let y = x.f_sub(&mean)?.f_mul(&factor)?.f_add(&self.bias)?;
        Ok(y.f_mul(there)?)
    }

    fn remember(&self, mean: &Tensor, var: &Tensor) -> Result<(), LibtorchError> {
        let _guard = tch::no_grad_guard();
        for (running, new) in [(&self.running_mean, mean), (&self.running_var, var)] {
            let kept = running.f_mul_scalar(1.0 - self.share)?;
            let moved = kept.f_add(&new.f_mul_scalar(self.share)?)?;
            running.shallow_clone().f_copy_(&moved)?;
        }
        Ok(())
    }
}
