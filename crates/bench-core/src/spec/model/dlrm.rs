//! Click prediction from numbers and categories.

use super::{Kind, Mistake, is_zero};
use crate::number::Share;
use crate::spec::columns::{Meaning, Rows};
use crate::spec::interface::{Interface, Want, Wanted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A table of embeddings that all categories share, an MLP on the numbers, products of all pairs, an MLP on those; or residual MLPs without products.
/// AlgoPerf's `criteo1tb` is `{ vocabulary: 4194304, width: 128, bottom: [512, 256, 128], top: [1024, 1024, 512, 256] }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Dlrm {
    /// Rows of the table, a multiple of 4; a category's number is taken modulo this.
    #[schemars(range(min = 4))]
    pub vocabulary: u64,
    /// Numbers a category is represented by.
    #[schemars(range(min = 1))]
    pub width: u64,
    /// Widths of the MLP on the numbers, the last one that of the embeddings where products are taken.
    #[schemars(length(min = 1), inner(range(min = 1)))]
    pub bottom: Vec<u64>,
    /// Widths of the hidden layers of the MLP that gives the output.
    #[schemars(length(min = 1), inner(range(min = 1)))]
    pub top: Vec<u64>,
    /// What is made of numbers and categories.
    #[serde(default)]
    pub interaction: Interaction,
    /// Whether each layer and each embedding is normalised.
    #[serde(default)]
    pub layer_norm: bool,
    /// Embeddings start uniform between 0 and this; 1 / sqrt(vocabulary) unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub embedding_init: Option<f64>,
    /// Share of the last hidden layer's outputs that a training step leaves out, after the activation.
    #[serde(
        default,
        skip_serializing_if = "is_zero",
        deserialize_with = "Share::number"
    )]
    #[schemars(with = "Share", extend("exclusiveMaximum" = 1.0))]
    pub dropout: f64,
}

/// How a DLRM joins numbers and categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Interaction {
    /// Products of all pairs, each with itself among them.
    #[default]
    Products,
    /// Side by side, between MLPs with a way round each layer that keeps its width.
    Residual,
}

impl Dlrm {
    fn misfitting_bottom(&self) -> bool {
        self.interaction == Interaction::Products && self.bottom.last() != Some(&self.width)
    }
}

impl Kind for Dlrm {
    fn name(&self) -> &'static str {
        "dlrm"
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            inputs: &[
                Want {
                    name: "dense",
                    sizes: Some(&["numbers"]),
                    rows: Rows::One,
                    values: Meaning::Real,
                },
                Want {
                    name: "sparse",
                    sizes: Some(&["categories"]),
                    rows: Rows::One,
                    values: Meaning::Classes,
                },
            ],
            beside: &[],
            targets: &[Meaning::Binary],
        }
    }

    fn drops_out(&self) -> bool {
        self.dropout > 0.0
    }

    fn mistakes(&self) -> Vec<Mistake> {
        let mut found = Vec::new();
        if self.misfitting_bottom() {
            let (bottom, width) = (self.bottom.last().copied().unwrap_or(0), self.width);
            found.push(Mistake {
                key: "bottom",
                message: format!("products of {bottom} numbers and embeddings of {width}"),
                help: "the last width is that of the embeddings",
            });
        }
        if !self.vocabulary.is_multiple_of(4) {
            found.push(Mistake {
                key: "vocabulary",
                message: format!("{} rows make no four parts", self.vocabulary),
                help: "a multiple of 4",
            });
        }
        if self.layer_norm && self.interaction == Interaction::Residual {
            found.push(Mistake {
                key: "layer-norm",
                message: "residual layers are not normalised".to_owned(),
                help: "remove it, or write `interaction: products`",
            });
        }
        found
    }

    fn misfit(&self, interface: &Interface) -> Option<String> {
        if self.misfitting_bottom() || !self.vocabulary.is_multiple_of(4) || self.top.is_empty() {
            return Some(
                "`bottom` must end in `width`, and `vocabulary` be a multiple of 4".to_owned(),
            );
        }
        let outputs = interface.outputs();
        (outputs != 1).then(|| format!("it gives one number, and {outputs} are asked for"))
    }
}
