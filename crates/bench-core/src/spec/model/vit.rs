//! Vision Transformer.

use super::dropout::TransformerDropout;
use super::{Activation, Kind, Mistake};
use crate::spec::columns::{Meaning, Rows};
use crate::spec::interface::{Interface, Want, Wanted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Patches of an image as tokens of an encoder, fixed sine positions, LayerNorm, a mean over the tokens, a tanh layer, a matrix.
/// AlgoPerf's `imagenet_vit` is `{ patch: 16, width: 384, layers: 12, heads: 6, hidden: 1536 }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Vit {
    /// Pixels of a patch, each way or down and across.
    pub patch: Patch,
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
    /// Inside the MLP.
    #[serde(default = "gelu_tanh")]
    pub activation: Activation,
    /// Whether the MLP's hidden numbers are multiplied by a linear map of themselves.
    #[serde(default)]
    pub gated: bool,
    /// Where a block normalises.
    #[serde(default)]
    pub norm: NormPlace,
    /// How tokens become one.
    #[serde(default)]
    pub pool: Pool,
    /// What training steps leave out.
    #[serde(default, skip_serializing_if = "TransformerDropout::is_none")]
    pub dropout: TransformerDropout,
}

/// Sides of a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Patch {
    /// A square.
    Square(#[schemars(range(min = 1))] u64),
    /// Height and width.
    Sides(#[schemars(inner(range(min = 1)))] [u64; 2]),
}

impl Patch {
    /// Height and width.
    pub fn sides(self) -> [u64; 2] {
        match self {
            Patch::Square(side) => [side; 2],
            Patch::Sides(sides) => sides,
        }
    }
}

/// Where blocks with a way round normalise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NormPlace {
    /// What goes into the block: `x + f(norm(x))`, and once more at the end.
    #[default]
    Before,
    /// The sum: `norm(x + f(x))`.
    After,
}

/// How a ViT's tokens become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pool {
    /// Their mean.
    #[default]
    Mean,
    /// A trained probe attends to them, and an MLP is added (multihead attention pooling).
    Attention,
}

fn gelu_tanh() -> Activation {
    Activation::GeluTanh
}

impl Vit {
    fn shares_width(&self) -> bool {
        self.heads != 0 && self.width.is_multiple_of(self.heads)
    }

    /// Four waves of as many speeds, the slowest and the fastest among them.
    fn has_positions(&self) -> bool {
        self.width.is_multiple_of(4) && self.width >= 8
    }
}

impl Kind for Vit {
    fn name(&self) -> &'static str {
        "vit"
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            inputs: &[Want {
                name: "inputs",
                sizes: Some(&["channels", "height", "width"]),
                rows: Rows::One,
                values: Meaning::Real,
            }],
            beside: &[],
            targets: &[Meaning::Classes, Meaning::Real, Meaning::Binary],
        }
    }

    fn drops_out(&self) -> bool {
        !self.dropout.is_none()
    }

    fn mistakes(&self) -> Vec<Mistake> {
        let mut found = Vec::new();
        if self.heads != 0 && !self.shares_width() {
            let (heads, width) = (self.heads, self.width);
            found.push(Mistake {
                key: "heads",
                message: format!("{heads} heads cannot share a width of {width}"),
                help: "the width is a multiple of the heads",
            });
        }
        if self.width != 0 && !self.has_positions() {
            found.push(Mistake {
                key: "width",
                message: format!("a width of {} has no room for positions", self.width),
                help: "it is a multiple of 4, and at least 8",
            });
        }
        found
    }

    fn misfit(&self, interface: &Interface) -> Option<String> {
        let &[_, height, width] = interface.input() else {
            let shape = interface.input();
            return Some(format!("an example of shape {shape:?} is no image"));
        };
        if !self.shares_width() || !self.has_positions() {
            let (heads, width) = (self.heads, self.width);
            return Some(format!(
                "`width` {width} must be a multiple of 4, at least 8, and an even part for each of {heads} `heads`"
            ));
        }
        let [down, across] = self.patch.sides();
        let cut = |side: u64, patch: u64| patch != 0 && side != 0 && side.is_multiple_of(patch);
        (!cut(height, down) || !cut(width, across) || self.hidden == 0).then(|| {
            format!("patches of {down}x{across} do not cut images of {height}x{width} evenly")
        })
    }
}
