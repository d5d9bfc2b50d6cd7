//! What the worker's processes do off the clock, as the kernel counts it: much of it is suspect where they are stopped, and recorded elsewhere.

use super::supervisor::{Flow, Supervisor};
use bench_core::outcome::Phase;
use bench_core::record::WorkerCpu;
use std::time::Duration;

/// Processor time of a worker, by phase.
#[derive(Debug, Default)]
pub(super) struct Processor {
    /// At the last look.
    seen: Duration,
    by: WorkerCpu,
}

impl Processor {
    /// Puts down what was used since the last look to a phase, given all that was used so far; gives it.
    pub(super) fn note(&mut self, phase: Phase, used: Duration) -> u64 {
        // A process that left the group and died takes its time with it.
        let since = used.saturating_sub(self.seen).as_nanos();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.seen = used;
        *match phase {
            Phase::StartUp => &mut self.by.start_up_ns,
            Phase::WarmUp => &mut self.by.warm_up_ns,
            Phase::Training => &mut self.by.training_ns,
            Phase::Snapshot => &mut self.by.snapshot_ns,
            Phase::Evaluation => &mut self.by.frozen_ns,
            Phase::ShutDown => &mut self.by.shut_down_ns,
        } += since;
        since
    }

    pub(super) fn by_phase(&self) -> WorkerCpu {
        self.by
    }
}

impl Supervisor<'_> {
    /// Puts down what the worker's processes used since the last look; none where the kernel does not tell.
    pub(super) fn look_at_processor(&mut self, phase: Phase) -> Option<u64> {
        let used = self.worker.cpu()?;
        Some(self.processor.note(phase, used))
    }

    /// The same of processes that are stopped. Some that go on all the same train for free, and the clock is worth nothing.
    pub(super) fn look_at_frozen(&mut self) -> Flow<Option<u64>> {
        let Some(used) = self.look_at_processor(Phase::Evaluation) else {
            return Ok(None);
        };
        let allowed = self.trial.tolerances.frozen;
        if u128::from(used) > allowed.0.as_nanos() {
            self.suspect = true;
            self.warn(format!(
                "processes of the worker used {:.2} s of processor time while it was stopped after step {} (allowed: {allowed})",
                used as f64 / 1e9,
                self.step
            ))?;
        }
        Ok(Some(used))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_to_the_phase_in_which_it_was_used() {
        let mut processor = Processor::default();
        let ms = Duration::from_millis;
        assert_eq!(processor.note(Phase::StartUp, ms(30)), 30_000_000);
        assert_eq!(processor.note(Phase::Training, ms(90)), 60_000_000);
        // One that died in between is no time gone by.
        assert_eq!(processor.note(Phase::Evaluation, ms(80)), 0);
        assert_eq!(processor.note(Phase::Evaluation, ms(85)), 5_000_000);
        let expected = WorkerCpu {
            start_up_ns: 30_000_000,
            training_ns: 60_000_000,
            frozen_ns: 5_000_000,
            ..WorkerCpu::default()
        };
        assert_eq!(processor.by_phase(), expected);
    }
}
