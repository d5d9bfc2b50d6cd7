//! Points of a search space: quasi-random as AlgoPerf draws them, or out of a fixed list.
//!
//! A point depends on the space and its number alone. AlgoPerf shuffles the points by a stream nobody seeds, so that its order
//! cannot be repeated; ours is the sequence's own.

mod algoperf;
mod halton;
mod twister;

pub use algoperf::{AlgoPerfError, read_algoperf};
pub use halton::{Sequence, primes};
pub use twister::Twister;

use super::harness::{Points, Ruleset};
use super::submission::{Choice, Dimension, Range, Scale, Submission, Tuning, Value};
use std::collections::BTreeMap;

/// One value for each of some hyperparameters.
pub type Point = BTreeMap<String, Value>;

/// There is no such point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// A fixed list that is too short.
    #[error(
        "the submission lists {listed} points, and this is number {wanted}; run at most {listed} trials"
    )]
    ListTooShort {
        /// Points in the list.
        listed: usize,
        /// The one asked for, from 1.
        wanted: u32,
    },
}

/// What a trial gets in place of defaults; empty where the defaults stand.
///
/// # Errors
/// When a fixed list ends before `trial`.
pub(crate) fn point(
    submission: &Submission,
    ruleset: &Ruleset,
    trials: u32,
    study: u32,
    trial: u32,
) -> Result<BTreeMap<String, Value>, SearchError> {
    if ruleset.tuning == Tuning::SelfTuning || ruleset.points == Points::Defaults {
        return Ok(BTreeMap::new());
    }
    if !submission.points.is_empty() {
        let listed = submission.points.len();
        // A list is the same in every study, as AlgoPerf's is.
        return submission.points.get(trial as usize - 1).cloned().ok_or(
            SearchError::ListTooShort {
                listed,
                wanted: trial,
            },
        );
    }
    let searched: Vec<(&String, &Dimension)> = submission
        .search_space
        .iter()
        .filter(|(_, dimension)| !matches!(dimension, Dimension::Fixed(_)))
        .collect();
    let number = u64::from(study - 1) * u64::from(trials) + u64::from(trial);
    Ok(draw(&searched, number))
}

/// Point `number` (from 1) of a space, its dimensions in the given order.
pub fn draw(space: &[(&String, &Dimension)], number: u64) -> BTreeMap<String, Value> {
    let coordinates = Sequence::new(space.len()).point(number);
    space
        .iter()
        .zip(coordinates)
        .map(|((name, dimension), x)| ((*name).clone(), at(dimension, x)))
        .collect()
}

/// The value of a dimension at `x` in [0, 1).
fn at(dimension: &Dimension, x: f64) -> Value {
    match dimension {
        Dimension::Fixed(value) => value.clone(),
        Dimension::Range(Range {
            min,
            max,
            scale: Scale::Linear,
            ..
        }) => Value::Number(x * (max - min) + min),
        Dimension::Range(Range {
            min,
            max,
            scale: Scale::Log,
            ..
        }) => Value::Number(min * (x * (max / min).ln()).exp()),
        Dimension::Choice(Choice { values, default }) => {
            let index = (x * values.len() as f64) as usize;
            values.get(index).unwrap_or(default).clone()
        }
    }
}
