//! `submissions/*/submission.yaml`: a training algorithm's settings and search space.

pub use super::scheduled::Template;
pub use crate::schedule::Schedule;

use super::search::Point;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A submission. Without a crate of its own it is a variant that `extends` one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Submission {
    /// Version of this file format: 1.
    pub schema: u32,
    /// Folder of the submission this one is a variant of, relative to this file's folder, or absolute.
    #[serde(default, skip_serializing)]
    pub extends: Option<String>,
    /// One line for `bench list`. In no hash.
    #[serde(default, skip_serializing)]
    pub about: Option<String>,
    /// Where the algorithm was published. In no hash.
    #[serde(default, skip_serializing)]
    pub paper: Option<String>,
    /// Where its defaults come from, when a search found them: `bench compare` says so. In no hash.
    #[serde(default, skip_serializing)]
    pub tuned: Option<Tuned>,
    /// The Python program that trains, in place of a crate. In the source's hash.
    #[serde(default, skip_serializing)]
    pub python: Option<Python>,
    /// Of a Python optimizer: which of its constructor's arguments takes which hyperparameters. `lr` takes `learning-rate` and `eps` takes `epsilon`, any other the one
    /// of its name with `-` for `_`.
    #[serde(default, skip_serializing)]
    pub parameter_names: BTreeMap<String, ArgumentNames>,
    /// Which rulesets' tuning it enters.
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    pub rulesets: Vec<Tuning>,
    /// Factor on the learning rate at each step; its parameters may be hyperparameters.
    #[serde(default)]
    #[schemars(with = "Schedule")]
    pub schedule: Template,
    /// Examples a step.
    pub batch_size: BatchSize,
    /// Before the update.
    #[serde(default)]
    pub gradient_clipping: GradientClipping,
    /// Has this norm of the gradients, before any clipping, logged as `gradient-norm` in every step: what `refined` schedules are made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_gradient_norm: Option<Norm>,
    /// Hyperparameters that differ for parameters of some roles; the first group that names a role wins.
    #[serde(default)]
    pub groups: Vec<Group>,
    /// Every hyperparameter the code reads: fixed, or with a range to search.
    #[serde(default)]
    pub search_space: BTreeMap<String, Dimension>,
    /// A fixed list of points, tried in this order in place of quasi-random ones.
    #[serde(default)]
    pub points: Vec<BTreeMap<String, Value>>,
}

impl Submission {
    /// Every hyperparameter's value without tuning.
    pub fn defaults(&self) -> Point {
        let dimensions = self.search_space.iter();
        dimensions
            .map(|(name, dimension)| (name.clone(), dimension.default()))
            .collect()
    }
}

/// A class in Python: derived from `torch.optim.Optimizer`, or from `bench.TrainingAlgorithm`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Python {
    /// The file that defines it, in the submission's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The package that defines it, by the name that it is imported by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The package's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its name; of a file's, where there is more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
}

/// A hyperparameter's name, or several for an argument that is a tuple.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ArgumentNames {
    /// Of one value.
    One(String),
    /// Of a tuple's, in order.
    Several(Vec<String>),
}

/// The search that defaults were taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tuned {
    /// The workload that was searched on.
    pub workload: String,
    /// How many points were tried.
    #[schemars(range(min = 1))]
    pub points: u64,
    /// The winner's record, by its digits.
    pub record: String,
}

/// AlgoPerf's two ways of tuning.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Tuning {
    /// The referee draws points from the search space; a study's best trial counts.
    ExternalTuning,
    /// The submission tunes itself, on the clock.
    SelfTuning,
}

/// Examples a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BatchSize {
    /// Where nothing else is said.
    #[schemars(range(min = 1))]
    pub default: u64,
    /// Workload to batch size.
    #[serde(default)]
    pub workloads: BTreeMap<String, u64>,
}

/// What happens to gradients before the update.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GradientClipping {
    /// Nothing.
    #[default]
    None,
    /// Scaled down to this global L2 norm where larger.
    GlobalNorm(f64),
}

/// Which length of all gradients together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Norm {
    /// The sum of sizes.
    L1,
    /// The root of the sum of squares.
    L2,
}

/// Parameters of some roles, with hyperparameters of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Group {
    /// Which parameters.
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    pub roles: Vec<Role>,
    /// What differs: name to value.
    pub hyperparameters: BTreeMap<String, Value>,
}

/// What a parameter is in its model.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A matrix of a hidden layer.
    Weight,
    /// An additive vector.
    Bias,
    /// The scale of a normalisation.
    NormScale,
    /// A table looked up by index.
    Embedding,
    /// The last layer's matrix.
    OutputHead,
    /// A convolution's kernel.
    Convolution,
}

/// One hyperparameter: a fixed value, or a range, or a list, with a default.
#[derive(Debug, Clone, PartialEq)]
pub enum Dimension {
    /// Never searched.
    Fixed(Value),
    /// Between two numbers.
    Range(Range),
    /// One of some.
    Choice(Choice),
}

/// Between two numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Range {
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// How points spread between them.
    #[serde(default)]
    pub scale: Scale,
    /// Without tuning.
    pub default: f64,
}

/// How points spread over a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Evenly.
    #[default]
    Linear,
    /// Evenly in the logarithm.
    Log,
}

/// One of some values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Choice {
    /// The values ("feasible points").
    #[schemars(length(min = 1))]
    pub values: Vec<Value>,
    /// Without tuning.
    pub default: Value,
}

/// A hyperparameter's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A finite number; integers too.
    Number(f64),
    /// A switch.
    Flag(bool),
    /// A name.
    Text(String),
}
