//! Reads results folders back. One broken record never hides the others.

use crate::file;
use crate::lease;
use crate::recorder::ASKED_FILE;
use bench_core::canonical::{self, CanonicalError};
use bench_core::name::{Name, NameError};
use bench_core::outcome::{FailureKind, Outcome};
use bench_core::record::{Asked, Line};
use bench_core::run::RunSpec;
use bench_score::{EVENTS_FILE, RUN_FILE, ReadError, Trial};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// A record cannot be read, or is not to be believed.
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
    /// The files are there, but hold something else, or do not add up.
    #[error("{}/{cause}", folder.display())]
    Record {
        /// The trial's folder.
        folder: PathBuf,
        /// What is wrong, with its file.
        cause: ReadError,
    },
    /// A folder with a record's files, and not a trial's name: somebody's copy, or what was left half done.
    #[error("{} is no trial's folder: ignored", folder.display())]
    Stranger {
        /// Which.
        folder: PathBuf,
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

impl StoreError {
    /// The trial's folder.
    pub fn folder(&self) -> &Path {
        match self {
            StoreError::Io { path, .. } => path.parent().unwrap_or(path),
            StoreError::Record { folder, .. } | StoreError::Stranger { folder } => folder,
        }
    }

    /// Whether it is no record at all, so that nothing is missing without it.
    pub fn is_stranger(&self) -> bool {
        matches!(self, StoreError::Stranger { .. })
    }
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

/// Reads one trial's folder, and checks it: the one door through which every command gets its records.
///
/// # Errors
/// When a file is missing or holds something else, or when what they hold does not add up. A missing `events.jsonl` is an empty one.
pub fn read(folder: &Path) -> Result<Stored, StoreError> {
    open(folder).map(|(stored, _)| stored)
}

/// When the trial was last asked for again, if it was.
fn asked(folder: &Path) -> Result<Option<String>, StoreError> {
    let text = match text(folder, ASKED_FILE) {
        Err(StoreError::Io { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {
            return Ok(None);
        }
        text => text?,
    };
    let asked: Asked =
        serde_json::from_str(&text).map_err(|cause| unreadable(folder, ReadError::Asked(cause)))?;
    Ok(Some(asked.at))
}

/// Notes beside a record that its trial was asked for at this time.
///
/// # Errors
/// When the folder cannot be written.
pub fn note_asked(folder: &Path, at: &str) -> io::Result<()> {
    let asked = Asked { at: at.to_owned() };
    let text = serde_json::to_string(&asked)? + "\n";
    crate::file::write_whole(&folder.join(ASKED_FILE), text.as_bytes())
}

/// Whether there are records of the same submission, workload, study and trial with another source or configuration, in whichever suite.
pub fn has_rivals(runs: &Path, run: &RunSpec, own: &Path) -> bool {
    let own = base(own);
    let below = Path::new(&run.submission.name)
        .join(&run.workload_name)
        .join(format!("study-{}", run.seed.study));
    let prefix = format!("trial-{}-", run.seed.trial);
    let entries = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten();
    entries(runs.to_owned())
        .flat_map(|suite| entries(suite.path().join(&below)))
        .map(|entry| entry.path())
        .any(|folder| name(&folder).starts_with(&prefix) && base(&folder) != own)
}

/// The record with its lines.
///
/// # Errors
/// As [`read`].
pub fn open(folder: &Path) -> Opened {
    loop {
        let run = text(folder, RUN_FILE)?;
        let events = match text(folder, EVENTS_FILE) {
            Err(StoreError::Io { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {
                String::new()
            }
            other => other?,
        };
        let (trial, lines) = match bench_score::read(&run, &events) {
            Ok(read) => read,
            // A referee may have gone on between the two.
            Err(_) if text(folder, RUN_FILE)? != run => continue,
            Err(cause) => return Err(unreadable(folder, cause)),
        };
        let stored = Stored {
            folder: folder.to_owned(),
            suite: suite(folder),
            attempt: attempt(folder),
            live: lease::is_live(folder),
            trial: Trial {
                asked: asked(folder)?,
                ..trial
            },
        };
        return Ok((stored, lines));
    }
}

fn text(folder: &Path, name: &str) -> Result<String, StoreError> {
    let path = folder.join(name);
    file::read_text(&path).map_err(|cause| StoreError::Io { path, cause })
}

fn unreadable(folder: &Path, cause: ReadError) -> StoreError {
    StoreError::Record {
        folder: folder.to_owned(),
        cause,
    }
}

/// Reads every trial below `runs`, in the order of their paths, and tells what is left out: what cannot be read, what does not add up, and
/// folders that are no trial's.
pub fn scan(runs: &Path) -> (Vec<Stored>, Vec<StoreError>) {
    let mut stored = Vec::new();
    let mut left_out = Vec::new();
    for entry in WalkDir::new(runs).sort_by_file_name() {
        let found = match entry {
            Ok(entry) => record_in(&entry).map(|folder| match FolderName::parse(&name(&folder)) {
                Some(_) => read(&folder),
                None => Err(StoreError::Stranger { folder }),
            }),
            // A folder where nothing has run yet.
            Err(error) if is_missing(&error) => None,
            Err(error) => Some(Err(StoreError::Io {
                path: error.path().unwrap_or(runs).to_owned(),
                cause: error.into(),
            })),
        };
        match found {
            Some(Ok(trial)) => stored.push(trial),
            Some(Err(error)) => left_out.push(error),
            None => {}
        }
    }
    (stored, left_out)
}

fn is_missing(error: &walkdir::Error) -> bool {
    let cause = error.io_error().map(io::Error::kind);
    error.depth() == 0 && cause == Some(io::ErrorKind::NotFound)
}

/// The folder that a file makes a record's: its `run.json`, or lines that have none beside them.
fn record_in(entry: &walkdir::DirEntry) -> Option<PathBuf> {
    let folder = entry.path().parent()?;
    let is_record = entry.file_name() == RUN_FILE
        || entry.file_name() == EVENTS_FILE && !folder.join(RUN_FILE).exists();
    is_record.then(|| folder.to_owned())
}

/// Keeps the last attempt of each trial: of those that say something of the algorithm, or else the last of all.
pub fn latest(mut stored: Vec<Stored>) -> Vec<Stored> {
    let mut kept: Vec<Stored> = Vec::new();
    stored.sort_by_key(|trial| (base(&trial.folder), trial.attempt));
    for trial in stored {
        match kept.last_mut() {
            Some(last) if base(&last.folder) == base(&trial.folder) => {
                if last.trial.summary.is_unobserved() || !trial.trial.summary.is_unobserved() {
                    *last = trial;
                }
            }
            _ => kept.push(trial),
        }
    }
    kept
}

/// A trial has no folder.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Its configuration has no canonical form, which a resolved one always has.
    #[error(transparent)]
    Config(#[from] CanonicalError),
    /// Its suite, submission or workload has no name that could be part of a path.
    #[error(transparent)]
    Name(#[from] NameError),
}

/// A trial's folder below `runs`, without an attempt's number: its configuration and source are in the name.
///
/// # Errors
/// When there is no such folder.
pub fn folder(
    runs: &Path,
    suite: &str,
    run: &RunSpec,
    source_hash: &str,
) -> Result<PathBuf, PlaceError> {
    let config_hash = run.config_hash()?;
    let identity = canonical::hash("bench trial v1", &(config_hash, source_hash))?;
    let digits = identity.get(..DIGITS).unwrap_or(&identity);
    let place = runs.join(Name::parse(suite)?).join(below_suite(run)?);
    Ok(place.join(format!("trial-{}-{digits}", run.seed.trial)))
}

const DIGITS: usize = 12;

/// `<submission>/<workload>/study-<s>`, where the trials of a study lie.
///
/// # Errors
/// When one of them is no part of a path.
pub fn below_suite(run: &RunSpec) -> Result<PathBuf, NameError> {
    let study = format!("study-{}", run.seed.study);
    let submission = Name::parse(&run.submission.name)?;
    Ok(Path::new(submission.as_str())
        .join(Name::parse(&run.workload_name)?)
        .join(study))
}

/// A record with its lines, or why it is not to be used.
pub type Opened = Result<(Stored, Vec<Line>), StoreError>;

/// The last attempt of the trial whose first folder is `first`, where there is one, and the first number that no attempt has.
pub fn last_attempt(first: &Path) -> (Option<Opened>, u32) {
    let mut next = 1;
    while attempt_folder(first, next).exists() {
        next += 1;
    }
    let last = (next > 1).then(|| open(&attempt_folder(first, next - 1)));
    (last, next)
}

/// Folder of the n-th attempt: the trial's own, then `-2`, `-3` and so on.
pub fn attempt_folder(first: &Path, attempt: u32) -> PathBuf {
    match attempt {
        0 | 1 => first.to_owned(),
        n => first.with_file_name(format!("{}-{n}", name(first))),
    }
}

/// Folder of the attempt after this one.
pub fn next_attempt(folder: &Path) -> PathBuf {
    attempt_folder(&base(folder), attempt(folder) + 1)
}

fn name(folder: &Path) -> String {
    folder
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// What the name of a trial's folder says: `trial-1-0123456789ab-3` is the third attempt.
struct FolderName {
    /// The trial's own name, that of the first attempt.
    base: String,
    attempt: u32,
}

impl FolderName {
    /// None for a folder of another name: a copy that somebody made, or what was left half done.
    fn parse(name: &str) -> Option<FolderName> {
        let parts: Vec<&str> = name.split('-').collect();
        let (number, digits, attempt) = match parts.as_slice() {
            ["trial", number, digits] => (number, digits, 1),
            ["trial", number, digits, attempt] => (number, digits, attempt.parse().ok()?),
            _ => return None,
        };
        let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        number.parse::<u32>().ok()?;
        (digits.len() == DIGITS && is_hexadecimal).then(|| FolderName {
            base: format!("trial-{number}-{digits}"),
            attempt,
        })
    }
}

/// Number of an attempt, by its folder.
pub(crate) fn attempt(folder: &Path) -> u32 {
    FolderName::parse(&name(folder)).map_or(1, |name| name.attempt)
}

/// The first attempt's folder of the trial that this is an attempt of.
pub fn base(folder: &Path) -> PathBuf {
    match FolderName::parse(&name(folder)) {
        Some(name) => folder.with_file_name(name.base),
        None => folder.to_owned(),
    }
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

    #[test]
    fn only_a_trials_folder_has_a_trials_name() {
        for name in ["trial-1-0123456789ab", "trial-12-0123456789ab-3"] {
            assert!(FolderName::parse(name).is_some(), "{name}");
        }
        for name in [
            "trial-1-0123456789ab.bak",
            "trial-1-0123456789ab.joining",
            ".trial-1-0123456789ab.joining",
            "trial-1-0123456789ab-2-3",
            "trial-1-0123456789ab-copy",
            "trial-1-0123456789",
            "trial-x-0123456789ab",
            "trial-1-0123456789xy",
            "study-1",
            "",
        ] {
            assert!(FolderName::parse(name).is_none(), "{name}");
        }
    }
}
