//! `bench data verify`: everything the cache promises, checked again from the files.

use super::block::Block;
use super::census::{self, Census};
use super::hash::SplitHasher;
use super::shard::{self, FileError};
use super::{DataError, find, place, split};
use crate::home::Home;
use crate::progress::{Listener, Progress};
use bench_core::run::SplitName;
use bench_core::spec::columns::{Columns, Rows, Values};
use bench_core::spec::dataset::{Dataset, Split};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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
    let columns = dataset.format.columns();
    let named = split::named(&dataset.splits);
    let examples = named.iter().map(|(_, split)| split.count).sum();
    let compared = census::pays(&columns, examples);
    let (mut splits, mut keys) = (BTreeMap::new(), BTreeMap::new());
    let mut read = || {
        for (split, spec) in named {
            let folder = &prepared.splits[&split];
            let (report, own) = look(folder, &columns, spec, compared)?;
            splits.insert(split, report);
            keys.extend(own.map(|own| (split, own)));
        }
        Ok(())
    };
    let result = read();
    listener(Progress::Ended);
    result.map_err(|source| DataError::Cached {
        name: name.to_owned(),
        source,
    })?;
    Ok(Report {
        folder: prepared.folder,
        splits,
        census: Census::of(&keys),
    })
}

/// What the shards of a split hold, one after another.
fn look(
    folder: &Path,
    columns: &Columns,
    spec: &Split,
    compared: bool,
) -> Result<(SplitReport, Option<Vec<u128>>), FileError> {
    let mut hasher = SplitHasher::new(columns);
    let mut keys = compared.then(Vec::new);
    let mut classes = Classes::of(columns);
    let mut examples = 0;
    for path in shard::files(folder)? {
        let block = shard::load(&path, columns)?;
        hasher.update(&block);
        classes.count(&block);
        examples += block.examples() as u64;
        if let Some(keys) = &mut keys {
            census::keys(columns, &block, keys);
        }
    }
    let report = SplitReport {
        examples,
        hash: hasher.finish(columns),
        expected: spec.hash.clone(),
        classes: classes.counts,
    };
    Ok((report, keys))
}

/// Examples by class, where a byte says which.
struct Classes {
    column: String,
    counts: Vec<u64>,
}

impl Classes {
    fn of(columns: &Columns) -> Classes {
        let (column, counts) = match columns.target() {
            Some((name, column)) => match (column.rows, column.values, column.row_bytes()) {
                (Rows::One, Values::Classes(classes), 1) => (name, vec![0; classes as usize]),
                _ => (name, Vec::new()),
            },
            None => ("", Vec::new()),
        };
        Classes {
            column: column.to_owned(),
            counts,
        }
    }

    fn count(&mut self, block: &Block) {
        let labels = block
            .get(&self.column)
            .map_or(&[][..], |cells| &cells.bytes);
        for label in labels {
            if let Some(count) = self.counts.get_mut(usize::from(*label)) {
                *count += 1;
            }
        }
    }
}
