//! A trial's record: `run.json` and the lines of `events.jsonl`.

mod older;
mod recorded;

pub use older::upgraded;
pub use recorded::RecordedRun;

use crate::number::Measured;
use crate::outcome::Outcome;
use crate::protocol::{Claim, DeviceReport, Metrics, Passes};
use crate::run::SplitName;
use crate::spec::harness::{Limits, Tolerances};
use crate::spec::submission::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Version of both files. A reader refuses a larger one and knows all smaller ones: those are shown, marked, never resumed, and in no table with newer ones.
pub const FORMAT: u32 = 2;

/// What an algorithm's `init` may take at no charge: building state and reading hyperparameters. What it takes beyond is submission time, once.
pub const FREE_INIT: Duration = Duration::from_secs(5);

/// `run.json`: written whole before anything starts and once more, by rename, at the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunRecord {
    /// [`FORMAT`].
    pub format: u32,
    /// The resolved configuration.
    pub run: RecordedRun,
    /// [`crate::run::Identity::config_hash`].
    pub config_hash: String,
    /// Of what determines the programs: packages, locked versions, profile, flags and compiler.
    pub source_hash: String,
    /// The programs themselves; absent in records of before they were looked at, and where nothing was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programs: Option<ProgramDigests>,
    /// [`crate::run::Identity::comparability_key`].
    pub comparability_key: String,
    /// What tables must know of it beyond its configuration.
    #[serde(default, skip_serializing_if = "Context::is_empty")]
    pub context: Context,
    /// Where it ran.
    pub machine: Machine,
    /// What of that machine a batch system gave it. Absent where none did, and in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allotment: Option<Allotment>,
    /// How long anything off the clock could take. They decide outcomes, so they are recorded; they are in no hash, since a result that kept to
    /// them is the same under any other. Absent in records of before they were kept.
    #[serde(default)]
    pub limits: Option<Limits>,
    /// How far clocks could disagree. As the limits.
    #[serde(default)]
    pub tolerances: Option<Tolerances>,
    /// Version of bench that wrote it.
    pub bench_version: String,
    /// When it began, RFC 3339, UTC.
    pub started: String,
    /// When it ended; absent while it runs or when it was killed.
    #[serde(default)]
    pub ended: Option<String>,
    /// How it ended; absent while it runs or when it was killed.
    #[serde(default)]
    pub outcome: Option<Outcome>,
    /// blake3 of `events.jsonl` as it was when the trial ended; absent while it runs, and in records of format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_digest: Option<String>,
}

impl RunRecord {
    /// Whether an older bench wrote it.
    pub fn is_older(&self) -> bool {
        self.format < FORMAT
    }

    /// Limits and tolerances that were looser than the built-in ones: what a reader must know, since others' trials had less.
    pub fn loosened(&self) -> Vec<String> {
        let limits = self.limits.iter().flat_map(|limits| limits.loosened());
        let tolerances = self.tolerances.iter().flat_map(|all| all.loosened());
        limits.chain(tolerances).collect()
    }
}

/// The programs of a trial by content: each the blake3 of its file, as 64 hexadecimal digits. Paths and compilers are in them, so that the same source
/// makes others elsewhere; two that are equal are one program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProgramDigests {
    /// The submission's.
    pub worker: String,
    /// The one that scores.
    pub evaluator: String,
    /// What a Python entrant ran in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<PythonFacts>,
}

/// The interpreter of a Python entrant, and what it could import. In the source's hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PythonFacts {
    /// Of the interpreter: `3.11.7`.
    pub version: String,
    /// Of torch, as it calls itself.
    pub torch: String,
    /// Packages of the submission's own, pinned: `NAME==VERSION` and the sha256 of what was installed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
}

