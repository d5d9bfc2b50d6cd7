//! Vision Transformer. AlgoPerf's `imagenet_vit` is `{ patch: 16, width: 384, layers: 12, heads: 6, hidden: 1536 }` on 224x224 pixels.

use super::attention::Attention;
use super::builder::{Builder, Initial, Layer, channels_last};
use super::linear::{Linear, Start};
use super::norm::LayerNorm;
use super::{Interface, Model, ModelError, Pass, activation, positions};
use crate::batch::Batch;
use crate::parameter::{Buffer, Parameter};
use bench_core::spec::submission::Role;
use bench_core::spec::workload::{self, Activation, NormPlace, Pool, TransformerDropout};
use bench_torch::errors::LibtorchError;
use tch::{Kind, Tensor};

/// Deviation of an MLP's initial biases.
const BIAS_STD: f64 = 1e-6;

/// `conv_patch_extract`, the blocks `encoder.net.0` …, `encoder.encoder_norm`, `map`, `pre_logits`, `head`.
pub struct Vit {
    parameters: Vec<Parameter>,
    patches: Patches,
    positions: Tensor,
    blocks: Vec<Block>,
    norm: Option<LayerNorm>,
    probe: Option<Probe>,
    pre_logits: Linear,
    head: Linear,
    dropout: f64,
}

struct Patches {
    weight: Tensor,
    bias: Tensor,
    sides: [i64; 2],
}

/// Attention and MLP, each with a way round it.
struct Block {
    attention_norm: LayerNorm,
    attention: SelfAttention,
    mlp_norm: LayerNorm,
    mlp: Mlp,
    place: NormPlace,
    dropout: TransformerDropout,
}

struct SelfAttention {
    heads: i64,
    /// Query, key and value.
    projections: [Linear; 3],
    out: Linear,
}

struct Mlp {
    first: Linear,
    gate: Option<Linear>,
    second: Linear,
    activation: Activation,
}

/// Multihead attention pooling: one query for all images.
struct Probe {
    heads: i64,
    probe: Tensor,
    query: Linear,
    keys_values: Linear,
    out: Linear,
    norm: LayerNorm,
    mlp: Mlp,
}

impl Vit {
    /// Blocks of the spec's sizes between the data's images and classes.
    ///
    /// # Errors
    /// When libtorch has no memory for them. `interface` is one that the spec fits.
    pub fn new(
        spec: &workload::Vit,
        interface: &Interface,
        mut builder: Builder,
    ) -> Result<Vit, ModelError> {
        let &[channels, height, across] = interface.input() else {
            return Err(LibtorchError::new("a ViT reads images").into());
        };
        let width = spec.width as i64;
        // Patches, two layers a block, the norm, the probe's two.
        let last = 4 + 2 * spec.layers as usize;
        let pre_logits = Linear::new(
            &mut builder.layer(last),
            "pre_logits",
            [width; 2],
            Start::lecun(width),
        )?;
        let patches = Patches::new(
            &mut builder.layer(0),
            [channels as i64, width],
            spec.patch.sides().map(|side| side as i64),
        )?;
        let grid = [
            height as i64 / patches.sides[0],
            across as i64 / patches.sides[1],
        ];
        let positions = positions::grid(grid, width, &patches.weight)?;
        let blocks = (0..spec.layers as usize)
            .map(|number| Block::new(spec, &mut builder, number))
            .collect::<Result<_, _>>()?;
        let norm = match spec.norm {
            NormPlace::Before => Some(LayerNorm::new(
                &mut builder.layer(last - 3),
                "encoder.encoder_norm",
                width,
            )?),
            NormPlace::After => None,
        };
        let zero = Initial::Constant(0.0);
        let head = Linear::head(
            &mut builder.layer(last + 1),
            "head",
            [width, interface.outputs() as i64],
            Start::lecun(width).weight(zero),
        )?;
        let probe = match spec.pool {
            Pool::Mean => None,
            Pool::Attention => Some(Probe::new(spec, &mut builder, last - 2)?),
        };
        Ok(Vit {
            parameters: builder.finish().0,
            patches,
            positions,
            blocks,
            norm,
            probe,
            pre_logits,
            head,
            dropout: spec.dropout.embedding,
        })
    }
}

