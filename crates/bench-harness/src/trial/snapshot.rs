//! Snapshots: two folders in memory that take turns, and now and then a copy on the disk that survives the referee.

use super::Trial;
use crate::file;
use crate::scratch::{self, Scratch};
use bench_core::protocol::{EVAL_FILE, STATE_FILE};
use bench_core::record::Line;
use bench_core::run::RunSpec;
use bench_score::TrialSummary;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Folder of the copies, in a trial's folder.
pub const FOLDER: &str = "snapshot";
/// A copy may take this share of the free disk at most: one part in so many.
const SHARE_OF_DISK: u64 = 10;
/// Of two snapshots: weights, their averages and two moments, of four bytes each.
const BYTES_A_PARAMETER: u64 = 2 * 4 * 4;
/// In a copy: blake3 of its two files, a line each.
const DIGESTS: &str = "digests.txt";
/// Copied at once, between looks at whether to give up.
const CHUNK: usize = 4 << 20;

/// Where an interrupted trial goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumePoint {
    /// Holds both files.
    pub snapshot: PathBuf,
    /// Steps done.
    pub step: u64,
    /// Submission time spent.
    pub submission_ns: u64,
}

/// What a trial's folder keeps to go on from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// The newest snapshot that is as it was written; none where there is none, or none such.
    pub point: Option<ResumePoint>,
    /// Newer ones that are not, in words.
    pub bad: Vec<String>,
}

/// Finds the newest snapshot in `folder` that belongs to an evaluation in `lines`, and reads it whole to see that no byte is another one.
pub fn resume_point(folder: &Path, run: &RunSpec, lines: &[Line]) -> Kept {
    let mut kept = Kept::default();
    for point in TrialSummary::fold(run, lines).curve.iter().rev() {
        let snapshot = folder.join(FOLDER).join(step_name(point.step));
        if !snapshot.is_dir() {
            continue;
        }
        match verified(&snapshot) {
            Ok(()) => {
                kept.point = Some(ResumePoint {
                    snapshot,
                    step: point.step,
                    submission_ns: point.submission_ns,
                });
                break;
            }
            Err(why) => kept.bad.push(format!("{}: {why}", snapshot.display())),
        }
    }
    kept
}

/// Whether a snapshot's files are those that were written.
fn verified(snapshot: &Path) -> Result<(), String> {
    let unread = |name: &str, cause: io::Error| format!("{name} cannot be read: {cause}");
    let digests = fs::read_to_string(snapshot.join(DIGESTS));
    let digests = digests.map_err(|cause| unread(DIGESTS, cause))?;
    for name in [EVAL_FILE, STATE_FILE] {
        let found = file::digest(&snapshot.join(name)).map_err(|cause| unread(name, cause))?;
        if !digests
            .lines()
            .any(|line| line == digest_line(&found, name))
        {
            return Err(format!(
                "{name} is not what was written: its digest is {found:.12}"
            ));
        }
    }
    Ok(())
}

fn digest_line(digest: &str, name: &str) -> String {
    format!("{digest}  {name}")
}

/// Removes a finished trial's copies.
pub(super) fn prune(folder: &Path) {
    // What cannot be removed now is found by `bench clean`.
    let _ = fs::remove_dir_all(folder.join(FOLDER));
}

/// What became of keeping a copy.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// It is on the disk.
    Kept,
    /// There is nothing new to keep.
    NothingNew,
    /// It would take more of the disk than is decent; said once.
    TooLarge {
        /// Size of the snapshot.
        bytes: u64,
        /// Free bytes.
        free: u64,
    },
}

/// A trial's snapshots.
#[derive(Debug)]
pub(super) struct Snapshots {
    scratch: Scratch,
    kept: PathBuf,
    keep_every: Duration,
    last_kept: Instant,
    turn: bool,
    latest: Option<Latest>,
    refused: bool,
    /// The copy before the next one. It stays until there is a third, should the newer one turn out to be unreadable.
    previous: Option<String>,
}

#[derive(Debug)]
struct Latest {
    folder: PathBuf,
    step: u64,
    bytes: u64,
    evaluated: bool,
    kept: bool,
}

impl Snapshots {
    pub(super) fn new(scratch: Scratch, trial: &Trial) -> Snapshots {
        Snapshots {
            scratch,
            kept: trial.folder.join(FOLDER),
            keep_every: trial.keep_every,
            last_kept: Instant::now(),
            turn: false,
            latest: None,
            refused: false,
            previous: trial.resume.as_ref().map(|point| step_name(point.step)),
        }
    }

