//! Decoder-only Transformer.

use super::dropout::DecoderDropout;
use super::{Kind, Mistake};
use crate::spec::columns::{Meaning, Rows};
use crate::spec::interface::{Interface, Want, Wanted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// RMSNorm, rotary positions, normalised queries and keys, gated MLP, no biases.
/// AlgoPerf's `finewebedu_lm` is `{ width: 1024, layers: 12, heads: 8, hidden: 4096 }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Decoder {
    /// Numbers a token is represented by.
    #[schemars(range(min = 1))]
    pub width: u64,
    /// Blocks of attention and MLP.
    #[schemars(range(min = 1))]
    pub layers: u64,
    /// Attention heads; they share the width, an even part each.
    #[schemars(range(min = 1))]
    pub heads: u64,
    /// Width inside the MLP.
    #[schemars(range(min = 1))]
    pub hidden: u64,
    /// The MLP's form.
    #[serde(default)]
    pub mlp: DecoderMlp,
    /// A convolution over the last three tokens, of each channel by itself, after the query, key and value projections (Primer).
    #[serde(default)]
    pub convolutions: bool,
    /// Whether the output matrix is the embedding.
    #[serde(default = "yes")]
    pub tie_embeddings: bool,
    /// What training steps leave out.
    #[serde(default, skip_serializing_if = "DecoderDropout::is_none")]
    pub dropout: DecoderDropout,
}

/// Forms of a decoder's MLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DecoderMlp {
    /// One half of the first matrix' outputs times the sigmoid of the other half.
    #[default]
    Gated,
    /// The square of max(x, 0) (Primer).
    SquaredRelu,
}

fn yes() -> bool {
    true
}

impl Decoder {
    fn shares_width(&self) -> bool {
        let (width, heads) = (self.width, self.heads);
        heads != 0 && width % heads == 0 && (width / heads) % 2 == 0
    }
}

impl Kind for Decoder {
    fn name(&self) -> &'static str {
        "decoder"
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            inputs: &[Want {
                name: "inputs",
                sizes: Some(&[]),
                rows: Rows::Running,
                values: Meaning::Tokens,
            }],
            beside: &[],
            targets: &[Meaning::Tokens],
        }
    }

    fn drops_out(&self) -> bool {
        !self.dropout.is_none()
    }

    fn mistakes(&self) -> Vec<Mistake> {
        // No heads at all are the schema's to tell.
        if self.heads == 0 || self.shares_width() {
            return Vec::new();
        }
        vec![Mistake {
            key: "heads",
            message: format!(
                "{} heads cannot share a width of {}",
                self.heads, self.width
            ),
            help: "the width is a multiple of twice the heads: rotary positions turn pairs",
        }]
    }

    fn misfit(&self, interface: &Interface) -> Option<String> {
        let &[length] = interface.input() else {
            let shape = interface.input();
            return Some(format!(
                "an example of shape {shape:?} is no sequence of tokens"
            ));
        };
        if length < 2 {
            return Some(format!("a sequence of {length} tokens is too short"));
        }
        let (width, heads) = (self.width, self.heads);
        (self.hidden == 0 || width == 0 || !self.shares_width()).then(|| {
            format!("`width` {width} must make an even part for each of {heads} `heads`, and `hidden` must not be 0")
        })
    }
}
