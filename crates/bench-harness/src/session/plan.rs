//! From what was asked for to one configuration a trial.

use bench_core::run::{DeviceKind, Purpose, RunSpec};
use bench_core::spec::catalog::Catalog;
use bench_core::spec::resolve::{Request, ResolveError};
use bench_core::spec::submission::Value;
use std::collections::BTreeMap;

/// What a command asks for: every submission on every workload, in every study.
#[derive(Debug, Clone)]
pub struct Entries {
    /// By name.
    pub submissions: Vec<String>,
    /// By name.
    pub workloads: Vec<String>,
    /// By name.
    pub ruleset: String,
    /// What the runs are for.
    pub purpose: Purpose,
    /// The user's `--seed`.
    pub base_seed: u64,
    /// In place of the ruleset's.
    pub studies: Option<u32>,
    /// In place of the ruleset's.
    pub trials: Option<u32>,
    /// The user's own values, over the defaults of the rest.
    pub hyperparameters: Option<BTreeMap<String, Value>>,
    /// In place of the harness' and of what a workload wants.
    pub threads: Option<u32>,
    /// In place of the harness'.
    pub device: Option<DeviceKind>,
}

/// The configurations of all trials, in the order to run them: study by study, so that a machine that changes its speed
/// over the hours does so for every submission.
///
/// # Errors
/// The first request that cannot be met.
pub fn resolve_all(catalog: &Catalog, entries: &Entries) -> Result<Vec<RunSpec>, ResolveError> {
    let rules = catalog.ruleset(&entries.ruleset)?;
    let (studies, trials) = (rules.studies, rules.trials);
    let mut runs = Vec::new();
    for study in 1..=entries.studies.unwrap_or(studies) {
        for workload in &entries.workloads {
            for submission in &entries.submissions {
                for trial in 1..=entries.trials.unwrap_or(trials) {
                    runs.push(catalog.resolve(&Request {
                        workload,
                        submission,
                        ruleset: &entries.ruleset,
                        purpose: entries.purpose,
                        base_seed: entries.base_seed,
                        study,
                        trial,
                        trials: entries.trials,
                        hyperparameters: entries.hyperparameters.as_ref(),
                        threads: entries.threads,
                        device: entries.device,
                    })?);
                }
            }
        }
    }
    Ok(runs)
}