/// What tables must know of a trial beyond its configuration, as it was when the trial began. In no hash.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Context {
    /// Trials of its study: fewer than the ruleset's where a submission lists its points. Absent in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub study_trials: Option<u32>,
    /// Of values that somebody gave, those that are not the submission's defaults. Absent where nobody gave any, and in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<BTreeMap<String, Value>>,
}

impl Context {
    fn is_empty(&self) -> bool {
        *self == Context::default()
    }
}

/// `asked.json`: written beside a record that stands already, when somebody asks for its trial again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Asked {
    /// When, RFC 3339, UTC.
    pub at: String,
}

/// A machine, as far as times depend on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Machine {
    /// Short hash of all but the kernel, memory in whole GiB: times are compared only within one.
    pub fingerprint: String,
    /// Processor's name.
    pub cpu: String,
    /// Logical processors.
    pub cores: u32,
    /// Bytes of memory.
    pub memory: u64,
    /// Cards and driver.
    #[serde(default)]
    pub gpus: Vec<String>,
    /// Kernel's name and version.
    pub kernel: String,
}

/// What a batch system gave a trial, and where. Its machine's `cores` are those that it could use; these say what there was beside them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Allotment {
    /// `slurm`.
    pub by: String,
    /// Its number of the job, and of the task in an array: `123_4`.
    pub job: String,
    /// Its name of the machine.
    pub host: String,
    /// Logical processors of the machine.
    pub host_cores: u32,
    /// Those that were given.
    pub cores: Option<u32>,
    /// Cards that were given, as `CUDA_VISIBLE_DEVICES` names them.
    pub cards: Vec<String>,
    /// How often it was started again, by preemption or the loss of a node.
    pub restarts: u32,
}

/// A line of `events.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Seconds since the trial's (or the resumed part's) start, by the referee's monotonic clock.
    pub t: f64,
    /// What happened.
    #[serde(flatten)]
    pub event: TrialEvent,
}

/// What happened in a trial, as the referee saw it. All durations are in nanoseconds of the referee's monotonic clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "event",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum TrialEvent {
    /// The worker's process was spawned.
    Started {
        /// When, RFC 3339, UTC.
        at: String,
        /// Steps and submission time brought along from the snapshot when this is a resumed part.
        #[serde(default)]
        resumed: Option<ResumedFrom>,
    },
    /// Worker and evaluator are ready to be timed.
    Ready {
        /// From spawn to `loaded`.
        start_up_ns: u64,
        /// Of that, the algorithm's `init`: from `initialising` to `loaded`.
        #[serde(default)]
        init_ns: u64,
        /// What `init` took beyond [`FREE_INIT`]: submission time, and the first part of it. Not again where a trial is resumed.
        #[serde(default)]
        charged_ns: u64,
        /// From `loaded` to `ready`.
        warm_up_ns: u64,
        /// Trainable numbers.
        parameters: u64,
        /// As the worker reports it.
        device: DeviceReport,
    },
    /// The clock ran from `train` to `eval-due`.
    Trained {
        /// Steps done.
        step: u64,
        /// Of this interval: submission time.
        interval_ns: u64,
        /// Of the trial so far: submission time.
        submission_ns: u64,
        /// Training loss of the last step.
        #[serde(default)]
        loss: Option<Measured>,
        /// Examples passed through the model in the trial so far, as the SDK counts them.
        #[serde(default)]
        passes: Passes,
        /// The worker's own account, marked as that.
        claim: Claim,
    },
    /// Weights and state are on the scratch disk.
    Snapshotted {
        /// How long it took.
        snapshot_ns: u64,
        /// How much.
        bytes: u64,
    },
    /// The evaluator answered.
    Evaluated {
        /// Steps done.
        step: u64,
        /// Submission time of the trial at this point.
        submission_ns: u64,
        /// Examples passed through the model in the trial so far.
        #[serde(default)]
        passes: Passes,
        /// How long it took.
        evaluation_ns: u64,
        /// Processor time that the worker's processes used meanwhile, although they were stopped; absent where the kernel does not tell.
        #[serde(default)]
        frozen_cpu_ns: Option<u64>,
        /// Split to metric to value.
        metrics: BTreeMap<SplitName, Metrics>,
        /// Examples scored.
        examples: BTreeMap<SplitName, u64>,
    },
    /// Scalars the author logged.
    Logged {
        /// Step they belong to.
        step: u64,
        /// Name to value.
        values: BTreeMap<String, Measured>,
    },
    /// Something a person should know.
    Warned {
        /// One line.
        message: String,
    },
    /// An event of a newer protocol, kept as it came.
    Unknown {
        /// The line.
        line: String,
    },
    /// The trial, or this part of it, is over.
    Ended {
        /// How.
        outcome: Outcome,
        /// Where the wall time of this part went.
        phases: Phases,
        /// Highest resident memory of the worker, in bytes.
        #[serde(default)]
        worker_memory: Option<u64>,
        /// Processor time of the worker by phase; absent in records of before it was looked at.
        #[serde(default)]
        worker_cpu: Option<WorkerCpu>,
        /// Highest memory of the device, in bytes.
        #[serde(default)]
        device_memory: Option<u64>,
        /// Numbers in the algorithm's state.
        #[serde(default)]
        state: Option<u64>,
        /// What held the processors up; absent in records of before it was looked at.
        #[serde(default)]
        slowdown: Option<Slowdown>,
    },
}

