//! How a prepared data set gets to its place: written beside it, made read-only, renamed. Whoever is interrupted before finds it there again.

use super::manifest::{self, Manifest};
use super::{DataError, cache, shard, split_folder};
use bench_core::run::SplitName;
use std::fs;
use std::path::{Path, PathBuf};

/// Beginning of the names of folders that downloads are put into.
pub(super) const SCRATCH: &str = "fetching-";
/// Beginning of the names of folders that splits are prepared in.
const STAGE: &str = "preparing-";
/// In such a folder: what is prepared, by content.
const STAMP: &str = "stamp";

/// The folder that a data set is prepared in: as an interrupted command left it where that prepared the same (`stamp`), else empty.
pub(super) fn stage(parent: &Path, stamp: &str) -> Result<PathBuf, DataError> {
    let folder = parent.join(format!("{STAGE}{}", &stamp[..12.min(stamp.len())]));
    let path = folder.join(STAMP);
    if fs::read_to_string(&path).is_ok_and(|found| found == stamp) {
        return Ok(folder);
    }
    remove(&folder)?;
    fs::create_dir_all(&folder).map_err(cache("make", &folder))?;
    fs::write(&path, stamp).map_err(cache("write", &path))?;
    Ok(folder)
}

/// Puts what was prepared to its place.
pub(super) fn store(stage: &Path, folder: &Path, manifest: &Manifest) -> Result<(), DataError> {
    for split in SplitName::ALL {
        let files = split_folder(stage, split);
        let files = shard::files(&files).map_err(|error| DataError::written(&files, error))?;
        files.iter().try_for_each(|file| make_read_only(file))?;
    }
    let stamp = stage.join(STAMP);
    fs::remove_file(&stamp).map_err(cache("remove", &stamp))?;
    let path = stage.join(manifest::FILE);
    fs::write(&path, manifest.to_json()).map_err(cache("write", &path))?;
    make_read_only(&path)?;
    fs::rename(stage, folder).map_err(cache("rename a folder to", folder))
}

fn make_read_only(path: &Path) -> Result<(), DataError> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o444))
        .map_err(cache("make read-only", path))
}

/// Removes a folder, if it is there.
pub(super) fn remove(folder: &Path) -> Result<(), DataError> {
    match folder.exists() {
        true => fs::remove_dir_all(folder).map_err(cache("remove", folder)),
        false => Ok(()),
    }
}

/// Removes the downloads that a killed process left behind. What it had prepared stays. Only called under the lock.
pub(super) fn remove_leftovers(parent: &Path) -> Result<(), DataError> {
    fs::create_dir_all(parent).map_err(cache("make", parent))?;
    let entries = fs::read_dir(parent).map_err(cache("list", parent))?;
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(SCRATCH) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}
