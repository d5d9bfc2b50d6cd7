//! One process at a time: advisory locks on files that are never removed.
//!
//! The operating system releases a lock when its holder dies, so nothing is left behind by a kill.

use crate::progress::{Listener, Progress};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// A lock cannot be taken.
#[derive(Debug, thiserror::Error)]
#[error("cannot lock {}: {source}", path.display())]
pub struct LockError {
    /// The lock's file.
    pub path: PathBuf,
    /// Why.
    pub source: std::io::Error,
}

/// A lock, held until this is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock at `path`, waiting as long as another process holds it; `what` names the work in the message about waiting.
    ///
    /// # Errors
    /// When the file cannot be made or its file system knows no locks.
    pub fn wait(path: &Path, what: &str, listener: &mut Listener) -> Result<Lock, LockError> {
        if let Some(lock) = Lock::try_now(path)? {
            return Ok(lock);
        }
        listener(Progress::Waited {
            behind: match holder(path) {
                Some(process) => format!("{what} (process {process})"),
                None => what.to_owned(),
            },
        });
        let mut file = open(path)?;
        file.lock().map_err(failed(path))?;
        sign(&mut file).map_err(failed(path))?;
        Ok(Lock { _file: file })
    }

    /// Takes the lock at `path` if nobody holds it.
    ///
    /// # Errors
    /// As [`Lock::wait`].
    pub fn try_now(path: &Path) -> Result<Option<Lock>, LockError> {
        let mut file = open(path)?;
        match file.try_lock() {
            Ok(()) => {
                sign(&mut file).map_err(failed(path))?;
                Ok(Some(Lock { _file: file }))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(failed(path)(source)),
        }
    }
}

/// The process that signed the lock's file last: its holder, while somebody holds it.
pub fn holder(path: &Path) -> Option<u32> {
    let mut text = String::new();
    File::open(path).ok()?.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn open(path: &Path) -> Result<File, LockError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed(path))?;
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(failed(path))
}

fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> LockError {
    move |source| LockError {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_second_taker_waits_and_says_behind_whom() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/lock");
        let first = Lock::wait(&path, "work", &mut crate::progress::silent).unwrap();
        assert!(Lock::try_now(&path).unwrap().is_none());
        let (sender, receiver) = mpsc::channel();
        let second = std::thread::spawn({
            let path = path.clone();
            move || {
                Lock::wait(&path, "work", &mut |progress| {
                    sender.send(progress).unwrap();
                })
            }
        });
        let heard = receiver.recv().unwrap();
        let behind = format!("work (process {})", std::process::id());
        assert_eq!(heard, Progress::Waited { behind });
        drop(first);
        second.join().unwrap().unwrap();
        assert!(Lock::try_now(&path).unwrap().is_some());
    }

    #[test]
    fn a_place_without_files_is_an_error_with_the_path() {
        let error = Lock::try_now(Path::new("/proc/no/lock")).unwrap_err();
        assert!(error.to_string().contains("/proc/no/lock"), "{error}");
    }
}
