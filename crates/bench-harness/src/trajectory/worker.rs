//! A worker that is told every single step.

use super::{Course, Ground};
use crate::channel::{self, Arrival, BACKLOG, ProtocolError, Source, Text};
use crate::interrupt::Interrupts;
use crate::process::{Process, ProcessError};
use bench_core::number::{Measured, Span};
use bench_core::protocol::{Command, EVAL_FILE, Event, Task};
use bench_core::run::{DeviceKind, Local, RunSpec, SplitName};
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// How often a silent worker is asked whether somebody wants to stop.
const LOOK: Duration = Duration::from_millis(100);

/// A worker does not go on.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// It could not be started or kept in hand.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A folder or a pipe.
    #[error("{what}: {cause}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        cause: io::Error,
    },
    /// It says that it failed.
    #[error("it failed: {0}")]
    Failed(String),
    /// It ended without a word.
    #[error("it ended unexpectedly; the last it wrote: {0}")]
    Died(String),
    /// What it says is no message.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// It takes too long.
    #[error("nothing was heard of it for {within:?} while {what}")]
    Late {
        /// What was waited for.
        what: &'static str,
        /// How long.
        within: Duration,
    },
    /// Somebody stopped the command.
    #[error("interrupted")]
    Interrupted,
}

/// What a step left.
pub(super) struct Moment {
    /// Training loss of the step.
    pub(super) loss: Option<f64>,
    /// The file of weights after it.
    pub(super) snapshot: PathBuf,
    /// Whether the submission says that its training is complete.
    pub(super) complete: bool,
}

/// A worker under way.
pub(super) struct Worker {
    process: Process,
    arrivals: Receiver<Arrival>,
    folder: PathBuf,
    stall: Span,
    snapshot: Span,
}

impl Worker {
    /// Starts it and waits until it is ready to train.
    pub(super) fn start(
        course: &Course,
        ground: &Ground,
        folder: PathBuf,
        interrupts: &Interrupts,
    ) -> Result<Worker, WorkerError> {
        let snapshots = folder.join("snapshot");
        std::fs::create_dir_all(&snapshots).map_err(|cause| WorkerError::Io {
            what: "making a folder for snapshots",
            cause,
        })?;
        let (sender, arrivals) = sync_channel(BACKLOG);
        let mut data = ground.data.clone();
        data.retain(|split, _| *split == SplitName::Train);
        let cuda = course.run.device == DeviceKind::Cuda;
        let launch = course
            .worker
            .clone()
            .reading(data.values().cloned())
            .writing([snapshots.clone()])
            .on(cuda.then_some(ground.device_index));
        let token = format!("trajectory-{}-{}", std::process::id(), course.side);
        let (threads, log) = (course.run.threads, folder.join("stderr.log"));
        let process = Process::spawn(Source::Worker, &launch, threads, &token, &log, sender)?;
        let mut worker = Worker {
            process,
            arrivals,
            folder: snapshots.clone(),
            stall: ground.limits.stall,
            snapshot: ground.limits.snapshot,
        };
        let task = Task {
            run: every_step(&course.run),
            local: Local {
                data,
                scratch: snapshots,
                device_index: ground.device_index,
                resume: None,
            },
        };
        let assigned = worker.process.assign(&task);
        assigned.map_err(|_| worker.last_words())?;
        let ready = |event: &Event| matches!(event, Event::Ready { .. });
        let limit = Span(ground.limits.start_up.0 + ground.limits.warm_up.0);
        worker.wait("starting up", limit, interrupts, ready)?;
        Ok(worker)
    }

    /// One step, and the weights after it.
    pub(super) fn advance(&mut self, interrupts: &Interrupts) -> Result<Moment, WorkerError> {
        self.send(&Command::Train {
            evaluation: None,
            submission_seconds: 0.0,
        })?;
        let due = |event: &Event| matches!(event, Event::EvalDue { .. });
        let due = self.wait("training a step", self.stall, interrupts, due)?;
        self.send(&Command::Snapshot {
            folder: self.folder.clone(),
        })?;
        let written = |event: &Event| matches!(event, Event::SnapshotWritten { .. });
        self.wait("writing a snapshot", self.snapshot, interrupts, written)?;
        let (loss, complete) = match due {
            Event::EvalDue { loss, complete, .. } => (loss, complete),
            _ => (None, false),
        };
        Ok(Moment {
            loss: loss.map(|Measured(loss)| loss),
            snapshot: self.folder.join(EVAL_FILE),
            complete,
        })
    }

    fn send(&mut self, command: &Command) -> Result<(), WorkerError> {
        let sent = self.process.send(command);
        sent.map_err(|_| self.last_words())
    }

    fn wait(
        &mut self,
        what: &'static str,
        limit: Span,
        interrupts: &Interrupts,
        wanted: impl Fn(&Event) -> bool,
    ) -> Result<Event, WorkerError> {
        let since = Instant::now();
        loop {
            if interrupts.requested() {
                return Err(WorkerError::Interrupted);
            }
            if since.elapsed() > limit.0 {
                return Err(WorkerError::Late {
                    what,
                    within: limit.0,
                });
            }
            let text = match self.arrivals.recv_timeout(LOOK) {
                Ok(arrival) => arrival.text,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => Text::Closed,
            };
            match text {
                Text::Line(line) => match channel::parse(&line)?.event {
                    Event::Failed { message, .. } => return Err(WorkerError::Failed(message)),
                    event if wanted(&event) => return Ok(event),
                    _ => {}
                },
                Text::Oversized => return Err(ProtocolError::Oversized.into()),
                Text::Torn(_) | Text::Closed => return Err(self.last_words()),
            }
        }
    }

    /// What it told before it was gone: the message of its failure may still wait in the pipe.
    fn last_words(&mut self) -> WorkerError {
        while let Ok(arrival) = self.arrivals.recv_timeout(LOOK) {
            if let Text::Line(line) = arrival.text
                && let Ok(message) = channel::parse(&line)
                && let Event::Failed { message, .. } = message.event
            {
                return WorkerError::Failed(message);
            }
        }
        self.process.kill();
        WorkerError::Died(self.process.last_words())
    }
}

/// The same run with an evaluation due after each step; the budget, and with it every schedule, stays what it is.
fn every_step(run: &RunSpec) -> RunSpec {
    let mut run = run.clone();
    run.workload.evaluate.every_steps = 1;
    run.ruleset.evaluate_every = None;
    run
}
