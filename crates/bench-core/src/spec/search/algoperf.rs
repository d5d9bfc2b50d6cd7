//! AlgoPerf's `tuning_search_space.json`: an object of dimensions, or a list of complete points.

use crate::spec::submission::{Choice, Dimension, Range, Scale, Value};
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// The file is not a search space.
#[derive(Debug, thiserror::Error)]
#[error("not a tuning search space: {0}")]
pub struct AlgoPerfError(#[from] serde_json::Error);

/// What the file says: dimensions in the file's order, or points.
#[derive(Debug, Clone, PartialEq)]
pub enum AlgoPerfSpace {
    /// To draw points from.
    Dimensions(Vec<(String, Dimension)>),
    /// To try in this order.
    Points(Vec<BTreeMap<String, Value>>),
}

/// Reads a `tuning_search_space.json`. It has no defaults: a range's is its middle (in the logarithm where that is its scale), a list's its first.
///
/// # Errors
/// With line and column, when the text is no JSON or not of either form.
pub fn read_algoperf(text: &str) -> Result<AlgoPerfSpace, AlgoPerfError> {
    if text.trim_start().starts_with('[') {
        return Ok(AlgoPerfSpace::Points(serde_json::from_str(text)?));
    }
    let InOrder(entries) = serde_json::from_str(text)?;
    let dimensions = entries
        .into_iter()
        .map(|(name, entry)| (name, entry.into()))
        .collect();
    Ok(AlgoPerfSpace::Dimensions(dimensions))
}

/// A map's entries as the file orders them, since the order of dimensions decides which prime each gets.
struct InOrder(Vec<(String, Entry)>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    min: Option<f64>,
    max: Option<f64>,
    scaling: Option<Scale>,
    feasible_points: Option<Vec<Value>>,
}

impl From<Entry> for Dimension {
    fn from(entry: Entry) -> Dimension {
        match entry {
            Entry {
                feasible_points: Some(values),
                ..
            } => {
                let default = values.first().cloned().unwrap_or(Value::Number(0.0));
                Dimension::Choice(Choice { values, default })
            }
            Entry {
                min, max, scaling, ..
            } => {
                let (min, max) = (min.unwrap_or(0.0), max.unwrap_or(1.0));
                let scale = scaling.unwrap_or_default();
                let default = match scale {
                    Scale::Linear => f64::midpoint(min, max),
                    Scale::Log => (min * max).sqrt(),
                };
                Dimension::Range(Range {
                    min,
                    max,
                    scale,
                    default,
                })
            }
        }
    }
}

impl<'de> Deserialize<'de> for InOrder {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = InOrder;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str(
                    "an object of dimensions, each with min, max and scaling, or feasible_points",
                )
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<InOrder, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(InOrder(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}
