//! How a prepared data set gets to its place: written beside it, made read-only, renamed.

use super::columns::FileError;
use super::manifest::{self, Manifest};
use super::{DataError, Obtained, cache, split_file};
use std::path::Path;

/// Writes everything beside its place and renames it there.
pub(super) fn store(scratch: &Path, folder: &Path, obtained: &Obtained) -> Result<(), DataError> {
    let staged = scratch.join("splits");
    std::fs::create_dir(&staged).map_err(cache("make", &staged))?;
    for (name, columns) in &obtained.splits {
        let path = split_file(&staged, *name);
        columns.save(&path).map_err(|error| match error {
            FileError::Io { path, source } => cache("write", &path)(source),
            other => cache("write", &path)(std::io::Error::other(other)),
        })?;
        make_read_only(&path)?;
    }
    let path = staged.join(manifest::FILE);
    let text = Manifest::of(obtained).to_json();
    std::fs::write(&path, text).map_err(cache("write", &path))?;
    make_read_only(&path)?;
    std::fs::rename(&staged, folder).map_err(cache("rename a folder to", folder))
}

fn make_read_only(path: &Path) -> Result<(), DataError> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o444))
        .map_err(cache("make read-only", path))
}

/// Beginning of the names of folders that are worked in.
pub(super) const SCRATCH: &str = "fetching-";

/// Removes what a killed process left behind. Only called under the lock.
pub(super) fn remove_leftovers(parent: &Path) -> Result<(), DataError> {
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
