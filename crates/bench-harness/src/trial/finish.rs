//! How a trial goes from its start to its end, whichever that is.

use super::rules::Verdict;
use super::snapshot::Keeping;
use super::supervisor::{Flow, Stop, Supervisor, Wait};
use crate::channel::Source;
use crate::slowdown::Counters;
use bench_core::outcome::{Outcome, Phase};
use bench_core::protocol::{Command, Event};
use bench_core::record::{Phases, TrialEvent};
use std::time::{Duration, Instant};

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// What a worker tells with its last words.
#[derive(Debug, Default)]
struct Farewell {
    state: Option<u64>,
    device_memory: Option<u64>,
}

impl Supervisor<'_> {
    /// Conducts the trial, ends both programs and records the end.
    pub(super) fn see_through(&mut self) -> Flow<Outcome> {
        let conducted = self.conduct();
        self.clock = None;
        if let Some(phase) = self.tally.current() {
            self.look_at_processor(phase);
        }
        self.tally.enter(Some(Phase::ShutDown), Instant::now());
        let farewell = match &conducted {
            // An outcome that stands is not undone by a bad farewell.
            Ok(_) => self.dismiss().unwrap_or_default(),
            Err(_) => Farewell::default(),
        };
        self.end_programs();
        self.keep_last_weights()?;
        let exit = self.worker.kill();
        if let Some(exit) = &exit {
            self.processor.note(Phase::ShutDown, exit.cpu);
        }
        let phases = self.tally.finish(Instant::now());
        let outcome = match conducted {
            // What rests on the clock does not stand if the clock is in doubt.
            Ok(Outcome::TargetReached | Outcome::BudgetExhausted | Outcome::Stopped)
                if self.suspect =>
            {
                Outcome::TimingSuspect
            }
            Ok(outcome) => outcome,
            Err(Stop::Ended(Outcome::Interrupted)) => self.keep_for_resuming()?,
            Err(stop) => stop.outcome(),
        };
        self.check_wall(&phases)?;
        self.record(TrialEvent::Ended {
            outcome: outcome.clone(),
            phases,
            worker_memory: exit.map(|exit| exit.peak_memory),
            worker_cpu: Some(self.processor.by_phase()),
            device_memory: farewell.device_memory,
            state: farewell.state,
            slowdown: Some(self.counters.slowdown(Counters::read())),
        })?;
        Ok(outcome)
    }

    /// The ordinary path: start, then train, snapshot and evaluate until the rules say that it is over.
    fn conduct(&mut self) -> Flow<Outcome> {
        self.start_up()?;
        let mut evaluation = self.recall();
        loop {
            let due = self.train(evaluation)?;
            self.snapshot()?;
            let (scores, verdict) = self.evaluate(due)?;
            self.snapshots.evaluated();
            self.keep_best_weights(&scores)?;
            match verdict {
                Verdict::Over(outcome) => return Ok(outcome),
                Verdict::GoOn => self.keep_now_and_then()?,
            }
            // It was stopped until now, longer than the evaluation took.
            self.look_at_frozen()?;
            evaluation = Some(scores);
        }
    }

    /// Asks both programs to stop, and hears the worker's last words.
    fn dismiss(&mut self) -> Flow<Farewell> {
        self.worker.thaw()?;
        self.send(Source::Worker, &Command::Stop)?;
        let farewell = self.farewell()?;
        // One that is gone already has nothing left to do.
        let _ = self.evaluator.send(&Command::Stop);
        let limit = self.trial.limits.shut_down;
        let interrupts = self.interrupts.clone();
        let hurry = || interrupts.requested();
        if !self.worker.await_exit(limit.0, hurry) {
            self.warn(format!(
                "the worker did not exit within {limit} and was killed"
            ))?;
        }
        self.evaluator.await_exit(limit.0, hurry);
        Ok(farewell)
    }

    /// A worker that ends badly when it is told to stop is worth a warning: its result stands.
    fn farewell(&mut self) -> Flow<Farewell> {
        let limit = self.trial.limits.shut_down;
        let wait = Wait::phase(Phase::ShutDown, Instant::now(), limit);
        match self.next(&wait) {
            Ok(heard) => match heard.event {
                Event::Stopped {
                    unread,
                    state,
                    device_memory,
                } => {
                    for name in unread {
                        self.warn(format!("hyperparameter `{name}` was given but never read"))?;
                    }
                    return Ok(Farewell {
                        state,
                        device_memory,
                    });
                }
                _ => self.warn("the worker did not say `stopped` when it was told to stop")?,
            },
            Err(Stop::Ended(Outcome::TimedOut { .. })) => {
                self.warn(format!(
                    "the worker did not stop within {limit} and was killed"
                ))?;
                self.worker.kill();
            }
            Err(Stop::Ended(Outcome::Failed(failure))) => {
                self.warn(format!("while stopping: {}", failure.message))?;
            }
            Err(stop) => return Err(stop),
        }
        Ok(Farewell::default())
    }

    fn end_programs(&mut self) {
        let interrupts = self.interrupts.clone();
        let hurry = || interrupts.insisted();
        self.worker.terminate(GRACE, hurry);
        self.evaluator.terminate(GRACE, hurry);
    }

    fn keep_now_and_then(&mut self) -> Flow<()> {
        if !self.snapshots.is_due() {
            return Ok(());
        }
        self.tally.enter(Some(Phase::Snapshot), Instant::now());
        // The lines that a snapshot belongs to must outlive it.
        self.recorder.sync()?;
        let kept = self.snapshots.keep(&mut || false);
        self.tally.enter(None, Instant::now());
        match kept {
            Ok(Keeping::Kept | Keeping::NothingNew) => Ok(()),
            Ok(Keeping::TooLarge { bytes, free }) => self.warn(format!(
                "a snapshot of {bytes} bytes is too much of the {free} bytes free on disk: this trial cannot be resumed"
            )),
            Err(cause) => self.warn(format!("a snapshot could not be kept on disk: {cause}")),
        }
    }

    fn keep_for_resuming(&mut self) -> Flow<Outcome> {
        let interrupts = self.interrupts.clone();
        self.recorder.sync()?;
        if let Err(cause) = self.snapshots.keep(&mut || interrupts.insisted()) {
            self.warn(format!("the last snapshot could not be kept: {cause}"))?;
        }
        Ok(Outcome::Interrupted)
    }

    /// The phases sum to wall time by construction; what is left to the referee itself must be little.
    fn check_wall(&mut self, phases: &Phases) -> Flow<()> {
        /// Short trials are not worth a warning.
        const FLOOR_NS: u64 = 1_000_000_000;
        let allowed = (self.trial.tolerances.wall * phases.wall_ns as f64) as u64;
        if phases.other_ns <= allowed.max(FLOOR_NS) {
            return Ok(());
        }
        self.warn(format!(
            "{:.1} s of {:.1} s wall time belong to no phase: the machine was busy or suspended",
            phases.other_ns as f64 / 1e9,
            phases.wall_ns as f64 / 1e9
        ))
    }
}
