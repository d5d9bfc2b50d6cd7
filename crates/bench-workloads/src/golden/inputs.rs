//! A case's inputs, by name, and the batch that they are here.

use super::GoldenError;
use super::file::Entry;
use super::tensor;
use crate::batch::{Batch, Named};
use serde_json::Value;
use std::collections::BTreeMap;
use tch::{Kind, Tensor};

/// What a case or function is given.
pub(super) struct Inputs {
    tensors: BTreeMap<String, Tensor>,
    texts: BTreeMap<String, Vec<String>>,
}

impl Inputs {
    pub(super) fn rebuild(seed: u64, entries: &[Entry]) -> Result<Inputs, GoldenError> {
        let (mut tensors, mut texts) = (BTreeMap::new(), BTreeMap::new());
        for entry in entries {
            let name = entry.name.clone();
            if entry.kind.as_deref() == Some("strings") {
                let lines = entry.values.iter().filter_map(Value::as_str);
                let _ = texts.insert(name, lines.map(str::to_owned).collect());
            } else {
                let _ = tensors.insert(name, tensor::rebuild(seed, entry)?);
            }
        }
        Ok(Inputs { tensors, texts })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    pub(super) fn tensor(&self, name: &str) -> Result<Tensor, GoldenError> {
        let tensor = self.tensors.get(name).map(Tensor::shallow_clone);
        tensor.ok_or_else(|| missing(name))
    }

    pub(super) fn texts(&self, name: &str) -> Result<&[String], GoldenError> {
        let texts = self.texts.get(name).map(Vec::as_slice);
        texts.ok_or_else(|| missing(name))
    }

    fn named(&self, name: &str, ours: &str) -> Result<Named, GoldenError> {
        Ok(Named::new(ours, self.tensor(name)?))
    }

    /// Padded to the longest; `paddings` are 1 behind what is there.
    fn padded(&self, name: &str, paddings: &str) -> Result<Named, GoldenError> {
        let there = self.tensor(paddings)?.f_eq(0.0)?;
        Ok(Named {
            lengths: Some(there.f_sum_dim_intlist([1_i64].as_slice(), false, Kind::Int64)?),
            ..self.named(name, name)?
        })
    }

    /// The batch of a workload's case, with weights of this name.
    pub(super) fn batch(
        &self,
        workload: &str,
        weights: Option<&str>,
    ) -> Result<Batch, GoldenError> {
        let weights = weights.map(|name| self.tensor(name)).transpose()?;
        let batch = match workload {
            "criteo1tb" => {
                // One answer an example, in a row of its own there.
                let targets = self.tensor("targets")?.f_flatten(0, -1)?;
                Batch::of(
                    self.named("dense", "dense")?,
                    vec![self.named("sparse", "sparse")?],
                    Named::new("targets", targets),
                )
            }
            "fastmri" => {
                let names = [
                    ("mean", "mean"),
                    ("std", "std"),
                    ("volume_max", "volume-max"),
                ];
                let beside = names.map(|(theirs, ours)| self.named(theirs, ours));
                Batch::of(
                    self.named("inputs", "inputs")?,
                    beside.into_iter().collect::<Result<_, _>>()?,
                    self.named("targets", "targets")?,
                )
            }
            "ogbg" => self.graphs()?,
            "wmt" => self.texts_of_two_languages()?,
            "librispeech_conformer" | "librispeech_deepspeech" => Batch::of(
                self.padded("inputs", "input_paddings")?,
                Vec::new(),
                self.padded("targets", "target_paddings")?,
            ),
            _ => Batch::new(self.tensor("inputs")?, self.tensor("targets")?),
        };
        Ok(match weights {
            None => batch,
            Some(weights) => {
                let flat = workload == "criteo1tb";
                batch.weighted(if flat {
                    weights.f_flatten(0, -1)?
                } else {
                    weights
                })
            }
        })
    }

    /// The reference puts all graphs into one, whose nodes are counted through; here each has rows of its own.
    fn graphs(&self) -> Result<Batch, GoldenError> {
        let of_nodes = Vec::<i64>::try_from(self.tensor("n_node")?)?;
        let of_edges = Vec::<i64>::try_from(self.tensor("n_edge")?)?;
        let split = |values: &Tensor, counts: &[i64]| -> Result<Tensor, GoldenError> {
            let parts = values.f_split_with_sizes(counts, 0)?;
            Ok(Tensor::f_pad_sequence(&parts, true, 0.0, "right")?)
        };
        let ragged = |name: &str, values: &Tensor, counts: &[i64]| {
            Ok::<_, GoldenError>(Named {
                lengths: Some(Tensor::from_slice(counts)),
                ..Named::new(name, split(values, counts)?)
            })
        };
        let firsts: Vec<i64> = of_nodes
            .iter()
            .scan(0, |next, count| {
                let first = *next;
                *next += count;
                Some(first)
            })
            .collect();
        let of_edge = Tensor::from_slice(&firsts).f_repeat_interleave_self_tensor(
            &Tensor::from_slice(&of_edges),
            0,
            None,
        )?;
        let ends = |name: &str| -> Result<Named, GoldenError> {
            let within = self.tensor(name)?.f_sub(&of_edge)?;
            ragged(name, &within, &of_edges)
        };
        Ok(Batch::of(
            ragged("nodes", &self.tensor("nodes")?, &of_nodes)?,
            vec![
                ragged("edges", &self.tensor("edges")?, &of_edges)?,
                ends("senders")?,
                ends("receivers")?,
            ],
            self.named("targets", "targets")?,
        ))
    }

    fn texts_of_two_languages(&self) -> Result<Batch, GoldenError> {
        let packed = ["inputs", "targets"]
            .into_iter()
            .flat_map(|side| ["position", "segmentation"].map(|what| (side, what)));
        let beside = packed
            .map(|(side, what)| (format!("{side}_{what}"), format!("{side}-{what}")))
            .filter(|(theirs, _)| self.has(theirs))
            .map(|(theirs, ours)| self.named(&theirs, &ours));
        Ok(Batch::of(
            self.named("inputs", "inputs")?,
            beside.collect::<Result<_, _>>()?,
            self.named("targets", "targets")?,
        ))
    }
}

fn missing(name: &str) -> GoldenError {
    GoldenError::Value {
        key: name.to_owned(),
        expected: "an input of this case",
    }
}
