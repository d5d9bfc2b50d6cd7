//! Fully connected layers with one activation between them.

use super::{Activation, Init, Kind, is_zero};
use crate::number::Share;
use crate::spec::columns::{Meaning, Rows};
use crate::spec::interface::{Want, Wanted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fully connected layers with one activation between them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Mlp {
    /// Widths of the hidden layers.
    #[schemars(inner(range(min = 1)))]
    pub hidden: Vec<u64>,
    /// Between layers.
    #[serde(default)]
    pub activation: Activation,
    /// Initial weights.
    #[serde(default)]
    pub init: Init,
    /// Share of the last hidden layer's outputs that a training step leaves out, after the activation.
    #[serde(
        default,
        skip_serializing_if = "is_zero",
        deserialize_with = "Share::number"
    )]
    #[schemars(with = "Share", extend("exclusiveMaximum" = 1.0))]
    pub dropout: f64,
}

impl Kind for Mlp {
    fn name(&self) -> &'static str {
        "mlp"
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            inputs: &[Want {
                name: "inputs",
                sizes: None,
                rows: Rows::One,
                values: Meaning::Real,
            }],
            beside: &[],
            targets: &[Meaning::Classes, Meaning::Real, Meaning::Binary],
        }
    }

    fn drops_out(&self) -> bool {
        self.dropout > 0.0
    }
}
