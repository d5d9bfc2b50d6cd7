//! `workloads/*.yaml`: data, model, loss, metric, target and budget.

pub use super::loss::{
    BinaryCrossEntropy, CrossEntropy, Ctc, Loss, MeanAbsoluteError, MeanSquaredError,
};
pub use super::model::*;
pub use super::target::{Calibration, Target, TargetSource};

use super::columns::Columns;
use super::interface::{Interface, Misfit};
use crate::number::{Share, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is trained, on what, how far and for how long. Nothing of a submission's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Workload {
    /// Version of this file format: 1.
    pub schema: u32,
    /// The workload this one is a variant of, by its name or the path to its file from this one; its keys are merged under this file's.
    #[serde(default, skip_serializing)]
    pub extends: Option<String>,
    /// One line for `bench list`. In no hash.
    #[serde(default, skip_serializing)]
    pub about: Option<String>,
    /// A file of `workloads/datasets/`, without its ending; or the path to a data set's file from this one.
    pub dataset: String,
    /// How raw examples become model inputs.
    #[serde(default)]
    pub input: Input,
    /// The model and its sizes.
    pub model: Model,
    /// What training minimises.
    pub loss: Loss,
    /// What every evaluation computes.
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    pub metrics: Vec<Metric>,
    /// When the workload counts as solved.
    pub target: Target,
    /// How long a trial may train.
    pub budget: Budget,
    /// How many steps a well tuned baseline needs; schedules stretch to it.
    #[schemars(range(min = 1))]
    pub step_hint: u64,
    /// When and how large.
    pub evaluate: Evaluate,
    /// No example is trained on twice: a batch size with which the training data ends before the budget is refused. Off unless said.
    #[serde(default, skip_serializing_if = "is_false")]
    pub one_epoch: bool,
    /// Train on this many of the training examples, chosen at random once for all: every seed and submission has the same, and a smaller number is
    /// a part of a larger one. All unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub train_examples: Option<u64>,
    /// Share of training labels replaced by one of the other classes, chosen at random once for all. None unless said; validation and test labels stay.
    #[serde(
        default,
        skip_serializing_if = "is_zero",
        deserialize_with = "Share::number"
    )]
    #[schemars(with = "Share")]
    pub label_noise: f64,
    /// What matrix products and convolutions are computed in; weights and losses are `f32` always.
    #[serde(default, skip_serializing_if = "Precision::is_default")]
    pub precision: Precision,
    /// Most threads that pay here; fewer than the harness' where a small model loses by more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub threads: Option<u32>,
}

impl Workload {
    /// Examples in `counted` examples or tokens of a split. Text is cut into pieces of one token more than the model reads at once.
    pub fn examples(&self, columns: &Columns, counted: u64) -> u64 {
        match (columns.running(), self.input.sequence_length) {
            (Some(_), Some(length)) => counted / length.saturating_add(1),
            _ => counted,
        }
    }

    /// What its model is built for on a data set of this name and these columns.
    ///
    /// # Errors
    /// [`Misfit`] where the model does not fit the data.
    pub fn interface(&self, data: &str, columns: &Columns) -> Result<Interface, Misfit> {
        let kind = self.model.kind();
        let (name, length) = (kind.name(), self.input.sequence_length);
        let interface = Interface::find(name, &kind.wanted(), data, columns, length)?;
        match kind.misfit(&interface) {
            None => Ok(interface),
            Some(problem) => Err(Misfit::Sizes {
                model: name,
                data: data.to_owned(),
                problem,
            }),
        }
    }

    /// Of so many training examples, those that are trained on.
    pub fn trained_on(&self, examples: u64) -> u64 {
        self.train_examples
            .map_or(examples, |most| most.min(examples))
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

/// Number formats of a model's matrix products and convolutions, forwards and backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// The upper half of those 32 bits, on devices that compute in it.
    Bf16,
}

impl Precision {
    fn is_default(&self) -> bool {
        *self == Precision::default()
    }
}

/// How raw pixels become inputs: `(pixel * unit - mean) / std`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Input {
    /// Whether pixels count 0 to 255 or 0 to 1 before `mean` and `std`.
    pub pixels: Pixels,
    /// Mean of each channel.
    #[schemars(length(min = 1))]
    pub mean: Vec<f64>,
    /// Standard deviation of each channel.
    #[schemars(length(min = 1))]
    pub std: Vec<f64>,
    /// Random views of training images; none unless said. Evaluations see the images as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augment: Option<Augment>,
    /// Tokens a model reads at once, of data that is text. An example is this many and the one after them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub sequence_length: Option<u64>,
}

/// Random views of training images.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Augment {
    /// Zero pixels put around the image, out of which a crop of the image's size is drawn.
    pub crop_padding: u64,
    /// Mirrored, left to right, half of the time.
    pub flip: bool,
    /// Two of sixteen changes of colour, place or shape after that (RandAugment, with AlgoPerf's magnitudes), of colour images.
    #[serde(skip_serializing_if = "is_false")]
    pub rand_augment: bool,
    /// Each image, and its label, mixed with another of its batch, by a share that a beta distribution of this parameter gives: 0.2 in AlgoPerf. Not at all unless
    /// said.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub mixup: f64,
}

impl Default for Input {
    fn default() -> Self {
        Input {
            pixels: Pixels::Unit,
            mean: vec![0.0],
            std: vec![1.0],
            augment: None,
            sequence_length: None,
        }
    }
}