impl Patches {
    fn new(
        layer: &mut Layer,
        [channels, width]: [i64; 2],
        sides: [i64; 2],
    ) -> Result<Patches, LibtorchError> {
        let fan_in = channels * sides[0] * sides[1];
        let start = Start::lecun(fan_in);
        Ok(Patches {
            weight: layer.parameter(
                "conv_patch_extract.weight",
                &[width, channels, sides[0], sides[1]],
                start.weight,
                Role::Convolution,
            )?,
            bias: layer.parameter(
                "conv_patch_extract.bias",
                &[width],
                Initial::Constant(0.0),
                Role::Bias,
            )?,
            sides,
        })
    }

    /// Images `[N, C, H, W]` to tokens `[N, patches, width]`, row by row.
    fn forward(&self, images: &Tensor, pass: &Pass) -> Result<Tensor, LibtorchError> {
        let x = channels_last(images)?;
        let none = [0, 0];
        let y = x.f_conv2d(&self.weight, Some(&self.bias), self.sides, none, [1, 1], 1)?;
        let y = pass.observed("", "conv_patch_extract", &x, y);
        Ok(y.f_flatten(2, 3)?.f_transpose(1, 2)?)
    }
}

impl Block {
    fn new(
        spec: &workload::Vit,
        builder: &mut Builder,
        number: usize,
    ) -> Result<Block, LibtorchError> {
        let (width, heads) = (spec.width as i64, spec.heads as i64);
        let named = |part: &str| format!("encoder.net.{number}.{part}");
        let mut layer = builder.layer(1 + 2 * number);
        let attention_norm = LayerNorm::new(&mut layer, &named("layer_norm0"), width)?;
        let mut linear = |part: &str| {
            let name = named(&format!("self_attention1.{part}"));
            Linear::new(&mut layer, &name, [width; 2], Start::xavier([width; 2]))
        };
        let attention = SelfAttention {
            heads,
            projections: [linear("query")?, linear("key")?, linear("value")?],
            out: linear("out")?,
        };
        let mut layer = builder.layer(2 + 2 * number);
        Ok(Block {
            attention_norm,
            attention,
            mlp_norm: LayerNorm::new(&mut layer, &named("layer_norm2"), width)?,
            mlp: Mlp::new(spec, &mut layer, &named("mlp3"), spec.gated)?,
            place: spec.norm,
            dropout: spec.dropout,
        })
    }

    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor, LibtorchError> {
        let dropped = |x: Tensor| pass.drop_out(self.dropout.residual, x);
        let attend = |x: &Tensor| dropped(self.attention.forward(x, &self.dropout, pass)?);
        let change = |x: &Tensor| dropped(self.mlp.forward(x, self.dropout.hidden, pass)?);
        match self.place {
            NormPlace::Before => {
                let x = x.f_add(&attend(&self.attention_norm.forward(x)?)?)?;
                Ok(x.f_add(&change(&self.mlp_norm.forward(&x)?)?)?)
            }
            NormPlace::After => {
                let x = self.attention_norm.forward(&x.f_add(&attend(x)?)?)?;
                self.mlp_norm.forward(&x.f_add(&change(&x)?)?)
            }
        }
    }
}

impl SelfAttention {
    fn forward(
        &self,
        x: &Tensor,
        dropout: &TransformerDropout,
        pass: &Pass,
    ) -> Result<Tensor, LibtorchError> {
        let [queries, keys, values] = &self.projections;
        let mixed = attention(self.heads, x.size()[2], dropout.attention).mix(
            [
                &queries.forward(x, pass)?,
                &keys.forward(x, pass)?,
                &values.forward(x, pass)?,
            ],
            pass,
        )?;
        self.out.forward(&mixed, pass)
    }
}

fn attention(heads: i64, width: i64, dropout: f64) -> Attention<'static> {
    Attention {
        heads,
        scale: (heads as f64 / width as f64).sqrt(),
        dropout,
        mask: None,
    }
}

