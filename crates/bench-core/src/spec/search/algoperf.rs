//! AlgoPerf's `tuning_search_space.json`: an object of dimensions, or a list of complete points.

use super::{Point, Space};
use crate::spec::submission::{Choice, Dimension, Range, Scale, Value};
use crate::spec::yaml::BYTE_ORDER_MARK;
use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::fmt;

/// Its name: beside a `submission.yaml` it takes the place of ranges there.
pub const FILE: &str = "tuning_search_space.json";

/// The text is not a search space.
#[derive(Debug, thiserror::Error)]
pub enum SpaceError {
    /// Not JSON, or of neither form.
    #[error("not a tuning search space: {0}")]
    Form(#[from] serde_json::Error),
    /// Nothing to try at all: every trial would be left out, or be the same.
    #[error("not a tuning search space: it has no {what}")]
    Nothing {
        /// `points` or `dimensions`.
        what: &'static str,
    },
    /// Two spellings of one name, of which only one would count.
    #[error("`{name}` is there twice: `-` and `_` are one in names")]
    Twice {
        /// One of its names in the file.
        name: String,
    },
    /// A dimension of no known kind.
    #[error("`{name}`: {source}")]
    Dimension {
        /// Its name in the file.
        name: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A range that no point can be drawn from.
    #[error("`{name}`: nothing lies between {min} and {max}")]
    Range {
        /// Its name in the file.
        name: String,
        /// Its smallest value.
        min: f64,
        /// Its largest value.
        max: f64,
    },
    /// A logarithm of zero or less.
    #[error("`{name}`: {min} has no logarithm")]
    Logarithm {
        /// Its name in the file.
        name: String,
        /// Its smallest value.
        min: f64,
    },
    /// Nothing to choose from.
    #[error("`{name}` has no feasible points")]
    Empty {
        /// Its name in the file.
        name: String,
    },
}

impl SpaceError {
    /// The dimension that is wrong, as the file calls it.
    pub fn name(&self) -> Option<&str> {
        match self {
            SpaceError::Form(_) | SpaceError::Nothing { .. } => None,
            SpaceError::Twice { name }
            | SpaceError::Dimension { name, .. }
            | SpaceError::Range { name, .. }
            | SpaceError::Logarithm { name, .. }
            | SpaceError::Empty { name } => Some(name),
        }
    }
}

/// Reads the file. Its names get hyphens, since `learning_rate` there is `learning-rate` here; dimensions keep the file's order.
/// It has no defaults: a range's is its middle (in the logarithm where that is its scale), a list's its first.
///
/// # Errors
/// Every dimension that is wrong.
pub fn read_algoperf(text: &str) -> Result<Space, Vec<SpaceError>> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let form = |error: serde_json::Error| vec![SpaceError::Form(error)];
    let nothing = |what| vec![SpaceError::Nothing { what }];
    if text.trim_start().starts_with('[') {
        let Unique(list) = serde_json::from_str(text).map_err(form)?;
        let points: Vec<Point> = serde_json::from_value(list).map_err(form)?;
        if points.is_empty() {
            return Err(nothing("points"));
        }
        let errors: Vec<SpaceError> = points
            .iter()
            .filter_map(|point| twice(point.keys()))
            .collect();
        let hyphened = |point: Point| point.into_iter().map(|(name, value)| (ours(&name), value));
        let points = points.into_iter().map(|point| hyphened(point).collect());
        return match errors.is_empty() {
            true => Ok(Space::Points(points.collect())),
            false => Err(errors),
        };
    }
    let InOrder(entries) = serde_json::from_str(text).map_err(form)?;
    if entries.is_empty() {
        return Err(nothing("dimensions"));
    }
    let mut dimensions = Vec::new();
    let mut errors = Vec::from_iter(twice(entries.iter().map(|(name, _)| name)));
    for (name, entry) in entries {
        match dimension(&name, entry) {
            Ok(dimension) => dimensions.push((ours(&name), dimension)),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(Space::Dimensions(dimensions))
    } else {
        Err(errors)
    }
}

/// The first name that specs spell like one before it.
fn twice<'a>(names: impl Iterator<Item = &'a String>) -> Option<SpaceError> {
    let mut seen = BTreeSet::new();
    let again = |name: &&String| !seen.insert(ours(name));
    let name = names.into_iter().find(again)?.clone();
    Some(SpaceError::Twice { name })
}

/// A name as specs spell it.
fn ours(name: &str) -> String {
    name.replace('_', "-")
}

#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a range with `min`, `max` and `scaling`, or `feasible_points`"
)]
struct Between {
    min: f64,
    max: f64,
    scaling: Scale,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Among {
    feasible_points: Vec<Value>,
}

fn dimension(name: &str, entry: Json) -> Result<Dimension, SpaceError> {
    let name = name.to_owned();
    let of_dimension = |name| move |source| SpaceError::Dimension { name, source };
    if entry.get("feasible_points").is_some() {
        let among: Among = serde_json::from_value(entry).map_err(of_dimension(name.clone()))?;
        let values = among.feasible_points;
        let default = values.first().cloned().ok_or(SpaceError::Empty { name })?;
        return Ok(Dimension::Choice(Choice { values, default }));
    }
    let between: Between = serde_json::from_value(entry).map_err(of_dimension(name.clone()))?;
    let (min, max, scale) = (between.min, between.max, between.scaling);
    if min > max {
        return Err(SpaceError::Range { name, min, max });
    }
    let default = match scale {
        Scale::Linear => f64::midpoint(min, max),
        Scale::Log if min > 0.0 => (min * max).sqrt(),
        Scale::Log => return Err(SpaceError::Logarithm { name, min }),
    };
    Ok(Dimension::Range(Range {
        min,
        max,
        scale,
        default,
    }))
}

/// A map's entries as the file orders them, since the order of dimensions decides which prime each gets.
struct InOrder(Vec<(String, Json)>);

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
                let mut entries: Vec<(String, Json)> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if entries.iter().any(|(other, _)| *other == name) {
                        return Err(duplicate(&name));
                    }
                    let Unique(value) = map.next_value()?;
                    entries.push((name, value));
                }
                Ok(InOrder(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// JSON in which no map has a name twice: the reader itself keeps the last one in silence.
struct Unique(Json);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Json;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
                Ok(value.into())
            }
            fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
                Ok(value.into())
            }
            fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
                Ok(value.into())
            }
            fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
                Ok(value.into())
            }
            fn visit_str<E>(self, value: &str) -> Result<Json, E> {
                Ok(value.into())
            }
            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
                let mut items = Vec::new();
                while let Some(Unique(item)) = list.next_element()? {
                    items.push(item);
                }
                Ok(items.into())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut entries = serde_json::Map::new();
                while let Some(name) = map.next_key::<String>()? {
                    if entries.contains_key(&name) {
                        return Err(duplicate(&name));
                    }
                    let Unique(value) = map.next_value()?;
                    entries.insert(name, value);
                }
                Ok(entries.into())
            }
        }
        deserializer.deserialize_any(Any).map(Unique)
    }
}

