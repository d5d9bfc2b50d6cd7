//! Snapshots: two folders in memory that take turns, and now and then a copy on the disk that survives the referee.

use super::Trial;
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
const FOLDER: &str = "snapshot";
/// A copy may take this share of the free disk at most: one part in so many.
const SHARE_OF_DISK: u64 = 10;
/// Of two snapshots: weights, their averages and two moments, of four bytes each.
const BYTES_A_PARAMETER: u64 = 2 * 4 * 4;
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

/// Finds the newest snapshot in `folder` that belongs to an evaluation in `lines`.
pub fn resume_point(folder: &Path, run: &RunSpec, lines: &[Line]) -> Option<ResumePoint> {
    let curve = TrialSummary::fold(run, lines).curve;
    curve.iter().rev().find_map(|point| {
        let snapshot = folder.join(FOLDER).join(step_name(point.step));
        let whole = [EVAL_FILE, STATE_FILE]
            .iter()
            .all(|file| snapshot.join(file).is_file());
        whole.then_some(ResumePoint {
            snapshot,
            step: point.step,
            submission_ns: point.submission_ns,
        })
    })
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

    /// Whether it is time for another copy on the disk.
    pub(super) fn is_due(&self) -> bool {
        self.last_kept.elapsed() >= self.keep_every
    }

    /// Copies the last evaluated snapshot to the disk, in place of an older one, unless `hurry` says to give up.
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
        for file in [EVAL_FILE, STATE_FILE] {
            copy(&latest.folder.join(file), &unfinished.join(file), hurry)?;
        }
        fs::rename(&unfinished, self.kept.join(&name))?;
        latest.kept = true;
        remove_others(&self.kept, &name)?;
        Ok(Keeping::Kept)
    }
}

fn step_name(step: u64) -> String {
    format!("step-{step}")
}

fn remove_others(folder: &Path, name: &str) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() != name {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path, hurry: &mut dyn FnMut() -> bool) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut target = File::create(to)?;
    let mut buffer = vec![0; CHUNK];
    loop {
        if hurry() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match source.read(&mut buffer)? {
            0 => return target.sync_data(),
            read => target.write_all(&buffer[..read])?,
        }
    }
}
