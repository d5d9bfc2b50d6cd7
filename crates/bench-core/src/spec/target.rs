//! What has to be reached, and where the numbers come from.

use super::workload::Metric;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What has to be reached. Only validation decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Target {
    /// One of `metrics`.
    pub metric: Metric,
    /// Value on the validation split that solves the workload.
    pub validation: f64,
    /// Value on the test split, reported beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<f64>,
    /// Where the numbers come from. In no hash.
    #[serde(default, skip_serializing)]
    pub source: Option<TargetSource>,
}

impl Target {
    /// Whether nothing is named that the numbers come from, or it is said that they are provisional.
    pub fn is_provisional(&self) -> bool {
        match &self.source {
            None => true,
            Some(TargetSource::Words(words)) => words == "provisional",
            Some(TargetSource::Calibration(_)) => false,
        }
    }
}

/// Where a target comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TargetSource {
    /// A publication, or `provisional`.
    Words(String),
    /// `bench calibrate`, which writes it.
    Calibration(Calibration),
}

impl TargetSource {
    /// A number that nothing vouches for.
    pub fn provisional() -> TargetSource {
        TargetSource::Words("provisional".to_owned())
    }
}

/// The calibration that a target comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Calibration {
    /// Folder with the record of all its trials, from the root of the checkout.
    pub record: String,
    /// blake3 of those trials.
    pub digest: String,
    /// What was typed.
    pub command: String,
    /// Where it ran.
    pub machine: String,
    /// The winner's lowest and highest validation value over its seeds, at the evaluation that the target was taken from.
    pub spread: (f64, f64),
}
