//! Numbers as records and specs hold them.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// The largest whole number in specs: every one up to here is exact in JSON, whatever reads it.
pub(crate) const MOST: u64 = (1 << 53) - 1;

/// A measured value. JSON has no NaN and no infinity, and `serde_json` would write them as `null`, so those three are written by name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured(pub f64);

impl Serialize for Measured {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            x if x.is_nan() => serializer.serialize_str("nan"),
            f64::INFINITY => serializer.serialize_str("inf"),
            f64::NEG_INFINITY => serializer.serialize_str("-inf"),
            x => serializer.serialize_f64(x),
        }
    }
}

impl<'de> Deserialize<'de> for Measured {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrName;
        impl Visitor<'_> for NumberOrName {
            type Value = Measured;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a number, or \"nan\", \"inf\" or \"-inf\"")
            }
            fn visit_f64<E>(self, x: f64) -> Result<Measured, E> {
                Ok(Measured(x))
            }
            fn visit_u64<E>(self, x: u64) -> Result<Measured, E> {
                Ok(Measured(x as f64))
            }
            fn visit_i64<E>(self, x: i64) -> Result<Measured, E> {
                Ok(Measured(x as f64))
            }
            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Measured, E> {
                match name {
                    "nan" => Ok(Measured(f64::NAN)),
                    "inf" => Ok(Measured(f64::INFINITY)),
                    "-inf" => Ok(Measured(f64::NEG_INFINITY)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(name), &self)),
                }
            }
        }
        deserializer.deserialize_any(NumberOrName)
    }
}

/// A length of time in a spec: `60s`, `15m`, `1h 30m`. Written back in one normal form, so that `60s` and `1m` are one configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// In a schema: text that [`Span::parse`] reads.
    pub(crate) const FORMAT: &str = "length-of-time";

    /// Reads `60s`, `15m`, `1h 30m`.
    pub fn parse(text: &str) -> Option<Span> {
        humantime::parse_duration(text).ok().map(Span)
    }

    /// The length in seconds.
    pub fn seconds(self) -> f64 {
        self.0.as_secs_f64()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Span::parse(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "`{text}` is not a length of time; write it like `60s`, `15m` or `1h 30m`"
            ))
        })
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A length of time: `60s`, `15m`, `1h 30m`.",
            "format": Span::FORMAT,
        })
    }
}

/// A share in a spec: `0.1`, or `10%`. Written back as the number, so that both are one configuration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(pub f64);

impl Share {
    /// In a schema: text that [`Share::parse`] reads.
    pub(crate) const FORMAT: &str = "share";

    /// Reads `10%`.
    pub(crate) fn parse(text: &str) -> Option<Share> {
        percent(text)
            .filter(|share| (0.0..=1.0).contains(share))
            .map(Share)
    }

    /// For fields that are a plain number in code.
    ///
    /// # Errors
    /// When it is neither a number nor a percentage.
    pub fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Share::deserialize(deserializer).map(|share| share.0)
    }
}

/// The share that `10%` is: the nearest number to a tenth, whatever a hundredth is in binary.
pub(crate) fn percent(text: &str) -> Option<f64> {
    let digits = text.strip_suffix('%')?.trim();
    let plain = !digits.contains(['e', 'E']);
    plain.then(|| format!("{digits}e-2").parse().ok()).flatten()
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrPercent;
        impl Visitor<'_> for NumberOrPercent {
            type Value = Share;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a share like `0.1` or `10%`")
            }
            fn visit_f64<E>(self, x: f64) -> Result<Share, E> {
                Ok(Share(x))
            }
            fn visit_u64<E>(self, x: u64) -> Result<Share, E> {
                Ok(Share(x as f64))
            }
            fn visit_i64<E>(self, x: i64) -> Result<Share, E> {
                Ok(Share(x as f64))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Share, E> {
                Share::parse(text)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(NumberOrPercent)
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["number", "string"],
            "description": "A share: `0.1` or `10%`.",
            "minimum": 0.0,
            "maximum": 1.0,
            "format": Share::FORMAT,
        })
    }
}

/// A number of steps, either plain (`200`) or as a share of the step hint (`5%`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Extent {
    /// That many steps.
    Steps(u64),
    /// That share of the horizon, in percent.
    Percent(f64),
}

impl Extent {
    /// In a schema: text that [`Extent::parse`] reads.
    pub(crate) const FORMAT: &str = "share-of-step-hint";

    /// Reads `5%`.
    pub(crate) fn parse(text: &str) -> Option<Extent> {
        let share = text.strip_suffix('%')?.trim().parse().ok()?;
        (0.0..=100.0)
            .contains(&share)
            .then_some(Extent::Percent(share))
    }

    /// Whole steps out of `horizon`, rounded down as AlgoPerf does.
    pub fn steps(self, horizon: u64) -> u64 {
        match self {
            Extent::Steps(n) => n,
            Extent::Percent(p) => (horizon as f64 * p / 100.0) as u64,
        }
    }
}

impl Serialize for Extent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Extent::Steps(n) => serializer.serialize_u64(*n),
            Extent::Percent(p) => serializer.collect_str(&format_args!("{p}%")),
        }
    }
}

impl<'de> Deserialize<'de> for Extent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StepsOrPercent;
        impl Visitor<'_> for StepsOrPercent {
            type Value = Extent;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a number of steps like `200`, or a share of the step hint like `5%`")
            }
            fn visit_u64<E>(self, n: u64) -> Result<Extent, E> {
                Ok(Extent::Steps(n))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Extent, E> {
                Extent::parse(text)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(StepsOrPercent)
    }
}

impl JsonSchema for Extent {
    fn schema_name() -> Cow<'static, str> {
        "Extent".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["integer", "string"],
            "description": "A number of steps like `200`, or a share of the step hint like `5%`.",
            "minimum": 0,
            "maximum": MOST,
            "format": Extent::FORMAT,
        })
    }
}
