//! Conformer. AlgoPerf's `librispeech_conformer` is `{ width: 512, layers: 4, heads: 8, spec-augment: {}, dropout: 0.1, length: 320000 }` on 1,024 tokens.

use super::attention::Attention;
use super::builder::{Builder, Initial, Layer};
use super::linear::{Linear, Start};
use super::speech::norm::{DeltaNorm, FrameNorm};
use super::speech::{Ear, Frames, Subsample};
use super::{Interface, Model, ModelError, Pass, activation, positions};
use crate::batch::Batch;
use crate::parameter::{Buffer, Parameter};
use bench_core::spec::submission::Role;
use bench_core::spec::workload::{self, Activation};
use bench_torch::errors::LibtorchError;
use std::cell::RefCell;
use tch::Tensor;

/// 1 / ln(2), to the reference's digits: a softplus of 0 times this is 1.
#[expect(clippy::approx_constant, reason = "the reference has no more digits")]
const SOFTPLUS: f64 = 1.442_695_041;

/// `subsample`, the blocks `conformers.0` …, `ln`, `lin`.
pub struct Conformer {
    parameters: Vec<Parameter>,
    buffers: Vec<Buffer>,
    ear: Ear,
    subsample: Subsample,
    blocks: Vec<Block>,
    norm: DeltaNorm,
    head: Linear,
    /// Sine positions of as many frames as were seen so far.
    positions: RefCell<Tensor>,
    spec: workload::Conformer,
}

struct Block {
    first: FeedForward,
    attention: SelfAttention,
    convolution: Convolution,
    second: FeedForward,
    norm: Option<DeltaNorm>,
}

struct FeedForward {
    norm: DeltaNorm,
    first: Linear,
    second: Linear,
}

struct SelfAttention {
    norm: DeltaNorm,
    projection: Linear,
    out: Linear,
    scale: Tensor,
}

struct Convolution {
    norm: DeltaNorm,
    value: Linear,
    gate: Linear,
    name: String,
    kernel: Tensor,
    batch_norm: FrameNorm,
    out: Linear,
}

impl Conformer {
    /// Blocks of the spec's sizes between the data's frames and tokens.
    ///
    /// # Errors
    /// When libtorch has no memory for them. `interface` is one that the spec fits.
    pub fn new(
        spec: &workload::Conformer,
        interface: &Interface,
        mut builder: Builder,
    ) -> Result<Conformer, ModelError> {
        let width = spec.width as i64;
        let features = spec.front_end.features(interface.input()) as i64;
        let channels = spec.channels.unwrap_or(spec.width) as i64;
        let sizes = [features, channels, width];
        let subsample = Subsample::new(&mut builder, sizes, "linear", Activation::Relu)?;
        let blocks = (0..spec.layers)
            .map(|number| Block::new(spec, &mut builder, &format!("conformers.{number}")))
            .collect::<Result<_, _>>()?;
        let mut layer = builder.next_layer();
        let norm = DeltaNorm::new(&mut layer, "ln", width)?;
        let sizes = [width, interface.outputs() as i64];
        let head = Linear::head(&mut layer, "lin", sizes, Start::xavier(sizes))?;
        let (kind, device) = builder.options();
        let (parameters, buffers) = builder.finish();
        let (augment, length) = (spec.spec_augment.as_ref(), spec.length);
        let none = Tensor::f_zeros([0, width], (kind, device)).map_err(LibtorchError::from)?;
        Ok(Conformer {
            parameters,
            buffers,
            ear: Ear::new(&spec.front_end, augment, length, kind, device)?,
            subsample,
            blocks,
            norm,
            head,
            positions: RefCell::new(none),
            spec: spec.clone(),
        })
    }

    fn positions(&self, count: i64) -> Result<Tensor, LibtorchError> {
        let mut known = self.positions.borrow_mut();
        if known.size()[0] < count {
            let table = positions::places(count, self.spec.width as i64, &known)?;
            *known = table;
        }
        Ok(known.f_narrow(0, 0, count)?)
    }
}

