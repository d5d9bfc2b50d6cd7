//! Record folders of several machines or people joined into one.
//!
//! A record keeps its path, so that `bench run` finds finished trials again. Where that place is taken by the same trial of another
//! machine, the record goes below a folder of that machine's: machines stay a factor, and none hides another.

use crate::recorder::{ASKED_FILE, EVALUATOR_LOG, EVENTS_FILE, RUN_FILE, STDERR_FILE};
use crate::store::{self, StoreError, Stored};
use bench_core::name::{Name, NameError};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What a record is copied of: no snapshot, which only its own machine could go on from.
const FILES: [&str; 5] = [
    RUN_FILE,
    EVENTS_FILE,
    ASKED_FILE,
    STDERR_FILE,
    EVALUATOR_LOG,
];

/// A folder cannot be joined.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A file failed.
    #[error("cannot copy {}: {cause}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A suite, submission, workload or machine has no name that could be part of a path.
    #[error(transparent)]
    Name(#[from] NameError),
}

/// What joining did.
#[derive(Debug, Default)]
pub struct Merged {
    /// Records that were copied, where they are now.
    pub copied: Vec<PathBuf>,
    /// Records that were there already, with the same content.
    pub same: usize,
    /// Records whose trial is still running, which are left alone.
    pub live: Vec<PathBuf>,
    /// Two different records of one trial on one machine: the one that was left out, and the one that stands.
    pub conflicts: Vec<(PathBuf, PathBuf)>,
    /// What could not be read.
    pub unreadable: Vec<StoreError>,
}

/// Copies all records below `from` into `into`. Nothing that is there is ever changed, but for when a trial was last asked for: of two such notes the later stands.
///
/// # Errors
/// When a file cannot be copied. Records that cannot be read are told of, and hold up nothing.
pub fn merge(from: &Path, into: &Path) -> Result<Merged, MergeError> {
    // A relative way there would not say what lies above the records.
    let from = from.canonicalize().unwrap_or_else(|_| from.to_owned());
    let (stored, unreadable) = store::scan(&from);
    let mut merged = Merged {
        unreadable,
        ..Merged::default()
    };
    for record in stored {
        if record.live {
            merged.live.push(record.folder);
            continue;
        }
        let machine = &record.trial.record.machine.fingerprint;
        let aside = format!("{}@{machine}", record.suite);
        let places = [&record.suite, &aside].map(|suite| place(&record, suite));
        let [place, aside] = places.map(|place| place.map(|place| into.join(place)));
        match [place?, aside?]
            .into_iter()
            .find_map(|place| fate(&record, place))
        {
            Some(Fate::Free(place)) => {
                copy(&record.folder, &place)?;
                merged.copied.push(place);
            }
            Some(Fate::Same(place, asked)) => {
                note_later(&place, asked, record.trial.asked)?;
                merged.same += 1;
            }
            Some(Fate::Conflict(place)) => merged.conflicts.push((record.folder, place)),
            None => {}
        }
    }
    Ok(merged)
}

enum Fate {
    Free(PathBuf),
    /// Where it stands, and when it was last asked for there.
    Same(PathBuf, Option<String>),
    Conflict(PathBuf),
}

fn note_later(place: &Path, here: Option<String>, there: Option<String>) -> Result<(), MergeError> {
    let Some(at) = there else { return Ok(()) };
    let here = here.as_deref().map(bench_score::instant);
    if Some(bench_score::instant(&at)) <= here {
        return Ok(());
    }
    store::note_asked(place, &at).map_err(|cause| MergeError::Io {
        path: place.join(ASKED_FILE),
        cause,
    })
}

/// What becomes of a record at a place; none where another machine's record has it.
fn fate(record: &Stored, place: PathBuf) -> Option<Fate> {
    let Ok(other) = store::read(&place) else {
        return Some(match place.exists() {
            true => Fate::Conflict(place),
            false => Fate::Free(place),
        });
    };
    let machine = |record: &Stored| record.trial.record.machine.fingerprint.clone();
    if machine(&other) != machine(record) {
        return None;
    }
    // Bytes, and not values: a NaN is no other NaN.
    let bytes = |folder: &Path, name: &str| fs::read(folder.join(name)).ok();
    let same = |name: &str| bytes(&record.folder, name) == bytes(&place, name);
    Some(match same(RUN_FILE) && same(EVENTS_FILE) {
        true => Fate::Same(place, other.trial.asked),
        false => Fate::Conflict(place),
    })
}

/// `<suite>/<submission>/<workload>/study-<s>/trial-…`, of names that lead nowhere else.
fn place(record: &Stored, suite: &str) -> Result<PathBuf, NameError> {
    let folder = record.folder.file_name().unwrap_or_default();
    let suite = Name::parse(suite)?;
    Ok(Path::new(suite.as_str())
        .join(store::below_suite(&record.trial.record.run)?)
        .join(folder))
}

/// Whole or not at all: the files go into a neighbouring folder of no trial's name, which is renamed, or gone.
fn copy(from: &Path, to: &Path) -> Result<(), MergeError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |cause| MergeError::Io { path, cause }
    };
    let parent = to.parent().unwrap_or(to);
    fs::create_dir_all(parent).map_err(failed(parent))?;
    let beside = tempfile::Builder::new()
        .prefix(".joining-")
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir_in(parent)
        .map_err(failed(parent))?;
    for name in FILES {
        let (file, copy) = (from.join(name), beside.path().join(name));
        if file.is_file() {
            let copied = fs::copy(&file, &copy).and_then(|_| File::open(&copy)?.sync_data());
            copied.map_err(failed(&file))?;
        }
    }
    fs::rename(beside.path(), to).map_err(failed(to))
}
