//! What experiments and tests over several submissions share.

use anyhow::{Context, Result};
use bench_core::spec::submission::{Dimension, Value};
use bench_sdk::Hyperparameters;
use std::collections::BTreeMap;
use std::path::Path;

/// The search space of a submission of this checkout.
///
/// # Errors
/// When its `submission.yaml` cannot be read, or has no space of its own.
pub fn space(submission: &str) -> Result<BTreeMap<String, Dimension>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../submissions")
        .join(submission)
        .join("submission.yaml");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let mut file: serde_json::Value = serde_yaml::from_str(&text)?;
    let space = file["search-space"].take();
    serde_json::from_value(space).with_context(|| format!("the search space of {submission}"))
}

/// A submission's defaults, with some values of one's own.
///
/// # Errors
/// As [`space`].
pub fn defaults(submission: &str, own: &[(&str, f64)]) -> Result<Hyperparameters> {
    let space = space(submission)?;
    let mut values: BTreeMap<String, Value> = space
        .into_iter()
        .map(|(name, dimension)| (name, dimension.default()))
        .collect();
    for (name, value) in own {
        values.insert((*name).to_owned(), Value::Number(*value));
    }
    Ok(Hyperparameters::new(values))
}
