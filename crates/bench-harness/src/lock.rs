//! One process at a time: advisory locks on files that are never removed.
//!
//! The operating system releases a lock when its holder dies, so nothing is left behind by a kill.

mod turn;

pub use turn::Turn;

use crate::progress::{Listener, Progress};
use bench_core::number::Span;
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks at a lock that somebody else holds.
const RETRY: Duration = Duration::from_millis(100);
/// Between two words about it.
const AGAIN: Duration = Duration::from_secs(30);

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

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its process.
    pub process: u32,
    /// What was typed to start it, where the system tells.
    pub command: Option<String>,
    /// For how long it has held it, where that can be known.
    pub held: Option<Duration>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "process {}", self.process)?;
        if let Some(command) = &self.command {
            write!(f, ", `{command}`")?;
        }
        match self.held {
            Some(held) => write!(f, ", for {}", Span(Duration::from_secs(held.as_secs()))),
            None => Ok(()),
        }
    }
}

/// Says when it is time for a word about waiting: at once, and now and then.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    told: Option<Instant>,
}

impl Patience {
    /// Whether a word is due, which is then taken as said.
    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        let due = self.told.is_none_or(|told| now - told >= AGAIN);
        if due {
            self.told = Some(now);
        }
        due
    }
}

impl Lock {
    /// Takes the lock at `path`, waiting as long as another process holds it; `what` names the work in the messages about waiting.
    ///
    /// # Errors
    /// When the file cannot be made or its file system knows no locks.
    pub fn wait(path: &Path, what: &str, listener: &mut Listener) -> Result<Lock, LockError> {
        let mut patience = Patience::default();
        loop {
            if let Some(lock) = Lock::try_now(path)? {
                return Ok(lock);
            }
            if patience.is_due(Instant::now()) {
                listener(Progress::Waited {
                    behind: match holder(path) {
                        Some(holder) => format!("{what} ({holder})"),
                        None => what.to_owned(),
                    },
                });
            }
            thread::sleep(RETRY);
        }
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

/// Who signed the lock's file last: its holder, while somebody holds it.
pub fn holder(path: &Path) -> Option<Holder> {
    let process = fs::read_to_string(path).ok()?.trim().parse().ok()?;
    let signed = fs::metadata(path).and_then(|metadata| metadata.modified());
    Some(Holder {
        process,
        command: command(process),
        held: signed.ok().and_then(|signed| signed.elapsed().ok()),
    })
}

/// A process's command line, the program by its name alone; none for one that is gone, or another user's.
fn command(process: u32) -> Option<String> {
    let bytes = fs::read(format!("/proc/{process}/cmdline")).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let mut words = text.trim_end_matches('\0').split('\0').map(str::to_owned);
    let program = words.next().filter(|program| !program.is_empty())?;
    let name = program.rsplit('/').next().unwrap_or(&program).to_owned();
    Some(
        [name]
            .into_iter()
            .chain(words)
            .collect::<Vec<_>>()
            .join(" "),
    )
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
        let Progress::Waited { behind } = heard else {
            panic!("{heard:?}");
        };
        let begins = format!("work (process {}, `bench_harness-", std::process::id());
        assert!(behind.starts_with(&begins), "{behind}");
        assert!(behind.ends_with(", for 0s)"), "{behind}");
        drop(first);
        drop(second.join().unwrap().unwrap());
        // Not at once: a process that another test is about to start holds every open file until it executes.
        Lock::wait(&path, "work", &mut crate::progress::silent).unwrap();
    }

    #[test]
    fn waiting_is_told_at_once_and_now_and_then() {
        let mut patience = Patience::default();
        let begin = Instant::now();
        let mut due = |seconds| patience.is_due(begin + Duration::from_secs(seconds));
        let told = [0, 1, 29, 30, 31, 59, 60].map(&mut due);
        assert_eq!(told, [true, false, false, true, false, false, true]);
    }

    #[test]
    fn a_place_without_files_is_an_error_with_the_path() {
        let error = Lock::try_now(Path::new("/proc/no/lock")).unwrap_err();
        assert!(error.to_string().contains("/proc/no/lock"), "{error}");
    }
}
