//! `manifest.json` of a prepared data set: for people, and the sign that the folder is complete.

use super::{DataError, Obtained, cache};
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
    /// Version of this file's format: 1.
    pub format: u32,
    /// Which source served.
    pub served_by: String,
    /// What each split holds.
    pub splits: BTreeMap<SplitName, Held>,
}

/// What a split holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Held {
    /// Number of examples.
    pub examples: u64,
    /// blake3 of the decoded content.
    pub hash: String,
    /// Examples whose inputs occur earlier in the same split.
    pub duplicates: u64,
}

impl Manifest {
    pub(super) fn of(obtained: &Obtained) -> Manifest {
        let duplicates = &obtained.census.duplicates;
        Manifest {
            format: 1,
            served_by: obtained.served_by.clone(),
            splits: obtained
                .splits
                .iter()
                .map(|(name, columns)| {
                    let held = Held {
                        examples: columns.examples() as u64,
                        hash: columns.hash(),
                        duplicates: duplicates.get(name).copied().unwrap_or_default(),
                    };
                    (*name, held)
                })
                .collect(),
        }
    }

    pub(super) fn read(folder: &Path) -> Result<Manifest, DataError> {
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
