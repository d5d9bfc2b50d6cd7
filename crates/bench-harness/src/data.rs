//! Data sets: fetched from the first source that serves, decoded in pure Rust, cut into splits, proved, cached.
//!
//! A prepared data set is a folder `<cache>/data/<name>/<content hash, 12 digits>/` with a read-only safetensors file a split and a
//! `manifest.json`. It appears by renaming, under a lock: whole or not at all, and once for all runs.

mod archive;
mod columns;
mod generate;
mod idx;
mod manifest;
mod source;
mod split;
#[cfg(test)]
mod tests;
mod verify;

pub use archive::ArchiveError;
pub use columns::FileError;
pub use idx::IdxError;
pub use manifest::Manifest;
pub use source::SourceError;
pub use split::{Census, ContentError, Mismatch, Overlap};
pub use verify::{Report, SplitReport, verify};

use crate::home::Home;
use crate::lock::{Lock, LockError};
use crate::progress::{Listener, Progress};
use bench_core::canonical::{self, CanonicalError};
use bench_core::run::SplitName;
use bench_core::spec::dataset::{Dataset, Format, ImageFormat, Source};
use columns::Columns;
pub(crate) use source::hex;
use source::{Desk, Files};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A data set cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// No source served.
    #[error("no source serves data set `{name}`:{}", list_failures(.failures))]
    Unobtainable {
        /// The data set.
        name: String,
        /// Each source with its failure, in the order they were tried.
        failures: Vec<(String, SourceError)>,
        /// What would help.
        help: String,
    },
    /// The generated content is not what the spec says.
    #[error("data set `{name}`: {source}")]
    Content {
        /// The data set.
        name: String,
        /// What is wrong.
        source: ContentError,
    },
    /// It was not fetched yet.
    #[error("data set `{name}` is not in the cache: {} does not exist", folder.display())]
    Missing {
        /// The data set.
        name: String,
        /// Where it would be.
        folder: PathBuf,
    },
    /// A cached file is damaged.
    #[error("data set `{name}`: {source}")]
    Cached {
        /// The data set.
        name: String,
        /// What is wrong.
        source: FileError,
    },
    /// The cache cannot be written.
    #[error("cannot {doing} {}: {source}", path.display())]
    Cache {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The lock cannot be taken.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The spec has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

impl DataError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            DataError::Unobtainable { help, .. } => Some(help.clone()),
            DataError::Missing { name, .. } => {
                Some(format!("`bench data fetch {name}` fetches it"))
            }
            DataError::Cached { name, .. } => Some(format!(
                "remove the folder of that file and run `bench data fetch {name}`"
            )),
            DataError::Content { .. } => Some(
                "either the spec's `hash` is not of this content, or its `format` was changed"
                    .to_owned(),
            ),
            DataError::Cache { .. } | DataError::Lock(_) | DataError::Canonical(_) => None,
        }
    }
}

/// A data set in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Its folder.
    pub folder: PathBuf,
    /// Split to its file.
    pub splits: BTreeMap<SplitName, PathBuf>,
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
    remove_leftovers(&parent)?;
    let scratch = tempfile::Builder::new()
        .prefix(SCRATCH)
        .tempdir_in(&parent)
        .map_err(cache("make a folder in", &parent))?;
    let (splits, served_by) = obtain(home, name, dataset, scratch.path(), listener)?;
    listener(Progress::Began {
        what: format!("preparing data set `{name}`"),
        bytes: None,
    });
    let folder = place(home, name, dataset)?;
    store(scratch.path(), &folder, &splits, &served_by)
        .inspect_err(|_| listener(Progress::Ended))?;
    listener(Progress::Ended);
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

type Splits = BTreeMap<SplitName, Columns>;

