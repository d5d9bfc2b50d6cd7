//! Committed calibrations looked at again: by their records, or by other seeds.

use super::runs::{Collected, Runs, resolve};
use super::{Arguments, write};
use crate::command_line::CommandLine;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_core::spec::calibration::TUNING;
use bench_core::spec::workload::TargetSource;
use bench_report::units;
use bench_score::calibration::{CalibrationRecord, Chosen, FORMAT, find};

/// A workload's committed record.
pub(in crate::commands) fn read(
    workspace: &Workspace,
    workload: &str,
) -> Result<CalibrationRecord, Failure> {
    let path = write::record_path(workspace, workload);
    let text = bench_harness::file::read_text(&path).map_err(|error| {
        let makes = CommandLine::new("calibrate").word(workload);
        let help = format!("`{makes}` makes one");
        let message = format!("cannot read {}: {error}", path.display());
        Failure::new(Exit::Results, message, help)
    })?;
    let record: CalibrationRecord = serde_json::from_str(&text).map_err(|error| {
        let message = format!(
            "{} is not a record of a calibration: {error}",
            path.display()
        );
        Failure::new(Exit::Results, message, None)
    })?;
    if record.format > FORMAT {
        let message = format!(
            "{} has format {}, this bench reads up to {FORMAT}",
            path.display(),
            record.format
        );
        return Err(Failure::new(Exit::Results, message, None));
    }
    Ok(record)
}

/// `--check`.
pub(super) fn agreement(
    workspace: &Workspace,
    arguments: &Arguments,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let name = &arguments.workload;
    let differences = differences(workspace, arguments, &read(workspace, name)?)?;
    if differences.is_empty() {
        screen.print(&format!(
            "{name}: target and budget are what {} says",
            write::folder(name)
        ))?;
        return Ok(Exit::Ok);
    }
    let lines = differences.iter().map(|line| format!("\n  {line}"));
    let restore = CommandLine::typed().without("check").flag("restore", true);
    screen.print(&format!(
        "{name} and {} disagree:{}\n`{restore}` writes what the record found into the file; without --restore it makes a new record",
        write::folder(name),
        lines.collect::<String>()
    ))?;
    Ok(Exit::RunFailed)
}

/// `--restore`.
pub(super) fn restore(
    workspace: &Workspace,
    arguments: &Arguments,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let record = read(workspace, &arguments.workload)?;
    let path = write::workload(workspace, &record)?;
    screen.print(&format!(
        "{}: target, source and time budget are those of {}",
        path.display(),
        write::folder(&record.workload)
    ))?;
    Ok(Exit::Ok)
}

fn differences(
    workspace: &Workspace,
    arguments: &Arguments,
    record: &CalibrationRecord,
) -> Result<Vec<String>, Failure> {
    let workload = workspace.catalog.workload(&arguments.workload);
    let workload = workload.map_err(|error| workspace.unresolved(error))?;
    let mut found = Vec::new();
    if CalibrationRecord::digest(&record.trials)? != record.digest {
        found.push("the trials are not those that the record's digest is of".to_owned());
    }
    let chosen = Chosen {
        direction: record.metric.direction(),
        step_hint: record.step_hint,
        budget_steps: record.budget_steps,
        at: record.at,
    };
    match find(&record.trials, chosen) {
        Ok(finding) if finding == record.finding => {}
        Ok(finding) => found.push(format!(
            "its trials make a target of {}, and it says {}",
            finding.validation, record.finding.validation
        )),
        Err(error) => found.push(error.to_string()),
    }
    let row = record.finding.standings.first();
    if let Some(row) = row {
        let mut run = resolve(
            workspace,
            arguments,
            &row.submission,
            TUNING + 1,
            row.number,
            &row.point,
        )?;
        workspace.identify(&mut run.dataset)?;
        if run.comparability_key()? != record.comparability_key
            || workload.budget.steps != record.budget_steps
        {
            found.push("the workload, its data or its rules changed since".to_owned());
        }
    }
    let target = &workload.target;
    let written = [
        (
            "target.validation",
            target.validation.to_string(),
            record.finding.validation.to_string(),
        ),
        (
            "target.test",
            target
                .test
                .map_or_else(String::new, |test| test.to_string()),
            record.finding.test.to_string(),
        ),
        (
            "budget.time",
            workload.budget.time.to_string(),
            write::budget(record).to_string(),
        ),
    ];
    for (key, file, wanted) in written {
        if file != wanted {
            found.push(format!("{key} is {file:?}, and should be {wanted:?}"));
        }
    }
    if target.source != Some(TargetSource::Calibration(write::source(record))) {
        found.push("target.source is not this record's".to_owned());
    }
    Ok(found)
}

/// `--redo`.
pub(super) fn redo(
    workspace: &Workspace,
    arguments: &Arguments,
    runs: &mut Runs<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let record = read(workspace, &arguments.workload)?;
    let finding = &record.finding;
    let winner = finding
        .standings
        .iter()
        .find(|row| row.submission == finding.winner);
    let best: Vec<_> = winner
        .map(|row| (row.submission.clone(), row.number, row.point.clone()))
        .into_iter()
        .collect();
    if let Collected::Stopped(exit) = runs.seeds(workspace, arguments, &best)? {
        return Ok(exit);
    }
    let chosen = Chosen {
        direction: record.metric.direction(),
        step_hint: record.step_hint,
        budget_steps: record.budget_steps,
        at: record.at,
    };
    let again =
        find(&runs.trials, chosen).map_err(|error| Failure::new(Exit::RunFailed, error, None))?;
    let (low, high) = finding.spread;
    let within = low <= again.validation && again.validation <= high
        || again.validation == finding.validation;
    screen.print(&format!(
        "{}: {} on {} seeds from {} makes a target of {}; committed is {}, with seeds between {} and {}: {}",
        record.workload,
        finding.winner,
        runs.trials.len(),
        arguments.base_seed(),
        again.validation,
        finding.validation,
        units::significant(low),
        units::significant(high),
        if within { "within its spread" } else { "outside of its spread" },
    ))?;
    Ok(if within { Exit::Ok } else { Exit::RunFailed })
}
