//! Data sets: fetched from the first source that serves, decoded in pure Rust, cut into splits, proved, cached.
//!
//! A prepared data set is a folder `<cache>/data/<name>/<content hash, 12 digits>/` with a folder of read-only safetensors files a split, its shards, and a
//! `manifest.json`. It appears by renaming, under a lock: whole or not at all, and once for all runs.

mod add;
mod archive;
mod arrays;
mod block;
mod census;
mod cifar;
mod documents;
mod error;
mod generate;
mod hash;
mod idx;
mod input;
mod manifest;
mod pattern;
mod shard;
mod source;
mod split;
mod store;
mod supplied;
#[cfg(test)]
mod tests;
mod tokens;
mod verify;
mod writer;

pub use add::{Added, Hashed, add, hashed};
pub use archive::ArchiveError;
pub use arrays::{ArrayError, TargetKind};
pub use census::{Census, Overlap};
pub use cifar::CifarError;
pub use error::{DataError, describe};
pub use idx::IdxError;
pub use manifest::Manifest;
pub use shard::FileError;
pub use source::SourceError;
pub use split::{ContentError, Mismatch};
pub use supplied::Supplied;
pub use tokens::TokenError;
pub use verify::{Report, SplitReport, verify};
pub use writer::SHARD_BYTES;

use crate::home::Home;
use crate::lock::Lock;
use crate::progress::{Listener, Progress};
use bench_core::canonical;
use bench_core::run::{DatasetIdentity, SplitName};
use bench_core::spec::dataset::{Dataset, Format, Source, Split};
pub(crate) use source::hex;
use source::{Desk, Files};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use supplied::Fate;

/// A data set in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Its folder.
    pub folder: PathBuf,
    /// Split to the folder of its shards.
    pub splits: BTreeMap<SplitName, PathBuf>,
}

impl Prepared {
    /// Puts the content that is here where a configuration only says `unpinned`: what ran on other content is another trial, in another table.
    ///
    /// # Errors
    /// When the manifest cannot be read.
    pub fn identify(&self, dataset: &mut DatasetIdentity) -> Result<(), DataError> {
        if !dataset.is_unpinned() {
            return Ok(());
        }
        let held = Manifest::read(&self.folder)?.splits;
        for (name, split) in &mut dataset.splits {
            if let Some(held) = held.get(name).filter(|_| split.hash == Split::UNPINNED) {
                split.hash.clone_from(&held.hash);
            }
        }
        Ok(())
    }
}

/// Where a data set is, or will be: the folder's name follows from content, so another content is another folder.
///
/// # Errors
/// Only when the spec has no canonical form, which a parsed one always has.
pub fn place(home: &Home, name: &str, dataset: &Dataset) -> Result<PathBuf, DataError> {
    let content: Vec<_> = split::named(&dataset.splits)
        .into_iter()
        .map(|(split, spec)| (split, spec.count, &spec.hash))
        .collect();
    let what = (&dataset.format, dataset.format.columns(), content);
    let hash = canonical::hash("bench data folder v2", &what)?;
    Ok(home.data_cache().join(name).join(&hash[..12]))
}

/// The data set, if it is in the cache. Reads nothing but the folder.
///
/// # Errors
/// As [`place`].
pub fn find(home: &Home, name: &str, dataset: &Dataset) -> Result<Option<Prepared>, DataError> {
    let folder = place(home, name, dataset)?;
    let splits: BTreeMap<_, _> = SplitName::ALL
        .into_iter()
        .map(|split| (split, split_folder(&folder, split)))
        .collect();
    let complete = folder.join(manifest::FILE).is_file();
    Ok(complete.then_some(Prepared { folder, splits }))
}

/// The data set, fetched and decoded unless it is in the cache. The first source that serves the pinned content wins. A command that was interrupted is
/// gone on with.
///
/// # Errors
/// [`DataError::Unobtainable`] with each source's failure; [`DataError::Content`] when generated content is not the pinned one.
pub fn fetch(
    home: &Home,
    name: &str,
    dataset: &Dataset,
    listener: &mut Listener,
) -> Result<Prepared, DataError> {
    fetch_in_shards(home, name, dataset, SHARD_BYTES, listener)
}

