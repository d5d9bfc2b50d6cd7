//! Residual convolutional network with batch normalisation. AlgoPerf's `cifar` is `{ stages: [2, 2, 2, 2], filters: 64 }` on 32x32 pixels, its `imagenet_resnet`
//! `{ stages: [3, 4, 6, 3], filters: 64, block: bottleneck, stem: imagenet }` on 224x224.

use super::builder::{Builder, Initial, channels_last};
use super::norm::BatchNorm;
use super::{Interface, Model, ModelError, Pass, activation};
use crate::batch::Batch;
use crate::parameter::{Buffer, Parameter};
use bench_core::spec::submission::Role;
use bench_core::spec::workload::{self, Activation, Stem};
use bench_torch::errors::LibtorchError;
use tch::{Kind, Tensor};

/// Side of the patches that the last maps are averaged over.
const POOL: i64 = workload::Resnet::POOL as i64;
/// Deviation of the output matrix' initial values.
const HEAD_STD: f64 = 0.01;

/// `conv1`, `bn1`, the stages `layer1` …, `fc`.
pub struct Resnet {
    parameters: Vec<Parameter>,
    buffers: Vec<Buffer>,
    stem: (Convolution, BatchNorm),
    ends: Stem,
    blocks: Vec<Block>,
    head: (Tensor, Tensor),
    activation: Activation,
}

/// Convolutions and a way round them.
struct Block {
    convolutions: Vec<(Convolution, BatchNorm)>,
    downsample: Option<(Convolution, BatchNorm)>,
}

struct Convolution {
    name: String,
    weight: Tensor,
    stride: i64,
    padding: i64,
}

impl Resnet {
    /// Stages of the spec between the data's images and classes.
    ///
    /// # Errors
    /// When libtorch has no memory for them. `interface` is one that the spec fits.
    pub fn new(
        spec: &workload::Resnet,
        interface: &Interface,
        mut builder: Builder,
    ) -> Result<Resnet, ModelError> {
        let (channels, sides) = match *interface.input() {
            [channels, ref sides @ ..] => (channels as i64, sides),
            [] => (1, &[][..]),
        };
        let mut filters = spec.filters as i64;
        let window = match spec.stem {
            Stem::Small => [3, 1],
            Stem::Imagenet => [7, 2],
        };
        let names = ["conv1", "bn1"];
        let stem = convolution_norm(&mut builder, names, [channels, filters], window, 1.0)?;
        let (mut inputs, mut blocks) = (filters, Vec::new());
        for (stage, &count) in spec.stages.iter().enumerate() {
            filters = (spec.filters as i64) << stage;
            for number in 0..count {
                let stride = if stage > 0 && number == 0 { 2 } else { 1 };
                let name = format!("layer{}.{number}", stage + 1);
                let sizes = [inputs, filters];
                blocks.push(Block::new(&mut builder, &name, sizes, stride, spec)?);
                inputs = filters * spec.block.expansion() as i64;
            }
        }
        let mut head = builder.next_layer();
        let shape = [interface.outputs() as i64, spec.features(sides) as i64];
        let initial = Initial::Normal { std: HEAD_STD };
        let head = (
            head.parameter("fc.weight", &shape, initial, Role::OutputHead)?,
            head.parameter("fc.bias", &shape[..1], Initial::Constant(0.0), Role::Bias)?,
        );
        let (parameters, buffers) = builder.finish();
        Ok(Resnet {
            parameters,
            buffers,
            stem,
            ends: spec.stem,
            blocks,
            head,
            activation: spec.activation,
        })
    }
}

/// A convolution without bias and the normalisation after it, of these names.
fn convolution_norm(
    builder: &mut Builder,
    [convolution, norm]: [&str; 2],
    [inputs, outputs]: [i64; 2],
    [kernel, stride]: [i64; 2],
    scale: f64,
) -> Result<(Convolution, BatchNorm), LibtorchError> {
    let fan_in = inputs * kernel * kernel;
    let mut layer = builder.next_layer();
    let weight = layer.parameter(
        &format!("{convolution}.weight"),
        &[outputs, inputs, kernel, kernel],
        Initial::lecun_truncated(fan_in),
        Role::Convolution,
    )?;
    let convolution = Convolution {
        name: convolution.to_owned(),
        weight,
        stride,
        padding: kernel / 2,
    };
    Ok((
        convolution,
        BatchNorm::new(&mut layer, norm, outputs, scale)?,
    ))
}

