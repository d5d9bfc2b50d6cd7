//! Graph network.

use super::{Activation, Kind, is_zero};
use crate::number::Share;
use crate::spec::columns::{Meaning, Rows};
use crate::spec::interface::{Interface, Want, Wanted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Edges, nodes and the whole graph, each made anew in every round from what is next to it; an output for the whole graph.
/// AlgoPerf's `ogbg` is `{ latent: 256, hidden: [256], rounds: 5, dropout: 0.1 }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Gnn {
    /// Numbers that a node and an edge are embedded in.
    #[schemars(range(min = 1))]
    pub latent: u64,
    /// Widths of the layers that make edges, nodes and graphs anew.
    #[schemars(length(min = 1), inner(range(min = 1)))]
    pub hidden: Vec<u64>,
    /// Rounds of messages, each with weights of its own.
    #[schemars(range(min = 1))]
    pub rounds: u64,
    /// After each normalisation.
    #[serde(default)]
    pub activation: Activation,
    /// Share of numbers that a training step leaves out, after each activation.
    #[serde(
        default,
        skip_serializing_if = "is_zero",
        deserialize_with = "Share::number"
    )]
    #[schemars(with = "Share", extend("exclusiveMaximum" = 1.0))]
    pub dropout: f64,
}

const fn features(name: &'static str) -> Want {
    Want {
        name,
        sizes: Some(&["features"]),
        rows: Rows::Ragged,
        values: Meaning::Real,
    }
}

const fn ends(name: &'static str) -> Want {
    Want {
        name,
        sizes: Some(&[]),
        rows: Rows::Ragged,
        values: Meaning::Index,
    }
}

impl Kind for Gnn {
    fn name(&self) -> &'static str {
        "gnn"
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            inputs: &const {
                [
                    features("nodes"),
                    features("edges"),
                    ends("senders"),
                    ends("receivers"),
                ]
            },
            beside: &[],
            targets: &[Meaning::Binary, Meaning::Real, Meaning::Classes],
        }
    }

    fn drops_out(&self) -> bool {
        self.dropout > 0.0
    }

    fn misfit(&self, _interface: &Interface) -> Option<String> {
        let empty = self.latent == 0 || self.hidden.is_empty() || self.hidden.contains(&0);
        empty.then(|| "`latent` and `hidden` must not be empty or 0".to_owned())
    }
}
