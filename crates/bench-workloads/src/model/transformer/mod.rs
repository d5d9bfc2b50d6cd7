//! Encoder-decoder Transformer. AlgoPerf's `wmt` is `{ width: 1024, layers: 6, heads: 16, hidden: 1024, dropout: 0.1 }` on 32,000 tokens.

mod blocks;

use super::builder::{Builder, Initial};
use super::{Interface, Model, ModelError, Pass, Writer, positions};
use crate::batch::Batch;
use crate::parameter::{Buffer, Parameter};
use bench_core::spec::submission::Role;
use bench_core::spec::workload;
use bench_torch::errors::LibtorchError;
use blocks::Stack;
use tch::Tensor;

/// Added to the scores of what must not be attended to. Not minus infinity: a row that attends to nothing stays finite.
const HIDDEN: f64 = -1e10;

/// `shared_embedding`, the blocks `encoder.encoder.layers.0` … and `decoder.decoder.layers.0` …, with a norm after each stack.
pub struct Transformer {
    parameters: Vec<Parameter>,
    embedding: Tensor,
    positions: Tensor,
    encoder: Stack,
    decoder: Stack,
    spec: workload::Transformer,
}

/// The source as the encoder sees it, and which of its tokens are there.
pub struct Memory {
    encoded: Tensor,
    there: Tensor,
    segments: Option<Tensor>,
}

/// Where a token stands and which text it is of, where texts share rows.
#[derive(Default)]
struct Packing<'a> {
    places: Option<&'a Tensor>,
    segments: Option<&'a Tensor>,
}

impl Transformer {
    /// Blocks of the spec's sizes for the data's vocabulary.
    ///
    /// # Errors
    /// When libtorch has no memory for them. `interface` is one that the spec fits.
    pub fn new(
        spec: &workload::Transformer,
        interface: &Interface,
        mut builder: Builder,
    ) -> Result<Transformer, ModelError> {
        let width = spec.width as i64;
        let embedding = builder.next_layer().parameter(
            "shared_embedding.weight",
            &[interface.outputs() as i64, width],
            Initial::Normal { std: 1.0 },
            Role::Embedding,
        )?;
        let encoder = Stack::new(spec, &mut builder, "encoder.encoder", false)?;
        let decoder = Stack::new(spec, &mut builder, "decoder.decoder", true)?;
        let positions = positions::places(spec.positions as i64, width, &embedding)?;
        Ok(Transformer {
            parameters: builder.finish().0,
            embedding,
            positions,
            encoder,
            decoder,
            spec: spec.clone(),
        })
    }

    fn embedded(
        &self,
        tokens: &Tensor,
        places: Option<&Tensor>,
        pass: &Pass,
    ) -> Result<Tensor, LibtorchError> {
        let length = tokens.size()[1];
        let known = self.positions.size()[0];
        if length > known {
            return Err(LibtorchError::new(&format!(
                "a text of {length} tokens is longer than the {known} places that `positions` says"
            )));
        }
        let embedded = Tensor::f_embedding(&self.embedding, tokens, -1, false, false)?;
        let positions = match places {
            None => self.positions.f_narrow(0, 0, length)?,
            Some(places) => Tensor::f_embedding(&self.positions, places, -1, false, false)?,
        };
        pass.drop_out(self.spec.dropout.embedding, embedded.f_add(&positions)?)
    }

    fn encode(
        &self,
        source: &Tensor,
        packing: &Packing,
        pass: &Pass,
    ) -> Result<Memory, LibtorchError> {
        let there = source.f_gt(0)?;
        let mask = mask(
            [&there, &there],
            [packing.segments; 2],
            false,
            &self.embedding,
        )?;
        let x = self.embedded(source, packing.places, pass)?;
        let encoded = self.encoder.forward(x, &mask, None, &self.spec, pass)?;
        Ok(Memory {
            encoded,
            there,
            segments: packing.segments.map(Tensor::shallow_clone),
        })
    }