/// The range of a pixel before normalising.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pixels {
    /// 0 to 1.
    Unit,
    /// 0 to 255 (AlgoPerf's mnist normalises these as they are).
    Byte,
}

/// The kinds of metric.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Share of examples whose most likely class is wrong.
    ErrorRate,
    /// Share of examples whose most likely class is right.
    Accuracy,
    /// Mean cross-entropy in nats.
    CrossEntropy,
    /// exp of the mean cross-entropy a token.
    Perplexity,
    /// Cross-entropy in bits a byte, where a token is a byte.
    BitsPerByte,
    /// Mean distance from the target.
    MeanAbsoluteError,
    /// Mean squared distance from the target.
    MeanSquaredError,
    /// Share of the target's variance that is explained: 1 less the squared distances over those from the split's mean, mean over the numbers of an example.
    R2,
    /// Structural similarity of images, mean over examples.
    Ssim,
    /// Average precision of each yes-or-no question, mean over those with both answers.
    MeanAveragePrecision,
    /// Area under the receiver operating characteristic of each yes-or-no question, mean over those with both answers: how often a yes has a higher score than a no.
    Auc,
    /// Negative logarithm of the probability of the right tokens, a token.
    CtcLoss,
    /// Edits from the most likely tokens to the right ones, over the number of right ones.
    TokenErrorRate,
    /// BLEU in percent, with tokens as words, of the texts that a search with four beams finds.
    TokenBleu,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Lower is better.
    Min,
    /// Higher is better.
    Max,
}

impl Direction {
    /// A target made easier by a share of its size, harder where the share is negative.
    pub fn eased(self, target: f64, share: f64) -> f64 {
        match self {
            Direction::Min => target + share * target.abs(),
            Direction::Max => target - share * target.abs(),
        }
    }
}

impl Metric {
    /// The list of metrics: key in specs and records, which way is better, the largest value there can be, and the losses whose outputs and targets it is of.
    /// What they may be below is [`Metric::smallest`].
    fn facts(self) -> (&'static str, Direction, f64, &'static [&'static str]) {
        const MOST: f64 = f64::INFINITY;
        const CLASSES: &[&str] = &["cross-entropy"];
        const ANSWERS: &[&str] = &["binary-cross-entropy"];
        const EITHER: &[&str] = &["cross-entropy", "binary-cross-entropy"];
        const AMOUNTS: &[&str] = &["mean-absolute-error", "mean-squared-error"];
        const SPELLED: &[&str] = &["ctc"];
        match self {
            Metric::ErrorRate => ("error-rate", Direction::Min, 1.0, CLASSES),
            Metric::Accuracy => ("accuracy", Direction::Max, 1.0, CLASSES),
            Metric::CrossEntropy => ("cross-entropy", Direction::Min, MOST, EITHER),
            Metric::Perplexity => ("perplexity", Direction::Min, MOST, CLASSES),
            Metric::BitsPerByte => ("bits-per-byte", Direction::Min, MOST, CLASSES),
            Metric::MeanAbsoluteError => ("mean-absolute-error", Direction::Min, MOST, AMOUNTS),
            Metric::Ssim => ("ssim", Direction::Max, 1.0, AMOUNTS),
            Metric::MeanSquaredError => ("mean-squared-error", Direction::Min, MOST, AMOUNTS),
            Metric::R2 => ("r2", Direction::Max, 1.0, AMOUNTS),
            Metric::Auc => ("auc", Direction::Max, 1.0, ANSWERS),
            Metric::MeanAveragePrecision => {
                ("mean-average-precision", Direction::Max, 1.0, ANSWERS)
            }
            Metric::CtcLoss => ("ctc-loss", Direction::Min, MOST, SPELLED),
            Metric::TokenErrorRate => ("token-error-rate", Direction::Min, MOST, SPELLED),
            Metric::TokenBleu => ("token-bleu", Direction::Max, 100.0, CLASSES),
        }
    }

    /// Whether it can be computed where this loss is minimised: each says what outputs and targets are.
    pub fn is_of(self, loss: &Loss) -> bool {
        self.facts().3.contains(&loss.name())
    }

    /// Whether a model has to write texts for it, token by token.
    pub fn is_of_writing(self) -> bool {
        self == Metric::TokenBleu
    }

    /// The key in specs and records.
    pub fn name(self) -> &'static str {
        self.facts().0
    }

    /// Which way is better.
    pub fn direction(self) -> Direction {
        self.facts().1
    }

    /// The smallest value there can be: 0 of all but `r2`, which can be as far below as it likes, and `ssim`.
    pub fn smallest(self) -> f64 {
        match self {
            Metric::R2 => f64::NEG_INFINITY,
            Metric::Ssim => -1.0,
            _ => 0.0,
        }
    }

    /// The largest value there can be: 1 of a share, 100 of percents.
    pub fn largest(self) -> f64 {
        self.facts().2
    }
}

/// Whichever runs out first ends the trial.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Budget {
    /// Submission time.
    pub time: Span,
    /// Steps.
    #[schemars(range(min = 1))]
    pub steps: u64,
}

/// Evaluations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Evaluate {
    /// Steps from one evaluation to the next.
    #[schemars(range(min = 1))]
    pub every_steps: u64,
    /// Examples at once; changes speed, not results.
    #[schemars(range(min = 1))]
    pub batch_size: u64,
    /// How many training examples the train metrics are computed on (the first ones; all when larger than the split).
    #[schemars(range(min = 1))]
    pub train_subset: u64,
}
