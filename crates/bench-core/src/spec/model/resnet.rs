//! Residual convolutional network with batch normalisation.

use super::{Activation, Kind};
use crate::spec::columns::{Meaning, Rows};
use crate::spec::interface::{Interface, Want, Wanted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A stem, stages of blocks of which each after the first halves the image and doubles the channels, an average, a matrix.
/// AlgoPerf's `cifar` is `{ stages: [2, 2, 2, 2], filters: 64 }`, its `imagenet_resnet` `{ stages: [3, 4, 6, 3], filters: 64, block: bottleneck, stem: imagenet }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Resnet {
    /// Blocks of each stage.
    #[schemars(length(min = 1), inner(range(min = 1)))]
    pub stages: Vec<u64>,
    /// Channels of the first stage's blocks.
    #[schemars(range(min = 1))]
    pub filters: u64,
    /// What a block is.
    #[serde(default, skip_serializing_if = "Block::is_default")]
    pub block: Block,
    /// What comes before the stages, and what is averaged after them.
    #[serde(default, skip_serializing_if = "Stem::is_default")]
    pub stem: Stem,
    /// After each normalisation and each sum.
    #[serde(default)]
    pub activation: Activation,
    /// Start of the scale of each block's last normalisation: at 0 blocks begin as the identity.
    #[serde(default)]
    pub last_norm_scale: f64,
}

/// Blocks of a residual network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Block {
    /// Two 3x3 convolutions.
    #[default]
    Basic,
    /// A 1x1, a 3x3 and a 1x1 convolution, the last one to four times as many channels.
    Bottleneck,
}

impl Block {
    fn is_default(&self) -> bool {
        *self == Block::default()
    }

    /// Channels that it gives, in those of its first convolution.
    pub fn expansion(self) -> u64 {
        match self {
            Block::Basic => 1,
            Block::Bottleneck => 4,
        }
    }
}

/// What comes before the stages of a residual network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stem {
    /// A 3x3 convolution; in the end patches of 4x4 are averaged.
    #[default]
    Small,
    /// A 7x7 convolution and a 3x3 maximum, each of which halves the image; in the end all of a map is averaged.
    Imagenet,
}

impl Stem {
    fn is_default(&self) -> bool {
        *self == Stem::default()
    }
}

impl Resnet {
    /// Side of the patches that the last maps of a network with the small stem are averaged over.
    pub const POOL: u64 = 4;

    /// A side of the last stage's maps: each stage after the first halves it, rounding up.
    pub fn last_side(&self, side: u64) -> u64 {
        let side = match self.stem {
            Stem::Small => side,
            Stem::Imagenet => side.div_ceil(2).div_ceil(2),
        };
        let later = self.stages.iter().skip(1);
        later.fold(side, |side, _| side.div_ceil(2))
    }

    /// Numbers that an image of these sides is in the end, before the matrix.
    pub fn features(&self, sides: &[u64]) -> u64 {
        let later = self.stages.len().saturating_sub(1) as u32;
        let channels = (self.filters << later) * self.block.expansion();
        match self.stem {
            Stem::Small => {
                let maps = sides
                    .iter()
                    .map(|&side| self.last_side(side) / Resnet::POOL);
                channels * maps.product::<u64>()
            }
            Stem::Imagenet => channels,
        }
    }
}

impl Kind for Resnet {
    fn name(&self) -> &'static str {
        "resnet"
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

    fn misfit(&self, interface: &Interface) -> Option<String> {
        let &[_, height, width] = interface.input() else {
            return Some(format!(
                "an example of shape {:?} is no image",
                interface.input()
            ));
        };
        if self.stages.is_empty() || self.stages.contains(&0) || self.filters == 0 {
            return Some("`stages` and `filters` must not be empty or 0".to_owned());
        }
        let sides = [height, width].map(|side| self.last_side(side));
        let pool = match self.stem {
            Stem::Small => Resnet::POOL,
            Stem::Imagenet => 1,
        };
        sides.iter().any(|&side| side < pool).then(|| {
            format!(
                "{} stages make maps of {}x{} out of images of {height}x{width}; at least {pool}x{pool} are averaged",
                self.stages.len(),
                sides[0],
                sides[1],
            )
        })
    }
}
