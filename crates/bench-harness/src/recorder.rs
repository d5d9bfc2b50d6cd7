//! Writes one trial's record: `run.json` whole and by rename, `events.jsonl` line by line and only at its end.
//!
//! The record is the product, so a record that cannot be written ends the trial; it is never a warning.

use crate::file;
use crate::lease::Lease;
use bench_core::outcome::Outcome;
use bench_core::record::{Line, RunRecord, TrialEvent};
use serde::Serialize;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

pub use bench_score::{EVENTS_FILE, RUN_FILE};

/// When the trial was asked for again, where it was.
pub const ASKED_FILE: &str = "asked.json";
/// What the worker printed.
pub const STDERR_FILE: &str = "stderr.log";
/// What the evaluator printed.
pub const EVALUATOR_LOG: &str = "evaluator.log";

/// Bytes of lines that the submission decides about; more are dropped, so that a chatty one cannot fill the disk.
pub const MAX_LOGGED: u64 = 64 << 20;

/// A record cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A file failed.
    #[error("the record cannot be written: {}: {cause}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Another referee is at this trial.
    #[error("another bench is running this trial: {}", folder.display())]
    Busy {
        /// The trial's folder.
        folder: PathBuf,
    },
    /// Another referee goes on with this trial: its owner was not heard of for too long, or somebody insisted.
    #[error("another bench took this trial over: {}", by.display())]
    TakenOver {
        /// The attempt that it makes.
        by: PathBuf,
    },
}

/// Whether a record takes more of the submission's own lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// It does.
    Left,
    /// This was the last one.
    JustGone,
    /// It was not written.
    Gone,
}

/// A trial's record while it is being written. Its lease is held meanwhile, which is how anybody can tell that the trial is alive.
#[derive(Debug)]
pub struct Recorder {
    folder: PathBuf,
    record: RunRecord,
    events: File,
    lease: Lease,
    began: Instant,
    lines: Vec<Line>,
    logged: u64,
}

impl Recorder {
    /// Opens the record in `folder`: a new one, or one to go on with, whose earlier `lines` are given.
    ///
    /// # Errors
    /// When a file cannot be written, or another referee holds the folder.
    pub fn open(
        folder: &Path,
        record: RunRecord,
        lines: Vec<Line>,
    ) -> Result<Recorder, RecordError> {
        fs::create_dir_all(folder).map_err(failed(folder))?;
        let lease = Lease::take(folder)?;
        write_whole(&folder.join(RUN_FILE), &record)?;
        let path = folder.join(EVENTS_FILE);
        let events = open_at_last_line(&path).map_err(failed(&path))?;
        Ok(Recorder {
            folder: folder.to_owned(),
            record,
            events,
            lease,
            began: Instant::now(),
            lines,
            logged: 0,
        })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// When it cannot be written whole; what was written of it is a torn last line.
    pub fn append(&mut self, event: TrialEvent) -> Result<(), RecordError> {
        self.write(event).map(drop)
    }

    /// Adds a line that the submission decided about, unless there were too many.
    ///
    /// # Errors
    /// As [`Recorder::append`].
    pub fn append_bounded(&mut self, event: TrialEvent) -> Result<Room, RecordError> {
        if self.logged > MAX_LOGGED {
            return Ok(Room::Gone);
        }
        self.logged += self.write(event)?;
        Ok(match self.logged > MAX_LOGGED {
            true => Room::JustGone,
            false => Room::Left,
        })
    }

    /// Tells how many bytes it wrote.
    fn write(&mut self, event: TrialEvent) -> Result<u64, RecordError> {
        self.lease.check()?;
        let line = Line {
            t: self.began.elapsed().as_secs_f64(),
            event,
        };
        let mut write = || {
            let mut text = serde_json::to_vec(&line)?;
            text.push(b'\n');
            self.events.write_all(&text)?;
            Ok(text.len() as u64)
        };
        let written = write().map_err(failed(&self.folder.join(EVENTS_FILE)))?;
        // No summary needs these, and there may be many.
        let chatter = matches!(
            line.event,
            TrialEvent::Logged { .. } | TrialEvent::Unknown { .. }
        );
        if !chatter {
            self.lines.push(line);
        }
        Ok(written)
    }

    /// Makes sure that the lines so far survive a loss of power, before something is kept that refers to them.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> Result<(), RecordError> {
        self.events
            .sync_data()
            .map_err(failed(&self.folder.join(EVENTS_FILE)))
    }

    /// Sees whether the trial is still this referee's.
    ///
    /// # Errors
    /// [`RecordError::TakenOver`] when it is not.
    pub fn check(&mut self) -> Result<(), RecordError> {
        self.lease.check()
    }

    /// Every line that a summary needs, earlier parts included.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Writes `run.json` for the last time.
    ///
    /// # Errors
    /// When it cannot be written; the first one stays then.
    pub fn finish(mut self, outcome: Outcome) -> Result<(), RecordError> {
        self.lease.check()?;
        self.sync()?;
        self.record.ended = Some(now());
        self.record.outcome = Some(outcome);
        let events = self.folder.join(EVENTS_FILE);
        self.record.events_digest = Some(file::digest(&events).map_err(failed(&events))?);
        write_whole(&self.folder.join(RUN_FILE), &self.record)
    }
}

/// Writes what a referee that was killed right after its last line could not: the end of `run.json`. It is the same whoever writes it, and however often.
///
/// # Errors
/// When it cannot be written.
pub fn complete(folder: &Path, record: RunRecord, outcome: Outcome) -> Result<(), RecordError> {
    let events = folder.join(EVENTS_FILE);
    let ended = || {
        let written = fs::metadata(&events)?.modified()?;
        let at = jiff::Timestamp::try_from(written).map_err(io::Error::other)?;
        Ok((at, file::digest(&events)?))
    };
    let (at, digest) = ended().map_err(failed(&events))?;
    let whole = RunRecord {
        ended: Some(time(at)),
        outcome: Some(outcome),
        events_digest: Some(digest),
        ..record
    };
    write_whole(&folder.join(RUN_FILE), &whole)
}

/// The time of day as records hold it.
pub fn now() -> String {
    time(jiff::Timestamp::now())
}

fn time(at: jiff::Timestamp) -> String {
    let rounded = at.round(jiff::Unit::Millisecond);
    rounded.unwrap_or(at).to_string()
}

/// Opens for appending, without the torn line that a kill may have left.
fn open_at_last_line(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .open(path)?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let whole = text
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |end| end + 1);
    file.set_len(whole as u64)?;
    file.seek(SeekFrom::End(0))?;
    Ok(file)
}

fn write_whole(path: &Path, record: &impl Serialize) -> Result<(), RecordError> {
    let write = || -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(record)?;
        text.push(b'\n');
        file::write_whole(path, &text)
    };
    write().map_err(failed(path))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> RecordError {
    let path = path.to_owned();
    move |cause| RecordError::Io {
        path: path.clone(),
        cause,
    }
}
