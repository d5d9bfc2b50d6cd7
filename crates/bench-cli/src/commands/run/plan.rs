//! From names to complete configurations. Everything that can be wrong is found here, before anything is fetched or built.

use super::{Arguments, WORKLOAD};
use crate::commands::trials::{Plan, chosen_device, own_point};
use crate::failure::Failure;
use crate::workspace::Workspace;
use bench_core::run::Purpose;
use bench_core::spec::resolve::Request;

/// Where records of workloads named one by one go.
const SINGLE: &str = "single";

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
