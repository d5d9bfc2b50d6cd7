//! Reads results folders back. One broken record never hides the others.

use crate::recorder::{self, EVENTS_FILE, RUN_FILE};
use bench_core::canonical::{self, CanonicalError};
use bench_core::outcome::{FailureKind, Outcome};
use bench_core::record::{FORMAT, Line, RunRecord};
use bench_core::run::RunSpec;
use bench_score::{ReadError, Trial, parse_events};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// A record cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file failed.
    #[error("cannot read {}: {cause}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The files are there, but hold something else.
    #[error("cannot read the record {}: {cause}", folder.display())]
    Record {
        /// The trial's folder.
        folder: PathBuf,
        /// What is wrong.
        #[source]
        cause: ReadError,
    },
}

/// One trial's folder, read.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Where it lies.
    pub folder: PathBuf,
    /// First folder below `runs/`: a suite, or `single`.
    pub suite: String,
    /// 1, and more for each time it was run again (`--fresh`, `--rerun-failed`). Only the last attempt counts.
    pub attempt: u32,
    /// Whether a referee is at it now.
    pub live: bool,
    /// The record, added up.
    pub trial: Trial,
}

impl Stored {
    /// How it ended, if it did. A kill between the last line and the end of `run.json` loses nothing.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.trial.summary.outcome.as_ref()
    }

    /// Whether there was no program to run.
    pub fn failed_to_build(&self) -> bool {
        matches!(self.outcome(), Some(Outcome::Failed(failure)) if failure.kind == FailureKind::Build)
    }
}

/// Reads one trial's folder.
///
/// # Errors
/// When a file is missing or holds something else. A missing `events.jsonl` is an empty one.
pub fn read(folder: &Path) -> Result<Stored, StoreError> {
    let record: RunRecord = serde_json::from_str(&text(folder, RUN_FILE)?)
        .map_err(|cause| unreadable(folder, ReadError::Record(cause)))?;
    if record.format > FORMAT {
        let found = record.format;
        return Err(unreadable(folder, ReadError::Format { found }));
    }
    Ok(Stored {
        folder: folder.to_owned(),
        suite: suite(folder),
        attempt: attempt(folder),
        live: recorder::is_live(folder),
        trial: Trial::new(record, &lines(folder)?),
    })
}

/// The lines of a trial's `events.jsonl`: none where it is missing.
///
/// # Errors
/// When it cannot be read, or holds something else.
pub fn lines(folder: &Path) -> Result<Vec<Line>, StoreError> {
    match text(folder, EVENTS_FILE) {
        Ok(events) => parse_events(&events).map_err(|cause| unreadable(folder, cause)),
        Err(StoreError::Io { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => Ok(vec![]),
        Err(error) => Err(error),
    }
}

fn text(folder: &Path, name: &str) -> Result<String, StoreError> {
    let path = folder.join(name);
    fs::read_to_string(&path).map_err(|cause| StoreError::Io { path, cause })
}

fn unreadable(folder: &Path, cause: ReadError) -> StoreError {
    StoreError::Record {
        folder: folder.to_owned(),
        cause,
    }
}

/// Reads every trial below `runs`, in the order of their paths, and what could not be read.
pub fn scan(runs: &Path) -> (Vec<Stored>, Vec<StoreError>) {
    let mut stored = Vec::new();
    let mut errors = Vec::new();
    for entry in WalkDir::new(runs).sort_by_file_name().into_iter().flatten() {
        if entry.file_name() != RUN_FILE {
            continue;
        }
        match entry.path().parent().map(read) {
            Some(Ok(trial)) => stored.push(trial),
            Some(Err(error)) => errors.push(error),
            None => {}
        }
    }
    (stored, errors)
}

/// Keeps the last attempt of each trial.
pub fn latest(mut stored: Vec<Stored>) -> Vec<Stored> {
    let mut kept: Vec<Stored> = Vec::new();
    stored.sort_by_key(|trial| (base(&trial.folder), trial.attempt));
    for trial in stored {
        match kept.last_mut() {
            Some(last) if base(&last.folder) == base(&trial.folder) => *last = trial,
            _ => kept.push(trial),
        }
    }
    kept
}

/// A trial's folder below `runs`, without an attempt's number: its configuration and source are in the name.
///
/// # Errors
/// When the configuration has no canonical form, which a resolved one always has.
pub fn folder(
    runs: &Path,
    suite: &str,
    run: &RunSpec,
    source_hash: &str,
) -> Result<PathBuf, CanonicalError> {
    let config_hash = run.config_hash()?;
    let identity = canonical::hash("bench trial v1", &(config_hash, source_hash))?;
    let digits = identity.get(..DIGITS).unwrap_or(&identity);
    Ok(runs
        .join(suite)
        .join(&run.submission.name)
        .join(&run.workload_name)
        .join(format!("study-{}", run.seed.study))
        .join(format!("trial-{}-{digits}", run.seed.trial)))
}

const DIGITS: usize = 12;

/// All attempts of the trial whose first folder is `first`, oldest first. Unreadable ones are passed over, but keep their number.
pub fn attempts(first: &Path) -> (Vec<Stored>, u32) {
    let mut found = Vec::new();
    let mut next = 1;
    while attempt_folder(first, next).exists() {
        found.extend(read(&attempt_folder(first, next)));
        next += 1;
    }
    (found, next)
}

/// Folder of the n-th attempt: the trial's own, then `-2`, `-3` and so on.
pub fn attempt_folder(first: &Path, attempt: u32) -> PathBuf {
    match attempt {
        0 | 1 => first.to_owned(),
        n => first.with_file_name(format!("{}-{n}", name(first))),
    }
}

fn name(folder: &Path) -> String {
    folder
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// `trial-1-0123456789ab-3` is the third attempt.
fn attempt(folder: &Path) -> u32 {
    name(folder)
        .split('-')
        .nth(3)
        .and_then(|number| number.parse().ok())
        .unwrap_or(1)
}

fn base(folder: &Path) -> PathBuf {
    let parts: Vec<String> = name(folder).split('-').take(3).map(str::to_owned).collect();
    folder.with_file_name(parts.join("-"))
}

/// `<suite>/<submission>/<workload>/study-<s>/trial-…`: five levels.
fn suite(folder: &Path) -> String {
    folder.ancestors().nth(4).map(name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_share_a_base() {
        let first = Path::new("runs/s/lion/mnist/study-1/trial-2-0123456789ab");
        assert_eq!(attempt_folder(first, 1), first);
        let third = attempt_folder(first, 3);
        assert!(third.ends_with("trial-2-0123456789ab-3"));
        assert_eq!((attempt(first), attempt(&third)), (1, 3));
        assert_eq!(base(&third), first);
        assert_eq!(suite(&third), "s");
    }
}
