//! U-Net. AlgoPerf's `fastmri` is `{ channels: 32, pools: 4 }` on maps of 320x320.

use super::builder::{Builder, Initial, channels_last};
use super::norm::LayerNorm;
use super::{Interface, Model, ModelError, Pass, activation};
use crate::batch::Batch;
use crate::parameter::{Buffer, Parameter};
use bench_core::spec::submission::Role;
use bench_core::spec::workload::{self, Activation};
use bench_torch::errors::LibtorchError;
use tch::Tensor;

/// Added to the variances of single channels.
const EPSILON: f64 = 1e-5;

/// `down_sample_layers.0` …, `conv`, `up_transpose_conv.0` … and `up_conv.0` ….
pub struct Unet {
    parameters: Vec<Parameter>,
    down: Vec<Block>,
    middle: Block,
    up: Vec<Up>,
    head: Convolution,
    style: Style,
}

/// What is the same in all blocks.
#[derive(Debug, Clone, Copy)]
struct Style {
    activation: Activation,
    layer_norm: bool,
    dropout: f64,
}

/// Two 3x3 convolutions, each normalised.
struct Block([(Convolution, Option<LayerNorm>); 2]);

/// A map of twice the size, and a block on it and the one of that size on the way down.
struct Up {
    enlarge: Convolution,
    block: Block,
}

struct Convolution {
    name: String,
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Unet {
    /// Blocks of the spec's sizes.
    ///
    /// # Errors
    /// When libtorch has no memory for them. `interface` is one that the spec fits.
    pub fn new(
        spec: &workload::Unet,
        _interface: &Interface,
        mut builder: Builder,
    ) -> Result<Unet, ModelError> {
        let style = Style {
            activation: spec.activation,
            layer_norm: spec.layer_norm,
            dropout: spec.dropout,
        };
        let pools = spec.pools as usize;
        let channels = |level: usize| (spec.channels as i64) << level;
        let mut down = Vec::new();
        for level in 0..pools {
            let inputs = level.checked_sub(1).map_or(1, channels);
            let name = format!("down_sample_layers.{level}");
            let sizes = [inputs, channels(level)];
            down.push(Block::new(&mut builder, &name, sizes, 2 * level, style)?);
        }
        let sizes = [channels(pools - 1), channels(pools)];
        let middle = Block::new(&mut builder, "conv", sizes, 2 * pools, style)?;
        // On the way up a level has three layers: one that enlarges and a block's two.
        let depth = |step: usize| 2 * pools + 2 + 3 * step;
        let mut blocks = Vec::new();
        for step in 0..pools {
            let level = pools - 1 - step;
            let name = match level {
                0 => format!("up_conv.{step}.0"),
                _ => format!("up_conv.{step}"),
            };
            let sizes = [channels(level + 1), channels(level)];
            blocks.push(Block::new(
                &mut builder,
                &name,
                sizes,
                depth(step) + 1,
                style,
            )?);
        }
        let last = format!("up_conv.{}.1", pools - 1);
        let shape = [1, channels(0), 1, 1];
        let mut layer = builder.layer(depth(pools));
        let head = Convolution {
            weight: layer.parameter(
                &format!("{last}.weight"),
                &shape,
                Initial::lecun_truncated(channels(0)),
                Role::OutputHead,
            )?,
            bias: Some(layer.parameter(
                &format!("{last}.bias"),
                &shape[..1],
                Initial::Constant(0.0),
                Role::Bias,
            )?),
            name: last,
        };
        let mut up = Vec::new();
        for (step, block) in blocks.into_iter().enumerate() {
            let (inputs, outputs) = (channels(pools - step), channels(pools - 1 - step));
            let name = format!("up_transpose_conv.{step}.layers.0");
            let shape = [inputs, outputs, 2, 2];
            // Outputs and kernel: torch's rule, applied to a kernel stored the other way round.
            let fan_in = outputs * 4;
            let enlarge = kernel(&mut builder, name, shape, fan_in, depth(step))?;
            up.push(Up { enlarge, block });
        }
        Ok(Unet {
            parameters: builder.finish().0,
            down,
            middle,
            up,
            head,
            style,
        })
    }
}

fn kernel(
    builder: &mut Builder,
    name: String,
    shape: [i64; 4],
    fan_in: i64,
    depth: usize,
) -> Result<Convolution, LibtorchError> {
    let weight = builder.layer(depth).parameter(
        &format!("{name}.weight"),
        &shape,
        Initial::lecun_truncated(fan_in),
        Role::Convolution,
    )?;
    Ok(Convolution {
        name,
        weight,
        bias: None,
    })
}

impl Block {
    fn new(
        builder: &mut Builder,
        name: &str,
        [inputs, outputs]: [i64; 2],
        depth: usize,
        style: Style,
    ) -> Result<Block, LibtorchError> {
        let mut part = |place: usize, inputs: i64| {
            let named = |place: usize| format!("{name}.conv_layers.{place}");
            let (shape, depth) = ([outputs, inputs, 3, 3], depth + place / 4);
            let convolution = kernel(builder, named(place), shape, inputs * 9, depth)?;
            let mut layer = builder.layer(depth);
            let norm = style
                .layer_norm
                .then(|| LayerNorm::new(&mut layer, &named(place + 1), outputs));
            Ok::<_, LibtorchError>((convolution, norm.transpose()?))
        };
        Ok(Block([part(0, inputs)?, part(4, outputs)?]))
    }

