//! Fully connected layers with one activation between them. AlgoPerf's `mnist` is `{ hidden: [128], activation: sigmoid }` on 28x28 pixels.

use super::builder::{Builder, Initial};
use super::{Interface, Model, ModelError, Pass, activation};
use crate::batch::Batch;
use crate::parameter::{Buffer, Parameter};
use bench_core::spec::submission::Role;
use bench_core::spec::workload::{self, Activation, Init};
use bench_torch::errors::LibtorchError;
use tch::Tensor;

/// Layers `net.layer1` … `net.layerN`, each a matrix and a bias; the images are flattened.
pub struct Mlp {
    parameters: Vec<Parameter>,
    layers: Vec<Layer>,
    activation: Activation,
    dropout: f64,
}

struct Layer {
    name: String,
    weight: Tensor,
    bias: Tensor,
}

impl Mlp {
    /// Layers of the spec's widths between the data's pixels and classes.
    ///
    /// # Errors
    /// When libtorch has no memory for them.
    pub fn new(
        spec: &workload::Mlp,
        interface: &Interface,
        mut builder: Builder,
    ) -> Result<Mlp, ModelError> {
        let mut widths = vec![interface.input().iter().product::<u64>() as i64];
        widths.extend(spec.hidden.iter().map(|&width| width as i64));
        widths.push(interface.outputs() as i64);
        let last = widths.len() - 2;
        let mut layers = Vec::with_capacity(last + 1);
        for (depth, pair) in widths.windows(2).enumerate() {
            let (inputs, outputs) = (pair[0], pair[1]);
            let name = format!("net.layer{}", depth + 1);
            let role = if depth == last {
                Role::OutputHead
            } else {
                Role::Weight
            };
            let (weights, biases) = initial(spec.init, inputs);
            let mut layer = builder.next_layer();
            layers.push(Layer {
                weight: layer.parameter(
                    &format!("{name}.weight"),
                    &[outputs, inputs],
                    weights,
                    role,
                )?,
                bias: layer.parameter(&format!("{name}.bias"), &[outputs], biases, Role::Bias)?,
                name,
            });
        }
        Ok(Mlp {
            parameters: builder.finish().0,
            layers,
            activation: spec.activation,
            dropout: spec.dropout,
        })
    }
}

/// How a layer's weights and biases start.
fn initial(init: Init, fan_in: i64) -> (Initial, Initial) {
    match init {
        Init::Uniform => {
            let bound = (1.0 / fan_in as f64).sqrt();
            (Initial::Uniform { bound }, Initial::Uniform { bound })
        }
        Init::LecunTruncated => (Initial::lecun_truncated(fan_in), Initial::Constant(0.0)),
    }
}

impl Model for Mlp {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn buffers(&self) -> &[Buffer] {
        &[]
    }

    fn forward(&self, batch: &Batch, pass: &Pass) -> Result<Tensor, LibtorchError> {
        let mut x = batch.inputs().f_flatten(1, -1)?;
        for (depth, layer) in self.layers.iter().enumerate() {
            if depth > 0 {
                x = activation::apply(self.activation, &x)?;
            }
            if depth > 0 && depth + 1 == self.layers.len() {
                x = pass.drop_out(self.dropout, x)?;
            }
            let y = x.f_linear(&layer.weight, Some(&layer.bias))?;
            x = pass.observed("", &layer.name, &x, y);
        }
        Ok(x)
    }
}
