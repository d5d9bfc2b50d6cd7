//! What referee, worker and evaluator say to each other: one JSON line a message.
//!
//! The referee writes [`Task`] and then [`Command`]s to a program's standard input, and reads [`Message`]s from its standard output.
//! Unknown events are kept as [`Event::Unknown`], unknown fields ignored: an older referee outlives a newer worker.
//!
//! ```text
//! referee                              worker                        evaluator
//!   Task                          -->  initialising, loaded, ready   loaded, ready
//!   train   (clock starts)        -->  steps … prepare_for_eval
//!                                 <--  eval-due   (clock stops)
//!   snapshot                      -->  snapshot-written
//!   SIGSTOP; evaluate             ---------------------------------> evaluated
//!   SIGCONT; train {evaluation}   -->  …
//!   stop                          -->  stopped                       stopped
//! ```

use crate::number::Measured;
use crate::run::{Local, PROTOCOL, RunSpec, SplitName};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

/// Environment variable that a referee sets for the programs of a trial, unique to it. Where it is set, the end of standard input always means
/// that the referee is gone, and never that somebody replays a task by hand.
pub const TRIAL_VARIABLE: &str = "BENCH_TRIAL";

/// Name of the evaluation half of a snapshot: weights and buffers.
pub const EVAL_FILE: &str = "eval.safetensors";
/// Name of the other half: everything else that resuming needs.
pub const STATE_FILE: &str = "state.safetensors";

/// First line on standard input: the run (hashed) and this machine's part (not hashed).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Task {
    /// What to run.
    pub run: RunSpec,
    /// Where things are here.
    pub local: Local,
}

/// A line that is no task of this protocol.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// Another version. It is told before anything else is: of another version, everything else may be different.
    #[error(
        "the run is of version {found} of the protocol, this program speaks {PROTOCOL}: a program of the revision that it was resolved by can run it"
    )]
    Version {
        /// The run's.
        found: u64,
    },
    /// Not of the right shape.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl TryFrom<Value> for Task {
    type Error = TaskError;

    fn try_from(value: Value) -> Result<Task, TaskError> {
        match value["run"]["protocol"].as_u64() {
            Some(found) if found != u64::from(PROTOCOL) => Err(TaskError::Version { found }),
            _ => Ok(serde_json::from_value(value)?),
        }
    }
}

impl FromStr for Task {
    type Err = TaskError;

    fn from_str(line: &str) -> Result<Task, TaskError> {
        Task::try_from(serde_json::from_str::<Value>(line)?)
    }
}

/// Later lines on standard input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "command",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum Command {
    /// To a worker: train until the next evaluation is due. The clock runs from when this is written.
    Train {
        /// Result of the evaluation just made; none at the start.
        evaluation: Option<Evaluation>,
        /// Submission time spent so far, by the referee's clock.
        submission_seconds: f64,
    },
    /// To a worker: write `eval.safetensors` and `state.safetensors` into this folder.
    Snapshot {
        /// The folder, which exists.
        folder: PathBuf,
    },
    /// To an evaluator: score this snapshot on these splits.
    Evaluate {
        /// Path of an `eval.safetensors`.
        snapshot: PathBuf,
        /// Which splits.
        splits: Vec<SplitName>,
    },
    /// To both: say `stopped` and exit.
    Stop,
}

/// Metrics of one evaluation, as a submission may see them: those of the test split are none of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Evaluation {
    /// Steps done at that point.
    pub step: u64,
    /// Submission time at that point, in seconds, by the referee's clock.
    pub submission_seconds: f64,
    /// Split to metric to value.
    pub metrics: BTreeMap<SplitName, Metrics>,
}

impl Evaluation {
    /// What a submission is told of an evaluation. Whoever is steered by the test split trains on it, so its metrics stay with the referee.
    pub fn told(
        step: u64,
        submission_ns: u64,
        mut metrics: BTreeMap<SplitName, Metrics>,
    ) -> Evaluation {
        metrics.remove(&SplitName::Test);
        Evaluation {
            step,
            submission_seconds: submission_ns as f64 / 1e9,
            metrics,
        }
    }
}

/// Metric to value, by name.
pub type Metrics = BTreeMap<String, Measured>;

/// A line on standard output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// [`PROTOCOL`].
    pub v: u32,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

impl From<Event> for Message {
    fn from(event: Event) -> Message {
        Message { v: PROTOCOL, event }
    }
}