    pub(super) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Moves to the disk if a model of this many parameters is too large for the memory that is free.
    pub(super) fn make_room(&mut self, parameters: u64) {
        let bytes = parameters.saturating_mul(BYTES_A_PARAMETER);
        // Where the disk takes nothing either, the first snapshot says so.
        if !self.scratch.takes(bytes)
            && let Ok(elsewhere) = Scratch::create(bytes)
        {
            self.scratch = elsewhere;
        }
    }

    /// Where the next snapshot goes: never over the last one, which is the only one of its step until the next is whole.
    pub(super) fn next_folder(&mut self) -> io::Result<PathBuf> {
        self.turn = !self.turn;
        let name = if self.turn { "a" } else { "b" };
        let folder = self.scratch.path().join(name);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    pub(super) fn written(&mut self, folder: PathBuf, step: u64, bytes: u64) {
        self.latest = Some(Latest {
            folder,
            step,
            bytes,
            evaluated: false,
            kept: false,
        });
    }

    /// The folder of the last snapshot; the scratch folder before the first.
    pub(super) fn latest(&self) -> &Path {
        self.latest
            .as_ref()
            .map_or(self.scratch.path(), |latest| &latest.folder)
    }

    /// The last snapshot's evaluation is in the record, so that a trial can go on from it.
    pub(super) fn evaluated(&mut self) {
        if let Some(latest) = &mut self.latest {
            latest.evaluated = true;
        }
    }

    /// The folder of the last snapshot, where it was evaluated.
    pub(super) fn last_evaluated(&self) -> Option<&Path> {
        let latest = self.latest.as_ref().filter(|latest| latest.evaluated)?;
        Some(&latest.folder)
    }

    /// Whether it is time for another copy on the disk.
    pub(super) fn is_due(&self) -> bool {
        self.last_kept.elapsed() >= self.keep_every
    }

    /// Copies the last evaluated snapshot to the disk, in place of the one before the last, unless `hurry` says to give up.
    pub(super) fn keep(&mut self, hurry: &mut dyn FnMut() -> bool) -> io::Result<Keeping> {
        let Some(latest) = self.latest.as_mut().filter(|l| l.evaluated && !l.kept) else {
            return Ok(Keeping::NothingNew);
        };
        self.last_kept = Instant::now();
        fs::create_dir_all(&self.kept)?;
        if let Some(free) = scratch::free_bytes(&self.kept)
            && latest.bytes > free / SHARE_OF_DISK
        {
            let said = std::mem::replace(&mut self.refused, true);
            let bytes = latest.bytes;
            return Ok(if said {
                Keeping::NothingNew
            } else {
                Keeping::TooLarge { bytes, free }
            });
        }
        let name = step_name(latest.step);
        let unfinished = self.kept.join(".unfinished");
        let _ = fs::remove_dir_all(&unfinished);
        fs::create_dir_all(&unfinished)?;
        let mut digests = String::new();
        for file in [EVAL_FILE, STATE_FILE] {
            let digest = copy(&latest.folder.join(file), &unfinished.join(file), hurry)?;
            digests.push_str(&digest_line(&digest, file));
            digests.push('\n');
        }
        file::write_whole(&unfinished.join(DIGESTS), digests.as_bytes())?;
        // One that could not be gone on from may be in its place.
        let _ = fs::remove_dir_all(self.kept.join(&name));
        fs::rename(&unfinished, self.kept.join(&name))?;
        latest.kept = true;
        remove_others(&self.kept, &[Some(&name), self.previous.as_ref()])?;
        self.previous = Some(name);
        Ok(Keeping::Kept)
    }
}

fn step_name(step: u64) -> String {
    format!("step-{step}")
}

fn remove_others(folder: &Path, names: &[Option<&String>]) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_one = |name: &&String| entry.file_name() == name.as_str();
        if !names.iter().flatten().any(is_one) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Copies a file whole, and tells the blake3 of what was read.
fn copy(from: &Path, to: &Path, hurry: &mut dyn FnMut() -> bool) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    let mut source = File::open(from)?;
    let mut target = File::create(to)?;
    let mut buffer = vec![0; CHUNK];
    loop {
        if hurry() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match source.read(&mut buffer)? {
            0 => break,
            read => {
                hasher.update(&buffer[..read]);
                target.write_all(&buffer[..read])?;
            }
        }
    }
    target.sync_data()?;
    Ok(hasher.finalize().to_hex().to_string())
}