/// Splits with the pinned content, and who served them.
fn obtain(
    home: &Home,
    name: &str,
    dataset: &Dataset,
    scratch: &Path,
    listener: &mut Listener,
) -> Result<(Splits, String), DataError> {
    if let Format::Generated(_) = dataset.format {
        return match checked_splits(dataset, &Files::new()) {
            Ok(splits) => Ok((splits, "generated".to_owned())),
            Err(source) => Err(DataError::Content {
                name: name.to_owned(),
                source,
            }),
        };
    }
    let user_folder = user_folder(home, name);
    let mut failures = Vec::new();
    for (index, source) in dataset.sources.iter().enumerate() {
        let scratch = scratch.join(format!("source-{index}"));
        std::fs::create_dir(&scratch).map_err(cache("make", &scratch))?;
        let desk = Desk {
            home,
            user_folder: &user_folder,
            scratch: &scratch,
        };
        let result = desk
            .obtain(source, listener)
            .and_then(|files| Ok(checked_splits(dataset, &files)?));
        match result {
            Ok(splits) => return Ok((splits, describe(source))),
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
        help: offline_help(dataset, &user_folder),
    })
}

fn checked_splits(dataset: &Dataset, files: &Files) -> Result<Splits, ContentError> {
    let splits = split::cut(dataset, files)?;
    split::check_hashes(dataset, &splits)?;
    match split::census(&splits).overlaps.first() {
        None => Ok(splits),
        Some(overlap) => Err(ContentError::Overlap(*overlap)),
    }
}

/// Writes everything beside its place and renames it there.
fn store(scratch: &Path, folder: &Path, splits: &Splits, served_by: &str) -> Result<(), DataError> {
    let staged = scratch.join("splits");
    std::fs::create_dir(&staged).map_err(cache("make", &staged))?;
    for (name, columns) in splits {
        let path = split_file(&staged, *name);
        columns.save(&path).map_err(|error| match error {
            FileError::Io { path, source } => cache("write", &path)(source),
            other => cache("write", &path)(std::io::Error::other(other)),
        })?;
        make_read_only(&path)?;
    }
    let path = staged.join(manifest::FILE);
    let text = Manifest::of(splits, served_by).to_json();
    std::fs::write(&path, text).map_err(cache("write", &path))?;
    make_read_only(&path)?;
    std::fs::rename(&staged, folder).map_err(cache("rename a folder to", folder))
}

fn make_read_only(path: &Path) -> Result<(), DataError> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o444))
        .map_err(cache("make read-only", path))
}

const SCRATCH: &str = "fetching-";

/// Removes what a killed process left behind. Only called under the lock.
fn remove_leftovers(parent: &Path) -> Result<(), DataError> {
    std::fs::create_dir_all(parent).map_err(cache("make", parent))?;
    let entries = std::fs::read_dir(parent).map_err(cache("list", parent))?;
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(SCRATCH) {
            let path = entry.path();
            std::fs::remove_dir_all(&path).map_err(cache("remove", &path))?;
        }
    }
    Ok(())
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

/// A source as messages name it.
pub fn describe(source: &Source) -> String {
    match source {
        Source::Https(files) => match files.values().next() {
            Some(file) => {
                let folder = file.url.rsplit_once('/').map_or("", |(folder, _)| folder);
                folder.to_owned()
            }
            None => "https".to_owned(),
        },
        Source::Debian(package) => format!("Debian package {}", package.package),
        Source::Python(package) => format!("Python package {}", package.package),
        Source::Npm(package) => format!("npm package {}", package.package),
        Source::Folder(_) => "your folder".to_owned(),
    }
}

fn list_failures(failures: &[(String, SourceError)]) -> String {
    let mut text = String::new();
    for (source, failure) in failures {
        // Clients' own words come in several lines: set them under their source.
        let failure = failure.to_string().replace('\n', "\n      ");
        let _ = write!(text, "\n  {source}: {failure}");
    }
    text
}

/// Which files to put where when no network answers.
fn offline_help(dataset: &Dataset, user_folder: &Path) -> String {
    let mut text = format!(
        "without a network, put one of these into {} and run the same command again:",
        user_folder.display()
    );
    for source in &dataset.sources {
        let line = match source {
            Source::Https(files) => files
                .values()
                .map(|file| source::file_name(&file.url))
                .collect::<Vec<_>>()
                .join(", "),
            Source::Debian(package) | Source::Python(package) | Source::Npm(package) => format!(
                "the archive of {} {} (sha256 {})",
                describe(source),
                package.version,
                package.sha256
            ),
            Source::Folder(files) => files.values().cloned().collect::<Vec<_>>().join(", "),
        };
        let _ = write!(text, "\n  {line}");
    }
    text
}
