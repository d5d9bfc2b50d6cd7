//! Baselines: folders of records in `results/baselines`, committed, and changed by `--accept` only.

use super::runs::Records;
use super::side::Side;
use crate::exit::Exit;
use crate::failure::Failure;
use bench_harness::home::Home;
use bench_harness::recorder::{EVENTS_FILE, RUN_FILE};
use bench_harness::store::{self, Stored};
use bench_report::units;
use bench_score::gate::Judgement;
use bench_score::statistics::Verdict;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where they are, in the checkout.
const FOLDER: &str = "results/baselines";

/// Whether a path, which need not exist, is a folder of that place.
pub(super) fn is_one(home: &Home, path: &Path) -> bool {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let parent = absolute.parent().map(Path::to_owned).unwrap_or_default();
    let place = home.root.join(FOLDER);
    parent == place
        || matches!((parent.canonicalize(), place.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Refuses to write anywhere else.
pub(super) fn check(home: &Home, base: &Side) -> Result<(), Failure> {
    match base {
        Side::Records(folder) if is_one(home, folder) => Ok(()),
        _ => Err(Failure::usage(
            "only a baseline can be replaced",
            format!(
                "let BASE be a folder in {FOLDER}, such as {FOLDER}/adamw; it need not exist yet"
            ),
        )),
    }
}

/// Refuses what nobody would want for a baseline unless they say so twice: a candidate that is worse, or another submission's records.
pub(super) fn is_welcome(records: &Records, judgement: &Judgement) -> Result<(), Failure> {
    let (old, new) = (submissions(&records.base), submissions(&records.candidate));
    let worse = match judgement.verdict {
        Verdict::Regression => Some("slower than the baseline"),
        Verdict::ReachRateFell => Some("reaching its target less often than the baseline"),
        _ => None,
    };
    let worse = worse.filter(|_| !judgement.workloads.is_empty());
    let message = match worse {
        Some(worse) => format!("the candidate is {worse}, and is not accepted"),
        None if !old.is_empty() && old != new => format!(
            "the baseline is of {}, the candidate of {}: it is not accepted",
            old.join(", "),
            new.join(", ")
        ),
        None => return Ok(()),
    };
    let help = "`--accept --accept` puts it in the baseline's place all the same".to_owned();
    Err(Failure::new(Exit::Worse, message, help))
}

/// Whose records these are.
fn submissions(records: &[Stored]) -> Vec<&str> {
    let names = records
        .iter()
        .map(|one| one.trial.record.run.submission.name.as_str());
    let names: BTreeSet<&str> = names.collect();
    names.into_iter().collect()
}

/// Records in few words: how many, whose, and of which days.
fn described(records: &[Stored]) -> String {
    let days = records
        .iter()
        .map(|one| one.trial.record.started.get(..10).unwrap_or_default());
    let days: BTreeSet<&str> = days.collect();
    let days = match (days.first(), days.last()) {
        (Some(first), Some(last)) if first != last => format!(" of {first} to {last}"),
        (Some(day), _) => format!(" of {day}"),
        _ => String::new(),
    };
    let count = units::counted(records.len() as u64, "record");
    format!("{count} of {}{days}", submissions(records).join(", "))
}

/// Puts the candidate's records in a baseline's place, whole or not at all; what was done and what stood there, in a line.
pub(super) fn accept(home: &Home, base: &Side, sides: &Records) -> Result<String, Failure> {
    check(home, base)?;
    let records = &sides.candidate;
    let Side::Records(folder) = base else {
        return Ok(String::new());
    };
    if records.is_empty() {
        return Err(Failure::new(
            Exit::Results,
            "the candidate has no finished trial to accept",
            None,
        ));
    }
    let beside = folder.with_extension("new");
    let written = write(&beside, records).and_then(|()| replace(folder, &beside));
    if written.is_err() {
        // What is half written is no baseline.
        let _ = remove(&beside);
    }
    written.map_err(|cause| {
        Failure::new(
            Exit::Results,
            format!("cannot write {}: {cause}", folder.display()),
            None,
        )
    })?;
    let replaced = match sides.base.as_slice() {
        [] => "where nothing stood".to_owned(),
        old => format!("in place of {}", described(old)),
    };
    Ok(format!(
        "accepted: {} now holds {}, {replaced}; commit it",
        folder.display(),
        described(records)
    ))
}

fn write(folder: &Path, records: &[Stored]) -> io::Result<()> {
    remove(folder)?;
    for record in records {
        let run = &record.trial.record.run;
        let name = record
            .folder
            .file_name()
            .map(PathBuf::from)
            .unwrap_or_default();
        let below = store::below_suite(run).map_err(io::Error::other)?;
        let to = folder.join(below).join(name);
        fs::create_dir_all(&to)?;
        for file in [RUN_FILE, EVENTS_FILE] {
            fs::copy(record.folder.join(file), to.join(file))?;
        }
    }
    Ok(())
}

/// At no moment are there fewer than one of the two on the disk.
fn replace(folder: &Path, with: &Path) -> io::Result<()> {
    let old = folder.with_extension("old");
    remove(&old)?;
    match fs::rename(folder, &old) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => fs::rename(with, folder)?,
    }
    remove(&old)
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
