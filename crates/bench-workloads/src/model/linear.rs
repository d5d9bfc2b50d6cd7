//! Matrices with or without a bias.

use super::Pass;
use super::builder::{Initial, Layer};
use bench_core::spec::submission::Role;
use bench_torch::errors::LibtorchError;
use tch::Tensor;

/// `x * weight^T + bias`.
pub(super) struct Linear {
    name: String,
    weight: Tensor,
    bias: Option<Tensor>,
}

/// How a matrix and its bias start; no bias where none is said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    pub(super) weight: Initial,
    pub(super) bias: Option<Initial>,
}

impl Start {
    /// Xavier's, for a matrix as it is stored, with a bias of 0.
    pub(super) fn xavier([inputs, outputs]: [i64; 2]) -> Start {
        Start {
            weight: Initial::xavier(inputs, outputs),
            bias: Some(Initial::Constant(0.0)),
        }
    }

    /// LeCun's, cut at two deviations, with a bias of 0.
    pub(super) fn lecun(inputs: i64) -> Start {
        Start {
            weight: Initial::lecun_truncated(inputs),
            bias: Some(Initial::Constant(0.0)),
        }
    }

    /// The same with another matrix.
    pub(super) fn weight(self, weight: Initial) -> Start {
        Start { weight, ..self }
    }

    /// The same with another bias.
    pub(super) fn bias(self, bias: Initial) -> Start {
        Start {
            bias: Some(bias),
            ..self
        }
    }

    /// The same without a bias.
    pub(super) fn unbiased(self) -> Start {
        Start { bias: None, ..self }
    }
}

impl Linear {
    /// A hidden matrix, of `name.weight` and `name.bias`.
    pub(super) fn new(
        layer: &mut Layer,
        name: &str,
        sizes: [i64; 2],
        start: Start,
    ) -> Result<Linear, LibtorchError> {
        Linear::of(layer, name, sizes, start, Role::Weight)
    }

    /// The last matrix of a model.
    pub(super) fn head(
        layer: &mut Layer,
        name: &str,
        sizes: [i64; 2],
        start: Start,
    ) -> Result<Linear, LibtorchError> {
        Linear::of(layer, name, sizes, start, Role::OutputHead)
    }

    fn of(
        layer: &mut Layer,
        name: &str,
        [inputs, outputs]: [i64; 2],
        start: Start,
        role: Role,
    ) -> Result<Linear, LibtorchError> {
        let shape = [outputs, inputs];
        let weight = layer.parameter(&format!("{name}.weight"), &shape, start.weight, role)?;
        let bias = start.bias.map(|initial| {
            layer.parameter(&format!("{name}.bias"), &shape[..1], initial, Role::Bias)
        });
        Ok(Linear {
            name: name.to_owned(),
            weight,
            bias: bias.transpose()?,
        })
    }

    pub(super) fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor, LibtorchError> {
        let y = x.f_linear(&self.weight, self.bias.as_ref())?;
        Ok(pass.observed("", &self.name, x, y))
    }
}
