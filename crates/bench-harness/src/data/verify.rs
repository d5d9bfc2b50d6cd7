//! `bench data verify`: everything the cache promises, checked again from the files.

use super::split::{self, Census, TARGETS};
use super::{Columns, DataError, find, place};
use crate::home::Home;
use crate::progress::{Listener, Progress};
use bench_core::run::SplitName;
use bench_core::spec::dataset::{Dataset, Split};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the files really hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Where they are.
    pub folder: PathBuf,
    /// Each split.
    pub splits: BTreeMap<SplitName, SplitReport>,
    /// Duplicates within and between splits.
    pub census: Census,
}

impl Report {
    /// Whether every split holds the pinned content and no two splits share an example.
    pub fn ok(&self) -> bool {
        self.census.overlaps.is_empty()
            && self
                .splits
                .values()
                .all(|split| split.expected == Split::UNPINNED || split.hash == split.expected)
    }
}

/// One split's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitReport {
    /// Number of examples.
    pub examples: u64,
    /// blake3 of what it holds.
    pub hash: String,
    /// What the spec says.
    pub expected: String,
    /// Examples of each class; empty for text.
    pub classes: Vec<u64>,
}

/// Reads all files of a prepared data set and checks hashes, duplicates and disjointness.
///
/// # Errors
/// When it is not in the cache or a file cannot be read. Wrong content is no error but in the [`Report`].
pub fn verify(
    home: &Home,
    name: &str,
    dataset: &Dataset,
    listener: &mut Listener,
) -> Result<Report, DataError> {
    let Some(prepared) = find(home, name, dataset)? else {
        return Err(DataError::Missing {
            name: name.to_owned(),
            folder: place(home, name, dataset)?,
        });
    };
    listener(Progress::Began {
        what: format!("reading data set `{name}`"),
        bytes: None,
    });
    let loaded = prepared
        .splits
        .iter()
        .map(|(split, path)| Ok((*split, Columns::load(path)?)))
        .collect::<Result<BTreeMap<_, _>, _>>();
    listener(Progress::Ended);
    let columns = loaded.map_err(|source| DataError::Cached {
        name: name.to_owned(),
        source,
    })?;
    let classes = dataset.format.image().map_or(0, |image| image.classes);
    let splits = split::named(&dataset.splits)
        .into_iter()
        .filter_map(|(split, spec)| {
            let columns = columns.get(&split)?;
            let report = SplitReport {
                examples: columns.examples() as u64,
                hash: columns.hash(),
                expected: spec.hash.clone(),
                classes: count_classes(columns, classes),
            };
            Some((split, report))
        })
        .collect();
    Ok(Report {
        folder: prepared.folder,
        splits,
        census: split::census(&columns),
    })
}

fn count_classes(columns: &Columns, classes: u64) -> Vec<u64> {
    let mut counts = vec![0; classes as usize];
    let labels = columns.get(TARGETS).map_or(&[][..], |array| &array.bytes);
    for label in labels {
        if let Some(count) = counts.get_mut(usize::from(*label)) {
            *count += 1;
        }
    }
    counts
}
