//! The evaluator's side of the protocol: a program without any submission's code, blocked between evaluations.
//!
//! It reads one [`Task`], loads the splits that the task names, builds the model once, and then scores each snapshot it is told of.

use crate::data::{self, DataError, Examples};
use crate::metric::{Scored, Scores};
use crate::model::{self, Model, ModelError, Pass};
use bench_core::outcome::FailureKind;
use bench_core::protocol::{Command, Event, Message, Metrics, Task};
use bench_core::run::{RunSpec, SplitName};
use bench_torch::errors::{self, LibtorchError};
use bench_torch::runtime::{self, Runtime, RuntimeError, Settings};
use bench_torch::snapshot::{Snapshot, SnapshotError};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use tch::{Device, Kind, Tensor};

/// Why an evaluation failed: never the submission's fault, save for a snapshot it wrote.
#[derive(Debug, thiserror::Error)]
pub enum EvaluatorError {
    /// The pipe broke.
    #[error("failed to speak with the referee")]
    Pipe(#[from] std::io::Error),
    /// A line that is not the protocol.
    #[error("`{line}` is no {expected}")]
    Line {
        /// Its beginning.
        line: String,
        /// What was expected.
        expected: &'static str,
        /// Why it is not.
        source: serde_json::Error,
    },
    /// A command for workers.
    #[error("an evaluator takes `evaluate` and `stop`, not `{0}`")]
    Command(&'static str),
    /// A split that the task did not name.
    #[error("split `{}` was not loaded: the task names no file for it", .0.name())]
    Split(SplitName),
    /// Not every example was scored once.
    #[error("{scored} examples of split `{}` were scored where it has {examples}", split.name())]
    Count {
        /// The split.
        split: SplitName,
        /// As counted.
        scored: u64,
        /// As there are.
        examples: u64,
    },
    /// libtorch could not be set up.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// A split could not be loaded.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The model could not be built.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The snapshot does not hold the model's weights.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// libtorch failed.
    #[error(transparent)]
    Torch(#[from] LibtorchError),
}

/// Speaks the protocol on standard input and output until `stop` or the end of input.
pub fn run() -> ExitCode {
    let mut channel = match Channel::open() {
        Ok(channel) => channel,
        Err(_) => return ExitCode::FAILURE,
    };
    let result = catch_unwind(AssertUnwindSafe(|| serve(&mut channel)));
    let failed = match result {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(error)) => failed(kind_of(&error), sentence(&error)),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
            let line = errors::first_line(&text.unwrap_or_default());
            failed(FailureKind::Panic, format!("evaluator panicked: {line}"))
        }
    };
    // Where the pipe is gone nobody is left to be told.
    let _ = channel.say(failed);
    ExitCode::FAILURE
}

/// An error with its causes, as one line.
pub fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text.lines().next().unwrap_or_default().to_owned()
}

fn failed(kind: FailureKind, message: String) -> Event {
    Event::Failed {
        kind,
        message,
        location: None,
        step: None,
    }
}

fn kind_of(error: &EvaluatorError) -> FailureKind {
    match error {
        _ if errors::is_out_of_memory(&sentence(error)) => FailureKind::OutOfMemory,
        EvaluatorError::Data(_) | EvaluatorError::Runtime(_) => FailureKind::Environment,
        _ => FailureKind::Evaluator,
    }
}

/// Lines to and from the referee. A stray print goes to standard error: the real standard output is held here alone.
struct Channel {
    output: File,
}

impl Channel {
    fn open() -> std::io::Result<Channel> {
        let output = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
        rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
        Ok(Channel {
            output: File::from(output),
        })
    }

    fn say(&mut self, event: Event) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(&Message::from(event))?;
        line.push(b'\n');
        self.output.write_all(&line)
    }
}

fn serve(channel: &mut Channel) -> Result<(), EvaluatorError> {
    let mut lines = std::io::stdin().lock().lines();
    let Some(task) = lines.next().transpose()? else {
        return Ok(());
    };
    let task: Task = parse(&task, "task")?;
    let (evaluator, runtime) = Evaluator::new(&task)?;
    channel.say(Event::Loaded)?;
    evaluator.warm_up()?;
    let parameters = evaluator
        .model
        .parameters()
        .iter()
        .map(|p| p.tensor.numel() as u64);
    channel.say(Event::Ready {
        parameters: parameters.sum(),
        device: runtime.report,
    })?;
    for line in lines {
        match parse(&line?, "command")? {
            Command::Evaluate { snapshot, splits } => {
                channel.say(evaluator.evaluate(&snapshot, &splits)?)?;
            }
            Command::Stop => {
                return Ok(channel.say(Event::Stopped {
                    unread: Vec::new(),
                    state: None,
                    device_memory: None,
                })?);
            }
            Command::Train { .. } => return Err(EvaluatorError::Command("train")),
            Command::Snapshot { .. } => return Err(EvaluatorError::Command("snapshot")),
        }
    }
    Ok(())
}

