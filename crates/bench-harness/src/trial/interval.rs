//! The timed part: from `train` to `eval-due`.

use super::supervisor::{Flow, Stop, Supervisor, Wait};
use super::tally::nanoseconds;
use crate::channel::Source;
use bench_core::outcome::{FailureKind, Outcome, Phase};
use bench_core::protocol::{Claim, Command, Evaluation, Event};
use bench_core::record::TrialEvent;
use std::time::{Duration, Instant};

/// Where an interval ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    /// Whether the submission says that its training is complete.
    pub(super) complete: bool,
    /// Whether the training loss it gave, if any, is a finite number.
    pub(super) finite: bool,
}

impl Supervisor<'_> {
    /// Lets the worker train until the next evaluation is due. Submission time is what passes here, by the referee's clock:
    /// from just before `train` is written to the moment its reader thread has `eval-due`.
    pub(super) fn train(&mut self, evaluation: Option<Evaluation>) -> Flow<Due> {
        let command = Command::Train {
            evaluation,
            submission_seconds: self.submission_ns as f64 / 1e9,
        };
        self.worker.thaw()?;
        let began = Instant::now();
        self.clock = Some(began);
        self.alive = began;
        self.tally.enter(Some(Phase::Training), began);
        self.send(Source::Worker, &command)?;
        let wait = Wait {
            from: began,
            limit: self.longest_interval(),
            late: Outcome::BudgetExhausted,
            stall: Some(self.trial.limits.stall.0),
        };
        let heard = match self.next(&wait) {
            Err(Stop::Ended(Outcome::BudgetExhausted)) => return Err(self.ran_away()?),
            other => other?,
        };
        self.clock = None;
        self.tally.enter(None, heard.at);
        let Event::EvalDue {
            step,
            complete,
            loss,
            passes,
            claim,
        } = heard.event
        else {
            return Err(self.unexpected(&heard));
        };
        let interval_ns = nanoseconds(began, heard.at);
        self.look_at_processor(Phase::Training);
        self.passes += passes;
        self.advance(step, complete, interval_ns)?;
        self.record(TrialEvent::Trained {
            step,
            interval_ns,
            submission_ns: self.submission_ns,
            loss,
            passes: self.passes,
            claim: claim.clone(),
        })?;
        self.cross_check(&claim, interval_ns)?;
        Ok(Due {
            complete,
            finite: loss.is_none_or(|loss| loss.0.is_finite()),
        })
    }

    fn advance(&mut self, step: u64, complete: bool, interval_ns: u64) -> Flow<()> {
        if step < self.step || (step == self.step && !complete) {
            let message = format!(
                "an evaluation is due at step {step}, after step {}",
                self.step
            );
            return Err(Stop::failed(FailureKind::Protocol, message));
        }
        self.step = step;
        self.heard_of = step;
        self.submission_ns += interval_ns;
        Ok(())
    }

    /// An interval may use up the budget and, because the worker cannot know the clock, overshoot it by the stall limit;
    /// one past the budget, which only confirms a passage, may take as long as all intervals so far.
    fn longest_interval(&self) -> Duration {
        let left = self.rules.left_ns(self.submission_ns);
        let allowed = if left == 0 { self.submission_ns } else { left };
        Duration::from_nanos(allowed).saturating_add(self.trial.limits.stall.0)
    }

    fn ran_away(&mut self) -> Flow<Stop> {
        self.warn(format!(
            "no evaluation came before submission time ran out: stopped in the middle of an interval, after step {}",
            self.heard_of
        ))?;
        Ok(Stop::Ended(Outcome::BudgetExhausted))
    }

    /// The worker's claim is no score, but it must agree with the clock.
    fn cross_check(&mut self, claim: &Claim, interval_ns: u64) -> Flow<()> {
        let seconds = interval_ns as f64 / 1e9;
        let tolerances = self.trial.tolerances;
        let allowed = (tolerances.claim * seconds).max(tolerances.claim_at_least.seconds());
        let gap = (claim.seconds - seconds).abs();
        // NaN agrees with nothing.
        if gap <= allowed {
            return Ok(());
        }
        self.suspect = true;
        self.warn(format!(
            "the worker claims {:.3} s for the interval up to step {}, the referee's clock says {seconds:.3} s (allowed: {allowed:.3} s)",
            claim.seconds, self.step
        ))
    }
}
