//! The reference's own argument names and their values.

use super::GoldenError;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Arguments by name.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct Config(pub(super) Map<String, Value>);

impl Config {
    /// An error about an argument.
    pub(super) fn refuse(&self, key: &str, expected: &'static str) -> GoldenError {
        GoldenError::Value {
            key: key.to_owned(),
            expected,
        }
    }

    /// The same arguments and one more, unless it is there.
    pub(super) fn with(mut self, key: &str, value: Value) -> Config {
        let _ = self.0.entry(key).or_insert(value);
        self
    }

    pub(super) fn integer(&self, key: &str) -> Result<u64, GoldenError> {
        let value = self.0.get(key).and_then(Value::as_u64);
        value
            .filter(|&value| value > 0)
            .ok_or_else(|| self.refuse(key, "a positive whole number"))
    }

    pub(super) fn integers(&self, key: &str) -> Result<Vec<u64>, GoldenError> {
        let list = self.0.get(key).and_then(Value::as_array);
        let list: Option<Vec<u64>> = list.and_then(|list| list.iter().map(Value::as_u64).collect());
        list.ok_or_else(|| self.refuse(key, "a list of whole numbers"))
    }

    pub(super) fn number(&self, key: &str) -> Result<f64, GoldenError> {
        let value = self.0.get(key).and_then(Value::as_f64);
        value.ok_or_else(|| self.refuse(key, "a number"))
    }

    pub(super) fn flag(&self, key: &str) -> Result<bool, GoldenError> {
        let value = self.0.get(key).and_then(Value::as_bool);
        value.ok_or_else(|| self.refuse(key, "true or false"))
    }

    pub(super) fn text(&self, key: &str) -> Result<&str, GoldenError> {
        let value = self.0.get(key).and_then(Value::as_str);
        value.ok_or_else(|| self.refuse(key, "text"))
    }
}
