//! Decoder-only Transformer: RMSNorm, rotary positions, normalised queries and keys, gated MLP, no biases.
//! AlgoPerf's `finewebedu_lm` is `{ width: 1024, layers: 12, heads: 8, hidden: 4096 }` on sequences of 1,024 tokens.

use super::builder::{Builder, Initial};
use super::rotary::Rotary;
use super::{Interface, Model, ModelError, Pass};
use crate::batch::Batch;
use crate::parameter::{Buffer, Parameter};
use bench_core::spec::submission::Role;
use bench_core::spec::workload::{self, DecoderDropout, DecoderMlp};
use bench_torch::errors::LibtorchError;
use tch::Tensor;

/// Added to mean squares, and to normalised queries and keys.
const EPSILON: f64 = 1e-6;
/// Deviation of initial values.
const STD: f64 = 0.02;
/// Tokens that a convolution sees.
const WINDOW: i64 = 3;

/// `embed_tokens`, the blocks `layers.0` …, `out_norm`.
pub struct Decoder {
    parameters: Vec<Parameter>,
    embedding: Tensor,
    blocks: Vec<Block>,
    norm: RmsNorm,
    head: Tensor,
    rotary: Rotary,
    dropout: f64,
}

struct Block {
    name: String,
    dropout: DecoderDropout,
    attention: Attention,
    attention_norm: RmsNorm,
    mlp: Mlp,
    mlp_norm: RmsNorm,
}

struct Attention {
    heads: i64,
    scale: Tensor,
    qkv: Tensor,
    convolution: Option<Tensor>,
    out: Tensor,
}

struct Mlp {
    form: DecoderMlp,
    first: Tensor,
    second: Tensor,
}

struct RmsNorm(Tensor);

impl RmsNorm {
    fn forward(&self, x: &Tensor) -> Result<Tensor, LibtorchError> {
        Ok(x.f_rms_norm(self.0.size(), Some(&self.0), EPSILON)?)
    }
}

impl Decoder {
    /// Blocks of the spec's sizes for the data's vocabulary and sequence length.
    ///
    /// # Errors
    /// When libtorch has no memory for them. `interface` is one that the spec fits.
    pub fn new(
        spec: &workload::Decoder,
        interface: &Interface,
        mut builder: Builder,
    ) -> Result<Decoder, ModelError> {
        let length = interface.input().first().map_or(0, |&length| length as i64);
        let width = spec.width as i64;
        let table = [interface.outputs() as i64, width];
        let normal = Initial::Normal { std: STD };
        let embedding = builder.next_layer().parameter(
            "embed_tokens.weight",
            &table,
            normal,
            Role::Embedding,
        )?;
        let mut blocks = Vec::new();
        for layer in 0..spec.layers {
            blocks.push(Block::new(spec, &mut builder, layer, length)?);
        }
        let mut layer = builder.next_layer();
        let norm = layer.rms_norm("out_norm.weight", width)?;
        let head = match spec.tie_embeddings {
            true => embedding.shallow_clone(),
            false => layer.parameter("lm_head.weight", &table, normal, Role::OutputHead)?,
        };
        let rotary = Rotary::new(length, width / spec.heads as i64, &embedding)?;
        Ok(Decoder {
            parameters: builder.finish().0,
            embedding,
            blocks,
            norm,
            head,
            rotary,
            dropout: spec.dropout.embedding,
        })
    }
}

impl super::builder::Layer<'_> {
    fn rms_norm(&mut self, name: &str, width: i64) -> Result<RmsNorm, LibtorchError> {
        self.parameter(name, &[width], Initial::Constant(1.0), Role::NormScale)
            .map(RmsNorm)
    }
}

impl Block {
    fn new(
        spec: &workload::Decoder,
        builder: &mut Builder,
        number: u64,
        length: i64,
    ) -> Result<Block, LibtorchError> {
        let (width, hidden) = (spec.width as i64, spec.hidden as i64);
        let name = format!("layers.{number}");
        let named = |part: &str| format!("{name}.{part}");
        let normal = Initial::Normal { std: STD };
        let last = Initial::Normal {
            std: STD / (2.0 * spec.layers as f64).sqrt(),
        };
        // log2 of the number of pairs of different tokens.
        let scale = ((length * (length - 1)) as f64).log2();
        let mut layer = builder.next_layer();
        let attention = Attention {
            heads: spec.heads as i64,
            scale: layer.parameter(
                &named("attn.attn_scale"),
                &[],
                Initial::Constant(scale),
                Role::NormScale,
            )?,
            qkv: layer.parameter(
                &named("attn.w_qkv.weight"),
                &[3 * width, width],
                normal,
                Role::Weight,
            )?,
            convolution: match spec.convolutions {
                false => None,
                true => Some(layer.parameter(
                    &named("attn.convolution.weight"),
                    &[3 * width, WINDOW],
                    Initial::Uniform {
                        bound: (1.0 / WINDOW as f64).sqrt(),
                    },
                    Role::Convolution,
                )?),
            },
            out: layer.parameter(
                &named("attn.w_out.weight"),
                &[width, width],
                last,
                Role::Weight,
            )?,
        };
        let attention_norm = layer.rms_norm(&named("attn_norm.weight"), width)?;
        let first = match spec.mlp {
            DecoderMlp::Gated => 2 * hidden,
            DecoderMlp::SquaredRelu => hidden,
        };
        let mut layer = builder.next_layer();
        let mlp = Mlp {
            form: spec.mlp,
            first: layer.parameter(
                &named("mlp.fc1.weight"),
                &[first, width],
                normal,
                Role::Weight,
            )?,
            second: layer.parameter(
                &named("mlp.fc2.weight"),
                &[width, hidden],
                last,
                Role::Weight,
            )?,
        };
        let mlp_norm = layer.rms_norm(&named("mlp_norm.weight"), width)?;
        Ok(Block {
            name,
            dropout: spec.dropout,
            attention,
            attention_norm,
            mlp,
            mlp_norm,
        })
    }

