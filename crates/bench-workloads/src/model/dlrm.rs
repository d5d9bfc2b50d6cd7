//! Click prediction from numbers and categories. AlgoPerf's `criteo1tb` is
//! `{ vocabulary: 4194304, width: 128, bottom: [512, 256, 128], top: [1024, 1024, 512, 256] }` on 13 numbers and 26 categories.

use super::builder::{Builder, Initial};
use super::linear::{Linear, Start};
use super::norm::LayerNorm;
use super::{Interface, Model, ModelError, Pass};
use crate::batch::Batch;
use crate::parameter::{Buffer, Parameter};
use bench_core::spec::submission::Role;
use bench_core::spec::workload::{self, Interaction};
use bench_torch::errors::LibtorchError;
use tch::{Device, Kind, Tensor};

/// Parts that the table is stored in.
const CHUNKS: i64 = 4;

/// `embedding_chunk_0` …, `bot_mlp`, `top_mlp`, `embed_ln`.
pub struct Dlrm {
    parameters: Vec<Parameter>,
    table: Vec<Tensor>,
    rows: i64,
    bottom: Vec<Step>,
    top: Vec<Step>,
    head: Linear,
    embedding_norm: Option<LayerNorm>,
    interaction: Interaction,
    dropout: f64,
}

/// A matrix, max(x, 0), and what follows that.
struct Step {
    linear: Linear,
    norm: Option<LayerNorm>,
    /// Whether what goes in is added.
    residual: bool,
}

impl Dlrm {
    /// Layers of the spec's sizes for the data's numbers and categories.
    ///
    /// # Errors
    /// When libtorch has no memory for them. `interface` is one that the spec fits.
    pub fn new(
        spec: &workload::Dlrm,
        interface: &Interface,
        mut builder: Builder,
    ) -> Result<Dlrm, ModelError> {
        let size = |place: usize| {
            let slot = interface.inputs.get(place);
            slot.map_or(0, |slot| slot.shape.iter().product::<u64>() as i64)
        };
        let (dense, sparse) = (size(0), size(1));
        let (rows, width) = (spec.vocabulary as i64, spec.width as i64);
        let bound = spec.embedding_init.unwrap_or((rows as f64).sqrt().recip());
        let mut layer = builder.next_layer();
        let table = (0..CHUNKS)
            .map(|chunk| {
                let name = format!("embedding_chunk_{chunk}");
                let shape = [rows / CHUNKS, width];
                let initial = Initial::UniformAbove { bound };
                layer.parameter(&name, &shape, initial, Role::Embedding)
            })
            .collect::<Result<_, _>>()?;
        let bottom = steps(
            spec,
            &mut builder,
            "bot_mlp",
            &spec.bottom,
            dense,
            bottom_start,
        )?;
        let vectors = sparse + 1;
        let bottom_width = spec.bottom.last().map_or(0, |&width| width as i64);
        let interacted = match spec.interaction {
            Interaction::Products => width + vectors * (vectors + 1) / 2,
            Interaction::Residual => bottom_width + sparse * width,
        };
        let top = steps(
            spec,
            &mut builder,
            "top_mlp",
            &spec.top,
            interacted,
            top_start,
        )?;
        let last = spec.top.last().map_or(interacted, |&width| width as i64);
        let sizes = [last, 1];
        // Behind the activation and the dropout of the last hidden layer.
        let name = match spec.interaction {
            Interaction::Products => format!("top_mlp.{}", spec.top.len() * modules(spec) + 1),
            Interaction::Residual => format!("top_mlp.{}.module.0", spec.top.len()),
        };
        let head = Linear::head(&mut builder.next_layer(), &name, sizes, top_start(sizes))?;
        let embedding_norm = match spec.layer_norm {
            false => None,
            true => Some(LayerNorm::new(&mut builder.layer(0), "embed_ln", width)?),
        };
        Ok(Dlrm {
            parameters: builder.finish().0,
            table,
            rows,
            bottom,
            top,
            head,
            embedding_norm,
            interaction: spec.interaction,
            dropout: spec.dropout,
        })
    }