/// The same in files of at most so many bytes, one of which is in memory at a time.
///
/// # Errors
/// As [`fetch`].
pub fn fetch_in_shards(
    home: &Home,
    name: &str,
    dataset: &Dataset,
    bytes: usize,
    listener: &mut Listener,
) -> Result<Prepared, DataError> {
    if let (Some(prepared), Fate::Same) = held(home, name, dataset)? {
        return Ok(prepared);
    }
    let lock = home.data_cache().join(format!("{name}.lock"));
    let _lock = Lock::wait(&lock, &format!("fetching data set `{name}`"), listener)?;
    let changed = match held(home, name, dataset)? {
        (Some(prepared), Fate::Same) => return Ok(prepared),
        (None, _) => None,
        (Some(_), Fate::Changed(path)) => Some(format!("{} changed", path.display())),
        (Some(_), Fate::Others) => Some("other files are there".to_owned()),
    };
    if let Some(changed) = &changed {
        listener(Progress::Noted {
            message: format!("data set `{name}`: {changed} since it was read; it is read anew"),
        });
    }
    let parent = home.data_cache().join(name);
    store::remove_leftovers(&parent)?;
    let scratch = tempfile::Builder::new()
        .prefix(store::SCRATCH)
        .tempdir_in(&parent)
        .map_err(cache("make a folder in", &parent))?;
    let work = Work {
        home,
        name,
        dataset,
        parent: &parent,
        bytes,
    };
    let (stage, manifest) = work.obtain(scratch.path(), listener)?;
    let folder = place(home, name, dataset)?;
    if changed.is_some() {
        store::remove(&folder)?;
    }
    store::store(&stage, &folder, &manifest)?;
    Ok(Prepared {
        splits: SplitName::ALL
            .into_iter()
            .map(|split| (split, split_folder(&folder, split)))
            .collect(),
        folder,
    })
}

/// The data set, if it is in the cache, and whether the files that it was made of are still the same.
fn held(home: &Home, name: &str, dataset: &Dataset) -> Result<(Option<Prepared>, Fate), DataError> {
    let Some(prepared) = find(home, name, dataset)? else {
        return Ok((None, Fate::Same));
    };
    let fate = supplied::compare(dataset, &user_folder(home, name), &prepared.folder)?;
    Ok((Some(prepared), fate))
}

/// Where the user may put files: `$BENCH_DATA/<name>`, else a folder of the cache that is never cleaned away.
pub fn user_folder(home: &Home, name: &str) -> PathBuf {
    match &home.user_data {
        Some(folder) => folder.join(name),
        None => home.cache.join("files").join(name),
    }
}

/// What serves data that bench makes itself.
const GENERATED: &str = "generated";

/// One data set on its way into the cache.
struct Work<'a> {
    home: &'a Home,
    name: &'a str,
    dataset: &'a Dataset,
    /// The folder that all of its prepared folders lie in.
    parent: &'a Path,
    /// Of a shard.
    bytes: usize,
}

