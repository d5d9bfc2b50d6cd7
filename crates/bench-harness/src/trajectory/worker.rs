//! A worker that is told every single step, and an evaluator that is asked now and then.

use super::{Course, Ground, Way};
use crate::channel::{self, Arrival, BACKLOG, ProtocolError, Source, Text};
use crate::interrupt::Interrupts;
use crate::process::{Process, ProcessError};
use bench_core::number::{Measured, Span};
use bench_core::protocol::{Command, EVAL_FILE, Evaluation, Event, Metrics, Task};
use bench_core::run::{DeviceKind, Local, PROTOCOL, Resume, RunSpec, SplitName};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
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

/// What a snapshot is worth, split by split.
pub(super) type Scores = BTreeMap<SplitName, Metrics>;

/// Of these an evaluation tells a submission.
const SCORED: [SplitName; 2] = [SplitName::Train, SplitName::Validation];

/// One side under way: its worker, and its evaluator where it needs one.
pub(super) struct Walker<'a> {
    pub(super) course: &'a Course,
    ground: &'a Ground,
    interrupts: &'a Interrupts,
    folder: PathBuf,
    worker: Program,
    snapshots: PathBuf,
    evaluator: Option<Program>,
    /// What the next interval begins with.
    evaluation: Option<Evaluation>,
}

impl<'a> Walker<'a> {
    /// Starts its programs and waits until they are ready.
    pub(super) fn start(
        course: &'a Course,
        ground: &'a Ground,
        way: &Way,
        folder: PathBuf,
        interrupts: &'a Interrupts,
    ) -> Result<Walker<'a>, WorkerError> {
        let snapshots = folder.join("snapshot");
        let start = |source| Program::start(course, ground, source, &folder, &snapshots, None);
        // Both load while the other does.
        let mut worker = start(Source::Worker)?;
        let mut evaluator = way
            .evaluate_after
            .map(|_| start(Source::Evaluator))
            .transpose()?;
        for program in evaluator.iter_mut().chain([&mut worker]) {
            program.ready(ground, interrupts)?;
        }
        Ok(Walker {
            course,
            ground,
            interrupts,
            folder,
            worker,
            snapshots,
            evaluator,
            evaluation: None,
        })
    }

    /// One step, and the weights after it.
    pub(super) fn advance(&mut self) -> Result<Moment, WorkerError> {
        let limits = &self.ground.limits;
        self.worker.send(&Command::Train {
            evaluation: self.evaluation.take(),
            submission_seconds: 0.0,
        })?;
        let due = |event: &Event| matches!(event, Event::EvalDue { .. });
        let due = self
            .worker
            .wait("training a step", limits.stall, self.interrupts, due)?;
        self.worker.send(&Command::Snapshot {
            folder: self.snapshots.clone(),
        })?;
        let written = |event: &Event| matches!(event, Event::SnapshotWritten { .. });
        let what = "writing a snapshot";
        self.worker
            .wait(what, limits.snapshot, self.interrupts, written)?;
        let (loss, complete) = match due {
            Event::EvalDue { loss, complete, .. } => (loss, complete),
            _ => (None, false),
        };
        Ok(Moment {
            loss: loss.map(|Measured(loss)| loss),
            snapshot: self.snapshots.join(EVAL_FILE),
            complete,
        })
    }

    /// Scores the weights after `step`, which the submission is told when it goes on.
    pub(super) fn evaluate(&mut self, step: u64) -> Result<Scores, WorkerError> {
        let Some(evaluator) = &mut self.evaluator else {
            return Ok(Scores::new());
        };
        evaluator.send(&Command::Evaluate {
            snapshot: self.snapshots.join(EVAL_FILE),
            splits: SCORED.to_vec(),
        })?;
        let limit = self.ground.limits.evaluation;
        let scored = |event: &Event| matches!(event, Event::Evaluated { .. });
        let scored = evaluator.wait("evaluating", limit, self.interrupts, scored)?;
        let metrics = match scored {
            Event::Evaluated { metrics, .. } => metrics,
            _ => Scores::new(),
        };
        self.evaluation = Some(Evaluation {
            step,
            submission_seconds: 0.0,
            metrics: metrics.clone(),
        });
        Ok(metrics)
    }

    /// Ends the worker and goes on from its last snapshot, of this step, with another one.
    pub(super) fn resume(&mut self, step: u64) -> Result<(), WorkerError> {
        let resume = Resume {
            snapshot: self.snapshots.clone(),
            step,
            submission_seconds: 0.0,
        };
        // Beside the old ones, which the new worker may still read when it writes its first.
        self.snapshots = self.folder.join(format!("snapshot-{step}"));
        self.worker = Program::start(
            self.course,
            self.ground,
            Source::Worker,
            &self.folder,
            &self.snapshots,
            Some(resume),
        )?;
        self.worker.ready(self.ground, self.interrupts)
    }
}

