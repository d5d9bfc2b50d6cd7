//! How long the whole command will still take, at most.

use std::time::Duration;

/// Follows trials as they end. Times are wall times since the command began.
#[derive(Debug, Default)]
pub(super) struct Estimate {
    /// Trials not begun yet.
    waiting: u32,
    /// Wall time of those that ended here, and their number.
    spent: Duration,
    ended: u32,
    /// When the present one began.
    began: Option<Duration>,
}

impl Estimate {
    /// So many trials are to run.
    pub(super) fn planned(&mut self, trials: u32) {
        self.waiting = trials;
    }

    /// One of them began.
    pub(super) fn started(&mut self, now: Duration) {
        self.waiting = self.waiting.saturating_sub(1);
        self.began = Some(now);
    }

    /// It ended.
    pub(super) fn ended(&mut self, now: Duration) {
        if let Some(began) = self.began.take() {
            self.spent += now.saturating_sub(began);
            self.ended += 1;
        }
    }

    /// What is left when `share` of the present trial's budget is spent: that trial to the end of its budget, the others as long as
    /// those before, or as this one. Nothing before a tenth of a first trial can be seen.
    pub(super) fn left(&self, now: Duration, share: f64) -> Option<Duration> {
        const ENOUGH: f64 = 0.02;
        let running = now.saturating_sub(self.began?).as_secs_f64();
        let whole = (share > ENOUGH).then(|| running / share.min(1.0));
        let usual = match self.ended {
            0 => whole,
            n => Some(self.spent.as_secs_f64() / f64::from(n)),
        };
        let present = whole.or(usual)? - running;
        let others = f64::from(self.waiting) * usual?;
        Some(Duration::from_secs_f64(present.max(0.0) + others))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn the_present_trial_and_those_after_it() {
        let mut estimate = Estimate::default();
        estimate.planned(3);
        assert_eq!(estimate.left(seconds(0), 0.0), None);
        estimate.started(seconds(10));
        assert_eq!(estimate.left(seconds(11), 0.01), None);
        // A quarter of the budget took 10 s: 30 s more, and two like it.
        assert_eq!(estimate.left(seconds(20), 0.25), Some(seconds(110)));
        estimate.ended(seconds(30));
        estimate.started(seconds(30));
        // The first one took 20 s.
        assert_eq!(estimate.left(seconds(30), 0.0), Some(seconds(40)));
        assert_eq!(estimate.left(seconds(40), 0.5), Some(seconds(30)));
    }
}