    fn forward(&self, x: &Tensor, style: Style, pass: &Pass) -> Result<Tensor, LibtorchError> {
        let mut x = x.shallow_clone();
        for (convolution, norm) in &self.0 {
            let y = convolution.forward(&x, 1, pass)?;
            let y = match norm {
                Some(norm) => norm.forward_image(&y)?,
                None => each_channel(&y)?,
            };
            x = activation::apply(style.activation, &y)?;
            if pass.train && style.dropout > 0.0 {
                x = x.f_feature_dropout(style.dropout, true)?;
            }
        }
        Ok(x)
    }
}

impl Convolution {
    fn forward(&self, x: &Tensor, padding: i64, pass: &Pass) -> Result<Tensor, LibtorchError> {
        let y = x.f_conv2d(
            &self.weight,
            self.bias.as_ref(),
            [1, 1],
            [padding; 2],
            [1, 1],
            1,
        )?;
        Ok(pass.observed("", &self.name, x, y))
    }
}

impl Up {
    fn forward(
        &self,
        x: &Tensor,
        kept: &Tensor,
        style: Style,
        pass: &Pass,
    ) -> Result<Tensor, LibtorchError> {
        let Convolution { name, weight, .. } = &self.enlarge;
        let none = None::<&Tensor>;
        let y = x.f_conv_transpose2d(weight, none, [2, 2], [0, 0], [0, 0], 1, [1, 1])?;
        let y = each_channel(&pass.observed("", name, x, y))?;
        let y = activation::apply(style.activation, &y)?;
        let (wanted, found) = (kept.size(), y.size());
        let missing = |side: usize| wanted[side] - found[side];
        let y = match (missing(3), missing(2)) {
            (0, 0) => y,
            (right, below) => y.f_reflection_pad2d([0, right, 0, below])?,
        };
        let both = Tensor::f_cat(&[&y, kept], 1)?;
        self.block.forward(&both, style, pass)
    }
}

/// Each channel of each image by itself.
fn each_channel(x: &Tensor) -> Result<Tensor, LibtorchError> {
    let none = None::<&Tensor>;
    Ok(x.f_instance_norm(none, none, none, none, true, 0.1, EPSILON, true)?)
}

impl Model for Unet {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn buffers(&self) -> &[Buffer] {
        &[]
    }

    fn forward(&self, batch: &Batch, pass: &Pass) -> Result<Tensor, LibtorchError> {
        let mut x = channels_last(&batch.inputs().f_unsqueeze(1)?)?;
        let mut kept = Vec::new();
        for block in &self.down {
            x = block.forward(&x, self.style, pass)?;
            kept.push(x.shallow_clone());
            x = x.f_avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None)?;
        }
        x = self.middle.forward(&x, self.style, pass)?;
        for (up, kept) in self.up.iter().zip(kept.iter().rev()) {
            x = up.forward(&x, kept, self.style, pass)?;
        }
        Ok(self.head.forward(&x, 0, pass)?.f_squeeze_dim(1)?)
    }
}
