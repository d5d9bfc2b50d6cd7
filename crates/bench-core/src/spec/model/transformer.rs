//! Encoder-decoder Transformer.

use super::dropout::TransformerDropout;
use super::vit::NormPlace;
use super::{Activation, Kind, Mistake};
use crate::spec::columns::{Meaning, Rows};
use crate::spec::interface::{Interface, Want, Wanted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Text to text: one embedding for source, target and output, fixed sine positions, LayerNorm, attention without biases.
/// AlgoPerf's `wmt` is `{ width: 1024, layers: 6, heads: 16, hidden: 1024, dropout: 0.1 }`. Token 0 is padding, 2 ends a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Transformer {
    /// Numbers a token is represented by.
    #[schemars(range(min = 1))]
    pub width: u64,
    /// Blocks of the encoder, and of the decoder.
    #[schemars(range(min = 1))]
    pub layers: u64,
    /// Attention heads; they share the width, an even part each.
    #[schemars(range(min = 1))]
    pub heads: u64,
    /// Width inside the MLP.
    #[schemars(range(min = 1))]
    pub hidden: u64,
    /// Inside the MLP.
    #[serde(default)]
    pub activation: Activation,
    /// Whether the MLP's hidden numbers are multiplied by a linear map of its input.
    #[serde(default)]
    pub gated: bool,
    /// Where a block normalises.
    #[serde(default)]
    pub norm: NormPlace,
    /// Factor on queries, beside one over the root of a head's width.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub attention_temperature: f64,
    /// Tokens that positions are known of; longer texts cannot be read.
    #[serde(default = "positions", skip_serializing_if = "is_usual")]
    #[schemars(range(min = 1))]
    pub positions: u64,
    /// What training steps leave out.
    #[serde(default, skip_serializing_if = "TransformerDropout::is_none")]
    pub dropout: TransformerDropout,
}

fn one() -> f64 {
    1.0
}

fn is_one(number: &f64) -> bool {
    *number == 1.0
}

fn positions() -> u64 {
    256
}

fn is_usual(count: &u64) -> bool {
    *count == positions()
}

/// Of texts that share a row.
const fn packed(name: &'static str) -> Want {
    Want {
        name,
        sizes: Some(&[]),
        rows: Rows::Ragged,
        values: Meaning::Index,
    }
}

impl Transformer {
    fn shares_width(&self) -> bool {
        self.heads != 0 && self.width.is_multiple_of(self.heads)
    }

    fn has_positions(&self) -> bool {
        self.width.is_multiple_of(2) && self.width >= 4
    }

    fn gates_fit(&self) -> bool {
        !self.gated || self.hidden == self.width
    }
}

impl Kind for Transformer {
    fn name(&self) -> &'static str {
        "transformer"
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            inputs: &[Want {
                name: "inputs",
                sizes: Some(&[]),
                rows: Rows::Ragged,
                values: Meaning::Tokens,
            }],
            beside: &const {
                [
                    packed("inputs-position"),
                    packed("inputs-segmentation"),
                    packed("targets-position"),
                    packed("targets-segmentation"),
                ]
            },
            targets: &[Meaning::Tokens],
        }
    }

    fn drops_out(&self) -> bool {
        !self.dropout.is_none()
    }

    fn writes(&self) -> bool {
        true
    }

    fn mistakes(&self) -> Vec<Mistake> {
        let (heads, width, hidden) = (self.heads, self.width, self.hidden);
        let mut found = Vec::new();
        if heads != 0 && !self.shares_width() {
            found.push(Mistake {
                key: "heads",
                message: format!("{heads} heads cannot share a width of {width}"),
                help: "the width is a multiple of the heads",
            });
        }
        if width != 0 && !self.has_positions() {
            found.push(Mistake {
                key: "width",
                message: format!("a width of {width} has no room for positions"),
                help: "it is even, and at least 4",
            });
        }
        if !self.gates_fit() {
            found.push(Mistake {
                key: "hidden",
                message: format!("{hidden} gates of a width of {width}"),
                help: "a gated MLP is as wide inside as outside",
            });
        }
        found
    }

    fn misfit(&self, interface: &Interface) -> Option<String> {
        let source = interface
            .inputs
            .first()
            .and_then(|slot| slot.values.below());
        let target = interface.outputs();
        if source != Some(target) {
            let source = source.unwrap_or(0);
            return Some(format!(
                "source and target share an embedding, and their vocabularies are {source} and {target}"
            ));
        }
        (!self.shares_width() || !self.has_positions() || !self.gates_fit()).then(|| {
            let (width, heads) = (self.width, self.heads);
            format!("`width` {width} must be even, at least 4, an even part for each of {heads} `heads`, and equal `hidden` where it is `gated`")
        })
    }
}
