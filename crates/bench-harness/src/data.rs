//! Data sets: fetched from the first source that serves, decoded in pure Rust, cut into splits, proved, cached.
//!
//! A prepared data set is a folder `<cache>/data/<name>/<content hash, 12 digits>/` with a read-only safetensors file a split and a
//! `manifest.json`. It appears by renaming, under a lock: whole or not at all, and once for all runs.

mod archive;
mod cifar;
mod columns;
mod documents;
mod error;
mod generate;
mod idx;
mod manifest;
mod pattern;
mod source;
mod split;
mod store;
#[cfg(test)]
mod tests;
mod tokens;
mod verify;

pub use archive::ArchiveError;
pub use cifar::CifarError;
pub use columns::FileError;
pub use error::{DataError, describe};
pub use idx::IdxError;
pub use manifest::Manifest;
pub use source::SourceError;
pub use split::{Census, ContentError, Mismatch, Overlap};
pub use tokens::TokenError;
pub use verify::{Report, SplitReport, verify};

use crate::home::Home;
use crate::lock::Lock;
use crate::progress::{Listener, Progress};
use bench_core::canonical;
use bench_core::run::{DatasetIdentity, SplitName};
use bench_core::spec::dataset::{Dataset, Format, ImageFormat, Split};
use columns::Columns;
pub(crate) use source::hex;
use source::{Desk, Files};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A data set in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Its folder.
    pub folder: PathBuf,
    /// Split to its file.
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
    let hash = canonical::hash("bench data folder v1", &(&dataset.format, content))?;
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
        .map(|split| (split, split_file(&folder, split)))
        .collect();
    let complete = folder.join(manifest::FILE).is_file();
    Ok(complete.then_some(Prepared { folder, splits }))
}

/// The data set, fetched and decoded unless it is in the cache. The first source that serves the pinned content wins.
///
/// # Errors
/// [`DataError::Unobtainable`] with each source's failure; [`DataError::Content`] when generated content is not the pinned one.
pub fn fetch(
    home: &Home,
    name: &str,
    dataset: &Dataset,
    listener: &mut Listener,
) -> Result<Prepared, DataError> {
    if let Some(prepared) = find(home, name, dataset)? {
        return Ok(prepared);
    }
    let lock = home.data_cache().join(format!("{name}.lock"));
    let _lock = Lock::wait(&lock, &format!("fetching data set `{name}`"), listener)?;
    if let Some(prepared) = find(home, name, dataset)? {
        return Ok(prepared);
    }
    let parent = home.data_cache().join(name);
    store::remove_leftovers(&parent)?;
    let scratch = tempfile::Builder::new()
        .prefix(store::SCRATCH)
        .tempdir_in(&parent)
        .map_err(cache("make a folder in", &parent))?;
    let obtained = obtain(home, name, dataset, scratch.path(), listener)?;
    listener(Progress::Began {
        what: format!("preparing data set `{name}`"),
        bytes: None,
    });
    let folder = place(home, name, dataset)?;
    let stored = store::store(scratch.path(), &folder, &obtained);
    listener(Progress::Ended);
    stored?;
    Ok(Prepared {
        splits: SplitName::ALL
            .into_iter()
            .map(|split| (split, split_file(&folder, split)))
            .collect(),
        folder,
    })
}

/// Where the user may put files: `$BENCH_DATA/<name>`, else a folder of the cache that is never cleaned away.
pub fn user_folder(home: &Home, name: &str) -> PathBuf {
    match &home.user_data {
        Some(folder) => folder.join(name),
        None => home.cache.join("files").join(name),
    }
}

/// What a source served, proved to be the pinned content.
struct Obtained {
    splits: BTreeMap<SplitName, Columns>,
    census: Census,
    served_by: String,
}

/// From the first source that serves.
fn obtain(
    home: &Home,
    name: &str,
    dataset: &Dataset,
    scratch: &Path,
    listener: &mut Listener,
) -> Result<Obtained, DataError> {
    if let Format::Generated(_) = dataset.format {
        return prove(dataset, &Files::new(), "generated".to_owned()).map_err(|source| {
            DataError::Content {
                name: name.to_owned(),
                source,
            }
        });
    }
    let user_folder = user_folder(home, name);
    let mut failures = Vec::new();
    for (index, source) in dataset.sources.iter().enumerate() {
        let scratch = scratch.join(format!("source-{index}"));
        std::fs::create_dir(&scratch).map_err(cache("make", &scratch))?;
        let desk = Desk {
            home,
            user_folder: &user_folder,
            sha256: &dataset.sha256,
            scratch: &scratch,
        };
        let result = desk
            .obtain(source, listener)
            .and_then(|files| Ok(prove(dataset, &files, describe(source))?));
        match result {
            Ok(obtained) => return Ok(obtained),
            Err(error) => {
                listener(Progress::Noted {
                    message: format!("{}: {error}", describe(source)),
                });
                failures.push((describe(source), error));
            }
        }
    }
    Err(DataError::Unobtainable {
        name: name.to_owned(),
        failures,
        help: error::offline_help(dataset, &user_folder),
    })
}

fn prove(dataset: &Dataset, files: &Files, served_by: String) -> Result<Obtained, ContentError> {
    let splits = split::cut(dataset, files)?;
    split::check_hashes(dataset, &splits)?;
    let census = split::census(&splits);
    match census.overlaps.first() {
        Some(overlap) => Err(ContentError::Overlap(*overlap)),
        None => Ok(Obtained {
            splits,
            census,
            served_by,
        }),
    }
}

fn split_file(folder: &Path, split: SplitName) -> PathBuf {
    folder.join(format!("{}.safetensors", split.name()))
}

fn cache<'a>(doing: &'static str, path: &'a Path) -> impl Fn(std::io::Error) -> DataError + 'a {
    move |source| DataError::Cache {
        doing,
        path: path.to_owned(),
        source,
    }
}

/// `[N, H, W]`, or `[N, C, H, W]` with more than one channel.
fn image_shape(image: &ImageFormat, examples: usize) -> Vec<usize> {
    let (height, width) = (image.height as usize, image.width as usize);
    match image.channels {
        1 => vec![examples, height, width],
        channels => vec![examples, channels as usize, height, width],
    }
}
