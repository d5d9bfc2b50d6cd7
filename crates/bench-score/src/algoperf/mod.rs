//! AlgoPerf's own logs to AlgoPerf's own score, digit for digit.
//!
//! The text of each log becomes [`Evaluation`]s ([`read_evaluations`]), all logs together become [`Logs`], and those with [`Targets`] and [`Rules`] a
//! [`Board`]. Each step of the scoring is a function of its own: [`reach`] has those up to a workload's time, [`times`] those that take times away,
//! [`profile`](mod@profile) the last ones. What is odd or absent in the logs is a [`Finding`]; nothing is dropped in silence.

mod board;
mod completeness;
mod copies;
mod evaluation;
mod explain;
mod finding;
mod frozen;
mod logs;
pub mod profile;
mod ranking;
pub mod reach;
mod rules;
mod targets;
pub mod times;

pub use board::{Board, Cell, Row};
pub use evaluation::{Evaluation, read_evaluations};
pub use explain::{Explained, ExplainedWorkload};
pub use finding::{Finding, Problem, Remark};
pub use frozen::FrozenTimes;
pub use logs::{Log, Logs, natural};
pub use reach::{Reach, StudyResult, TrialResult};
pub use rules::{Pick, Rules, budget};
pub use targets::{Goal, Target, Targets, TargetsError};
pub use times::Loss;
