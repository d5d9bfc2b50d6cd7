//! Graph network. AlgoPerf's `ogbg` is `{ latent: 256, hidden: [256], rounds: 5, dropout: 0.1 }` on molecules with 9 numbers a node and 3 an edge.

use super::builder::Builder;
use super::linear::{Linear, Start};
use super::norm::LayerNorm;
use super::{Interface, Model, ModelError, Pass, activation};
use crate::batch::{Batch, Named};
use crate::parameter::{Buffer, Parameter};
use bench_core::spec::workload::{self, Activation};
use bench_torch::errors::LibtorchError;
use tch::{Kind, Tensor};

/// `node_embedder`, `edge_embedder`, the rounds `graph_network.0` …, `decoder`.
pub struct Gnn {
    parameters: Vec<Parameter>,
    nodes: Linear,
    edges: Linear,
    rounds: Vec<Round>,
    decoder: Linear,
    /// Numbers that a graph begins with: zeros, as many as it gives in the end.
    globals: i64,
}

/// What makes edges, nodes and graphs anew.
struct Round {
    edge: Update,
    node: Update,
    global: Update,
}

/// Matrices, each normalised, activated and thinned out.
struct Update {
    layers: Vec<(Linear, LayerNorm)>,
    activation: Activation,
    dropout: f64,
}

/// The graphs of a batch, as one.
struct Graphs {
    count: i64,
    senders: Tensor,
    receivers: Tensor,
    /// Which graph a node, and an edge, is of.
    of_node: Tensor,
    of_edge: Tensor,
}

impl Gnn {
    /// Layers of the spec's sizes for the data's nodes, edges and targets.
    ///
    /// # Errors
    /// When libtorch has no memory for them. `interface` is one that the spec fits.
    pub fn new(
        spec: &workload::Gnn,
        interface: &Interface,
        mut builder: Builder,
    ) -> Result<Gnn, ModelError> {
        let latent = spec.latent as i64;
        let mut layer = builder.next_layer();
        let mut embedder = |name: &str, place: usize| {
            let slot = interface.inputs.get(place);
            let inputs = slot.map_or(0, |slot| slot.shape.iter().product::<u64>() as i64);
            Linear::new(&mut layer, name, [inputs, latent], Start::lecun(inputs))
        };
        let nodes = embedder("node_embedder", 0)?;
        let edges = embedder("edge_embedder", 1)?;
        let outputs = spec.hidden.last().map_or(latent, |&width| width as i64);
        let globals = interface.outputs() as i64;
        let (mut node, mut edge, mut global) = (latent, latent, globals);
        let mut rounds = Vec::new();
        for round in 0..spec.rounds {
            let mut update = |part: &str, inputs: i64| {
                let name = format!("graph_network.{round}.update_{part}_fn");
                Update::new(spec, &mut builder, &name, inputs)
            };
            rounds.push(Round {
                edge: update("edge", edge + 2 * node + global)?,
                node: update("node", node + 2 * outputs + global)?,
                global: update("global", 2 * outputs + global)?,
            });
            (node, edge, global) = (outputs, outputs, outputs);
        }
        let sizes = [outputs, globals];
        let mut layer = builder.next_layer();
        let decoder = Linear::head(&mut layer, "decoder", sizes, Start::lecun(outputs))?;
        Ok(Gnn {
            parameters: builder.finish().0,
            nodes,
            edges,
            rounds,
            decoder,
            globals,
        })
    }
}

impl Update {
    fn new(
        spec: &workload::Gnn,
        builder: &mut Builder,
        name: &str,
        mut inputs: i64,
    ) -> Result<Update, LibtorchError> {
        let mut layers = Vec::new();
        for (number, &width) in spec.hidden.iter().enumerate() {
            let sizes = [inputs, width as i64];
            let mut layer = builder.next_layer();
            let dense = format!("{name}.dense_{number}");
            let norm = format!("{name}.norm_{number}");
            layers.push((
                Linear::new(&mut layer, &dense, sizes, Start::lecun(inputs))?,
                LayerNorm::new(&mut layer, &norm, sizes[1])?,
            ));
            inputs = sizes[1];
        }
        Ok(Update {
            layers,
            activation: spec.activation,
            dropout: spec.dropout,
        })
    }

    fn forward(&self, parts: &[Tensor], pass: &Pass) -> Result<Tensor, LibtorchError> {
        let mut x = Tensor::f_cat(parts, 1)?;
        for (linear, norm) in &self.layers {
            let y = norm.forward(&linear.forward(&x, pass)?)?;
            x = pass.drop_out(self.dropout, activation::apply(self.activation, &y)?)?;
        }
        Ok(x)
    }
}

