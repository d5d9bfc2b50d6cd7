//! Points of a search space: quasi-random as AlgoPerf draws them, or out of a fixed list.
//!
//! A point depends on the space and its number alone. AlgoPerf shuffles the points by a stream nobody seeds, so that its order
//! cannot be repeated; ours is the sequence's own.

mod algoperf;
pub mod golden;
mod halton;
mod twister;

pub use algoperf::{FILE as ALGOPERF_FILE, SpaceError, read_algoperf};

use super::submission::{Choice, Dimension, Range, Scale, Submission, Value};
use halton::Sequence;
use std::collections::BTreeMap;

/// One value for each of some hyperparameters.
pub type Point = BTreeMap<String, Value>;

/// What is searched.
#[derive(Debug, Clone, PartialEq)]
pub enum Space {
    /// To draw points from; the order decides which coordinate each gets.
    Dimensions(Vec<(String, Dimension)>),
    /// To try in this order, the same in every study as AlgoPerf's are.
    Points(Vec<Point>),
}

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

impl Space {
    /// A submission's own: its list where it has one, else its dimensions with something to search, sorted by name.
    pub fn of(submission: &Submission) -> Space {
        if !submission.points.is_empty() {
            return Space::Points(submission.points.clone());
        }
        let searched = submission
            .search_space
            .iter()
            .filter(|(_, dimension)| !matches!(dimension, Dimension::Fixed(_)));
        Space::Dimensions(
            searched
                .map(|(name, dimension)| (name.clone(), dimension.clone()))
                .collect(),
        )
    }

    /// What the trial of a study gets, both from 1, where a study has `trials` of them.
    ///
    /// # Errors
    /// When a list ends before `trial`.
    pub fn point(&self, study: u32, trial: u32, trials: u32) -> Result<Point, SearchError> {
        match self {
            Space::Dimensions(dimensions) => {
                let earlier = u64::from(study.saturating_sub(1)) * u64::from(trials);
                Ok(draw(dimensions, earlier + u64::from(trial)))
            }
            Space::Points(points) => {
                let position = trial.saturating_sub(1) as usize;
                let found = points.get(position).cloned();
                found.ok_or(SearchError::ListTooShort {
                    listed: points.len(),
                    wanted: trial,
                })
            }
        }
    }

    /// Trials of a study that asks for `trials`: a list may end earlier.
    pub fn trials(&self, trials: u32) -> u32 {
        match self {
            Space::Dimensions(_) => trials,
            Space::Points(points) => trials.min(u32::try_from(points.len()).unwrap_or(u32::MAX)),
        }
    }

    /// Every name that a point may set.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Space::Dimensions(dimensions) => {
                dimensions.iter().map(|(name, _)| name.as_str()).collect()
            }
            Space::Points(points) => points
                .iter()
                .flat_map(|point| point.keys().map(String::as_str))
                .collect(),
        }
    }
}

/// Point `number` (from 1) of some dimensions.
fn draw(dimensions: &[(String, Dimension)], number: u64) -> Point {
    let coordinates = Sequence::new(dimensions.len()).point(number);
    dimensions
        .iter()
        .zip(coordinates)
        .map(|((name, dimension), x)| (name.clone(), at(dimension, x)))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> Space {
        let range = |scale| {
            Dimension::Range(Range {
                min: 1e-3,
                max: 1.0,
                scale,
                default: 0.1,
            })
        };
        Space::Dimensions(vec![
            ("a".to_owned(), range(Scale::Log)),
            ("b".to_owned(), range(Scale::Linear)),
        ])
    }

    #[test]
    fn studies_go_on_where_the_one_before_ended() {
        let space = space();
        assert_eq!(space.point(2, 1, 5), space.point(1, 6, 5));
        assert_ne!(space.point(2, 1, 5), space.point(1, 1, 5));
    }

    #[test]
    fn a_list_is_the_same_in_every_study_and_ends() {
        let point = Point::from([("a".to_owned(), Value::Flag(true))]);
        let list = Space::Points(vec![point.clone()]);
        assert_eq!(list.trials(5), 1);
        assert_eq!(list.point(3, 1, 5), Ok(point));
        let error = SearchError::ListTooShort {
            listed: 1,
            wanted: 2,
        };
        assert_eq!(list.point(1, 2, 5), Err(error));
    }

    #[test]
    fn values_stay_in_their_range() {
        for trial in 1..=200 {
            for (name, value) in space().point(1, trial, 200).unwrap() {
                let value = value.as_number().unwrap();
                assert!((1e-3..=1.0).contains(&value), "{name} {value}");
            }
        }
    }
}