impl Work<'_> {
    /// Prepared from the first source that serves: where, and what it holds.
    fn obtain(
        &self,
        scratch: &Path,
        listener: &mut Listener,
    ) -> Result<(PathBuf, Manifest), DataError> {
        if let Format::Generated(_) = self.dataset.format {
            let result = self.prepare(None, &Files::new(), listener)?;
            return result.map_err(|error| self.generated(error));
        }
        let user_folder = user_folder(self.home, self.name);
        let mut failures = Vec::new();
        for (index, source) in self.dataset.sources.iter().enumerate() {
            let scratch = scratch.join(format!("source-{index}"));
            std::fs::create_dir(&scratch).map_err(cache("make", &scratch))?;
            let desk = Desk {
                home: self.home,
                user_folder: &user_folder,
                folder: &self.dataset.folder,
                sha256: &self.dataset.sha256,
                scratch: &scratch,
            };
            let result = match desk.obtain(source, listener) {
                Ok(files) => self.prepare(Some(source), &files, listener)?,
                Err(error) => Err(error),
            };
            match result {
                Ok(prepared) => return Ok(prepared),
                Err(SourceError::Store(error)) => {
                    return Err(DataError::written(self.parent, error));
                }
                Err(error) => {
                    listener(Progress::Noted {
                        message: format!("{}: {error}", describe(source)),
                    });
                    failures.push((describe(source), error));
                }
            }
        }
        Err(DataError::Unobtainable {
            name: self.name.to_owned(),
            failures,
            help: error::help(self.name, self.dataset, &user_folder),
        })
    }

    fn generated(&self, error: SourceError) -> DataError {
        match error {
            SourceError::Content(source) => DataError::Content {
                name: self.name.to_owned(),
                source,
            },
            SourceError::Store(error) => DataError::written(self.parent, error),
            other => DataError::Unobtainable {
                name: self.name.to_owned(),
                failures: vec![(GENERATED.to_owned(), other)],
                help: String::new(),
            },
        }
    }

    /// Splits from a source's files, proved to be the pinned content. What is not stays in no folder.
    fn prepare(
        &self,
        source: Option<&Source>,
        files: &Files,
        listener: &mut Listener,
    ) -> Result<Result<(PathBuf, Manifest), SourceError>, DataError> {
        let stage = store::stage(self.parent, &self.stamp(source, files)?)?;
        listener(Progress::Began {
            what: format!("preparing data set `{}`", self.name),
            bytes: split::size(self.dataset, &self.dataset.format.columns()),
        });
        let mut done = 0;
        let mut told = |bytes: u64| {
            done += bytes;
            listener(Progress::Advanced { bytes: done });
        };
        let written = split::write(self.dataset, files, &stage, self.bytes, &mut told);
        listener(Progress::Ended);
        let proved = written.and_then(|written| {
            split::check_hashes(self.dataset, &written)?;
            let keys = written
                .iter()
                .filter_map(|(name, split)| Some((*name, split.keys.clone()?)));
            let census = Census::of(&keys.collect());
            if let Some(overlap) = census.overlaps.first() {
                return Err(ContentError::Overlap(*overlap).into());
            }
            let served_by = source.map_or(GENERATED.to_owned(), describe);
            let supplied = match source {
                Some(Source::Folder(_) | Source::Files(_)) => supplied::look(files)?,
                _ => Vec::new(),
            };
            Ok(Manifest::of(served_by, supplied, &written, &census))
        });
        if let Err(SourceError::Content(_)) = &proved {
            store::remove(&stage)?;
        }
        Ok(proved.map(|manifest| (stage, manifest)))
    }

    /// What is prepared, from what: another content has another stamp. What an archive holds follows from its pinned hash; the user's files are taken by
    /// name, size and time.
    fn stamp(&self, source: Option<&Source>, files: &Files) -> Result<String, DataError> {
        let place = place(self.home, self.name, self.dataset)?;
        let mut known = Vec::new();
        if let Some(Source::Folder(_) | Source::Files(_)) = source {
            for (role, path) in files {
                let metadata = std::fs::metadata(path).map_err(cache("read", path))?;
                known.push((role, metadata.len(), supplied::modified(&metadata)));
            }
        }
        let what = (
            place.file_name().map(|name| name.to_string_lossy()),
            source,
            known,
        );
        Ok(canonical::hash("bench data stamp v1", &what)?)
    }
}

/// The folder of a split's shards.
pub fn split_folder(folder: &Path, split: SplitName) -> PathBuf {
    folder.join(split.name())
}

fn cache<'a>(doing: &'static str, path: &'a Path) -> impl Fn(std::io::Error) -> DataError + 'a {
    move |source| DataError::Cache {
        doing,
        path: path.to_owned(),
        source,
    }
}
