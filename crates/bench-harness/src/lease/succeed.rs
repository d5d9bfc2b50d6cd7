//! Going on with a trial whose owner may come back.

use crate::recorder::{ASKED_FILE, EVALUATOR_LOG, EVENTS_FILE, RUN_FILE, STDERR_FILE};
use crate::store;
use crate::trial::{SNAPSHOTS, WEIGHTS};
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Copies an attempt, as far as it is recorded and with what it kept, as the next one, which nobody owns yet; tells where that is. Of several who do it at once,
/// the first counts. Whatever the old owner still writes, it writes into its own attempt.
///
/// # Errors
/// When a file cannot be copied; then there is no next attempt.
pub fn succeed(folder: &Path) -> io::Result<PathBuf> {
    let next = store::next_attempt(folder);
    if next.exists() {
        return Ok(next);
    }
    let beside = tempfile::Builder::new()
        .prefix(".succeeding-")
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in(next.parent().unwrap_or(folder))?;
    // Snapshots before lines: a snapshot counts by the line of its evaluation, which was written first.
    for name in [SNAPSHOTS, WEIGHTS] {
        link_all(&folder.join(name), &beside.path().join(name))?;
    }
    for name in [RUN_FILE, ASKED_FILE, STDERR_FILE, EVALUATOR_LOG] {
        there(fs::copy(folder.join(name), beside.path().join(name)))?;
    }
    if let Some(mut lines) = there(fs::read(folder.join(EVENTS_FILE)))? {
        let whole = lines.iter().rposition(|&byte| byte == b'\n');
        lines.truncate(whole.map_or(0, |end| end + 1));
        fs::write(beside.path().join(EVENTS_FILE), lines)?;
    }
    match fs::rename(beside.path(), &next) {
        // Somebody else was first, and it is removed.
        Err(cause)
            if matches!(
                cause.kind(),
                ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists
            ) => {}
        renamed => renamed?,
    }
    Ok(next)
}

/// The same files under other names, or copies where that is not possible: none of them is ever written to again.
fn link_all(from: &Path, to: &Path) -> io::Result<()> {
    let Some(entries) = there(fs::read_dir(from))? else {
        return Ok(());
    };
    fs::create_dir_all(to)?;
    for entry in entries {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match from.is_dir() {
            true => link_all(&from, &to)?,
            // The owner may be alive after all, and have removed it.
            false => drop(there(
                fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(drop)),
            )?),
        }
    }
    Ok(())
}

/// None for what is not there.
fn there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}