/// Processor time of all of a worker's processes by phase, user's and kernel's, to a hundredth of a second.
///
/// Off the clock there is little to do for an author's code: what it did all the same is seen here.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct WorkerCpu {
    /// Until `loaded`.
    pub start_up_ns: u64,
    /// From there to `ready`.
    pub warm_up_ns: u64,
    /// On the clock.
    pub training_ns: u64,
    /// While snapshots were written.
    pub snapshot_ns: u64,
    /// While it was stopped for evaluations.
    pub frozen_ns: u64,
    /// From `stop` to its end.
    pub shut_down_ns: u64,
}

/// What held the processors up while a trial, or a part of it, ran: as far as the kernel tells.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Slowdown {
    /// Times that a processor lowered its clock because of heat, over all of them; absent where the machine does not count.
    #[serde(default)]
    pub thermal_events: Option<u64>,
    /// Time in which a quota of this process' group held it up.
    #[serde(default)]
    pub quota_ns: Option<u64>,
    /// Time that other guests of the same hardware took, the mean over processors.
    #[serde(default)]
    pub stolen_ns: Option<u64>,
}

/// What a resumed part goes on from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ResumedFrom {
    /// Steps done.
    pub step: u64,
    /// Submission time spent.
    pub submission_ns: u64,
}

/// Where wall time went. The parts and `other_ns` sum to `wall_ns` by construction; a large `other_ns` is a warning.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Phases {
    /// Spawn to `loaded`, and waiting for an evaluator that needs longer than the worker.
    pub start_up_ns: u64,
    /// `loaded` to `ready`.
    pub warm_up_ns: u64,
    /// Submission time of this part.
    pub training_ns: u64,
    /// Snapshots.
    pub snapshot_ns: u64,
    /// Evaluations.
    pub evaluation_ns: u64,
    /// From `stop` until the processes were gone.
    pub shut_down_ns: u64,
    /// The referee's own: records, stopping and continuing.
    pub other_ns: u64,
    /// From spawn until the processes were gone.
    pub wall_ns: u64,
}

impl Phases {
    /// The sum of the parts; none where no clock shows as much.
    pub fn parts(&self) -> Option<u64> {
        [
            self.start_up_ns,
            self.warm_up_ns,
            self.training_ns,
            self.snapshot_ns,
            self.evaluation_ns,
            self.shut_down_ns,
            self.other_ns,
        ]
        .into_iter()
        .try_fold(0_u64, u64::checked_add)
    }
}
