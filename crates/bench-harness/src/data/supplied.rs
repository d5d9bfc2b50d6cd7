//! Files of the user's, which may change after they were read.

use super::input::{Input, PIECE};
use super::source::{self, Files, SourceError};
use super::{DataError, Manifest, cache, manifest};
use bench_core::spec::dataset::{Dataset, Source};
use serde::{Deserialize, Serialize};
use std::fs::{self, Metadata, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// A file as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Supplied {
    /// Where it was.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// When it was written, in nanoseconds since 1970, in decimal.
    pub modified: String,
    /// blake3 of its bytes.
    pub hash: String,
}

/// What became of the files that a prepared data set was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// They are as they were, or are not there any more.
    Same,
    /// The first one whose content is another.
    Changed(PathBuf),
    /// There are others than were read.
    Others,
}

/// The files of a source as they are now.
pub(super) fn look(files: &Files) -> Result<Vec<Supplied>, SourceError> {
    let one = |path: &PathBuf| {
        let metadata = fs::metadata(path).map_err(|source| file_error(path, source))?;
        Ok(Supplied {
            path: path.clone(),
            size: metadata.len(),
            modified: modified(&metadata),
            hash: hash(path)?,
        })
    };
    files.values().map(one).collect()
}

/// Compares the files with what was read: size and time, and the content where one of these is another. New times of the same content are written down.
pub(super) fn compare(
    dataset: &Dataset,
    user_folder: &Path,
    folder: &Path,
) -> Result<Fate, DataError> {
    let mut manifest = Manifest::read(folder)?;
    if manifest.supplied.is_empty() {
        return Ok(Fate::Same);
    }
    let mut touched = false;
    for known in &mut manifest.supplied {
        let Ok(metadata) = fs::metadata(&known.path) else {
            continue;
        };
        if metadata.len() == known.size && modified(&metadata) == known.modified {
            continue;
        }
        if hash(&known.path).ok().as_ref() != Some(&known.hash) {
            return Ok(Fate::Changed(known.path.clone()));
        }
        known.modified = modified(&metadata);
        touched = true;
    }
    let known = |path: &PathBuf| manifest.supplied.iter().any(|known| known.path == *path);
    if let Some(files) = present(dataset, user_folder)
        && !files.values().all(known)
    {
        return Ok(Fate::Others);
    }
    if touched {
        let path = folder.join(manifest::FILE);
        let beside = folder.join("manifest.new");
        fs::write(&beside, manifest.to_json()).map_err(cache("write", &beside))?;
        let read_only = Permissions::from_mode(0o444);
        fs::set_permissions(&beside, read_only).map_err(cache("make read-only", &beside))?;
        fs::rename(&beside, &path).map_err(cache("write", &path))?;
    }
    Ok(Fate::Same)
}

/// The files of the first source that is the user's and is there.
fn present(dataset: &Dataset, user_folder: &Path) -> Option<Files> {
    dataset.sources.iter().find_map(|source| match source {
        Source::Folder(files) => source::supplied(user_folder, files).ok(),
        Source::Files(files) => source::supplied(&dataset.folder, files).ok(),
        _ => None,
    })
}

/// When a file was written, in nanoseconds since 1970.
pub(super) fn modified(metadata: &Metadata) -> String {
    let time = metadata.modified().ok();
    let since = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_nanos()).to_string()
}

fn hash(path: &Path) -> Result<String, SourceError> {
    let mut hasher = blake3::Hasher::new();
    let mut input = Input::plain("", path)?;
    loop {
        let piece = input.next(PIECE)?;
        if piece.is_empty() {
            return Ok(hasher.finalize().to_hex().to_string());
        }
        hasher.update(&piece);
    }
}

fn file_error(path: &Path, source: std::io::Error) -> SourceError {
    super::FileError::Io {
        path: path.to_owned(),
        source,
    }
    .into()
}
