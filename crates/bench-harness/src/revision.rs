//! A git revision of the checkout as a folder of its own, for comparisons of what was with what is.

use crate::home::Home;
use crate::lock::{Lock, LockError};
use crate::progress::Listener;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

/// A revision cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    /// Git is not there.
    #[error("cannot run git: {0}")]
    NoGit(#[source] io::Error),
    /// There is no such revision.
    #[error("there is no revision `{revision}` in {}: {said}", root.display())]
    Unknown {
        /// As given.
        revision: String,
        /// The checkout.
        root: PathBuf,
        /// Git's first line.
        said: String,
    },
    /// Git did not make the folder.
    #[error("git cannot check `{revision}` out to {}: {said}", folder.display())]
    Checkout {
        /// As given.
        revision: String,
        /// Where to.
        folder: PathBuf,
        /// Git's first line.
        said: String,
    },
    /// Another command makes it now, or the folder cannot be written.
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// A revision, checked out.
#[derive(Debug, Clone)]
pub struct Revision {
    /// Its full hash.
    pub commit: String,
    /// The folder that holds its files: to be read and built, not to be worked in.
    pub folder: PathBuf,
}

/// Checks a revision out into the cache, unless it is there already: a git worktree without a branch.
///
/// # Errors
/// When git knows no such revision, for one.
pub fn checkout(
    home: &Home,
    revision: &str,
    listener: &mut Listener,
) -> Result<Revision, RevisionError> {
    let wanted = format!("{revision}^{{commit}}");
    let found = git(
        home,
        [
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &wanted,
        ],
    )?;
    let commit = match found {
        Ok(commit) => commit,
        Err(said) => {
            return Err(RevisionError::Unknown {
                revision: revision.to_owned(),
                root: home.root.clone(),
                said: if said.is_empty() {
                    "git knows no commit of that name".to_owned()
                } else {
                    said
                },
            });
        }
    };
    let folder = home.revisions().join(&commit);
    let _lock = Lock::wait(
        &folder.with_extension("lock"),
        "the same revision",
        listener,
    )?;
    if !is_whole(home, &folder) {
        // Forced: git may still know of a folder that somebody removed.
        let arguments: [&OsStr; 6] = [
            "worktree".as_ref(),
            "add".as_ref(),
            "--detach".as_ref(),
            "--force".as_ref(),
            folder.as_os_str(),
            commit.as_ref(),
        ];
        if let Err(said) = git(home, arguments)? {
            return Err(RevisionError::Checkout {
                revision: revision.to_owned(),
                folder,
                said,
            });
        }
    }
    // The checkout may be a folder of a larger repository.
    let inside = git(home, ["rev-parse", "--show-prefix"])?.unwrap_or_default();
    Ok(Revision {
        folder: folder.join(inside),
        commit,
    })
}

/// Git writes the link first and the files after it, so a killed one leaves a folder without the last of them.
fn is_whole(home: &Home, folder: &Path) -> bool {
    let status = home
        .command("git")
        .args(["status", "--porcelain"])
        .current_dir(folder)
        .output();
    folder.join(".git").exists()
        && status.is_ok_and(|status| status.status.success() && status.stdout.is_empty())
}

/// Git's answer, or the first line of its complaint.
fn git<S: AsRef<OsStr>>(
    home: &Home,
    arguments: impl IntoIterator<Item = S>,
) -> Result<Result<String, String>, RevisionError> {
    let output = home
        .command("git")
        .args(arguments)
        .current_dir(&home.root)
        .output()
        .map_err(RevisionError::NoGit)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    Ok(match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(text(&output.stderr)
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned()),
    })
}
