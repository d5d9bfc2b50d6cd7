//! `manifest.json` of a prepared data set: what each split holds, and the sign that the folder is complete.

use super::census::Census;
use super::supplied::Supplied;
use super::writer::Written;
use super::{DataError, cache};
use bench_core::run::SplitName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Its name.
pub(crate) const FILE: &str = "manifest.json";

/// What a prepared data set holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// Version of this file's format: 2.
    pub format: u32,
    /// Which source served.
    pub served_by: String,
    /// What each split holds.
    pub splits: BTreeMap<SplitName, Held>,
    /// Files of the user's that it was made of, which are looked at again before each run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supplied: Vec<Supplied>,
}

/// What a split holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Held {
    /// Number of examples.
    pub examples: u64,
    /// blake3 of the decoded content.
    pub hash: String,
    /// Examples whose inputs occur earlier in the same split, where examples were compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicates: Option<u64>,
    /// Its files, in their order.
    pub shards: Vec<Shard>,
}

/// A file of a split: `00000.safetensors` and so on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Shard {
    /// Number of examples.
    pub examples: u64,
}

impl Manifest {
    pub(super) fn of(
        served_by: String,
        supplied: Vec<Supplied>,
        splits: &BTreeMap<SplitName, Written>,
        census: &Census,
    ) -> Manifest {
        let held = |(name, written): (&SplitName, &Written)| {
            let held = Held {
                examples: written.examples,
                hash: written.hash.clone(),
                duplicates: census.duplicates.get(name).copied(),
                shards: written.shards.clone(),
            };
            (*name, held)
        };
        Manifest {
            format: 2,
            served_by,
            splits: splits.iter().map(held).collect(),
            supplied,
        }
    }

    /// The manifest of a prepared data set.
    ///
    /// # Errors
    /// When it is missing or cannot be read.
    pub fn read(folder: &Path) -> Result<Manifest, DataError> {
        let path = folder.join(FILE);
        let text = std::fs::read(&path).map_err(cache("read", &path))?;
        serde_json::from_slice(&text).map_err(|cause| cache("read", &path)(cause.into()))
    }

    pub(super) fn to_json(&self) -> String {
        // Strings and integers under string keys: this cannot fail.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}
