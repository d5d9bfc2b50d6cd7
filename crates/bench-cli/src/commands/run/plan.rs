//! From names to complete configurations. Everything that can be wrong is found here, before anything is fetched or built.

use super::{Arguments, WORKLOAD};
use crate::failure::Failure;
use crate::workspace::Workspace;
use bench_core::run::{DeviceKind, Purpose, RunSpec, device};
use bench_core::spec::diagnostic::Source;
use bench_core::spec::point;
use bench_core::spec::resolve::Request;
use bench_core::spec::search::Point;
use std::path::Path;

/// Where records of workloads named one by one go.
const SINGLE: &str = "single";

/// What is to be run.
pub(super) struct Plan {
    /// Folder of the records: a suite's name, or `single`.
    pub(super) suite: String,
    /// One a trial, in order: study by study, so that an interrupted command leaves whole studies.
    pub(super) runs: Vec<RunSpec>,
    pub(super) device: DeviceKind,
    pub(super) device_index: u32,
}

/// Resolves all trials that were asked for.
pub(super) fn plan(
    arguments: &Arguments,
    workspace: &Workspace,
    submissions: &[String],
) -> Result<Plan, Failure> {
    let harness = workspace.harness()?;
    let unresolved = |error| workspace.unresolved(error);
    let workloads: Vec<String> = match &arguments.suite {
        Some(suite) => workspace.catalog.suite(suite).map_err(unresolved)?.to_vec(),
        None if arguments.workloads.is_empty() => vec![WORKLOAD.to_owned()],
        None => arguments.workloads.clone(),
    };
    let (device, device_index) =
        chosen_device(arguments.device.as_ref().unwrap_or(&harness.device))?;
    let known: Vec<&str> = submissions
        .iter()
        .filter_map(|name| workspace.catalog.submissions.get(name))
        .flat_map(|entrant| entrant.submission.search_space.keys())
        .map(String::as_str)
        .collect();
    let own = arguments
        .hyperparameters
        .as_deref()
        .map(|path| own_point(path, &known))
        .transpose()?;
    let catalog = &workspace.catalog;
    let ruleset = catalog.ruleset(&arguments.ruleset).map_err(unresolved)?;
    let studies = arguments.studies.unwrap_or(ruleset.studies);
    let trials = arguments.trials.unwrap_or(ruleset.trials);
    let mut runs = Vec::new();
    for workload in &workloads {
        for study in 1..=studies {
            for submission in submissions {
                for trial in 1..=catalog.trials(submission, ruleset, trials) {
                    let request = Request {
                        workload,
                        submission,
                        ruleset: &arguments.ruleset,
                        purpose: Purpose::Scoring,
                        base_seed: arguments.seed,
                        study,
                        trial,
                        trials: arguments.trials,
                        hyperparameters: own.as_ref(),
                        threads: arguments.threads,
                        device: Some(device),
                    };
                    runs.push(catalog.resolve(&request).map_err(unresolved)?);
                }
            }
        }
    }
    Ok(Plan {
        suite: arguments.suite.clone().unwrap_or_else(|| SINGLE.to_owned()),
        runs,
        device,
        device_index,
    })
}

fn chosen_device(name: &str) -> Result<(DeviceKind, u32), Failure> {
    device(name).ok_or_else(|| {
        let help = "write `cpu`, `cuda:0`, or another card's number";
        Failure::usage(
            format!("there is no device called `{name}`"),
            help.to_owned(),
        )
    })
}

/// The user's own values for hyperparameters of these names.
fn own_point(path: &Path, known: &[&str]) -> Result<Point, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!("cannot read {}: {error}", path.display()), None)
    })?;
    let source = Source {
        path: path.to_owned(),
        text,
    };
    point::read(source, known).map_err(Failure::Specs)
}