impl Block {
    fn new(
        spec: &workload::Conformer,
        builder: &mut Builder,
        name: &str,
    ) -> Result<Block, LibtorchError> {
        let named = |part: &str| format!("{name}.{part}");
        let first = FeedForward::new(spec, &mut builder.next_layer(), &named("ff1"))?;
        let attention = SelfAttention::new(spec, &mut builder.next_layer(), &named("mhsa"))?;
        let convolution = Convolution::new(spec, &mut builder.next_layer(), &named("conv"))?;
        let mut layer = builder.next_layer();
        let second = FeedForward::new(spec, &mut layer, &named("ff2"))?;
        let norm = match spec.block_norm {
            true => Some(DeltaNorm::new(&mut layer, &named("ln"), spec.width as i64)?),
            false => None,
        };
        Ok(Block {
            first,
            attention,
            convolution,
            second,
            norm,
        })
    }

    fn forward(
        &self,
        frames: Frames,
        spec: &workload::Conformer,
        pass: &Pass,
    ) -> Result<Frames, LibtorchError> {
        let with = |x: Tensor| Frames {
            values: x,
            lengths: frames.lengths.shallow_clone(),
            there: frames.there.shallow_clone(),
        };
        let half = |x: Tensor| x.f_mul_scalar(0.5);
        let mut x = with(frames.values.shallow_clone());
        x = with(
            x.values
                .f_add(&half(self.first.forward(&x, spec, pass)?)?)?,
        );
        x = with(x.values.f_add(&self.attention.forward(&x, spec, pass)?)?);
        x = with(x.values.f_add(&self.convolution.forward(&x, spec, pass)?)?);
        x = with(
            x.values
                .f_add(&half(self.second.forward(&x, spec, pass)?)?)?,
        );
        match &self.norm {
            None => Ok(x),
            Some(norm) => Ok(with(norm.forward(&x.values)?)),
        }
    }
}

impl FeedForward {
    fn new(
        spec: &workload::Conformer,
        layer: &mut Layer,
        name: &str,
    ) -> Result<FeedForward, LibtorchError> {
        let width = spec.width as i64;
        let hidden = width * spec.expansion as i64;
        let norm = DeltaNorm::new(layer, &format!("{name}.ln"), width)?;
        let mut linear = |part: &str, sizes: [i64; 2]| {
            Linear::new(
                layer,
                &format!("{name}.{part}"),
                sizes,
                Start::xavier(sizes),
            )
        };
        Ok(FeedForward {
            norm,
            first: linear("linear1", [width, hidden])?,
            second: linear("linear2", [hidden, width])?,
        })
    }

    fn forward(
        &self,
        frames: &Frames,
        spec: &workload::Conformer,
        pass: &Pass,
    ) -> Result<Tensor, LibtorchError> {
        let h = self
            .first
            .forward(&self.norm.forward(&frames.values)?, pass)?;
        let h = activation::apply(spec.activation, &h)?.f_mul(&frames.there)?;
        let y = self.second.forward(&h, pass)?.f_mul(&frames.there)?;
        pass.drop_out(spec.dropout.feed_forward, y)
    }
}

impl SelfAttention {
    fn new(
        spec: &workload::Conformer,
        layer: &mut Layer,
        name: &str,
    ) -> Result<SelfAttention, LibtorchError> {
        let width = spec.width as i64;
        let norm = DeltaNorm::new(layer, &format!("{name}.ln"), width)?;
        let name = format!("{name}.self_attention");
        let mut linear = |part: &str, outputs: i64| {
            let sizes = [width, outputs];
            Linear::new(
                layer,
                &format!("{name}.{part}"),
                sizes,
                Start::xavier(sizes),
            )
        };
        let (projection, out) = (linear("in_proj", 3 * width)?, linear("out_proj", width)?);
        Ok(SelfAttention {
            norm,
            projection,
            out,
            scale: layer.parameter(
                &format!("{name}.qs.scale"),
                &[width / spec.heads as i64],
                Initial::Constant(0.0),
                Role::NormScale,
            )?,
        })
    }

