//! One trial's complete configuration: what is hashed, and what a worker is given.

use crate::canonical::{self, CanonicalError};
use crate::spec::columns::Columns;
use crate::spec::dataset::Split;
use crate::spec::harness::Ruleset;
use crate::spec::submission::{GradientClipping, Group, Norm, Schedule, Value};
use crate::spec::workload::Workload;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Major version of the protocol and of what is hashed. It is itself hashed: another number, other identities and another comparability key, without
/// another context of the hash.
pub const PROTOCOL: u32 = 2;

/// Everything that decides a trial's numbers on one machine; its hash is the trial's identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunSpec {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// Name of the workload's file.
    #[serde(deserialize_with = "crate::name::deserialize")]
    pub workload_name: String,
    /// With defaults and `extends` applied.
    pub workload: Workload,
    /// The data by content.
    pub dataset: DatasetIdentity,
    /// The submission's settings.
    pub submission: SubmissionIdentity,
    /// This trial's point of the search space.
    pub hyperparameters: BTreeMap<String, Value>,
    /// Name of the ruleset.
    #[serde(deserialize_with = "crate::name::deserialize")]
    pub ruleset_name: String,
    /// The rules.
    pub ruleset: Ruleset,
    /// Where every random draw begins.
    pub seed: Seed,
    /// Of worker and evaluator each.
    pub threads: u32,
    /// `cpu` or `cuda`; which card is local.
    pub device: DeviceKind,
}

/// A data set as configurations name it: by what it holds, not by where it came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DatasetIdentity {
    /// Name of its file.
    #[serde(deserialize_with = "crate::name::deserialize")]
    pub name: String,
    /// What an example is.
    pub columns: Columns,
    /// Split to its identity.
    pub splits: BTreeMap<SplitName, SplitIdentity>,
}

impl DatasetIdentity {
    /// Whether some split's content is not known yet: the file says `unpinned`, and nobody has put in what was measured.
    pub fn is_unpinned(&self) -> bool {
        let mut splits = self.splits.values();
        splits.any(|split| split.hash == Split::UNPINNED)
    }
}

/// A split's size and content hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SplitIdentity {
    /// Number of examples.
    pub examples: u64,
    /// blake3 of the decoded content.
    pub hash: String,
}

/// The splits, and the part of `train` that evaluations look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitName {
    /// Training examples; in an evaluation its first `train-subset` examples.
    Train,
    /// Decides.
    Validation,
    /// Reported.
    Test,
}

impl SplitName {
    /// All three, in reporting order.
    pub const ALL: [SplitName; 3] = [SplitName::Train, SplitName::Validation, SplitName::Test];

    /// The key in specs, records and file names.
    pub fn name(self) -> &'static str {
        match self {
            SplitName::Train => "train",
            SplitName::Validation => "validation",
            SplitName::Test => "test",
        }
    }
}

/// A submission's settings as configurations hold them. Its code is in the source hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SubmissionIdentity {
    /// Name of its folder.
    #[serde(deserialize_with = "crate::name::deserialize")]
    pub name: String,
    /// The program: the crate that trains, another submission's for a variant.
    #[serde(deserialize_with = "crate::name::deserialize")]
    pub program: String,
    /// Factor on the learning rate.
    pub schedule: Schedule,
    /// Hyperparameters that the schedule was made with.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub scheduled: BTreeSet<String>,
    /// Examples a step on this workload.
    pub batch_size: u64,
    /// Before the update.
    pub gradient_clipping: GradientClipping,
    /// Logged in every step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_gradient_norm: Option<Norm>,
    /// Hyperparameters by role.
    pub groups: Vec<Group>,
}

/// Where random draws begin. The value follows from the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Seed {
    /// What the run is for: no seed is tuned on and claimed with.
    pub purpose: Purpose,
    /// The user's `--seed`; 0 unless said.
    pub base: u64,
    /// 1-based.
    pub study: u32,
    /// 1-based.
    pub trial: u32,
    /// What workers use: below 2^63.
    pub value: u64,
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// A result for a table.
    Scoring,
    /// Setting targets.
    Calibrating,
    /// A against B.
    Comparing,
}

impl Purpose {
    /// What seeds are derived from: these words stay, whatever becomes of names in code and in records.
    fn word(self) -> &'static str {
        match self {
            Purpose::Scoring => "Scoring",
            Purpose::Calibrating => "Calibrating",
            Purpose::Comparing => "Comparing",
        }
    }
}

impl Seed {
    /// The seed of a purpose, base, study and trial.
    pub fn new(purpose: Purpose, base: u64, study: u32, trial: u32) -> Seed {
        let text = format!("{}/{base}/{study}/{trial}", purpose.word());
        let digest = blake3::derive_key("bench seed v1", text.as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Seed {
            purpose,
            base,
            study,
            trial,
            value: u64::from_le_bytes(first) >> 1,
        }
    }
}

/// Kinds of device. In the hash: numbers differ between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    /// The processor.
    Cpu,
    /// An NVIDIA card.
    Cuda,
}

/// What a configuration is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Of the trial: blake3 over canonical JSON of everything, never over YAML text, paths, host or time.
    pub config_hash: String,
    /// Of the tables it may stand in: blake3 over workload with data, ruleset and protocol.
    pub comparability_key: String,
}

