//! The two programs of a trial, one queue of what they say, and what to do about the things that can be said at any time.

use super::death;
use super::frozen::Processor;
use super::rules::Rules;
use super::snapshot::Snapshots;
use super::tally::Tally;
use super::{Observer, Trial, TrialProgress, weights};
use crate::channel::{Arrival, BACKLOG, Source};
use crate::interrupt::Interrupts;
use crate::process::{Process, ProcessError};
use crate::recorder::{EVALUATOR_LOG, MAX_LOGGED, RecordError, Recorder, Room, STDERR_FILE};
use crate::scratch::{self, Scratch};
use crate::slowdown::Counters;
use bench_core::outcome::{Failure, FailureKind, Outcome, Phase};
use bench_core::protocol::{Command, Event, Passes};
use bench_core::record::TrialEvent;
use bench_score::TrialSummary;
use std::fmt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Why a trial ends before its rules end it.
#[derive(Debug)]
pub(super) enum Stop {
    /// With this outcome.
    Ended(Outcome),
    /// The record cannot be written.
    Record(RecordError),
}

impl Stop {
    pub(super) fn failed(kind: FailureKind, message: impl Into<String>) -> Stop {
        Stop::Ended(Outcome::Failed(Failure {
            kind,
            message: message.into(),
        }))
    }

    /// Whether an evaluator is what failed, or took too long.
    pub(super) fn is_the_evaluators(&self) -> bool {
        match self {
            Stop::Ended(Outcome::Failed(failure)) => failure.kind == FailureKind::Evaluator,
            Stop::Ended(Outcome::TimedOut { phase }) => *phase == Phase::Evaluation,
            _ => false,
        }
    }

    /// An evaluator's failure as the fault of the weights that it was given.
    pub(super) fn of_the_weights(self) -> Stop {
        match self {
            Stop::Ended(Outcome::Failed(failure)) => Stop::failed(
                FailureKind::Unscored,
                format!(
                    "two evaluators failed on the same weights: {}",
                    failure.message
                ),
            ),
            other => other,
        }
    }

    pub(super) fn outcome(self) -> Outcome {
        match self {
            Stop::Ended(outcome) => outcome,
            Stop::Record(error) => super::record_failure(&error),
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Ended(Outcome::Failed(failure)) => formatter.write_str(&failure.message),
            Stop::Ended(Outcome::TimedOut {
                phase: Phase::Evaluation,
            }) => formatter.write_str("the evaluator took longer than its limit"),
            Stop::Ended(outcome) => formatter.write_str(outcome.name()),
            Stop::Record(error) => error.fmt(formatter),
        }
    }
}

impl From<RecordError> for Stop {
    fn from(error: RecordError) -> Stop {
        Stop::Record(error)
    }
}

impl From<ProcessError> for Stop {
    fn from(error: ProcessError) -> Stop {
        Stop::failed(FailureKind::Environment, error.to_string())
    }
}

/// A result, or the trial's early end.
pub(super) type Flow<T> = Result<T, Stop>;

/// What is waited for, and how long.
#[derive(Debug, Clone)]
pub(super) struct Wait {
    /// Since when.
    pub(super) from: Instant,
    /// How long.
    pub(super) limit: Duration,
    /// What it means when that passes.
    pub(super) late: Outcome,
    /// How long the worker may be silent meanwhile.
    pub(super) stall: Option<Duration>,
}

impl Wait {
    /// For an untimed phase with a limit of its own.
    pub(super) fn phase(phase: Phase, from: Instant, limit: bench_core::number::Span) -> Wait {
        Wait {
            from,
            limit: limit.0,
            late: Outcome::TimedOut { phase },
            stall: None,
        }
    }

    /// For an evaluator to be ready, which is no matter of the submission's.
    pub(super) fn evaluator(from: Instant, limit: bench_core::number::Span) -> Wait {
        let late = Failure {
            kind: FailureKind::Evaluator,
            message: format!("the evaluator was not ready within {limit}"),
        };
        Wait {
            late: Outcome::Failed(late),
            ..Wait::phase(Phase::StartUp, from, limit)
        }
    }
}

/// An event that the referee waited for.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) source: Source,
    pub(super) event: Event,
    pub(super) at: Instant,
}