impl Mlp {
    fn new(
        spec: &workload::Vit,
        layer: &mut Layer,
        name: &str,
        gated: bool,
    ) -> Result<Mlp, LibtorchError> {
        let (width, hidden) = (spec.width as i64, spec.hidden as i64);
        let mut linear = |part: &str, sizes: [i64; 2]| {
            let start = Start::xavier(sizes).bias(Initial::Normal { std: BIAS_STD });
            Linear::new(layer, &format!("{name}.{part}"), sizes, start)
        };
        Ok(Mlp {
            first: linear("linear1", [width, hidden])?,
            gate: gated
                .then(|| linear("glu_linear", [hidden; 2]))
                .transpose()?,
            second: linear("linear2", [hidden, width])?,
            activation: spec.activation,
        })
    }

    fn forward(&self, x: &Tensor, dropout: f64, pass: &Pass) -> Result<Tensor, LibtorchError> {
        let mut h = activation::apply(self.activation, &self.first.forward(x, pass)?)?;
        if let Some(gate) = &self.gate {
            h = h.f_mul(&gate.forward(&h, pass)?)?;
        }
        self.second.forward(&pass.drop_out(dropout, h)?, pass)
    }
}

impl Probe {
    fn new(
        spec: &workload::Vit,
        builder: &mut Builder,
        depth: usize,
    ) -> Result<Probe, LibtorchError> {
        let width = spec.width as i64;
        let mut layer = builder.layer(depth);
        let probe = layer.parameter(
            "map.probe",
            &[1, 1, width],
            // What its first two sizes make of fans, as the reference computes them.
            Initial::xavier(width, width),
            Role::Embedding,
        )?;
        let mut linear = |part: &str, outputs: i64| {
            let sizes = [width, outputs];
            let start = Start::xavier(sizes).bias(Initial::Normal { std: BIAS_STD });
            Linear::new(&mut layer, &format!("map.mha.{part}"), sizes, start)
        };
        let query = linear("q_proj", width)?;
        let keys_values = linear("kv_proj", 2 * width)?;
        let out = linear("out_proj", width)?;
        let mut layer = builder.layer(depth + 1);
        Ok(Probe {
            heads: spec.heads as i64,
            probe,
            query,
            keys_values,
            out,
            norm: LayerNorm::new(&mut layer, "map.layer_norm", width)?,
            mlp: Mlp::new(spec, &mut layer, "map.mlp", false)?,
        })
    }

    /// Tokens `[N, T, width]` to one `[N, width]`.
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor, LibtorchError> {
        let (count, _, width) = x.size3()?;
        let probe = self.probe.f_expand([count, 1, width], false)?;
        let keys_values = self.keys_values.forward(x, pass)?.f_chunk(2, -1)?;
        let query = self.query.forward(&probe, pass)?;
        let mixed = attention(self.heads, width, 0.0)
            .mix([&query, &keys_values[0], &keys_values[1]], pass)?;
        let x = self.out.forward(&mixed, pass)?;
        let change = self.mlp.forward(&self.norm.forward(&x)?, 0.0, pass)?;
        Ok(x.f_add(&change)?.f_select(1, 0)?)
    }
}

impl Model for Vit {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn buffers(&self) -> &[Buffer] {
        &[]
    }

    fn forward(&self, batch: &Batch, pass: &Pass) -> Result<Tensor, LibtorchError> {
        let x = self.patches.forward(batch.inputs(), pass)?;
        let mut x = pass.drop_out(self.dropout, x.f_add(&self.positions)?)?;
        for block in &self.blocks {
            x = block.forward(&x, pass)?;
        }
        if let Some(norm) = &self.norm {
            x = norm.forward(&x)?;
        }
        let x = match &self.probe {
            None => x.f_mean_dim([1_i64].as_slice(), false, None::<Kind>)?,
            Some(probe) => probe.forward(&x, pass)?,
        };
        let x = self.pre_logits.forward(&x, pass)?.f_tanh()?;
        self.head.forward(&x, pass)
    }
}
