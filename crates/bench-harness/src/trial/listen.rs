//! One queue of what both programs say: what can be said at any time is handled here, the rest goes to the phase at hand.

use super::TrialProgress;
use super::supervisor::{Flow, Heard, Stop, Supervisor, Wait};
use crate::channel::{self, Arrival, ProtocolError, Source, Text};
use bench_core::outcome::{FailureKind, Outcome, Phase};
use bench_core::protocol::Event;
use bench_core::record::TrialEvent;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

/// How often a silent wait looks for interrupts and dead processes.
const LOOK: Duration = Duration::from_millis(50);
/// How long a dead program's last lines may take; longer only if its child holds the pipe.
const PATIENCE: Duration = Duration::from_secs(1);

impl Supervisor<'_> {
    /// The next event that only the phase at hand can judge.
    pub(super) fn next(&mut self, wait: &Wait) -> Flow<Heard> {
        loop {
            if self.interrupts.requested() {
                return Err(Stop::Ended(Outcome::Interrupted));
            }
            self.recorder.check()?;
            let left = wait.limit.saturating_sub(wait.from.elapsed());
            let pause = LOOK.min(left);
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
        let since = |moment| now.saturating_duration_since(moment);
        if since(wait.from) >= wait.limit {
            return Err(Stop::Ended(wait.late.clone()));
        }
        match wait.stall {
            Some(stall) if since(self.alive) > stall => Err(Stop::Ended(Outcome::TimedOut {
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
    pub(super) fn last_words(&mut self, source: Source) -> Stop {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            match self.arrivals.recv_timeout(PATIENCE / 4) {
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
            Text::Oversized => {
                self.evaluator_closed |= source == Source::Evaluator;
                Err(self.broke_protocol(source, &ProtocolError::Oversized))
            }
            Text::Closed => {
                self.evaluator_closed |= source == Source::Evaluator;
                Err(self.death(source))
            }
        }
    }

    /// Takes in what a killed evaluator still said, so that none of it is taken for its successor's.
    pub(super) fn await_evaluators_end(&mut self) -> Flow<()> {
        let since = Instant::now();
        while !self.evaluator_closed {
            let Ok(arrival) = self.arrivals.recv_timeout(LOOK) else {
                if since.elapsed() > PATIENCE {
                    let message = "what a failed evaluator left running holds its output open";
                    return Err(Stop::failed(FailureKind::Evaluator, message));
                }
                continue;
            };
            match (arrival.source, &arrival.text) {
                (Source::Worker, _) => drop(self.receive(arrival)?),
                (Source::Evaluator, Text::Closed | Text::Oversized) => self.evaluator_closed = true,
                (Source::Evaluator, Text::Line(_) | Text::Torn(_)) => {}
            }
        }
        self.torn = None;
        Ok(())
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
            Event::Logged { step, values } => self.relay(TrialEvent::Logged { step, values })?,
            Event::Warned { message } => self.relay(TrialEvent::Warned { message })?,
            Event::Unknown => self.relay(TrialEvent::Unknown {
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
