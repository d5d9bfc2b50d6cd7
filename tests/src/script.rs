//! What the fake worker and evaluator are told to do: [`Act`]s at [`Moment`]s, everything else as it should be.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Environment variable that holds a [`Script`] as JSON.
pub const VARIABLE: &str = "BENCH_FAKE";

/// A story for one trial's programs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Script {
    /// Moment to act, for the worker.
    pub worker: BTreeMap<String, Act>,
    /// Moment to act, for the evaluator.
    pub evaluator: BTreeMap<String, Act>,
    /// Error rates on the validation split, one an evaluation; the last one repeats.
    pub error_rates: Vec<f64>,
    /// How long an interval takes, in milliseconds.
    pub interval_ms: u64,
    /// Announce completion at this step.
    pub complete_at: Option<u64>,
}

/// Where in a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// In place of a task comes something else.
    NoTask,
    /// Before `initialising`.
    Load,
    /// There too, where it is to go on from a snapshot.
    Resume,
    /// Between `initialising` and `loaded`.
    Init,
    /// Between `loaded` and `ready`.
    WarmUp,
    /// In the interval that ends at this step.
    Train(u64),
    /// In the snapshot of this step.
    Snapshot(u64),
    /// In the evaluation of this step's snapshot.
    Evaluate(u64),
    /// When told to stop.
    Stop,
}

impl Moment {
    /// The key in a script: `no-task`, `load`, `resume`, `init`, `warm-up`, `train-20`, `snapshot-20`, `evaluate-20`, `stop`.
    pub fn key(self) -> String {
        match self {
            Moment::NoTask => "no-task".to_owned(),
            Moment::Load => "load".to_owned(),
            Moment::Resume => "resume".to_owned(),
            Moment::Init => "init".to_owned(),
            Moment::WarmUp => "warm-up".to_owned(),
            Moment::Train(step) => format!("train-{step}"),
            Moment::Snapshot(step) => format!("snapshot-{step}"),
            Moment::Evaluate(step) => format!("evaluate-{step}"),
            Moment::Stop => "stop".to_owned(),
        }
    }
}

/// Something else than the right thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Does nothing, for ever.
    Hang,
    /// Says `stepped` for ever.
    Plod,
    /// Panics, as a program without the SDK.
    Panic,
    /// Says `failed` with this kind and message, and exits.
    Fail(String, String),
    /// Sends itself this signal.
    Signal(i32),
    /// Exits with this code.
    Exit(u8),
    /// Exits after it wrote this to standard error.
    LastWords(String),
    /// Writes this line, as it is, before the right one.
    Line(String),
    /// Writes half a line and exits.
    HalfLine,
    /// Writes a line of this many bytes.
    Oversized(usize),
    /// Logs this many scalars.
    Flood(u32),
    /// Claims this many seconds more than passed.
    Claim(f64),
    /// Says that the loss, or the metric, is NaN.
    Nan,
    /// Scores this many examples of validation.
    Count(u64),
    /// Says the right thing this many milliseconds late.
    Slow(u64),
    /// Leaves a child behind that holds its pipes, in a session of its own, and goes on.
    Grandchild,
    /// Leaves such a child behind and exits.
    Orphan,
    /// Says as a warning what it was told last.
    Repeat,
    /// Leaves a child behind that uses a processor for ever, in a session of its own, and goes on.
    Restless,
    /// Says that its weights have this digest.
    Weights(String),
    /// Says this step in place of the right one.
    Step(u64),
    /// Does another act, but only the first time: it leaves this file behind.
    Once(PathBuf, Box<Act>),
    /// Trains another way from here on, as a changed update rule would.
    Drift,
}

impl Script {
    /// Reaches the target at step 30 of 50, evaluating every 10.
    pub fn good() -> Script {
        Script {
            error_rates: vec![0.5, 0.3, 0.1, 0.1, 0.1],
            interval_ms: 2,
            ..Script::default()
        }
    }

    /// Never reaches the target.
    pub fn slow_learner() -> Script {
        Script {
            error_rates: vec![0.5],
            ..Script::good()
        }
    }

    /// Adds an act of the worker's.
    pub fn worker(mut self, moment: Moment, act: Act) -> Script {
        self.worker.insert(moment.key(), act);
        self
    }

    /// Adds an act of the evaluator's.
    pub fn evaluator(mut self, moment: Moment, act: Act) -> Script {
        self.evaluator.insert(moment.key(), act);
        self
    }

    /// For the environment.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
