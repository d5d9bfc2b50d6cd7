//! What cargo cannot tell: it names artifacts by a package's place in its workspace, and finds changes by modification times. Two folders of one package
//! that share a target folder would pass for each other whenever the second one's files are older than the first one's build.

use super::ProgramError;
use std::fs::{self, File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use walkdir::WalkDir;

/// Makes all sources of a revision newer than any build, so that cargo compiles them again. They are the cache's own files.
pub(super) fn touch(root: &Path) -> Result<(), ProgramError> {
    let now = FileTimes::new().set_modified(SystemTime::now());
    for folder in ["crates", "submissions"] {
        for entry in WalkDir::new(root.join(folder)).into_iter().flatten() {
            if entry.file_type().is_file() {
                let file = File::options().append(true).open(entry.path());
                let touched = file.and_then(|file| file.set_times(now));
                touched.map_err(failed("touch", entry.path()))?;
            }
        }
    }
    Ok(())
}

/// Whether the last build of this package in this target folder was of another folder; from now on it is of this one.
pub(super) fn claim(target: &Path, package: &str, folder: &Path) -> Result<bool, ProgramError> {
    let stamp = target.join("bench-built-from").join(package);
    let own = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let own = own.to_string_lossy();
    let before = match fs::read_to_string(&stamp) {
        Ok(before) => Some(before),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed("read", &stamp)(error)),
    };
    let place = stamp.parent().map(PathBuf::from).unwrap_or_default();
    fs::create_dir_all(&place).map_err(failed("make", &place))?;
    fs::write(&stamp, own.as_bytes()).map_err(failed("write", &stamp))?;
    Ok(before.is_none_or(|before| before != own))
}

fn failed(what: &'static str, path: &Path) -> impl Fn(io::Error) -> ProgramError {
    let what = format!("cannot {what} {}", path.display());
    move |cause| ProgramError::Io {
        what: what.clone(),
        cause,
    }
}
