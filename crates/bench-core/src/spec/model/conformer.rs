//! Conformer.

use super::dropout::ConformerDropout;
use super::speech::{FrontEnd, SpecAugment};
use super::{Activation, Kind, Mistake};
use crate::number::Share;
use crate::spec::interface::{Interface, Wanted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Sound to tokens: log-mel bands, two convolutions that halve the frames, blocks of feed-forward, attention and convolution modules, a matrix.
/// AlgoPerf's `librispeech_conformer` is `{ width: 512, layers: 4, heads: 8, spec-augment: {}, dropout: 0.1, length: 320000 }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Conformer {
    /// Numbers a frame is represented by.
    #[schemars(range(min = 1))]
    pub width: u64,
    /// Blocks.
    #[schemars(range(min = 1))]
    pub layers: u64,
    /// Attention heads; they share the width, an even part each.
    #[schemars(range(min = 1))]
    pub heads: u64,
    /// Channels of the first two convolutions; the width unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub channels: Option<u64>,
    /// Frames that a convolution module sees, an odd number.
    #[serde(default = "kernel")]
    #[schemars(range(min = 1))]
    pub kernel: u64,
    /// Width inside feed-forward modules, in widths.
    #[serde(default = "expansion")]
    #[schemars(range(min = 1))]
    pub expansion: u64,
    /// Inside feed-forward modules.
    #[serde(default = "silu")]
    pub activation: Activation,
    /// Inside convolution modules.
    #[serde(default = "silu")]
    pub convolution_activation: Activation,
    /// Factor on what attention gives.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub attention_temperature: f64,
    /// Whether each block ends in a normalisation.
    #[serde(default = "yes")]
    pub block_norm: bool,
    /// Share of a new batch in running statistics.
    #[serde(default = "thousandth", deserialize_with = "Share::number")]
    #[schemars(with = "Share")]
    pub batch_norm_share: f64,
    /// What is made of the input before the first layer.
    #[serde(default)]
    pub front_end: FrontEnd,
    /// Parts of the frames that training steps set to 0; none unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec_augment: Option<SpecAugment>,
    /// Rows that every batch is padded to: what an example gives then depends on no other. To the longest of the batch unless said, or where that is longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub length: Option<u64>,
    /// What training steps leave out.
    #[serde(default, skip_serializing_if = "ConformerDropout::is_none")]
    pub dropout: ConformerDropout,
}

fn kernel() -> u64 {
    5
}

fn expansion() -> u64 {
    4
}

fn silu() -> Activation {
    Activation::Silu
}

fn one() -> f64 {
    1.0
}

fn is_one(number: &f64) -> bool {
    *number == 1.0
}

fn yes() -> bool {
    true
}

pub(super) fn thousandth() -> f64 {
    0.001
}

impl Conformer {
    fn shares_width(&self) -> bool {
        self.heads != 0 && self.width.is_multiple_of(self.heads)
    }

    fn has_positions(&self) -> bool {
        self.width.is_multiple_of(2) && self.width >= 4
    }
}

impl Kind for Conformer {
    fn name(&self) -> &'static str {
        "conformer"
    }

    fn wanted(&self) -> Wanted {
        self.front_end.wanted()
    }

    fn drops_out(&self) -> bool {
        self.spec_augment.is_some() || !self.dropout.is_none()
    }

    fn is_aligned(&self) -> bool {
        false
    }

    fn output_rows(&self, rows: u64, padded: u64) -> u64 {
        self.front_end.output_rows(rows, padded, self.length)
    }

    fn example_rows(&self) -> u64 {
        self.front_end.example_rows()
    }

    fn mistakes(&self) -> Vec<Mistake> {
        let (heads, width) = (self.heads, self.width);
        let mut found: Vec<Mistake> = self.front_end.mistake().into_iter().collect();
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
        if self.kernel.is_multiple_of(2) {
            found.push(Mistake {
                key: "kernel",
                message: format!("{} frames have no middle", self.kernel),
                help: "an odd number",
            });
        }
        found
    }

    fn misfit(&self, _interface: &Interface) -> Option<String> {
        let fits = self.shares_width() && self.has_positions() && !self.kernel.is_multiple_of(2);
        if let Some(mistake) = self.front_end.mistake() {
            return Some(mistake.message);
        }
        (!fits).then(|| {
            let (width, heads) = (self.width, self.heads);
            format!("`width` {width} must be even, at least 4, an even part for each of {heads} `heads`, and `kernel` odd")
        })
    }
}
