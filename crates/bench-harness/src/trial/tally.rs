//! Where wall time goes: one phase at a time, so that the parts sum to the whole by construction.

use bench_core::outcome::Phase;
use bench_core::record::Phases;
use std::time::Instant;

/// Follows the phases of a trial's part.
#[derive(Debug)]
pub(super) struct Tally {
    began: Instant,
    since: Instant,
    current: Option<Phase>,
    phases: Phases,
}

impl Tally {
    pub(super) fn new(began: Instant) -> Tally {
        Tally {
            began,
            since: began,
            current: Some(Phase::StartUp),
            phases: Phases::default(),
        }
    }

    /// Ends the current phase at `at` and begins another; none is the referee's own work.
    pub(super) fn enter(&mut self, phase: Option<Phase>, at: Instant) {
        let spent = nanoseconds(self.since, at);
        let phases = &mut self.phases;
        *match self.current {
            Some(Phase::StartUp) => &mut phases.start_up_ns,
            Some(Phase::WarmUp) => &mut phases.warm_up_ns,
            Some(Phase::Training) => &mut phases.training_ns,
            Some(Phase::Snapshot) => &mut phases.snapshot_ns,
            Some(Phase::Evaluation) => &mut phases.evaluation_ns,
            Some(Phase::ShutDown) => &mut phases.shut_down_ns,
            None => &mut phases.other_ns,
        } += spent;
        self.since = self.since.max(at);
        self.current = phase;
    }

    /// The phase at hand; none is the referee's own work.
    pub(super) fn current(&self) -> Option<Phase> {
        self.current
    }

    /// Ends the last phase.
    pub(super) fn finish(&mut self, at: Instant) -> Phases {
        self.enter(None, at);
        self.phases.wall_ns = nanoseconds(self.began, at);
        self.phases
    }
}

/// Between two moments; 0 where `to` is the earlier one.
pub(super) fn nanoseconds(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_parts_sum_to_the_whole() {
        let began = Instant::now();
        let at = |ms: u64| began + Duration::from_millis(ms);
        let mut tally = Tally::new(began);
        let story = [
            (Some(Phase::WarmUp), 5),
            (None, 7),
            (Some(Phase::Training), 8),
            (None, 18),
            (Some(Phase::Training), 20),
            (Some(Phase::ShutDown), 25),
        ];
        for (phase, ms) in story {
            tally.enter(phase, at(ms));
        }
        let phases = tally.finish(at(30));
        let parts = [
            phases.start_up_ns,
            phases.warm_up_ns,
            phases.training_ns,
            phases.shut_down_ns,
            phases.other_ns,
        ];
        assert_eq!(parts.map(|ns| ns / 1_000_000), [5, 2, 15, 5, 3]);
        assert_eq!(phases.wall_ns, parts.iter().sum::<u64>());
    }
}
