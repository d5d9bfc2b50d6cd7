//! Records to time to target, and time to target to tables of who is faster.
//!
//! Pure functions: a record's lines become a [`TrialSummary`], the trials of a study and the studies of a workload a [`WorkloadResult`],
//! and those a [`Leaderboard`]. Nothing here reads a file or a clock, so that any row can be computed again from the committed records.

pub mod algoperf;
pub mod calibration;
mod explain;
mod frozen;
pub mod gate;
mod leaderboard;
mod measure;
mod measured;
pub mod plan;
mod ranking;
mod read;
mod reference;
mod result;
mod search;
mod sound;
pub mod statistics;
mod trial;

pub use explain::{Evidence, Explained, ExplainedStudy, ExplainedTrial, Uncounted, explain};
pub use frozen::{Against, AgainstReference, FreezeError, Frozen, FrozenReference, FrozenTime};
pub use leaderboard::{Leaderboard, Row, Table, rank};
pub use measure::{Amounts, Measure, StepSize};
pub use measured::MetricValues;
pub use ranking::{Band, Credit, Duel, Field, Flips, FrozenCredit, Ranking};
pub use read::{ReadError, Trial, evaluation_lines, parse_events, read};
pub use reference::{Comparison, compare};
pub use result::{
    Moved, Setting, StudyResult, TARGETS, WorkloadResult, instant, median, results, ruleset,
};
pub use search::{Best, Search};
pub use sound::{EVENTS_FILE, Fault, RUN_FILE};
pub use trial::{CurvePoint, TrainingPoint, TrialSummary};
