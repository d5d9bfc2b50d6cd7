//! What a calibration leaves behind: its record, its picture, and the workload's file.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::workspace::Workspace;
use bench_core::number::Span;
use bench_core::spec::edit;
use bench_harness::file::write_whole;
use bench_report::calibration::picture;
use bench_score::calibration::CalibrationRecord;
use std::path::{Path, PathBuf};
use std::time::Duration;

const FOLDER: &str = "results/calibration";
const RECORD: &str = "calibration.json";
const PICTURE: &str = "curves.svg";

/// What `target.source` says.
pub(super) fn source(workload: &str) -> String {
    format!("{FOLDER}/{workload}")
}

/// A workload's record.
pub(super) fn record_path(workspace: &Workspace, workload: &str) -> PathBuf {
    workspace.home.root.join(source(workload)).join(RECORD)
}

/// The time budget as specs write it.
pub(super) fn budget(record: &CalibrationRecord) -> Span {
    Span(Duration::from_secs_f64(record.finding.budget_seconds))
}

/// Writes everything; the lines to tell.
pub(super) fn all(workspace: &Workspace, record: &CalibrationRecord) -> Result<String, Failure> {
    let folder = workspace.home.root.join(source(&record.workload));
    let path = workspace
        .home
        .root
        .join(format!("workloads/{}.yaml", record.workload));
    // The record first: a file that names it never comes without it.
    write(&folder.join(RECORD), &record.text().map_err(Failure::bug)?)?;
    write(&folder.join(PICTURE), &picture(record)?)?;
    let text = std::fs::read_to_string(&path).map_err(|error| failed("read", &path, &error))?;
    let new = spec(&text, record)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display()), None))?;
    write(&path, &new)?;
    Ok(format!(
        "written: {}, {}/{RECORD} and {PICTURE}",
        path.display(),
        folder.display()
    ))
}

/// The workload's text with target, source and time budget.
fn spec(text: &str, record: &CalibrationRecord) -> Result<String, edit::EditError> {
    let finding = &record.finding;
    let text = edit::set(
        text,
        "target",
        "validation",
        &finding.validation.to_string(),
    )?;
    let text = edit::set(&text, "target", "test", &finding.test.to_string())?;
    let text = edit::set(&text, "target", "source", &source(&record.workload))?;
    edit::set(&text, "budget", "time", &budget(record).to_string())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(path);
    let written = std::fs::create_dir_all(folder).and_then(|()| write_whole(path, text.as_bytes()));
    written.map_err(|error| failed("write", path, &error))
}

pub(super) fn failed(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    let message = format!("cannot {what} {}: {error}", path.display());
    Failure::new(Exit::Results, message, None)
}
