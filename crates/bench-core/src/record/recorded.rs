//! A configuration as a record holds it: the JSON that was written, and today's view of it.

use super::older;
use crate::canonical::CanonicalError;
use crate::run::{Identity, RunSpec};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::ops::{Deref, DerefMut};

/// The `run` of a record. Reads like a [`RunSpec`]; its hashes are over what is stored, whatever today's types make of that.
#[derive(Debug, Clone)]
pub struct RecordedRun {
    spec: RunSpec,
    /// What was read; none where it was made here, so that the view is all there is.
    stored: Option<Box<Stored>>,
}

#[derive(Debug, Clone)]
struct Stored {
    /// As it was read, but for layout and the order of keys.
    text: String,
    identity: Identity,
}

impl RecordedRun {
    /// The hashes of what is stored.
    ///
    /// # Errors
    /// As [`RunSpec::config_hash`].
    pub fn identity(&self) -> Result<Identity, CanonicalError> {
        match &self.stored {
            Some(stored) => Ok(stored.identity.clone()),
            None => self.spec.identity(),
        }
    }

    /// What is stored.
    ///
    /// # Errors
    /// As [`RunSpec::config_hash`].
    pub fn json(&self) -> Result<Value, CanonicalError> {
        Ok(match &self.stored {
            Some(stored) => serde_json::from_str(&stored.text)?,
            None => serde_json::to_value(&self.spec)?,
        })
    }
}

impl From<RunSpec> for RecordedRun {
    fn from(spec: RunSpec) -> RecordedRun {
        RecordedRun { spec, stored: None }
    }
}

impl Deref for RecordedRun {
    type Target = RunSpec;

    fn deref(&self) -> &RunSpec {
        &self.spec
    }
}

/// What is changed is another run: it is stored as it then is.
impl DerefMut for RecordedRun {
    fn deref_mut(&mut self) -> &mut RunSpec {
        self.stored = None;
        &mut self.spec
    }
}

/// Of what they mean, not of how that was once written.
impl PartialEq for RecordedRun {
    fn eq(&self, other: &RecordedRun) -> bool {
        self.spec == other.spec
    }
}

impl Serialize for RecordedRun {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.stored {
            None => self.spec.serialize(serializer),
            Some(_) => self
                .json()
                .map_err(serde::ser::Error::custom)?
                .serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for RecordedRun {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Value::deserialize(deserializer)?;
        let (text, identity) = (json.to_string(), Identity::of(&json));
        let spec = serde_json::from_value(older::upgraded(json)).map_err(D::Error::custom)?;
        Ok(RecordedRun {
            spec,
            stored: Some(Box::new(Stored { text, identity })),
        })
    }
}
