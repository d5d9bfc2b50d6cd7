//! `executors` in `harness.yaml`: how trials are asked for where something else starts them. No hash depends on any of it.

use crate::number::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whatever else than this machine runs trials.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Executors {
    /// A cluster with Slurm: `bench run --on slurm`.
    #[serde(default)]
    pub slurm: Slurm,
}

/// How Slurm is asked for trials. What is left out is not asked for, so that the partition's default holds.
// Its first keys are those of `Resources`, written out: serde cannot flatten a struct into one that refuses unknown keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Slurm {
    /// `--partition`.
    #[serde(default)]
    pub partition: Option<String>,
    /// `--account`.
    #[serde(default)]
    pub account: Option<String>,
    /// `--time` of one trial. Default: one and a half times its time budget, and half an hour.
    #[serde(default)]
    pub time: Option<Span>,
    /// `--gpus-per-node`.
    #[serde(default)]
    pub gpus: Option<u32>,
    /// `--cpus-per-task`. Default: the trial's threads.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub cpus: Option<u32>,
    /// `--mem`, as `16G`.
    #[serde(default)]
    pub memory: Option<String>,
    /// Other options of `sbatch`, as `--constraint=a100`.
    #[serde(default)]
    pub extra: Vec<String>,
    /// Lines of shell before a trial, as `module load cuda`.
    #[serde(default)]
    pub setup: Vec<String>,
    /// Trials in the queue at once, running ones included: the others are submitted as these end, by `--wait` or the next command.
    #[serde(default = "at_most")]
    #[schemars(range(min = 1))]
    pub at_most: u32,
    /// By a workload's name, what differs for it.
    #[serde(default)]
    pub workloads: BTreeMap<String, Resources>,
}

/// What one workload asks for in place of what all do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Resources {
    /// `--partition`.
    #[serde(default)]
    pub partition: Option<String>,
    /// `--account`.
    #[serde(default)]
    pub account: Option<String>,
    /// `--time` of one trial.
    #[serde(default)]
    pub time: Option<Span>,
    /// `--gpus-per-node`.
    #[serde(default)]
    pub gpus: Option<u32>,
    /// `--cpus-per-task`.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub cpus: Option<u32>,
    /// `--mem`.
    #[serde(default)]
    pub memory: Option<String>,
    /// Other options of `sbatch`, after those of all.
    #[serde(default)]
    pub extra: Vec<String>,
}

impl Default for Slurm {
    fn default() -> Slurm {
        Slurm {
            partition: None,
            account: None,
            time: None,
            gpus: None,
            cpus: None,
            memory: None,
            extra: Vec::new(),
            setup: Vec::new(),
            at_most: at_most(),
            workloads: BTreeMap::new(),
        }
    }
}

impl Slurm {
    /// What a workload's trials ask for.
    pub fn resources(&self, workload: &str) -> Resources {
        let own = self.workloads.get(workload).cloned().unwrap_or_default();
        Resources {
            partition: own.partition.or_else(|| self.partition.clone()),
            account: own.account.or_else(|| self.account.clone()),
            time: own.time.or(self.time),
            gpus: own.gpus.or(self.gpus),
            cpus: own.cpus.or(self.cpus),
            memory: own.memory.or_else(|| self.memory.clone()),
            extra: [self.extra.clone(), own.extra].concat(),
        }
    }
}

fn at_most() -> u32 {
    1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workloads_own_stand_over_those_of_all() {
        let slurm: Slurm = serde_json::from_str(
            r#"{"partition": "main", "time": "2h", "extra": ["--nice"],
                "workloads": {"large": {"time": "8h", "gpus": 1, "extra": ["--constraint=a100"]}}}"#,
        )
        .unwrap();
        assert_eq!(slurm.at_most, 1000);
        let large = slurm.resources("large");
        assert_eq!(large.time, Span::parse("8h"));
        assert_eq!(
            (large.partition.as_deref(), large.gpus),
            (Some("main"), Some(1))
        );
        assert_eq!(large.extra, ["--nice", "--constraint=a100"]);
        let small = slurm.resources("small");
        assert_eq!((small.time, small.gpus), (Span::parse("2h"), None));
    }
}
