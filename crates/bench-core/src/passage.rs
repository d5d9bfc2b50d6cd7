//! When a trial has reached its target: the one rule that the referee stops by and the scorer counts by.

use crate::spec::workload::Direction;
use serde::{Deserialize, Serialize};

/// One evaluation's validation value of the target metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Point {
    /// Steps done.
    pub step: u64,
    /// Submission time, in nanoseconds.
    pub submission_ns: u64,
    /// Value on the validation split; NaN never meets a target.
    #[serde(with = "measured")]
    pub value: f64,
}

/// The first evaluation that met the target, with the one before: the true passage lies between them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Passage {
    /// The last evaluation that missed; none when the first one met.
    pub before: Option<Point>,
    /// The first of those that met it. Its time and step are the trial's.
    pub at: Point,
}

/// Follows a trial's evaluations.
#[derive(Debug, Clone)]
pub struct Tracker {
    target: f64,
    direction: Direction,
    confirm: bool,
    budget_ns: u64,
    budget_steps: u64,
    previous: Option<Point>,
    candidate: Option<Passage>,
    passage: Option<Passage>,
}

/// Where a trial stands after an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not met yet.
    Open,
    /// Met, waiting for the next evaluation to confirm it.
    Unconfirmed,
    /// Met for good.
    Reached,
}

impl Tracker {
    /// A tracker of a target. Evaluations later than the budget never count as passages; one is allowed to confirm.
    pub fn new(
        target: f64,
        direction: Direction,
        confirm: bool,
        budget_ns: u64,
        budget_steps: u64,
    ) -> Tracker {
        Tracker {
            target,
            direction,
            confirm,
            budget_ns,
            budget_steps,
            previous: None,
            candidate: None,
            passage: None,
        }
    }

    /// Takes the next evaluation, in order.
    pub fn observe(&mut self, point: Point) -> Standing {
        if self.passage.is_none() {
            let within = point.submission_ns <= self.budget_ns && point.step <= self.budget_steps;
            match (self.meets(point.value), self.candidate) {
                (true, Some(candidate)) => self.passage = Some(candidate),
                (true, None) if within => {
                    let passage = Passage {
                        before: self.previous,
                        at: point,
                    };
                    if self.confirm {
                        self.candidate = Some(passage)
                    } else {
                        self.passage = Some(passage)
                    }
                }
                (true, None) => {}
                (false, _) => self.candidate = None,
            }
        }
        self.previous = Some(point);
        self.standing()
    }

    /// Where the trial stands.
    pub fn standing(&self) -> Standing {
        match (self.passage, self.candidate) {
            (Some(_), _) => Standing::Reached,
            (None, Some(_)) => Standing::Unconfirmed,
            (None, None) => Standing::Open,
        }
    }

    /// The passage, once it stands.
    pub fn passage(&self) -> Option<Passage> {
        self.passage
    }

    fn meets(&self, value: f64) -> bool {
        match self.direction {
            Direction::Min => value <= self.target,
            Direction::Max => value >= self.target,
        }
    }
}

mod measured {
    use crate::number::Measured;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        Measured(*value).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Measured::deserialize(deserializer).map(|measured| measured.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(confirm: bool, values: &[f64]) -> (Standing, Option<u64>) {
        let mut tracker = Tracker::new(0.1, Direction::Min, confirm, 1_000, 50);
        let mut standing = Standing::Open;
        for (index, &value) in values.iter().enumerate() {
            standing = tracker.observe(Point {
                step: 10 * (index as u64 + 1),
                submission_ns: 100,
                value,
            });
        }
        (standing, tracker.passage().map(|passage| passage.at.step))
    }

    #[test]
    fn a_passage_counts_when_the_rules_say_so() {
        let nan = f64::NAN;
        let cases: &[(bool, &[f64], Standing, Option<u64>)] = &[
            (false, &[0.2, 0.1], Standing::Reached, Some(20)),
            (false, &[nan, 0.05, 0.3], Standing::Reached, Some(20)),
            (true, &[0.2, 0.1], Standing::Unconfirmed, None),
            (true, &[0.2, 0.1, 0.09], Standing::Reached, Some(20)),
            (
                true,
                &[0.2, 0.1, 0.11, 0.1, 0.1],
                Standing::Reached,
                Some(40),
            ),
            (true, &[0.1, nan, 0.1], Standing::Unconfirmed, None),
            // Step 60 is past the budget of 50: it confirms, but is no passage of its own.
            (
                true,
                &[0.2, 0.2, 0.2, 0.2, 0.1, 0.1],
                Standing::Reached,
                Some(50),
            ),
            (false, &[0.2, 0.2, 0.2, 0.2, 0.2, 0.1], Standing::Open, None),
        ];
        for (confirm, values, standing, step) in cases {
            assert_eq!(
                follow(*confirm, values),
                (*standing, *step),
                "confirm {confirm}, {values:?}"
            );
        }
    }

    #[test]
    fn the_bracket_holds_the_evaluation_before() {
        let mut tracker = Tracker::new(0.9, Direction::Max, false, u64::MAX, u64::MAX);
        tracker.observe(Point {
            step: 1,
            submission_ns: 5,
            value: 0.8,
        });
        tracker.observe(Point {
            step: 2,
            submission_ns: 9,
            value: 0.95,
        });
        let passage = tracker.passage().unwrap();
        assert_eq!(
            (passage.before.unwrap().step, passage.at.submission_ns),
            (1, 9)
        );
    }
}
