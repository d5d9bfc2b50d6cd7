//! How a trial can end: a closed set, recorded as data and never as a magic infinity.

use serde::{Deserialize, Serialize};

/// The end of one trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The validation target was met (and confirmed, where the ruleset asks for it).
    TargetReached,
    /// Time or steps ran out first.
    BudgetExhausted,
    /// The submission said that its training is complete, without the target.
    Stopped,
    /// A parameter, loss or metric became NaN or infinite.
    Diverged,
    /// The submission or its process failed.
    Failed(Failure),
    /// An untimed phase or a single step took longer than its limit.
    TimedOut {
        /// What was waited for.
        phase: Phase,
    },
    /// Somebody stopped the command, or the referee itself died; the same command resumes the trial.
    Interrupted,
    /// The worker's claims and the referee's clock disagree beyond the tolerance.
    TimingSuspect,
}

/// Why a trial failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// One line for a person: the author's message, or what the referee saw.
    pub message: String,
}

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The submission did not compile.
    Build,
    /// The submission returned an error.
    Error,
    /// The submission panicked.
    Panic,
    /// A signal ended the process, a segmentation fault or an abort among them.
    Signal,
    /// The process ended by itself, without a word or with a bad exit code.
    Exit,
    /// The kernel or libtorch had no memory left.
    OutOfMemory,
    /// What came over the pipe was not the protocol.
    Protocol,
    /// The submission trained, or changed weights, while the clock stood still.
    OffClock,
    /// The evaluator failed where no weights were at hand, or only once: not the submission's fault.
    Evaluator,
    /// Two evaluators in a row failed on the same weights: that is taken for the weights' fault.
    Unscored,
    /// The record could not be written (disk full, permission).
    Record,
    /// Data, device or another thing that the run needs was missing.
    Environment,
}

/// The phases of a trial. All but `Training` are off the clock and have limits of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// From spawn until data, model and algorithm are there.
    StartUp,
    /// The model run once on dummy data.
    WarmUp,
    /// Steps and `prepare_for_eval`: submission time.
    Training,
    /// Weights and state written.
    Snapshot,
    /// The evaluator at work, the worker stopped.
    Evaluation,
    /// From `stop` until the process is gone.
    ShutDown,
}

impl Outcome {
    /// Whether the trial is over for good: running the same command again skips it.
    /// Interrupted trials are resumed instead; failed ones rerun only if asked.
    pub fn is_final(&self) -> bool {
        !matches!(self, Outcome::Interrupted)
    }

    /// Whether it says something of the algorithm. What the referee saw fail by itself (the build, the machine, the disk, an evaluator) is no
    /// observation: it counts for nothing, and the same command tries it again.
    pub fn is_observation(&self) -> bool {
        match self {
            Outcome::Failed(failure) => failure.kind.is_of_the_algorithm(),
            outcome => outcome.is_final(),
        }
    }

    /// Whether the submission is at fault or broke: what `--rerun-failed` runs again.
    pub fn is_failure(&self) -> bool {
        matches!(
            self,
            Outcome::Failed(_) | Outcome::TimedOut { .. } | Outcome::TimingSuspect
        )
    }

    /// The short name that tables and records use.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::TargetReached => "target-reached",
            Outcome::BudgetExhausted => "budget-exhausted",
            Outcome::Stopped => "stopped",
            Outcome::Diverged => "diverged",
            Outcome::Failed(_) => "failed",
            Outcome::TimedOut { .. } => "timed-out",
            Outcome::Interrupted => "interrupted",
            Outcome::TimingSuspect => "timing-suspect",
        }
    }
}

impl FailureKind {
    /// Whether the algorithm or its program is what failed. None of the others can be claimed by a worker: see [`FailureKind::as_claimed`].
    pub fn is_of_the_algorithm(self) -> bool {
        match self {
            FailureKind::Build
            | FailureKind::Evaluator
            | FailureKind::Record
            | FailureKind::Environment => false,
            FailureKind::Error
            | FailureKind::Panic
            | FailureKind::Signal
            | FailureKind::Exit
            | FailureKind::OutOfMemory
            | FailureKind::Protocol
            | FailureKind::OffClock
            | FailureKind::Unscored => true,
        }
    }

    /// What a worker's own word for its failure counts as: it cannot put the blame on the machine, the evaluator or the disk, which would keep
    /// its trial out of the tables.
    #[must_use]
    pub fn as_claimed(self) -> FailureKind {
        match self {
            FailureKind::Panic | FailureKind::OutOfMemory | FailureKind::OffClock => self,
            _ => FailureKind::Error,
        }
    }

    /// The word that records use.
    pub fn name(self) -> &'static str {
        match self {
            FailureKind::Build => "build",
            FailureKind::Error => "error",
            FailureKind::Panic => "panic",
            FailureKind::Signal => "signal",
            FailureKind::Exit => "exit",
            FailureKind::OutOfMemory => "out-of-memory",
            FailureKind::Protocol => "protocol",
            FailureKind::OffClock => "off-clock",
            FailureKind::Evaluator => "evaluator",
            FailureKind::Unscored => "unscored",
            FailureKind::Record => "record",
            FailureKind::Environment => "environment",
        }
    }
}
