//! What a calibration leaves behind: its record, its picture, and the workload's file.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::workspace::Workspace;
use bench_core::number::Span;
use bench_core::record::Machine;
use bench_core::spec::edit;
use bench_core::spec::workload::Calibration;
use bench_harness::file::write_whole;
use bench_report::calibration::picture;
use bench_score::calibration::CalibrationRecord;
use std::path::{Path, PathBuf};
use std::time::Duration;

const FOLDER: &str = "results/calibration";
const RECORD: &str = "calibration.json";
const PICTURE: &str = "curves.svg";

/// Folder of a workload's record, from the root of the checkout.
pub(super) fn folder(workload: &str) -> String {
    format!("{FOLDER}/{workload}")
}

/// What `target.source` says.
pub(super) fn source(record: &CalibrationRecord) -> Calibration {
    Calibration {
        record: folder(&record.workload),
        digest: record.digest.clone(),
        command: record.command.clone(),
        machine: machine(&record.machine),
        spread: record.finding.spread,
    }
}

fn machine(machine: &Machine) -> String {
    let cores = format!("{} cores", machine.cores);
    let mut parts = vec![machine.fingerprint.as_str(), &machine.cpu, &cores];
    parts.extend(machine.gpus.iter().map(String::as_str));
    parts.join(", ")
}

/// The same as YAML: lines of a block, or one line for a map in braces.
fn yaml(source: &Calibration) -> [String; 2] {
    let (low, high) = source.spread;
    let pairs = [
        format!("record: {}", source.record),
        format!("digest: {}", source.digest),
        format!("command: {:?}", source.command),
        format!("machine: {:?}", source.machine),
        format!("spread: [{low}, {high}]"),
    ];
    let lines = pairs.iter().map(|pair| format!("\n    {pair}"));
    [lines.collect(), format!("{{ {} }}", pairs.join(", "))]
}

/// A workload's record.
pub(in crate::commands) fn record_path(workspace: &Workspace, workload: &str) -> PathBuf {
    workspace.home.root.join(folder(workload)).join(RECORD)
}

/// The time budget as specs write it.
pub(super) fn budget(record: &CalibrationRecord) -> Span {
    Span(Duration::from_secs_f64(record.finding.budget_seconds))
}

/// Writes everything; the lines to tell.
pub(super) fn all(workspace: &Workspace, record: &CalibrationRecord) -> Result<String, Failure> {
    let folder = workspace.home.root.join(folder(&record.workload));
    // The record first: a file that names it never comes without it.
    write(&folder.join(RECORD), &record.text().map_err(Failure::bug)?)?;
    write(&folder.join(PICTURE), &picture(record)?)?;
    let path = workload(workspace, record)?;
    Ok(format!(
        "written: {}, {}/{RECORD} and {PICTURE}",
        path.display(),
        folder.display()
    ))
}

/// Writes target, source and time budget into the workload's file, and nothing else.
pub(super) fn workload(
    workspace: &Workspace,
    record: &CalibrationRecord,
) -> Result<PathBuf, Failure> {
    let name = format!("workloads/{}.yaml", record.workload);
    let path = workspace.home.root.join(name);
    let text = std::fs::read_to_string(&path).map_err(|error| failed("read", &path, &error))?;
    let new = spec(&text, record)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display()), None))?;
    write(&path, &new)?;
    Ok(path)
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
    let [block, line] = yaml(&source(record));
    let text = edit::set(&text, "target", "source", &block)
        .or_else(|_| edit::set(&text, "target", "source", &line))?;
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
