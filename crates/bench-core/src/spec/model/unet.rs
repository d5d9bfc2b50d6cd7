//! U-Net.

use super::{Activation, Kind, is_zero};
use crate::number::Share;
use crate::spec::columns::{Meaning, Rows};
use crate::spec::interface::{Interface, Want, Wanted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Convolutions on smaller and smaller maps, then on larger and larger ones, each beside the map of its size on the way down.
/// AlgoPerf's `fastmri` is `{ channels: 32, pools: 4 }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Unet {
    /// Channels at full size; each halving doubles them.
    #[schemars(range(min = 1))]
    pub channels: u64,
    /// Halvings of the image.
    #[schemars(range(min = 1))]
    pub pools: u64,
    /// After each normalisation.
    #[serde(default = "leaky_relu")]
    pub activation: Activation,
    /// Whether blocks normalise all channels of an image together, with scale and bias, in place of each by itself.
    #[serde(default)]
    pub layer_norm: bool,
    /// Share of channels that a training step leaves out, after both activations of a block.
    #[serde(
        default,
        skip_serializing_if = "is_zero",
        deserialize_with = "Share::number"
    )]
    #[schemars(with = "Share", extend("exclusiveMaximum" = 1.0))]
    pub dropout: f64,
}

fn leaky_relu() -> Activation {
    Activation::LeakyRelu
}

/// A number that goes with an image, which its score wants.
const fn number(name: &'static str) -> Want {
    Want {
        name,
        sizes: Some(&[]),
        rows: Rows::One,
        values: Meaning::Real,
    }
}

impl Kind for Unet {
    fn name(&self) -> &'static str {
        "unet"
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            inputs: &[Want {
                name: "inputs",
                sizes: Some(&["height", "width"]),
                rows: Rows::One,
                values: Meaning::Real,
            }],
            beside: &const { [number("mean"), number("std"), number("volume-max")] },
            targets: &[Meaning::Real],
        }
    }

    fn drops_out(&self) -> bool {
        self.dropout > 0.0
    }

    fn misfit(&self, interface: &Interface) -> Option<String> {
        let &[height, width] = interface.input() else {
            let shape = interface.input();
            return Some(format!("an example of shape {shape:?} is no map"));
        };
        if interface.target.shape != interface.input() {
            let target = &interface.target.shape;
            return Some(format!(
                "it gives maps of {height}x{width}, and {target:?} is asked for"
            ));
        }
        if self.channels == 0 || self.channels.leading_zeros() as u64 <= self.pools {
            return Some(format!(
                "{} `channels` cannot be doubled {} times",
                self.channels, self.pools
            ));
        }
        // A map of one row is too small to be mirrored where the kept one has a row more.
        let last = |side: u64| side.checked_shr(self.pools as u32).unwrap_or(0);
        (last(height) < 1 || last(width) < 1 || last(height) * last(width) < 2).then(|| {
            format!(
                "{} halvings leave nothing to normalise of maps of {height}x{width}",
                self.pools
            )
        })
    }
}