fn parse<T: serde::de::DeserializeOwned>(
    line: &str,
    expected: &'static str,
) -> Result<T, EvaluatorError> {
    const SHOWN: usize = 120;
    serde_json::from_str(line).map_err(|source| EvaluatorError::Line {
        line: line.chars().take(SHOWN).collect(),
        expected,
        source,
    })
}

/// A model and the splits it is scored on.
struct Evaluator {
    run: RunSpec,
    model: Box<dyn Model>,
    splits: BTreeMap<SplitName, Box<dyn Examples>>,
    device: Device,
}

impl Evaluator {
    fn new(task: &Task) -> Result<(Evaluator, Runtime), EvaluatorError> {
        let run = task.run.clone();
        let runtime = runtime::start(Settings {
            threads: run.threads,
            device: run.device,
            device_index: task.local.device_index,
        })?;
        let (device, kind) = (runtime.device, Kind::Float);
        let (workload, dataset) = (&run.workload, &run.dataset);
        let mut splits = BTreeMap::new();
        for (&split, path) in &task.local.data {
            splits.insert(
                split,
                data::open(path, split, workload, dataset, device, kind)?,
            );
        }
        let model = model::build_model(workload, dataset, device, kind, run.seed.value)?;
        let evaluator = Evaluator {
            run,
            model,
            splits,
            device,
        };
        Ok((evaluator, runtime))
    }

    /// Runs the model once, so that the first evaluation finds memory and kernels ready.
    fn warm_up(&self) -> Result<(), EvaluatorError> {
        let _guard = tch::no_grad_guard();
        if let Some(examples) = self.splits.values().next() {
            let batch = examples.batch(&Tensor::from_slice(&[0_i64]), None)?;
            let _ = self.model.forward(&batch, &Pass::EVAL)?;
        }
        Ok(())
    }

    fn evaluate(&self, snapshot: &Path, splits: &[SplitName]) -> Result<Event, EvaluatorError> {
        let _guard = tch::no_grad_guard();
        Snapshot::open(snapshot)?.load(&model::state(self.model.as_ref()))?;
        let (mut metrics, mut examples) = (BTreeMap::new(), BTreeMap::new());
        for &split in splits {
            let (values, count) = self.score(split)?;
            metrics.insert(split, values);
            examples.insert(split, count);
        }
        Ok(Event::Evaluated { metrics, examples })
    }

    /// Scores every example of a split once; of `train` the first `train-subset` ones.
    fn score(&self, split: SplitName) -> Result<(Metrics, u64), EvaluatorError> {
        let examples = self
            .splits
            .get(&split)
            .ok_or(EvaluatorError::Split(split))?;
        let evaluate = &self.run.workload.evaluate;
        let count = match split {
            SplitName::Train => (examples.len() as u64).min(evaluate.train_subset),
            SplitName::Validation | SplitName::Test => examples.len() as u64,
        };
        let scores = score(
            &self.run,
            self.model.as_ref(),
            examples.as_ref(),
            count,
            self.device,
        )?;
        if scores.examples() != count {
            return Err(EvaluatorError::Count {
                split,
                scored: scores.examples(),
                examples: count,
            });
        }
        Ok((scores.metrics(), count))
    }
}

/// Scores the first `count` examples, in batches of the workload's evaluation batch size and a smaller last one.
fn score(
    run: &RunSpec,
    model: &dyn Model,
    examples: &dyn Examples,
    count: u64,
    device: Device,
) -> Result<Scores, LibtorchError> {
    let batch_size = run.workload.evaluate.batch_size.max(1);
    let mut scores = Scores::new(&run.workload, count);
    for start in (0..count).step_by(batch_size as usize) {
        let end = (start + batch_size).min(count);
        let indices = Tensor::f_arange_start(start as i64, end as i64, (Kind::Int64, device))?;
        let batch = examples.batch(&indices, None)?;
        let outputs = model.forward(&batch, &Pass::EVAL)?;
        scores.add(&Scored {
            model,
            batch: &batch,
            outputs: &outputs,
        })?;
    }
    Ok(scores)
}