/// A running trial.
pub(super) struct Supervisor<'a> {
    pub(super) trial: &'a Trial,
    pub(super) worker: Process,
    pub(super) evaluator: Process,
    pub(super) recorder: &'a mut Recorder,
    pub(super) interrupts: &'a Interrupts,
    pub(super) tally: Tally,
    pub(super) rules: Rules,
    pub(super) snapshots: Snapshots,
    /// The best value of the target's metric so far.
    pub(super) best: Option<f64>,
    /// Steps done at the last evaluation.
    pub(super) step: u64,
    /// Submission time up to the last evaluation.
    pub(super) submission_ns: u64,
    /// Examples passed through the model up to the last evaluation.
    pub(super) passes: Passes,
    /// Since when the clock runs.
    pub(super) clock: Option<Instant>,
    /// What the worker used of the processors.
    pub(super) processor: Processor,
    /// Whether a claim disagreed with the clock, or a stopped worker went on.
    pub(super) suspect: bool,
    /// When both were spawned.
    pub(super) spawned: Instant,
    /// Latest step that the worker told of.
    pub(super) heard_of: u64,
    /// The worker's last sign of life.
    pub(super) alive: Instant,
    pub(super) oom_kills: Option<u64>,
    /// The kernel's counts of what slows processors, at the start.
    pub(super) counters: Counters,
    pub(super) observer: &'a mut Observer<'a>,
    pub(super) arrivals: Receiver<Arrival>,
    /// For the output of another evaluator.
    sender: SyncSender<Arrival>,
    token: String,
    /// Whether the evaluator's output is over.
    pub(super) evaluator_closed: bool,
    /// The half line that an output ended in.
    pub(super) torn: Option<Vec<u8>>,
}

impl<'a> Supervisor<'a> {
    /// Spawns worker and evaluator, which start up at the same time.
    pub(super) fn spawn<'o: 'a>(
        trial: &'a Trial,
        recorder: &'a mut Recorder,
        interrupts: &'a Interrupts,
        observer: &'a mut (dyn FnMut(TrialProgress<'_>) + 'o),
    ) -> Flow<Supervisor<'a>> {
        let scratch = Scratch::create(scratch::SMALL).map_err(|cause| {
            Stop::failed(
                FailureKind::Environment,
                format!("no place for snapshots: {cause}"),
            )
        })?;
        let token = token(&scratch);
        let (sender, arrivals) = sync_channel(BACKLOG);
        let spawned = Instant::now();
        let start = |source| start(trial, source, &token, sender.clone());
        Ok(Supervisor {
            trial,
            worker: start(Source::Worker)?,
            evaluator: start(Source::Evaluator)?,
            recorder,
            interrupts,
            tally: Tally::new(spawned),
            rules: Rules::new(trial.run(), trial.to_budget),
            snapshots: Snapshots::new(scratch, trial),
            best: weights::best(trial.run(), &TrialSummary::fold(trial.run(), &trial.lines)),
            step: 0,
            submission_ns: 0,
            passes: Passes::default(),
            clock: None,
            processor: Processor::default(),
            suspect: false,
            spawned,
            heard_of: 0,
            oom_kills: death::oom_kills(),
            counters: Counters::read(),
            observer,
            arrivals,
            sender,
            token,
            evaluator_closed: false,
            alive: spawned,
            torn: None,
        })
    }

    /// Ends the evaluator and starts another one in its place.
    pub(super) fn replace_evaluator(&mut self) -> Flow<()> {
        self.tally.enter(Some(Phase::Evaluation), Instant::now());
        self.evaluator.kill();
        self.await_evaluators_end()?;
        let sender = self.sender.clone();
        self.evaluator = start(self.trial, Source::Evaluator, &self.token, sender)?;
        self.evaluator_closed = false;
        self.assign_evaluator();
        self.await_evaluator()
    }

    /// Writes an event into the record and tells the observer.
    pub(super) fn record(&mut self, event: TrialEvent) -> Flow<()> {
        (self.observer)(TrialProgress::Recorded(&event));
        Ok(self.recorder.append(event)?)
    }

    /// Writes what the worker wants in the record, as long as it is not too much.
    pub(super) fn relay(&mut self, event: TrialEvent) -> Flow<()> {
        (self.observer)(TrialProgress::Recorded(&event));
        if self.recorder.append_bounded(event)? == Room::JustGone {
            self.warn(format!(
                "the submission logged {MAX_LOGGED} bytes, which is all that a record takes: the rest is dropped"
            ))?;
        }
        Ok(())
    }

    /// Records something a person should know.
    pub(super) fn warn(&mut self, message: impl Into<String>) -> Flow<()> {
        self.record(TrialEvent::Warned {
            message: message.into(),
        })
    }

    /// Writes a command; a program that does not read it is dead.
    pub(super) fn send(&mut self, source: Source, command: &Command) -> Flow<()> {
        let process = match source {
            Source::Worker => &mut self.worker,
            Source::Evaluator => &mut self.evaluator,
        };
        match process.send(command) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.last_words(source)),
        }
    }
}

/// Starts one of a trial's programs.
fn start(
    trial: &Trial,
    source: Source,
    token: &str,
    arrivals: SyncSender<Arrival>,
) -> Result<Process, ProcessError> {
    let log = trial.folder.join(match source {
        Source::Worker => STDERR_FILE,
        Source::Evaluator => EVALUATOR_LOG,
    });
    let launch = trial.launch(source);
    let threads = trial.run().threads;
    Process::spawn(source, &launch, threads, token, &log, arrivals)
}

/// Unique on this machine, also after a process number came round again.
fn token(scratch: &Scratch) -> String {
    let name = scratch.path().file_name().unwrap_or_default();
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!("{}-{}", name.to_string_lossy(), since.as_nanos())
}
