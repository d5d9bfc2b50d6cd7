//! What a comparison found.

use super::file::Summary;
use super::tensor::{self, Difference, Worst};
use super::{GoldenError, TOLERANCE, Verdict};
use tch::Tensor;

/// A tensor's name and shape.
pub(super) type Named<'a> = (&'a str, Vec<i64>);

/// What was compared: the largest difference, and what is beyond the tolerance.
#[derive(Debug, Default)]
pub(super) struct Findings {
    worst: f64,
    places: Vec<String>,
}

impl Findings {
    /// Whether nothing is beyond the tolerance.
    pub(super) fn is_equal(&self) -> bool {
        self.places.is_empty()
    }

    /// Notes a difference that is none of numbers.
    pub(super) fn place(&mut self, place: String) {
        self.places.push(place);
    }

    /// Compares two lists of names and shapes, and notes where they first differ. Whether they are equal.
    pub(super) fn lists(&mut self, what: &str, ours: &[Named], theirs: &[Named]) -> bool {
        let unequal = ours.iter().zip(theirs).position(|(a, b)| a != b);
        let place = match unequal {
            Some(at) => format!(
                "{what}, number {at}: {:?} where the reference has {:?}",
                ours[at], theirs[at]
            ),
            None if ours.len() != theirs.len() => format!(
                "{what}: {} where the reference has {}",
                ours.len(),
                theirs.len()
            ),
            None => return true,
        };
        self.places.push(place);
        false
    }

    /// Compares a number.
    pub(super) fn number(&mut self, what: &str, ours: f64, reference: f64) {
        let mut worst = Worst::default();
        worst.add(ours, reference, reference.abs().max(1.0));
        if worst.0 > TOLERANCE {
            self.places.push(format!(
                "{what}: {ours} where the reference has {reference}"
            ));
        }
        self.worst = self.worst.max(worst.0);
    }

    /// Compares a tensor with what is known of the reference's.
    pub(super) fn tensor(
        &mut self,
        what: &str,
        ours: &Tensor,
        reference: &Summary,
    ) -> Result<(), GoldenError> {
        match tensor::difference(ours, reference)? {
            Difference::Value(difference) => {
                if difference > TOLERANCE {
                    self.places
                        .push(format!("{what}: relative difference {difference:.1e}"));
                }
                self.worst = self.worst.max(difference);
            }
            Difference::Shape { ours, reference } => {
                self.places.push(format!(
                    "{what}: shape {ours:?} where the reference has {reference:?}"
                ));
            }
        }
        Ok(())
    }
}

/// The verdict on a comparison, or on its failure.
pub(super) fn settle(result: Result<Findings, GoldenError>) -> Verdict {
    match result {
        Ok(findings) if findings.places.is_empty() => Verdict::Equal(findings.worst),
        Ok(findings) => Verdict::Differs(findings.places),
        Err(error) => Verdict::Differs(vec![error.to_string()]),
    }
}
