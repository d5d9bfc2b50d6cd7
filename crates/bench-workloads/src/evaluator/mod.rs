//! The evaluator's side of the protocol: a program without any submission's code, blocked between evaluations.
//!
//! It reads one [`Task`], loads the splits that the task names, builds the model once, and then scores each snapshot it is told of.

mod scoring;

use crate::data::DataError;
use crate::model::ModelError;
use bench_core::outcome::FailureKind;
use bench_core::protocol::{Command, Event, Message, Task, TaskError};
use bench_core::run::SplitName;
use bench_torch::errors::{self, LibtorchError};
use bench_torch::runtime::RuntimeError;
use bench_torch::snapshot::SnapshotError;
use scoring::Evaluator;
use std::fs::File;
use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

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
        source: TaskError,
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
    let task: Task = task
        .parse()
        .map_err(|source| unreadable(&task, "task", source))?;
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
        weights: Some(evaluator.weights()?),
    })?;
    for line in lines {
        let line = line?;
        let command = serde_json::from_str(&line);
        match command.map_err(|source| unreadable(&line, "command", source.into()))? {
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

fn unreadable(line: &str, expected: &'static str, source: TaskError) -> EvaluatorError {
    const SHOWN: usize = 120;
    EvaluatorError::Line {
        line: line.chars().take(SHOWN).collect(),
        expected,
        source,
    }
}
