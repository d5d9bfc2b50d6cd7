//! The format of a model golden: sizes, how to rebuild every tensor, and what the reference computed.

use super::config::Config;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One workload's reference numbers.
#[derive(Debug, Deserialize)]
pub(super) struct File {
    pub(super) format: u32,
    pub(super) workload: String,
    pub(super) seed: u64,
    pub(super) cases: Vec<Case>,
    #[serde(default)]
    pub(super) functions: Vec<Function>,
    pub(super) full_size: FullSize,
}

/// One forward, and for training one gradient.
#[derive(Debug, Deserialize)]
pub(super) struct Case {
    pub(super) case: String,
    pub(super) variant: String,
    pub(super) mode: Mode,
    pub(super) config: Config,
    pub(super) parameters: Vec<Entry>,
    pub(super) buffers: Vec<Entry>,
    pub(super) inputs: Vec<Entry>,
    pub(super) outputs: BTreeMap<String, Summary>,
    #[serde(default)]
    pub(super) metrics: BTreeMap<String, serde_json::Value>,
    pub(super) loss: Loss,
    #[serde(default)]
    pub(super) gradients: BTreeMap<String, Option<Summary>>,
    #[serde(default)]
    pub(super) buffers_after: BTreeMap<String, Summary>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mode {
    Train,
    Eval,
}

/// How to rebuild one tensor.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    pub(super) name: String,
    #[serde(default)]
    pub(super) shape: Vec<i64>,
    #[serde(default)]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) dtype: Option<String>,
    #[serde(default)]
    pub(super) offset: f64,
    #[serde(default)]
    pub(super) scale: f64,
    #[serde(default)]
    pub(super) t: u64,
    #[serde(default)]
    pub(super) p: u64,
    #[serde(default)]
    pub(super) low: f64,
    #[serde(default)]
    pub(super) n: f64,
    #[serde(default)]
    pub(super) values: Vec<serde_json::Value>,
    #[serde(default)]
    pub(super) lengths: Option<Vec<i64>>,
    #[serde(default)]
    pub(super) fill: Option<f64>,
}

/// What is known of one tensor: sums, and all values or some.
#[derive(Debug, Deserialize)]
pub(super) struct Summary {
    pub(super) shape: Vec<i64>,
    pub(super) sum: f64,
    pub(super) sumsq: f64,
    pub(super) values: Vec<f64>,
    #[serde(default)]
    pub(super) index: Option<Vec<usize>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Loss {
    /// Name of the weights among the inputs.
    pub(super) mask: Option<String>,
    pub(super) label_smoothing: f64,
    pub(super) summed: f64,
    pub(super) n_valid_examples: f64,
    pub(super) mean: f64,
    pub(super) per_example: Summary,
}

/// A part of a workload beside its model.
#[derive(Debug, Deserialize)]
pub(super) struct Function {
    pub(super) function: String,
    pub(super) config: Config,
    pub(super) inputs: Vec<Entry>,
    pub(super) outputs: BTreeMap<String, Summary>,
}

/// Names and shapes of the real model's parameters.
#[derive(Debug, Deserialize)]
pub(super) struct FullSize {
    pub(super) parameters: Vec<Shape>,
    pub(super) count: i64,
    #[serde(default)]
    pub(super) variants: BTreeMap<String, Variant>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Shape {
    pub(super) name: String,
    pub(super) shape: Vec<i64>,
}

/// A variant's names and shapes, or the base's.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Variant {
    Own { parameters: Vec<Shape>, count: i64 },
    Same { same_as: String },
}
