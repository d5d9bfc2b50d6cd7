//! Stacks of blocks: attention and MLP, each with a way round it.

use crate::model::attention::Attention;
use crate::model::builder::{Builder, Initial, Layer};
use crate::model::linear::{Linear, Start};
use crate::model::norm::LayerNorm;
use crate::model::{Pass, activation};
use bench_core::spec::workload::{self, NormPlace};
use bench_torch::errors::LibtorchError;
use tch::Tensor;

/// Deviation of an MLP's initial biases.
const BIAS_STD: f64 = 1e-6;

/// Blocks, and a last norm where sums are not normalised.
pub(super) struct Stack {
    blocks: Vec<Block>,
    norm: Option<LayerNorm>,
}

/// Attention among the texts' own tokens, to the source's, an MLP; each with a way round it.
struct Block {
    own: OwnAttention,
    cross: Option<CrossAttention>,
    mlp: Mlp,
    norms: Vec<LayerNorm>,
}

struct OwnAttention {
    projection: Linear,
    out: Linear,
}

struct CrossAttention {
    query: Linear,
    keys_values: Linear,
    out: Linear,
}

struct Mlp {
    first: Linear,
    gate: Option<Linear>,
    second: Linear,
}

impl Stack {
    pub(super) fn new(
        spec: &workload::Transformer,
        builder: &mut Builder,
        name: &str,
        decodes: bool,
    ) -> Result<Stack, LibtorchError> {
        let blocks = (0..spec.layers)
            .map(|number| Block::new(spec, builder, &format!("{name}.layers.{number}"), decodes))
            .collect::<Result<_, _>>()?;
        let norm = match spec.norm {
            NormPlace::Before => {
                let (mut layer, width) = (builder.next_layer(), spec.width as i64);
                Some(LayerNorm::new(&mut layer, &format!("{name}.norm"), width)?)
            }
            NormPlace::After => None,
        };
        Ok(Stack { blocks, norm })
    }

    pub(super) fn forward(
        &self,
        mut x: Tensor,
        mask: &Tensor,
        memory: Option<(&Tensor, &Tensor)>,
        spec: &workload::Transformer,
        pass: &Pass,
    ) -> Result<Tensor, LibtorchError> {
        for block in &self.blocks {
            x = block.forward(x, mask, memory, spec, pass)?;
        }
        match &self.norm {
            None => Ok(x),
            Some(norm) => norm.forward(&x),
        }
    }
}

impl Block {
    fn new(
        spec: &workload::Transformer,
        builder: &mut Builder,
        name: &str,
        decodes: bool,
    ) -> Result<Block, LibtorchError> {
        let width = spec.width as i64;
        let mut layer = builder.next_layer();
        let mut linear = |part: &str, outputs: i64| {
            let sizes = [width, outputs];
            let start = Start::xavier(sizes).unbiased();
            Linear::new(&mut layer, &format!("{name}.{part}"), sizes, start)
        };
        let own = OwnAttention {
            projection: linear("self_attn.in_proj", 3 * width)?,
            out: linear("self_attn.out_proj", width)?,
        };
        let cross = match decodes {
            false => None,
            true => Some(CrossAttention {
                query: linear("multihead_attn.q_proj", width)?,
                keys_values: linear("multihead_attn.kv_proj", 2 * width)?,
                out: linear("multihead_attn.out_proj", width)?,
            }),
        };
        let mut layer = builder.next_layer();
        let mlp = Mlp::new(spec, &mut layer, name)?;
        let count = if decodes { 3 } else { 2 };
        let norms = (1..=count)
            .map(|number| LayerNorm::new(&mut layer, &format!("{name}.norm{number}"), width))
            .collect::<Result<_, _>>()?;
        Ok(Block {
            own,
            cross,
            mlp,
            norms,
        })
    }

    fn forward(
        &self,
        mut x: Tensor,
        mask: &Tensor,
        memory: Option<(&Tensor, &Tensor)>,
        spec: &workload::Transformer,
        pass: &Pass,
    ) -> Result<Tensor, LibtorchError> {
        let attention = |mask| Attention {
            heads: spec.heads as i64,
            scale: spec.attention_temperature * (spec.heads as f64 / spec.width as f64).sqrt(),
            dropout: spec.dropout.attention,
            mask: Some(mask),
        };
        let around = |x: &Tensor,
                      norm: &LayerNorm,
                      change: &dyn Fn(&Tensor) -> Result<Tensor, LibtorchError>|
         -> Result<Tensor, LibtorchError> {
            let dropped = |x: Tensor| pass.drop_out(spec.dropout.residual, x);
            match spec.norm {
                NormPlace::Before => Ok(x.f_add(&dropped(change(&norm.forward(x)?)?)?)?),
                NormPlace::After => norm.forward(&x.f_add(&dropped(change(x)?)?)?),
            }
        };
        let mut norms = self.norms.iter();
        let mut next = || norms.next().ok_or_else(|| LibtorchError::new("no norm"));
        x = around(&x, next()?, &|x| {
            self.own.forward(x, &attention(mask), pass)
        })?;
        if let (Some(cross), Some((memory, mask))) = (&self.cross, memory) {
            let attention = attention(mask);
            x = around(&x, next()?, &|x| cross.forward(x, memory, &attention, pass))?;
        }
        around(&x, next()?, &|x| self.mlp.forward(x, spec, pass))
    }
}

impl OwnAttention {
    fn forward(
        &self,
        x: &Tensor,
        attention: &Attention,
        pass: &Pass,
    ) -> Result<Tensor, LibtorchError> {
        let parts = self.projection.forward(x, pass)?.f_chunk(3, -1)?;
        let mixed = attention.mix([&parts[0], &parts[1], &parts[2]], pass)?;
        self.out.forward(&mixed, pass)
    }
}

impl CrossAttention {
    fn forward(
        &self,
        x: &Tensor,
        memory: &Tensor,
        attention: &Attention,
        pass: &Pass,
    ) -> Result<Tensor, LibtorchError> {
        let queries = self.query.forward(x, pass)?;
        let parts = self.keys_values.forward(memory, pass)?.f_chunk(2, -1)?;
        let mixed = attention.mix([&queries, &parts[0], &parts[1]], pass)?;
        self.out.forward(&mixed, pass)
    }
}

impl Mlp {
    fn new(
        spec: &workload::Transformer,
        layer: &mut Layer,
        name: &str,
    ) -> Result<Mlp, LibtorchError> {
        let (width, hidden) = (spec.width as i64, spec.hidden as i64);
        let mut linear = |part: &str, sizes: [i64; 2]| {
            let start = Start::xavier(sizes).bias(Initial::Normal { std: BIAS_STD });
            Linear::new(layer, &format!("{name}.{part}"), sizes, start)
        };
        Ok(Mlp {
            first: linear("linear1", [width, hidden])?,
            gate: spec
                .gated
                .then(|| linear("linear_glu", [width, hidden]))
                .transpose()?,
            second: linear("linear2", [hidden, width])?,
        })
    }

    fn forward(
        &self,
        x: &Tensor,
        spec: &workload::Transformer,
        pass: &Pass,
    ) -> Result<Tensor, LibtorchError> {
        let mut h = activation::apply(spec.activation, &self.first.forward(x, pass)?)?;
        if let Some(gate) = &self.gate {
            h = h.f_mul(&gate.forward(x, pass)?)?;
        }
        let h = pass.drop_out(spec.dropout.hidden, h)?;
        self.second.forward(&h, pass)
    }
}