fn duplicate<E: serde::de::Error>(name: &str) -> E {
    E::custom(format!("`{name}` is there twice"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_keep_the_files_order_and_get_hyphens() {
        let text = r#"{"weight_decay": {"min": 0.01, "max": 1, "scaling": "log"},
                       "a": {"feasible_points": [1, "x", true]}}"#;
        let Ok(Space::Dimensions(dimensions)) = read_algoperf(text) else {
            panic!("no dimensions")
        };
        let names: Vec<&str> = dimensions.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["weight-decay", "a"]);
        assert_eq!(dimensions[0].1.default(), Value::Number(0.1));
        assert_eq!(dimensions[1].1.default(), Value::Number(1.0));
        for text in [
            "[{\"learning_rate\": 0.1}]",
            "\u{feff}[{\"learning_rate\": 0.1}]",
        ] {
            let Ok(Space::Points(points)) = read_algoperf(text) else {
                panic!("no points")
            };
            assert_eq!(points[0]["learning-rate"], Value::Number(0.1));
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        let cases = [
            ("", "not a tuning search space: EOF"),
            ("7", "not a tuning search space: invalid type: integer `7`"),
            (
                r#"[{"a": [1]}]"#,
                "not a tuning search space: invalid type: sequence",
            ),
            (
                r#"{"a": 1, "a": 2}"#,
                "not a tuning search space: `a` is there twice at line 1 column 12",
            ),
            (
                "[{\"a\": 1},\n {\"a\": 1, \"a\": 2}]",
                "not a tuning search space: `a` is there twice at line 2 column 13",
            ),
            (
                r#"{"a": {"min": 1, "min": 1.5, "max": 2, "scaling": "linear"}}"#,
                "not a tuning search space: `min` is there twice",
            ),
            (
                r#"[{"beta_1": 1, "beta-1": 2}]"#,
                "`beta_1` is there twice: `-` and `_` are one in names",
            ),
            (
                r#"{"beta_1": {"feasible_points": [1]}, "beta-1": {"feasible_points": [1]}}"#,
                "`beta-1` is there twice",
            ),
            ("[]", "not a tuning search space: it has no points"),
            (" { } ", "not a tuning search space: it has no dimensions"),
            (
                r#"{"a": {"min": 1, "max": 2}}"#,
                "`a`: missing field `scaling`",
            ),
            (
                r#"{"a": {"min": 1, "max": 2, "scaling": "cubic"}}"#,
                "`a`: unknown variant `cubic`",
            ),
            (
                r#"{"a": {"min": 2, "max": 1, "scaling": "linear"}}"#,
                "`a`: nothing lies between 2 and 1",
            ),
            (
                r#"{"a": {"min": 0, "max": 1, "scaling": "log"}}"#,
                "`a`: 0 has no logarithm",
            ),
            (
                r#"{"a": {"feasible_points": []}}"#,
                "`a` has no feasible points",
            ),
        ];
        for (text, expected) in cases {
            let errors = read_algoperf(text).unwrap_err();
            let message = errors[0].to_string();
            assert!(message.starts_with(expected), "{text}: {message}");
        }
        let two = r#"{"a": {"feasible_points": []}, "b": 1, "c": {"feasible_points": [1]}}"#;
        assert_eq!(read_algoperf(two).unwrap_err().len(), 2);
    }
}