/// A worker or evaluator.
struct Program {
    process: Process,
    arrivals: Receiver<Arrival>,
}

impl Program {
    /// Starts it in a side's folder, which it may use.
    fn spawn(
        course: &Course,
        ground: &Ground,
        source: Source,
        folder: &Path,
    ) -> Result<Program, WorkerError> {
        // Of its own, since what is left of a program when it ends is found by it: another one may go on from its snapshot by then.
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let (sender, arrivals) = sync_channel(BACKLOG);
        let cuda = course.run.device == DeviceKind::Cuda;
        let launch = course
            .programs
            .of(source)
            .launch
            .clone()
            .reading(ground.data_of(source).into_values())
            .writing([folder.to_owned()])
            .on(cuda.then_some(ground.device_index));
        let token = format!("trajectory-{}-{number}", std::process::id());
        let log = folder.join(format!("{}.log", source.name()));
        let process = Process::spawn(source, &launch, course.run.threads, &token, &log, sender)?;
        Ok(Program { process, arrivals })
    }

    /// Starts it and gives it its task.
    fn start(
        course: &Course,
        ground: &Ground,
        source: Source,
        folder: &Path,
        scratch: &Path,
        resume: Option<Resume>,
    ) -> Result<Program, WorkerError> {
        std::fs::create_dir_all(scratch).map_err(|cause| WorkerError::Io {
            what: "making a folder for snapshots",
            cause,
        })?;
        let mut program = Program::spawn(course, ground, source, folder)?;
        let task = Task {
            run: every_step(&course.run),
            local: Local {
                data: ground.data_of(source),
                scratch: scratch.to_owned(),
                device_index: ground.device_index,
                resume,
            },
        };
        let assigned = program.process.assign(&task);
        assigned.map_err(|_| program.last_words())?;
        Ok(program)
    }

    /// Waits until it can begin.
    fn ready(&mut self, ground: &Ground, interrupts: &Interrupts) -> Result<(), WorkerError> {
        let ready = |event: &Event| matches!(event, Event::Ready { .. });
        let limit = Span(ground.limits.start_up.0 + ground.limits.warm_up.0);
        self.wait("starting up", limit, interrupts, ready).map(drop)
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
            let Text::Line(line) = arrival.text else {
                continue;
            };
            match channel::parse(&line).map(|message| message.event) {
                Ok(Event::Failed { message, .. }) => return WorkerError::Failed(message),
                Err(error @ ProtocolError::Version { .. }) => return error.into(),
                _ => {}
            }
        }
        self.process.kill();
        WorkerError::Died(self.process.last_words())
    }
}

/// The version of the protocol that a program speaks: whatever it says to a task that is none has it.
///
/// # Errors
/// When it says nothing that can be read.
pub(super) fn version(
    course: &Course,
    ground: &Ground,
    folder: &Path,
    interrupts: &Interrupts,
) -> Result<u32, WorkerError> {
    let mut program = Program::spawn(course, ground, Source::Worker, folder)?;
    let asked = program.process.write_line(&serde_json::Map::new());
    let limit = ground.limits.start_up;
    let said = match asked {
        Ok(()) => program.wait("starting up", limit, interrupts, |_| true),
        Err(_) => Err(program.last_words()),
    };
    match said {
        Err(WorkerError::Protocol(ProtocolError::Version { found })) => Ok(found),
        Ok(_) | Err(WorkerError::Failed(_)) => Ok(PROTOCOL),
        Err(error) => Err(error),
    }
}

/// The same run with an evaluation due after each step; the budget, and with it every schedule, stays what it is.
fn every_step(run: &RunSpec) -> RunSpec {
    let mut run = run.clone();
    run.workload.evaluate.every_steps = 1;
    run.ruleset.evaluate_every = None;
    run
}