    fn forward(&self, x: &Tensor, rotary: &Rotary, pass: &Pass) -> Result<Tensor, LibtorchError> {
        let linear = |part: &str, x: &Tensor, weight: &Tensor| -> Result<Tensor, LibtorchError> {
            let y = x.f_linear(weight, None::<&Tensor>)?;
            Ok(pass.observed(&self.name, part, x, y))
        };
        let (attention, mlp) = (&self.attention, &self.mlp);
        let qkv = linear(
            "attn.w_qkv",
            &self.attention_norm.forward(x)?,
            &attention.qkv,
        )?;
        let attended = linear("attn.w_out", &attention.mix(&qkv, rotary)?, &attention.out)?;
        let x = x.f_add(&pass.drop_out(self.dropout.residual, attended)?)?;
        let h = linear("mlp.fc1", &self.mlp_norm.forward(&x)?, &mlp.first)?;
        let h = match mlp.form {
            DecoderMlp::Gated => h.f_glu(-1)?,
            DecoderMlp::SquaredRelu => h.f_relu()?.f_square()?,
        };
        let h = linear(
            "mlp.fc2",
            &pass.drop_out(self.dropout.hidden, h)?,
            &mlp.second,
        )?;
        Ok(x.f_add(&pass.drop_out(self.dropout.residual, h)?)?)
    }
}

impl Attention {
    /// Queries, keys and values `[B, T, 3 * width]` to what each token takes from those before it.
    fn mix(&self, qkv: &Tensor, rotary: &Rotary) -> Result<Tensor, LibtorchError> {
        let (batch, length, triple) = qkv.size3()?;
        let (width, head) = (triple / 3, triple / 3 / self.heads);
        let qkv = match &self.convolution {
            None => qkv.shallow_clone(),
            Some(weight) => convolve(qkv, weight)?,
        };
        let qkv = qkv.f_view([batch, length, 3, self.heads, head])?;
        let turned = rotary.turn(&qkv.f_narrow(2, 0, 2)?)?;
        let norm = turned.f_norm_scalaropt_dim(2.0, [-1].as_slice(), true)?;
        let turned = turned.f_div(&norm)?.f_add_scalar(EPSILON)?;
        let by_head = |x: Tensor| x.f_transpose(1, 2);
        let y = Tensor::f_scaled_dot_product_attention(
            &by_head(turned.f_select(2, 0)?)?.f_mul(&self.scale)?,
            &by_head(turned.f_select(2, 1)?)?,
            &by_head(qkv.f_select(2, 2)?)?,
            None::<&Tensor>,
            0.0,
            true,
            1.0,
            false,
        )?;
        Ok(y.f_transpose(1, 2)?.f_reshape([batch, length, width])?)
    }
}

/// Each channel by itself: a weighted sum of the token and the two before it. `weight` is `[channels, 3]`, the token itself last.
fn convolve(x: &Tensor, weight: &Tensor) -> Result<Tensor, LibtorchError> {
    let length = x.size()[1];
    let padded = x.f_constant_pad_nd([0, 0, WINDOW - 1, 0])?;
    let shifted = |back: i64| -> Result<Tensor, LibtorchError> {
        let token = WINDOW - 1 - back;
        Ok(padded
            .f_narrow(1, token, length)?
            .f_mul(&weight.f_select(1, token)?)?)
    };
    Ok(shifted(0)?.f_add(&shifted(1)?)?.f_add(&shifted(2)?)?)
}

impl Model for Decoder {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn buffers(&self) -> &[Buffer] {
        &[]
    }

    fn forward(&self, batch: &Batch, pass: &Pass) -> Result<Tensor, LibtorchError> {
        let embedded = Tensor::f_embedding(&self.embedding, batch.inputs(), -1, false, false)?;
        let mut x = pass.drop_out(self.dropout, embedded)?;
        for block in &self.blocks {
            x = block.forward(&x, &self.rotary, pass)?;
        }
        let x = self.norm.forward(&x)?;
        let logits = x.f_linear(&self.head, None::<&Tensor>)?;
        Ok(pass.observed("", "lm_head", &x, logits))
    }
}
