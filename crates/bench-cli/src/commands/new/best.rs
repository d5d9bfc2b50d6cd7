//! `--best-of`: from the records of a search to a variant that begins where it ended.

use super::Arguments;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::workspace::Workspace;
use bench_core::spec::catalog::Entrant;
use bench_core::spec::submission::Value;
use bench_harness::scaffold::Begin;
use bench_harness::store::{self, Stored};
use bench_report::units;
use bench_score::{Best, Search, Trial};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A variant of a submission with the best point of its newest search on the one workload that was searched, or on the one that is named.
pub(super) fn variant(
    workspace: &Workspace,
    name: &str,
    entrant: &Entrant,
    folder: PathBuf,
    arguments: &Arguments,
) -> Result<Begin, Failure> {
    let runs = workspace.runs(arguments.results.folder.as_deref())?;
    let (stored, errors) = store::scan(&runs);
    let is_meant = |stored: &Stored| {
        let run = &stored.trial.record.run;
        let workload = arguments.workload.as_ref();
        run.submission.name == name && workload.is_none_or(|wanted| *wanted == run.workload_name)
    };
    let meant: Vec<Stored> = stored.into_iter().filter(is_meant).collect();
    let trials: Vec<Trial> = meant.iter().map(|stored| stored.trial.clone()).collect();
    let searches = Search::all(&trials);
    let workloads: BTreeSet<&str> = searches
        .iter()
        .map(|s| s.run.workload_name.as_str())
        .collect();
    if workloads.len() > 1 {
        let names: Vec<&str> = workloads.into_iter().collect();
        let help = format!("choose one: `--workload {}`", names[0]);
        let message = format!("{name} was searched on {}", names.join(", "));
        return Err(Failure::usage(message, help));
    }
    let Some(search) = searches.iter().max_by_key(|search| search.started) else {
        Failure::left_out(errors)?;
        let message = format!("there is no search of {name} in {}", runs.display());
        let help = format!("`bench run {name} --ruleset external-tuning` makes one");
        return Err(Failure::new(Exit::Results, message, help));
    };
    let Some(best) = &search.best else {
        let message = format!(
            "none of the {} points that were tried of {name} reached the target of {}",
            search.points, search.run.workload_name
        );
        return Err(Failure::new(Exit::Results, message, None));
    };
    let record = meant.iter().find(|stored| stored.trial == *best.trial);
    let digits = record.and_then(digits).unwrap_or_default();
    Ok(Begin::Variant {
        of: folder,
        settings: settings(name, entrant, search, best, &digits),
    })
}

/// The end of a record's folder, by which `bench show` finds it.
fn digits(stored: &Stored) -> Option<String> {
    let name = stored.folder.file_name()?.to_string_lossy();
    name.splitn(3, '-').nth(2).map(str::to_owned)
}

/// What differs from the submission's own defaults, each with its range as it was.
fn settings(name: &str, entrant: &Entrant, search: &Search, best: &Best, digits: &str) -> String {
    let workload = &search.run.workload_name;
    let defaults = entrant.submission.defaults();
    let point = best.trial.record.run.hyperparameters.iter();
    let chosen = point.filter(|(name, value)| {
        // What is gone from the search space is nothing that a variant could set.
        defaults.get(*name).is_some_and(|default| default != *value)
    });
    let lines: String = chosen.map(|(name, value)| line(name, value)).collect();
    let space = match lines.is_empty() {
        true => String::new(),
        false => format!("search-space:\n{lines}"),
    };
    format!(
        "about: {name} at the best of {points} points on {workload}, {steps} steps\ntuned: {{ workload: {workload}, points: {points}, record: \"{digits}\" }}\n{space}",
        points = search.points,
        steps = units::count(best.steps as u64),
    )
}

fn line(name: &str, value: &Value) -> String {
    let value = match value {
        Value::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
        other => other.to_string(),
    };
    format!("  {name}: {{ default: {value} }}\n")
}