impl Identity {
    /// Of a configuration as JSON, today's or an older one as it was stored: the keys that are there are what is hashed.
    pub fn of(run: &serde_json::Value) -> Identity {
        /// What comparability depends on.
        const COMPARED: [&str; 6] = [
            "protocol",
            "workload-name",
            "workload",
            "dataset",
            "ruleset-name",
            "ruleset",
        ];
        let compared = COMPARED.map(|key| match run.get(key) {
            Some(value) => canonical::of_json(value),
            None => "null".to_owned(),
        });
        let compared = format!("[{}]", compared.join(","));
        Identity {
            config_hash: canonical::hash_text("bench config v1", &canonical::of_json(run)),
            comparability_key: canonical::hash_text("bench comparability v1", &compared),
        }
    }
}

impl RunSpec {
    /// The trial's identity: [`Identity::config_hash`].
    ///
    /// # Errors
    /// When the spec has no canonical form, which a resolved one always has.
    pub fn config_hash(&self) -> Result<String, CanonicalError> {
        self.identity().map(|identity| identity.config_hash)
    }

    /// What alone decides whether two records may stand in one table: [`Identity::comparability_key`].
    ///
    /// # Errors
    /// As [`RunSpec::config_hash`].
    pub fn comparability_key(&self) -> Result<String, CanonicalError> {
        self.identity().map(|identity| identity.comparability_key)
    }

    /// Both.
    ///
    /// # Errors
    /// As [`RunSpec::config_hash`].
    pub fn identity(&self) -> Result<Identity, CanonicalError> {
        Ok(Identity::of(&serde_json::to_value(self)?))
    }

    /// The learning rate that the schedule gives in each step, from 0 on, to parameters that no group names; none where `learning-rate` is no number.
    pub fn scheduled_rate(&self) -> Option<impl Fn(u64) -> f64 + use<>> {
        let rate = self.hyperparameters.get("learning-rate")?.as_number()?;
        let factors = self.submission.schedule.over(self.workload.step_hint);
        Some(move |step| rate * factors.at(step))
    }

    /// Examples of a split as this workload sees them: [`Workload::examples`], and of the training split those that it trains on.
    pub fn examples(&self, split: SplitName) -> u64 {
        let identity = self.dataset.splits.get(&split);
        let counted = identity.map_or(0, |split| split.examples);
        let examples = self.workload.examples(&self.dataset.columns, counted);
        match split {
            SplitName::Train => self.workload.trained_on(examples),
            SplitName::Validation | SplitName::Test => examples,
        }
    }

    /// The target on the validation split; none in a calibration, which has a stand-in there that nothing comes near.
    pub fn target(&self) -> Option<f64> {
        let target = self.workload.target.validation;
        (self.seed.purpose != Purpose::Calibrating).then_some(target)
    }

    /// Submission time allowed, in seconds.
    pub fn budget_seconds(&self) -> f64 {
        self.workload.budget.time.seconds() * self.ruleset.budget_factor
    }

    /// Steps allowed.
    pub fn budget_steps(&self) -> u64 {
        (self.workload.budget.steps as f64 * self.ruleset.budget_factor) as u64
    }

    /// Steps from one evaluation to the next, at most. Never more than the budget.
    pub fn evaluate_steps(&self) -> u64 {
        let every = match self.ruleset.evaluate_every {
            Some(_) => u64::MAX,
            None => self.workload.evaluate.every_steps.max(1),
        };
        every.min(self.budget_steps().max(1))
    }

    /// The last step that a trial can come to: that of the budget, or of the evaluation after it where that may confirm a passage.
    pub fn last_step(&self) -> u64 {
        let confirming = match self.ruleset.confirm {
            true => self.evaluate_steps(),
            false => 0,
        };
        self.budget_steps().saturating_add(confirming)
    }
}

/// What a process needs to know of this machine: in no hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Local {
    /// Split to its file. A worker is given `train` alone, an evaluator all three.
    pub data: BTreeMap<SplitName, PathBuf>,
    /// Folder for snapshots, in memory where there is room.
    pub scratch: PathBuf,
    /// Card of a `cuda` run.
    #[serde(default)]
    pub device_index: u32,
    /// Folder of the snapshot to go on from, and the clock's state then.
    #[serde(default)]
    pub resume: Option<Resume>,
}

/// Where an interrupted trial goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Resume {
    /// Holds `eval.safetensors` and `state.safetensors`.
    pub snapshot: PathBuf,
    /// Steps done.
    pub step: u64,
    /// Submission time spent, in seconds.
    pub submission_seconds: f64,
}

/// A device as people write it: `cpu`, `cuda` or `cuda:<index>`, taken apart.
pub fn device(name: &str) -> Option<(DeviceKind, u32)> {
    match name.split_once(':') {
        None if name == "cpu" => Some((DeviceKind::Cpu, 0)),
        None if name == "cuda" => Some((DeviceKind::Cuda, 0)),
        Some(("cuda", index)) => Some((DeviceKind::Cuda, index.parse().ok()?)),
        _ => None,
    }
}