    /// Scores of the tokens that follow `read`: `[N, T, vocabulary]`. `there` says which targets are no padding.
    fn decode(
        &self,
        read: &Tensor,
        there: &Tensor,
        memory: &Memory,
        packing: &Packing,
        pass: &Pass,
    ) -> Result<Tensor, LibtorchError> {
        let own = mask([there, there], [packing.segments; 2], true, &self.embedding)?;
        let segments = [packing.segments, memory.segments.as_ref()];
        let cross = mask([there, &memory.there], segments, false, &self.embedding)?;
        let x = self.embedded(read, packing.places, pass)?;
        let memory = Some((&memory.encoded, &cross));
        let x = self.decoder.forward(x, &own, memory, &self.spec, pass)?;
        let logits = x.f_linear(&self.embedding, None::<&Tensor>)?;
        let logits = logits.f_mul_scalar((self.spec.width as f64).sqrt().recip())?;
        Ok(pass.observed("", "shared_embedding", &x, logits))
    }
}

impl Memory {
    /// Each source so many times, one after the other.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn repeated(&self, times: i64) -> Result<Memory, LibtorchError> {
        let repeated = |x: &Tensor| x.f_repeat_interleave_self_int(times, 0, None);
        Ok(Memory {
            encoded: repeated(&self.encoded)?,
            there: repeated(&self.there)?,
            segments: self.segments.as_ref().map(repeated).transpose()?,
        })
    }
}

/// What is added to scores `[N, 1, Tq, Tk]`: nothing where query and key are both there, of the same text, and, in a `causal` mask, the key is not later.
fn mask(
    [queries, keys]: [&Tensor; 2],
    segments: [Option<&Tensor>; 2],
    causal: bool,
    model: &Tensor,
) -> Result<Tensor, LibtorchError> {
    let mut counts = queries
        .f_unsqueeze(2)?
        .f_logical_and(&keys.f_unsqueeze(1)?)?;
    if causal {
        counts = counts.f_tril(0)?;
    }
    if let [Some(of_query), Some(of_key)] = segments {
        let same = of_query
            .f_unsqueeze(2)?
            .f_eq_tensor(&of_key.f_unsqueeze(1)?)?;
        counts = counts.f_logical_and(&same)?;
    }
    let zeros = Tensor::f_zeros([1_i64; 3], (model.kind(), model.device()))?;
    let added = zeros
        .f_expand_as(&counts)?
        .f_masked_fill(&counts.f_logical_not()?, HIDDEN)?;
    Ok(added.f_unsqueeze(1)?)
}

impl Writer for Transformer {
    fn remember(&self, sources: &Tensor) -> Result<Memory, LibtorchError> {
        self.encode(sources, &Packing::default(), &Pass::EVAL)
    }

    fn follow(&self, texts: &Tensor, memory: &Memory) -> Result<Tensor, LibtorchError> {
        let there = texts.f_ones_like()?.f_gt(0)?;
        let logits = self.decode(texts, &there, memory, &Packing::default(), &Pass::EVAL)?;
        Ok(logits.f_select(1, -1)?)
    }
}

impl Model for Transformer {
    fn writer(&self) -> Option<&dyn Writer> {
        Some(self)
    }

    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn buffers(&self) -> &[Buffer] {
        &[]
    }

    fn forward(&self, batch: &Batch, pass: &Pass) -> Result<Tensor, LibtorchError> {
        let column = |name: &str| batch.input(name).ok().map(|named| &named.values);
        let of_source = Packing {
            places: column("inputs-position"),
            segments: column("inputs-segmentation"),
        };
        let memory = self.encode(batch.inputs(), &of_source, pass)?;
        let of_target = Packing {
            places: column("targets-position"),
            segments: column("targets-segmentation"),
        };
        let targets = &batch.targets;
        // What has been read before each target: nothing before the first one, which token 0 stands for.
        let read = targets
            .f_constant_pad_nd([1, 0])?
            .f_narrow(1, 0, targets.size()[1])?;
        self.decode(&read, &targets.f_gt(0)?, &memory, &of_target, pass)
    }
}
