//! Serde and schema of hyperparameter values and dimensions: a bare value in YAML is a fixed hyperparameter, a map is a searched one.

use super::submission::{Choice, Dimension, Range, Value};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

impl Value {
    /// The number, where it is one.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Value::Number(x) => Some(*x),
            Value::Flag(_) | Value::Text(_) => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Value::Number(x) => x.fmt(f),
            Value::Flag(flag) => flag.fmt(f),
            Value::Text(text) => text.fmt(f),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Number(x) => serializer.serialize_f64(*x),
            Value::Flag(flag) => serializer.serialize_bool(*flag),
            Value::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;
        impl Visitor<'_> for Scalar {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a number, a name, true or false")
            }
            fn visit_f64<E: serde::de::Error>(self, x: f64) -> Result<Value, E> {
                if x.is_finite() {
                    Ok(Value::Number(x))
                } else {
                    Err(E::custom(format!("{x} is not a finite number")))
                }
            }
            fn visit_u64<E>(self, x: u64) -> Result<Value, E> {
                Ok(Value::Number(x as f64))
            }
            fn visit_i64<E>(self, x: i64) -> Result<Value, E> {
                Ok(Value::Number(x as f64))
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
                Ok(Value::Flag(flag))
            }
            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.to_owned()))
            }
        }
        deserializer.deserialize_any(Scalar)
    }
}

impl JsonSchema for Value {
    fn schema_name() -> Cow<'static, str> {
        "Value".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["number", "boolean", "string"], "description": "A number, a name, true or false." })
    }
}

impl Serialize for Dimension {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Dimension::Fixed(value) => value.serialize(serializer),
            Dimension::Range(range) => range.serialize(serializer),
            Dimension::Choice(choice) => choice.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Dimension {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let dimension = match &value {
            serde_json::Value::Object(map) if map.contains_key("values") => {
                serde_json::from_value::<Choice>(value).map(Dimension::Choice)
            }
            serde_json::Value::Object(_) => {
                serde_json::from_value::<Range>(value).map(Dimension::Range)
            }
            _ => serde_json::from_value::<Value>(value).map(Dimension::Fixed),
        };
        dimension.map_err(D::Error::custom)
    }
}

impl JsonSchema for Dimension {
    fn schema_name() -> Cow<'static, str> {
        "Dimension".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (value, range, choice) = (
            generator.subschema_for::<Value>(),
            generator.subschema_for::<Range>(),
            generator.subschema_for::<Choice>(),
        );
        json_schema!({
            "description": "A fixed value, or a range or list to search with the default used without tuning.",
            "anyOf": [value, range, choice],
        })
    }
}

impl Dimension {
    /// The value used without tuning.
    pub fn default(&self) -> Value {
        match self {
            Dimension::Fixed(value) => value.clone(),
            Dimension::Range(range) => Value::Number(range.default),
            Dimension::Choice(choice) => choice.default.clone(),
        }
    }
}
