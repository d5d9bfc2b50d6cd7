//! The referee's clock: how fine it is and what a reading costs, measured.

use super::Check;
use std::time::Instant;

/// The monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    /// The smallest step between two readings, in nanoseconds.
    pub resolution: u64,
    /// What one reading takes, in nanoseconds.
    pub overhead: f64,
}

const READINGS: u32 = 100_000;

/// Measures, for some milliseconds.
pub fn measure() -> Clock {
    let start = Instant::now();
    let mut last = start;
    let mut resolution = u64::MAX;
    for _ in 0..READINGS {
        let now = Instant::now();
        let step = now.duration_since(last).as_nanos() as u64;
        if step > 0 {
            resolution = resolution.min(step);
        }
        last = now;
    }
    Clock {
        resolution,
        overhead: last.duration_since(start).as_nanos() as f64 / f64::from(READINGS),
    }
}

/// A training step takes a thousand times longer than what is allowed here.
pub(super) fn check(clock: Clock) -> Check {
    const NAME: &str = "clock";
    let found = format!(
        "steps of {} ns, {:.0} ns a reading",
        clock.resolution, clock.overhead
    );
    if clock.resolution <= 1_000 && clock.overhead <= 1_000.0 {
        return Check::ok(NAME, found);
    }
    let advice = "a slow or coarse clock: see /sys/devices/system/clocksource/clocksource0/current_clocksource, which should be tsc or kvm-clock";
    Check::warning(NAME, found, advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn judges_what_it_measured() {
        let clock = measure();
        assert!(clock.resolution > 0 && clock.overhead > 0.0, "{clock:?}");
        let coarse = Clock {
            resolution: 4_000_000,
            overhead: 20.0,
        };
        assert_eq!(check(coarse).status, Status::Warning);
        let fine = Clock {
            resolution: 1,
            overhead: 20.0,
        };
        assert_eq!(check(fine).found, "steps of 1 ns, 20 ns a reading");
    }
}