    fn forward(
        &self,
        frames: &Frames,
        spec: &workload::Conformer,
        pass: &Pass,
    ) -> Result<Tensor, LibtorchError> {
        let heads = spec.heads as i64;
        let x = self.norm.forward(&frames.values)?;
        let parts = self.projection.forward(&x, pass)?.f_chunk(3, -1)?;
        // The same for each head.
        let scale = self
            .scale
            .f_softplus()?
            .f_mul_scalar(SOFTPLUS)?
            .f_repeat([heads])?;
        let keys = frames
            .there
            .f_squeeze_dim(2)?
            .f_gt(0.0)?
            .f_unsqueeze(1)?
            .f_unsqueeze(1)?;
        let attention = Attention {
            heads,
            scale: (spec.heads as f64 / spec.width as f64).sqrt(),
            dropout: 0.0,
            mask: Some(&keys),
        };
        let mixed = attention.mix([&parts[0].f_mul(&scale)?, &parts[1], &parts[2]], pass)?;
        let mixed = mixed.f_mul_scalar(spec.attention_temperature)?;
        let y = self.out.forward(&mixed, pass)?;
        pass.drop_out(spec.dropout.attention, y)
    }
}

impl Convolution {
    fn new(
        spec: &workload::Conformer,
        layer: &mut Layer,
        name: &str,
    ) -> Result<Convolution, LibtorchError> {
        let (width, window) = (spec.width as i64, spec.kernel as i64);
        let named = |part: &str| format!("{name}.{part}");
        let linear = |layer: &mut Layer, part: &str| {
            let sizes = [width; 2];
            Linear::new(layer, &named(part), sizes, Start::xavier(sizes))
        };
        Ok(Convolution {
            norm: DeltaNorm::new(layer, &named("ln"), width)?,
            value: linear(layer, "lin1")?,
            gate: linear(layer, "lin2")?,
            kernel: layer.parameter(
                &named("conv1.weight"),
                &[width, 1, window],
                Initial::xavier(window, width * window),
                Role::Convolution,
            )?,
            batch_norm: FrameNorm::new(layer, &named("bn"), "scale", width, spec.batch_norm_share)?,
            out: linear(layer, "lin3")?,
            name: named("conv1"),
        })
    }

    fn forward(
        &self,
        frames: &Frames,
        spec: &workload::Conformer,
        pass: &Pass,
    ) -> Result<Tensor, LibtorchError> {
        let x = self.norm.forward(&frames.values)?;
        let gate = self.gate.forward(&x, pass)?.f_sigmoid()?;
        let x = self.value.forward(&x, pass)?.f_mul(&gate)?;
        let x = x.f_mul(&frames.there)?.f_transpose(1, 2)?;
        let padding = spec.kernel as i64 / 2;
        let width = spec.width as i64;
        let none = None::<&Tensor>;
        let y = x.f_conv1d(&self.kernel, none, [1], [padding], [1], width)?;
        let y = pass.observed("", &self.name, &x, y).f_transpose(1, 2)?;
        let y = self.batch_norm.forward(&y, frames, pass)?;
        let y = activation::apply(spec.convolution_activation, &y)?;
        let y = self.out.forward(&y, pass)?;
        pass.drop_out(spec.dropout.convolution, y)
    }
}

impl Model for Conformer {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    fn forward(&self, batch: &Batch, pass: &Pass) -> Result<Tensor, LibtorchError> {
        let frames = self.ear.frames(batch, pass)?;
        let mut frames = self.subsample.forward(&frames, pass)?;
        let positions = self.positions(frames.values.size()[1])?;
        let placed = frames.values.f_add(&positions)?;
        frames.values = pass.drop_out(self.spec.dropout.input, placed)?;
        for block in &self.blocks {
            frames = block.forward(frames, &self.spec, pass)?;
        }
        self.head.forward(&self.norm.forward(&frames.values)?, pass)
    }
}
