//! Everything below a folder that claims to be a result, checked against itself. Nothing is run and nothing is written.

use crate::file;
use crate::store::{self, StoreError};
use bench_score::calibration::CalibrationRecord;
use std::fs;
use std::io;
use std::path::Path;
use walkdir::WalkDir;

/// In a published folder: blake3 of its files and of what they were made from.
pub const DIGESTS: &str = "digests.txt";
/// What is before the name of a file that a published one was made from.
const FROM: &str = "from ";
const CALIBRATION: &str = "calibration.json";

/// What was looked at, and what was found.
#[derive(Debug, Default)]
pub struct Verified {
    /// Records that add up.
    pub records: usize,
    /// Of these, those of an older format, which hold no digests.
    pub older: usize,
    /// Of these, those that a referee is at.
    pub live: usize,
    /// Published folders whose files are what was published.
    pub boards: usize,
    /// Calibrations whose trials are those that their digest is of.
    pub calibrations: usize,
    /// Records that do not add up or cannot be read, and folders that are no trial's.
    pub left_out: Vec<StoreError>,
    /// Files that are not what was written, in words.
    pub changed: Vec<String>,
}

/// Looks through a folder.
///
/// # Errors
/// When there is no such folder.
pub fn verify(folder: &Path) -> io::Result<Verified> {
    fs::read_dir(folder)?;
    let (stored, left_out) = store::scan(folder);
    let mut verified = Verified {
        records: stored.len(),
        older: stored
            .iter()
            .filter(|one| one.trial.record.is_older())
            .count(),
        live: stored.iter().filter(|one| one.live).count(),
        left_out,
        ..Verified::default()
    };
    for entry in WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .flatten()
    {
        let (found, count) = match entry.file_name().to_str() {
            Some(DIGESTS) => (board(entry.path()), &mut verified.boards),
            Some(CALIBRATION) => (calibration(entry.path()), &mut verified.calibrations),
            _ => continue,
        };
        *count += usize::from(found.is_empty());
        verified.changed.extend(found);
    }
    Ok(verified)
}

/// What of a published folder is not what its digests are of. What it was made from lies elsewhere, and is not looked for.
fn board(digests: &Path) -> Vec<String> {
    let text = match fs::read_to_string(digests) {
        Ok(text) => text,
        Err(error) => return vec![format!("{}: {error}", digests.display())],
    };
    let wrong = text.lines().enumerate().filter_map(|(index, line)| {
        let place = format!("{}:{}", digests.display(), index + 1);
        let Some((said, name)) = line.split_once("  ") else {
            return Some(format!("{place}: `{line}` is no digest and name"));
        };
        // A name, and no way to somewhere else.
        let file = match name.strip_prefix(FROM) {
            Some(_) => return None,
            None if Path::new(name).file_name() == Some(name.as_ref()) => {
                digests.with_file_name(name)
            }
            None => return Some(format!("{place}: `{name}` is no file of this folder")),
        };
        differs(&file, said).map(|what| format!("{place}: {what}"))
    });
    wrong.collect()
}

fn differs(file: &Path, said: &str) -> Option<String> {
    match file::digest(file) {
        Ok(found) if found == said => None,
        Ok(found) => Some(format!(
            "{} has {found:.12}, and not {said:.12}: it was changed",
            file.display()
        )),
        Err(error) => Some(format!("{}: {error}", file.display())),
    }
}

fn calibration(path: &Path) -> Vec<String> {
    let told = |what: String| vec![format!("{}: {what}", path.display())];
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return told(error.to_string()),
    };
    let record: CalibrationRecord = match serde_json::from_str(&text) {
        Ok(record) => record,
        Err(error) => return told(error.to_string()),
    };
    match CalibrationRecord::digest(&record.trials) {
        Ok(found) if found == record.digest => Vec::new(),
        Ok(found) => told(format!(
            "`digest` is {:.12}, but `trials` has {found:.12}: one of them was changed",
            record.digest
        )),
        Err(error) => told(error.to_string()),
    }
}
