//! How sure a score is, and whether B is faster than A.
//!
//! Everything rests on times to target, by workload and study. A missed target is [`f64::INFINITY`]: worse than any number, and equal to other misses.
//! So ranks and pairwise log ratios carry misses along, no budget is put in their place, and no method here takes a mean over a miss.
//! The tests are exact: laws are convolved, never sampled. The one sampled method, the [`bootstrap`](mod@bootstrap), takes a seed.
//!
//! `alpha` is one-sided everywhere: 0.05 means a 90 % interval. What is undefined is `None`, never NaN.

pub mod bootstrap;
pub mod compare;
pub mod frozen;
pub mod golden;
mod law;
mod order;
mod pair;
mod paired;
mod power;
mod rank;
mod ratio;
mod reach;
mod shift;
mod speedup;
mod standing;
mod ties;
mod welch;

pub use bootstrap::{Bootstrap, Indices, ScoreInterval, bootstrap, resample};
pub use compare::{Comparison, Verdict, compare};
pub use frozen::{FrozenDifference, FrozenScore, FrozenWorkload, frozen_difference, frozen_score};
pub use order::{median_time, quantile};
pub use pair::{Pair, log_spread, to_time};
pub use paired::{PairedShift, paired_shift};
pub use power::{Question, StudiesNeeded, detectable, studies_needed};
pub use rank::{RankTest, rank_test};
pub use ratio::{BootstrapRatio, SideIndices, bootstrap_ratio};
pub use reach::{ReachTest, reach_test};
pub use shift::{Shift, stratified_shift};
pub use speedup::{Speedup, speedup};
pub use standing::{Certainty, Standing, standing};
pub use ties::{TieGroups, holm, tie_groups};
pub use welch::{Tost, WelchLog, tost, welch_log};

/// Whether a probability is within a level. The sums behind probabilities round, and levels are met exactly by small designs (1/20 at 0.05).
fn within(probability: f64, level: f64) -> bool {
    probability <= level * (1.0 + 1e-9)
}
