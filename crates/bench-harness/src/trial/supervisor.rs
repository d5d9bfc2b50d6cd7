//! The two programs of a trial, one queue of what they say, and what to do about the things that can be said at any time.

use super::death;
use super::rules::Rules;
use super::snapshot::Snapshots;
use super::tally::Tally;
use super::{Observer, Trial, TrialProgress};
use crate::channel::{self, Arrival, BACKLOG, ProtocolError, Source, Text};
use crate::interrupt::Interrupts;
use crate::process::environment::Surroundings;
use crate::process::{Process, ProcessError};
use crate::recorder::{EVALUATOR_LOG, RecordError, Recorder, STDERR_FILE};
use crate::scratch::Scratch;
use bench_core::outcome::{Failure, FailureKind, Outcome, Phase};
use bench_core::protocol::{Command, Event};
use bench_core::record::TrialEvent;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often a silent wait looks for interrupts and dead processes.
const LOOK: Duration = Duration::from_millis(50);

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

    pub(super) fn outcome(self) -> Outcome {
        match self {
            Stop::Ended(outcome) => outcome,
            Stop::Record(error) => super::record_failure(&error),
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
    /// Until when.
    pub(super) until: Instant,
    /// What it means when that passes.
    pub(super) late: Outcome,
    /// How long the worker may be silent meanwhile.
    pub(super) stall: Option<Duration>,
}

impl Wait {
    /// For an untimed phase with a limit of its own.
    pub(super) fn phase(phase: Phase, from: Instant, limit: bench_core::number::Span) -> Wait {
        Wait {
            until: from + limit.0,
            late: Outcome::TimedOut { phase },
            stall: None,
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
    /// Steps done at the last evaluation.
    pub(super) step: u64,
    /// Submission time up to the last evaluation.
    pub(super) submission_ns: u64,
    /// Since when the clock runs.
    pub(super) clock: Option<Instant>,
    /// Whether a claim disagreed with the clock.
    pub(super) suspect: bool,
    /// When both were spawned.
    pub(super) spawned: Instant,
    /// Latest step that the worker told of.
    pub(super) heard_of: u64,
    /// The worker's last sign of life.
    pub(super) alive: Instant,
    pub(super) oom_kills: Option<u64>,
    observer: &'a mut Observer<'a>,
    arrivals: Receiver<Arrival>,
    torn: Option<Vec<u8>>,
}

impl<'a> Supervisor<'a> {
    /// Spawns worker and evaluator, which start up at the same time.
    pub(super) fn spawn<'o: 'a>(
        trial: &'a Trial,
        recorder: &'a mut Recorder,
        interrupts: &'a Interrupts,
        observer: &'a mut (dyn FnMut(TrialProgress<'_>) + 'o),
    ) -> Flow<Supervisor<'a>> {
        let scratch = Scratch::create().map_err(|cause| {
            Stop::failed(
                FailureKind::Environment,
                format!("no place for snapshots: {cause}"),
            )
        })?;
        let surroundings = Surroundings {
            threads: trial.run().threads,
            device: trial.run().device,
            libtorch: trial.libtorch.clone(),
            token: token(&scratch),
            extra: trial.environment.clone(),
        };
        let (sender, arrivals) = sync_channel(BACKLOG);
        let spawned = Instant::now();
        let start = |source, program, log: &str| {
            let log = trial.folder.join(log);
            Process::spawn(source, program, &surroundings, &log, sender.clone())
        };
        Ok(Supervisor {
            trial,
            worker: start(Source::Worker, &trial.programs.worker, STDERR_FILE)?,
            evaluator: start(Source::Evaluator, &trial.programs.evaluator, EVALUATOR_LOG)?,
            recorder,
            interrupts,
            tally: Tally::new(spawned),
            rules: Rules::new(trial.run(), trial.to_budget),
            snapshots: Snapshots::new(scratch, trial),
            step: 0,
            submission_ns: 0,
            clock: None,
            suspect: false,
            spawned,
            heard_of: 0,
            oom_kills: death::oom_kills(),
            observer,
            arrivals,
            alive: spawned,
            torn: None,
        })
    }

    /// Writes an event into the record and tells the observer.
    pub(super) fn record(&mut self, event: TrialEvent) -> Flow<()> {
        (self.observer)(TrialProgress::Recorded(&event));
        Ok(self.recorder.append(event)?)
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

    /// The next event that only the phase at hand can judge.
    pub(super) fn next(&mut self, wait: &Wait) -> Flow<Heard> {
        loop {
            if self.interrupts.requested() {
                return Err(Stop::Ended(Outcome::Interrupted));
            }
            let now = Instant::now();
            let pause = LOOK.min(wait.until.saturating_duration_since(now));
            match self.arrivals.recv_timeout(pause) {
                Ok(arrival) => {
                    let at = arrival.at;
                    if let Some(heard) = self.receive(arrival)? {
                        return Ok(heard);
                    }
                    self.check_time(wait, at)?;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.look_for_the_dead()?;
                    self.check_time(wait, Instant::now())?;
                }
                // Both reader threads are gone, and each of them said so before.
                Err(RecvTimeoutError::Disconnected) => return Err(self.death(Source::Worker)),
            }
        }
    }

    fn check_time(&self, wait: &Wait, now: Instant) -> Flow<()> {
        if now >= wait.until {
            return Err(Stop::Ended(wait.late.clone()));
        }
        match wait.stall {
            Some(stall) if now > self.alive + stall => Err(Stop::Ended(Outcome::TimedOut {
                phase: Phase::Training,
            })),
            _ => Ok(()),
        }
    }

    /// A process can end while another one, which it started, holds its pipe open: then no end of output tells.
    fn look_for_the_dead(&mut self) -> Flow<()> {
        for source in [Source::Worker, Source::Evaluator] {
            let process = match source {
                Source::Worker => &self.worker,
                Source::Evaluator => &self.evaluator,
            };
            if process.has_exited()? {
                return Err(self.last_words(source));
            }
        }
        Ok(())
    }

    /// Reads what a dead program still said, such as why it failed.
    fn last_words(&mut self, source: Source) -> Stop {
        let patience = Instant::now() + Duration::from_secs(1);
        while let Some(left) = patience.checked_duration_since(Instant::now()) {
            match self.arrivals.recv_timeout(left.min(LOOK * 4)) {
                Ok(arrival) => match self.receive(arrival) {
                    Ok(_) => {}
                    Err(stop) => return stop,
                },
                Err(_) => break,
            }
        }
        self.death(source)
    }

    /// Handles an arrival; gives back what is not handled here.
    fn receive(&mut self, arrival: Arrival) -> Flow<Option<Heard>> {
        let Arrival { source, at, text } = arrival;
        match text {
            Text::Line(line) => self.hear(source, at, &line),
            // The end of output follows, and tells whether something worse than a half line happened.
            Text::Torn(line) => {
                self.torn = Some(line);
                Ok(None)
            }
            Text::Oversized => Err(self.broke_protocol(source, &ProtocolError::Oversized)),
            Text::Closed => Err(self.death(source)),
        }
    }

    fn hear(&mut self, source: Source, at: Instant, line: &[u8]) -> Flow<Option<Heard>> {
        let message = match channel::parse(line) {
            Ok(message) => message,
            Err(error) => return Err(self.broke_protocol(source, &error)),
        };
        if source == Source::Worker {
            self.alive = at;
        }
        match message.event {
            Event::Stepped { step } if source == Source::Worker => self.stepped(step, at),
            Event::Logged { step, values } => self.record(TrialEvent::Logged { step, values })?,
            Event::Warned { message } => self.warn(message)?,
            Event::Unknown => self.record(TrialEvent::Unknown {
                line: String::from_utf8_lossy(line).into_owned(),
            })?,
            Event::Failed {
                kind,
                message,
                location,
                step,
            } => return Err(self.confessed(source, kind, &message, location, step)),
            event => return Ok(Some(Heard { source, event, at })),
        }
        Ok(None)
    }

    fn stepped(&mut self, step: u64, at: Instant) {
        self.heard_of = step;
        let running = self
            .clock
            .map_or(Duration::ZERO, |since| at.saturating_duration_since(since));
        (self.observer)(TrialProgress::Stepped {
            step,
            submission_seconds: self.submission_ns as f64 / 1e9 + running.as_secs_f64(),
        });
    }

    /// The half line that the output ended in, once.
    pub(super) fn take_torn(&mut self) -> Option<ProtocolError> {
        self.torn.take().map(|line| ProtocolError::Torn {
            excerpt: channel::excerpt(&line),
        })
    }

    /// An event in the wrong place.
    pub(super) fn unexpected(&self, heard: &Heard) -> Stop {
        let Heard { source, event, .. } = heard;
        let kind = match source {
            Source::Worker => FailureKind::Protocol,
            Source::Evaluator => FailureKind::Evaluator,
        };
        let said = serde_json::to_string(event).unwrap_or_default();
        Stop::failed(
            kind,
            format!(
                "the {} was not asked for `{}`",
                source.name(),
                channel::excerpt(said.as_bytes())
            ),
        )
    }

    fn broke_protocol(&self, source: Source, error: &ProtocolError) -> Stop {
        match source {
            Source::Worker => Stop::failed(FailureKind::Protocol, error.to_string()),
            Source::Evaluator => {
                Stop::failed(FailureKind::Evaluator, format!("the evaluator: {error}"))
            }
        }
    }
}

/// Unique on this machine, also after a process number came round again.
fn token(scratch: &Scratch) -> String {
    let name = scratch.path().file_name().unwrap_or_default();
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!("{}-{}", name.to_string_lossy(), since.as_nanos())
}