impl Block {
    fn new(
        builder: &mut Builder,
        name: &str,
        [inputs, filters]: [i64; 2],
        stride: i64,
        spec: &workload::Resnet,
    ) -> Result<Block, LibtorchError> {
        let outputs = filters * spec.block.expansion() as i64;
        let mut part = |names: [&str; 2], sizes: [i64; 2], window: [i64; 2], scale: f64| {
            let names = names.map(|part| format!("{name}.{part}"));
            let names = [names[0].as_str(), names[1].as_str()];
            convolution_norm(builder, names, sizes, window, scale)
        };
        let (first, second, third) = (["conv1", "bn1"], ["conv2", "bn2"], ["conv3", "bn3"]);
        let (inner, last) = ([filters; 2], spec.last_norm_scale);
        let convolutions = match spec.block {
            workload::Block::Basic => vec![
                part(first, [inputs, filters], [3, stride], 1.0)?,
                part(second, inner, [3, 1], last)?,
            ],
            workload::Block::Bottleneck => vec![
                part(first, [inputs, filters], [1, 1], 1.0)?,
                part(second, inner, [3, stride], 1.0)?,
                part(third, [filters, outputs], [1, 1], last)?,
            ],
        };
        let downsample = match stride == 1 && inputs == outputs {
            true => None,
            false => Some(part(
                ["downsample.conv", "downsample.bn"],
                [inputs, outputs],
                [1, stride],
                1.0,
            )?),
        };
        Ok(Block {
            convolutions,
            downsample,
        })
    }

    fn forward(
        &self,
        x: &Tensor,
        activation: Activation,
        pass: &Pass,
    ) -> Result<Tensor, LibtorchError> {
        let mut y = x.shallow_clone();
        for (number, convolution) in self.convolutions.iter().enumerate() {
            if number > 0 {
                y = activation::apply(activation, &y)?;
            }
            y = normalised(convolution, &y, pass)?;
        }
        let y = match &self.downsample {
            Some(downsample) => y.f_add(&normalised(downsample, x, pass)?)?,
            None => y.f_add(x)?,
        };
        activation::apply(activation, &y)
    }
}

fn normalised(
    (convolution, norm): &(Convolution, BatchNorm),
    x: &Tensor,
    pass: &Pass,
) -> Result<Tensor, LibtorchError> {
    let Convolution {
        name,
        weight,
        stride,
        padding,
    } = convolution;
    let y = x.f_conv2d(
        weight,
        None::<&Tensor>,
        [*stride; 2],
        [*padding; 2],
        [1, 1],
        1,
    )?;
    norm.forward(&pass.observed("", name, x, y), pass)
}

impl Model for Resnet {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    fn forward(&self, batch: &Batch, pass: &Pass) -> Result<Tensor, LibtorchError> {
        let stem = normalised(&self.stem, &channels_last(batch.inputs())?, pass)?;
        let mut x = activation::apply(self.activation, &stem)?;
        if self.ends == Stem::Imagenet {
            x = x.f_max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false)?;
        }
        for block in &self.blocks {
            x = block.forward(&x, self.activation, pass)?;
        }
        let x = match self.ends {
            Stem::Small => x
                .f_avg_pool2d([POOL, POOL], [POOL, POOL], [0, 0], false, true, None)?
                .f_flatten(1, -1)?,
            Stem::Imagenet => x.f_mean_dim([2_i64, 3].as_slice(), false, None::<Kind>)?,
        };
        let (weight, bias) = &self.head;
        Ok(pass.observed("", "fc", &x, x.f_linear(weight, Some(bias))?))
    }
}