/// What happened in a worker or an evaluator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "event",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum Event {
    /// From a worker: data and model are there, and the algorithm's `init` begins, which is timed.
    Initialising,
    /// Data, model and algorithm are there. Ends start-up, begins warm-up.
    Loaded,
    /// The model has run once on dummy data, and its state is as before. Ends warm-up.
    Ready {
        /// Trainable numbers.
        parameters: u64,
        /// What it really runs on.
        device: DeviceReport,
        /// blake3 of the `eval.safetensors` that a snapshot now would have. A worker's is that of the snapshot it goes on from, or else the
        /// evaluator's: both build one model from one seed, and nothing may change it before the clock runs.
        #[serde(default)]
        weights: Option<String>,
    },
    /// An evaluation is due: steps and `prepare_for_eval` done, device synchronised. Stops the clock.
    EvalDue {
        /// Steps done since the trial began.
        step: u64,
        /// Whether the submission says that its training is complete.
        #[serde(default)]
        complete: bool,
        /// Training loss of the last step, where the algorithm computed one.
        #[serde(default)]
        loss: Option<Measured>,
        /// Examples passed through the model in this interval, as the SDK counts them.
        #[serde(default)]
        passes: Passes,
        /// The worker's own measurements of this interval: never a score, only a cross-check.
        claim: Claim,
    },
    /// A sign of life while training, at most one a second.
    Stepped {
        /// Steps done.
        step: u64,
    },
    /// Both files are written.
    SnapshotWritten {
        /// Their size together.
        bytes: u64,
    },
    /// Metrics are there.
    Evaluated {
        /// Split to metric to value.
        metrics: BTreeMap<SplitName, Metrics>,
        /// Examples each split was scored on; every example exactly once.
        examples: BTreeMap<SplitName, u64>,
    },
    /// Scalars an author logs, off the timed path.
    Logged {
        /// Step they belong to.
        step: u64,
        /// Name to value.
        values: BTreeMap<String, Measured>,
    },
    /// Something a person should know; goes into the record.
    Warned {
        /// One line.
        message: String,
    },
    /// It failed and will exit.
    Failed {
        /// `error`, `panic`, `out-of-memory` or `environment`.
        kind: crate::outcome::FailureKind,
        /// One line: what failed, with the first line of libtorch's text.
        message: String,
        /// File and line of the submission, where known.
        #[serde(default)]
        location: Option<String>,
        /// Steps done.
        #[serde(default)]
        step: Option<u64>,
    },
    /// Last words.
    Stopped {
        /// Hyperparameters the submission never read.
        #[serde(default)]
        unread: Vec<String>,
        /// Numbers in the algorithm's state, beside the parameters.
        #[serde(default)]
        state: Option<u64>,
        /// Highest memory of the device, in bytes, where it is known.
        #[serde(default)]
        device_memory: Option<u64>,
    },
    /// An event of a newer protocol.
    #[serde(other)]
    Unknown,
}

/// What a program runs on, as it found it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeviceReport {
    /// `cpu` or `cuda:0`.
    pub device: String,
    /// The card, where it is one.
    #[serde(default)]
    pub name: Option<String>,
    /// Threads libtorch says it uses.
    pub threads: u32,
    /// libtorch's version.
    pub libtorch: String,
    /// CUDA driver or runtime, where there is one.
    #[serde(default)]
    pub cuda: Option<String>,
}

/// A worker's own account of one interval between evaluations.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Claim {
    /// From reading `train` to writing `eval-due`.
    pub seconds: f64,
    /// Of which waiting for or making batches.
    pub input_seconds: f64,
    /// Of which in the update rule.
    pub update_seconds: f64,
    /// Of which `prepare_for_eval`.
    pub prepare_seconds: f64,
    /// Step times: 10th, 50th, 90th, 99th percentile, in seconds.
    pub step_quantiles: Option<[f64; 4]>,
}

/// Examples passed through the model, each time that one is: what a step costs, whatever the machine.
///
/// A step is one call of the algorithm's, however many gradients it takes; these counts say how many examples that were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Passes {
    /// Forward, in training mode: losses, outputs, statistics gathered anew.
    pub forward: u64,
    /// Backward: derivatives of losses. A product with the Hessian goes backward twice.
    pub backward: u64,
    /// Forward in evaluation mode, to judge by: metrics and losses of training examples, such as those held out.
    pub judged: u64,
}

impl Passes {
    /// All of them. A backward pass counts as one, although it computes about twice what a forward pass does.
    pub fn total(self) -> u64 {
        self.forward + self.backward + self.judged
    }

    /// Whether nothing was counted, as in records of before there was a count.
    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }
}

impl std::ops::AddAssign for Passes {
    fn add_assign(&mut self, other: Passes) {
        self.forward += other.forward;
        self.backward += other.backward;
        self.judged += other.judged;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_another_version_is_told_apart_before_its_shape_is_looked_at() {
        let said = |line: &str| line.parse::<Task>().unwrap_err().to_string();
        for version in [1, 7] {
            let line = format!(r#"{{"run":{{"protocol":{version},"news":true}},"local":{{}}}}"#);
            let start = format!(
                "the run is of version {version} of the protocol, this program speaks {PROTOCOL}: "
            );
            assert!(said(&line).starts_with(&start), "{}", said(&line));
        }
        let current = format!(r#"{{"run":{{"protocol":{PROTOCOL}}},"local":{{}}}}"#);
        assert!(
            said(&current).contains("missing field"),
            "{}",
            said(&current)
        );
    }
}