impl Graphs {
    /// Of padded rows: the graphs' edges, whose ends count from each graph's first node; and the numbers of nodes and edges without padding.
    fn of(batch: &Batch) -> Result<(Graphs, Tensor, Tensor), LibtorchError> {
        let (nodes, edges) = (batch.input("nodes")?, batch.input("edges")?);
        let (node_rows, of_node) = rows(nodes)?;
        let (edge_rows, of_edge) = rows(edges)?;
        let counts = lengths(nodes)?;
        let firsts = counts.f_cumsum(0, Kind::Int64)?.f_sub(counts)?;
        let first = firsts.f_index_select(0, &of_edge)?;
        let room = counts.f_index_select(0, &of_edge)?;
        let ends = |name: &str| -> Result<Tensor, LibtorchError> {
            let ends = batch.input(name)?;
            if lengths(ends)?.f_equal(lengths(edges)?)? {
                let ends = flat(&ends.values, &edge_rows)?;
                let outside = ends.f_ge_tensor(&room)?.f_logical_or(&ends.f_lt(0)?)?;
                match outside.f_any()?.f_int64_value(&[])? {
                    0 => Ok(ends.f_add(&first)?),
                    _ => Err(LibtorchError::new(&format!(
                        "an edge in `{name}` ends at a node that its graph does not have"
                    ))),
                }
            } else {
                Err(LibtorchError::new(&format!(
                    "there are not as many `{name}` as `edges` in each graph"
                )))
            }
        };
        let graphs = Graphs {
            count: batch.examples(),
            senders: ends("senders")?,
            receivers: ends("receivers")?,
            of_node,
            of_edge,
        };
        let nodes = flat(&nodes.values, &node_rows)?;
        let edges = flat(&edges.values, &edge_rows)?;
        Ok((graphs, nodes, edges))
    }
}

fn lengths(column: &Named) -> Result<&Tensor, LibtorchError> {
    let missing = || LibtorchError::new(&format!("`{}` has no lengths", column.name));
    column.lengths.as_ref().ok_or_else(missing)
}

/// Places of a padded column's rows, padding left out, and the example that each is of.
fn rows(column: &Named) -> Result<(Tensor, Tensor), LibtorchError> {
    let (lengths, longest) = (lengths(column)?, column.values.size()[1]);
    let options = (Kind::Int64, lengths.device());
    let there = Tensor::f_arange(longest, options)?
        .f_unsqueeze(0)?
        .f_lt_tensor(&lengths.f_unsqueeze(1)?)?;
    let rows = there.f_flatten(0, 1)?.f_nonzero()?.f_squeeze_dim(1)?;
    let of = rows.f_floor_divide_scalar(longest.max(1))?;
    Ok((rows, of))
}

/// `[N, longest, …]` to these of its rows.
fn flat(values: &Tensor, rows: &Tensor) -> Result<Tensor, LibtorchError> {
    Ok(values.f_flatten(0, 1)?.f_index_select(0, rows)?)
}

/// Sums of rows that go to the same place.
fn summed(x: &Tensor, places: &Tensor, count: i64) -> Result<Tensor, LibtorchError> {
    let zeros = Tensor::f_zeros([count, x.size()[1]], (x.kind(), x.device()))?;
    Ok(zeros.f_index_add(0, places, x)?)
}

impl Model for Gnn {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn buffers(&self) -> &[Buffer] {
        &[]
    }

    fn forward(&self, batch: &Batch, pass: &Pass) -> Result<Tensor, LibtorchError> {
        let (graphs, nodes, edges) = Graphs::of(batch)?;
        let Graphs {
            count,
            senders,
            receivers,
            of_node,
            of_edge,
        } = &graphs;
        let mut nodes = self.nodes.forward(&nodes, pass)?;
        let mut edges = self.edges.forward(&edges, pass)?;
        let shape = [*count, self.globals];
        let mut globals = Tensor::f_zeros(shape, (nodes.kind(), nodes.device()))?;
        let number = nodes.size()[0];
        for round in &self.rounds {
            let at = |x: &Tensor, places: &Tensor| x.f_index_select(0, places);
            let parts = [
                edges,
                at(&nodes, senders)?,
                at(&nodes, receivers)?,
                at(&globals, of_edge)?,
            ];
            edges = round.edge.forward(&parts, pass)?;
            let parts = [
                nodes,
                summed(&edges, senders, number)?,
                summed(&edges, receivers, number)?,
                at(&globals, of_node)?,
            ];
            nodes = round.node.forward(&parts, pass)?;
            let parts = [
                summed(&nodes, of_node, *count)?,
                summed(&edges, of_edge, *count)?,
                globals,
            ];
            globals = round.global.forward(&parts, pass)?;
        }
        self.decoder.forward(&globals, pass)
    }
}
