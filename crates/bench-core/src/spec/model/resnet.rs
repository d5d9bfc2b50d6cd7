//! Residual convolutional network with batch normalisation.

use super::{Activation, Kind};
use crate::spec::columns::{Meaning, Rows};
use crate::spec::interface::{Interface, Want, Wanted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A 3x3 convolution, stages of basic blocks of which each after the first halves the image and doubles the channels, a 4x4 average, a matrix.
/// AlgoPerf's `cifar` is `{ stages: [2, 2, 2, 2], filters: 64 }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Resnet {
    /// Blocks of each stage.
    #[schemars(length(min = 1), inner(range(min = 1)))]
    pub stages: Vec<u64>,
    /// Channels of the first stage.
    #[schemars(range(min = 1))]
    pub filters: u64,
    /// After each normalisation and each sum.
    #[serde(default)]
    pub activation: Activation,
    /// Start of the scale of each block's last normalisation: at 0 blocks begin as the identity.
    #[serde(default)]
    pub last_norm_scale: f64,
}

impl Resnet {
    /// Side of the patches that the last maps are averaged over.
    pub const POOL: u64 = 4;

    /// A side of the last stage's maps: each stage after the first halves it, rounding up.
    pub fn last_side(&self, side: u64) -> u64 {
        let later = self.stages.iter().skip(1);
        later.fold(side, |side, _| side.div_ceil(2))
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
            targets: &[Meaning::Classes],
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
        let pool = Resnet::POOL;
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
