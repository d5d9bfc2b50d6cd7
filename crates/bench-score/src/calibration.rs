//! From the trials of baselines to a target: AlgoPerf's rule at small scale. Pure, so that a committed record can be judged again.
//!
//! Each baseline's best point is the one with the best value near the step hint; the winner is the baseline whose best point has the best
//! median of that over seeds it was not tuned on; the target is the winner's median value at a share of the step hint.

mod record;
mod rule;

pub use record::{CalibrationRecord, CalibrationTrial, Evaluation, FORMAT};
pub(crate) use rule::passage;
pub use rule::{CalibrationError, Chosen, FACTOR, Finding, Standing, best_points, find};