    /// Embeddings of categories `[N, 26]`: `[N, 26, width]`.
    fn embedded(&self, categories: &Tensor) -> Result<Tensor, LibtorchError> {
        let table = Tensor::f_cat(&self.table, 0)?;
        let rows = categories.f_remainder(self.rows)?;
        let embedded = Tensor::f_embedding(&table, &rows, -1, false, false)?;
        match &self.embedding_norm {
            None => Ok(embedded),
            Some(norm) => norm.forward(&embedded),
        }
    }
}

/// Numbers in the names of an MLP's parts: a matrix, an activation, and a norm where there is one.
fn modules(spec: &workload::Dlrm) -> usize {
    if spec.layer_norm { 3 } else { 2 }
}

fn bottom_start(sizes: [i64; 2]) -> Start {
    Start::xavier(sizes).bias(bias(sizes))
}

fn top_start([inputs, outputs]: [i64; 2]) -> Start {
    let std = (2.0 / (inputs + outputs) as f64).sqrt();
    Start::lecun(inputs)
        .weight(Initial::Normal { std })
        .bias(bias([inputs, outputs]))
}

fn bias([_, outputs]: [i64; 2]) -> Initial {
    Initial::Normal {
        std: (1.0 / outputs as f64).sqrt(),
    }
}

/// Layers of these widths.
fn steps(
    spec: &workload::Dlrm,
    builder: &mut Builder,
    mlp: &str,
    widths: &[u64],
    mut inputs: i64,
    start: fn([i64; 2]) -> Start,
) -> Result<Vec<Step>, LibtorchError> {
    let mut steps = Vec::new();
    for (number, &width) in widths.iter().enumerate() {
        let sizes = [inputs, width as i64];
        let first = number * modules(spec);
        let name = match spec.interaction {
            Interaction::Products => format!("{mlp}.{first}"),
            Interaction::Residual => format!("{mlp}.{number}.module.0"),
        };
        let mut layer = builder.next_layer();
        let linear = Linear::new(&mut layer, &name, sizes, start(sizes))?;
        let norm = format!("{mlp}.{}", first + 2);
        steps.push(Step {
            linear,
            norm: match spec.layer_norm {
                true => Some(LayerNorm::new(&mut layer, &norm, sizes[1])?),
                false => None,
            },
            residual: spec.interaction == Interaction::Residual
                && number > 0
                && sizes[0] == sizes[1],
        });
        inputs = sizes[1];
    }
    Ok(steps)
}

impl Step {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor, LibtorchError> {
        let mut y = self.linear.forward(x, pass)?.f_relu()?;
        if let Some(norm) = &self.norm {
            y = norm.forward(&y)?;
        }
        match self.residual {
            true => Ok(y.f_add(x)?),
            false => Ok(y),
        }
    }
}

/// A vector and others `[N, 26, width]`: the vector, then the products of all pairs, row by row of the upper triangle.
fn products(vector: &Tensor, others: &Tensor) -> Result<Tensor, LibtorchError> {
    let all = Tensor::f_cat(&[&vector.f_unsqueeze(1)?, others], 1)?;
    let count = all.size()[1];
    let pairs = Tensor::f_triu_indices(count, count, 0, (Kind::Int64, Device::Cpu))?;
    let [rows, columns] = [pairs.f_select(0, 0)?, pairs.f_select(0, 1)?];
    let places = rows
        .f_mul_scalar(count)?
        .f_add(&columns)?
        .f_to_device(all.device())?;
    let products = all.f_bmm(&all.f_transpose(1, 2)?)?.f_flatten(1, 2)?;
    Ok(Tensor::f_cat(
        &[vector, &products.f_index_select(1, &places)?],
        1,
    )?)
}

impl Model for Dlrm {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn buffers(&self) -> &[Buffer] {
        &[]
    }

    fn forward(&self, batch: &Batch, pass: &Pass) -> Result<Tensor, LibtorchError> {
        let mut dense = batch.input("dense")?.values.shallow_clone();
        for step in &self.bottom {
            dense = step.forward(&dense, pass)?;
        }
        let embedded = self.embedded(&batch.input("sparse")?.values)?;
        let mut x = match self.interaction {
            Interaction::Products => products(&dense, &embedded)?,
            Interaction::Residual => Tensor::f_cat(&[dense, embedded.f_flatten(1, 2)?], 1)?,
        };
        for step in &self.top {
            x = step.forward(&x, pass)?;
        }
        self.head.forward(&pass.drop_out(self.dropout, x)?, pass)
    }
}
