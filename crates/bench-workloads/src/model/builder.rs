//! Makes a model's parameters and buffers, with their initial values.

use crate::parameter::{Buffer, Parameter};
use bench_core::spec::submission::Role;
use bench_torch::errors::LibtorchError;
use bench_torch::random::{Key, Stream};
use tch::{Device, Kind, Tensor};

/// Standard deviation of a normal variable cut at two deviations.
const TRUNCATED_STD: f64 = 0.879_625_66;
/// Share of a normal variable within two deviations.
const SHARE: f64 = 0.954_499_736_103_641_6;

/// Collects parameters and buffers in the order in which a model asks for them.
///
/// Each parameter has a random stream of its own, keyed by seed and position, drawn on the CPU: one more layer at the end, or another device,
/// leaves the others' initial values as they are.
#[derive(Debug)]
pub struct Builder {
    device: Device,
    kind: Kind,
    start: Start,
    layers: usize,
    parameters: Vec<Parameter>,
    buffers: Vec<Buffer>,
}

/// Where initial values come from.
#[derive(Debug, Clone, Copy)]
enum Start {
    Seed(u64),
    Nothing,
}

/// The initial values of one tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initial {
    /// All the same.
    Constant(f64),
    /// Uniform in +-bound.
    Uniform {
        /// The largest absolute value.
        bound: f64,
    },
    /// Uniform between 0 and a bound.
    UniformAbove {
        /// The largest value.
        bound: f64,
    },
    /// Normal around 0.
    Normal {
        /// Its deviation.
        std: f64,
    },
    /// Normal around 0, cut at two of these deviations.
    TruncatedNormal {
        /// Before the cut.
        std: f64,
    },
}

impl Initial {
    /// Uniform in the root of 6 over inputs and outputs together (Xavier's).
    pub fn xavier(inputs: i64, outputs: i64) -> Initial {
        Initial::Uniform {
            bound: (6.0 / (inputs + outputs) as f64).sqrt(),
        }
    }

    /// Deviation `sqrt(1/fan_in)` after a cut at two deviations.
    pub fn lecun_truncated(fan_in: i64) -> Initial {
        Initial::TruncatedNormal {
            std: (1.0 / fan_in as f64).sqrt() / TRUNCATED_STD,
        }
    }
}

/// The builder at one layer of the model.
pub struct Layer<'a> {
    builder: &'a mut Builder,
    depth: usize,
    fan_in: i64,
}

impl Builder {
    /// For a model on this device, in this number format, starting from this seed.
    pub fn new(device: Device, kind: Kind, seed: u64) -> Builder {
        Builder {
            device,
            kind,
            start: Start::Seed(seed),
            layers: 0,
            parameters: Vec::new(),
            buffers: Vec::new(),
        }
    }

    /// For a model of which only names and shapes are wanted: every tensor is one zero, repeated, and takes no memory.
    pub fn shapes_only() -> Builder {
        Builder {
            start: Start::Nothing,
            ..Builder::new(Device::Cpu, Kind::Float, 0)
        }
    }

    /// The next layer from the input on.
    pub fn next_layer(&mut self) -> Layer<'_> {
        self.layer(self.layers)
    }

    /// The layer at this depth: of models whose reference declares later layers first.
    pub fn layer(&mut self, depth: usize) -> Layer<'_> {
        self.layers = self.layers.max(depth + 1);
        Layer {
            builder: self,
            depth,
            fan_in: 1,
        }
    }

    /// What its tensors are: number format and device.
    pub fn options(&self) -> (Kind, Device) {
        (self.kind, self.device)
    }

    /// All parameters and buffers, in the order of the calls.
    pub fn finish(self) -> (Vec<Parameter>, Vec<Buffer>) {
        (self.parameters, self.buffers)
    }

    fn tensor(&self, shape: &[i64], initial: Initial) -> Result<Tensor, LibtorchError> {
        let Start::Seed(seed) = self.start else {
            return Ok(
                Tensor::f_zeros([0_i64; 0], (self.kind, self.device))?.f_expand(shape, false)?
            );
        };
        let key = Key::new(seed, "initialisation").call(self.parameters.len() as u64);
        let tensor = draw(shape, initial, &key)?
            .f_to_device(self.device)?
            .f_to_kind(self.kind)?;
        match shape.len() {
            4 => channels_last(&tensor),
            _ => Ok(tensor),
        }
    }
}

/// The same images, or kernels, with the channels of a pixel side by side in memory: convolutions take about a tenth less time. Strides say so of
/// a single channel too, where memory is the same either way: what follows takes its layout from them.
pub(super) fn channels_last(x: &Tensor) -> Result<Tensor, LibtorchError> {
    let (count, channels, height, width) = x.size4()?;
    let x = x.f_permute([0, 2, 3, 1])?.f_contiguous()?;
    Ok(x.f_as_strided(
        [count, channels, height, width],
        [height * width * channels, 1, width * channels, channels],
        None,
    )?)
}

/// Draws in float32 on the CPU.
fn draw(shape: &[i64], initial: Initial, key: &Key<'_>) -> Result<Tensor, LibtorchError> {
    const KIND: Kind = Kind::Float;
    match initial {
        Initial::Constant(value) => Ok(Tensor::f_full(shape, value, (KIND, Device::Cpu))?),
        Initial::Uniform { bound } => Stream::new(key)?.uniform(shape, -bound, bound, KIND),
        Initial::UniformAbove { bound } => Stream::new(key)?.uniform(shape, 0.0, bound, KIND),
        Initial::Normal { std } => Stream::new(key)?.normal(shape, 0.0, std, KIND),
        Initial::TruncatedNormal { std } => {
            let uniform = Stream::new(key)?.uniform(shape, -SHARE, SHARE, KIND)?;
            // The inverse of the normal distribution function.
            Ok(uniform
                .f_erfinv()?
                .f_mul_scalar(std * std::f64::consts::SQRT_2)?
                .f_clamp(-2.0 * std, 2.0 * std)?)
        }
    }
}

impl Layer<'_> {
    /// A trainable tensor. A bias comes after its matrix.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn parameter(
        &mut self,
        name: &str,
        shape: &[i64],
        initial: Initial,
        role: Role,
    ) -> Result<Tensor, LibtorchError> {
        match role {
            Role::NormScale | Role::Embedding | Role::Bias => {}
            Role::Weight | Role::OutputHead | Role::Convolution => {
                self.fan_in = shape.iter().skip(1).product();
            }
        }
        let tensor = self.builder.tensor(shape, initial)?.set_requires_grad(true);
        self.builder.parameters.push(Parameter {
            name: name.to_owned(),
            tensor: tensor.shallow_clone(),
            role,
            layer: self.depth,
            fan_in: match role {
                Role::NormScale | Role::Embedding => 1,
                _ => self.fan_in,
            },
        });
        Ok(tensor)
    }

    /// Other state, all of one value.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn buffer(
        &mut self,
        name: &str,
        shape: &[i64],
        value: f64,
    ) -> Result<Tensor, LibtorchError> {
        let tensor = Tensor::f_full(shape, value, (self.builder.kind, self.builder.device))?;
        self.builder.buffers.push(Buffer {
            name: name.to_owned(),
            tensor: tensor.shallow_clone(),
        });
        Ok(tensor)
    }
}
