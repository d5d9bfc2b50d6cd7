//! A population's history: what each member's hyperparameters were, how fit it was, and who copied whom.
//!
//! A submission logs them as `member-<number>/<what>`: `fitness`, `parent` at every decision (itself where it went on), and each
//! hyperparameter whenever it may have changed.

mod picture;

use bench_core::record::{Line, TrialEvent};
use std::collections::BTreeMap;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum LineageError {
    /// Nothing of a population is in the record.
    #[error("this run logged no population: no scalars called `member-0/parent`")]
    Empty,
    /// The plotting library failed.
    #[error("cannot draw the lineage: {0}")]
    Draw(String),
}

/// A population's history, from the scalars of its record.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lineage {
    members: Vec<Member>,
}

/// One place in the population.
#[derive(Debug, Clone, PartialEq, Default)]
struct Member {
    /// Step and value, by name, in the order of steps.
    values: BTreeMap<String, Vec<(u64, f64)>>,
    /// When it became a copy, and whose.
    copies: Vec<(u64, usize)>,
}

/// A stretch in which a place of the population went on without copying, or the part of it that led to the fittest.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Life {
    number: usize,
    /// First and last step.
    from: u64,
    to: u64,
}

const FITNESS: &str = "fitness";
const PARENT: &str = "parent";

impl Lineage {
    /// Reads it from a record's lines.
    ///
    /// # Errors
    /// When there is no population in them.
    pub fn read(lines: &[Line]) -> Result<Lineage, LineageError> {
        let mut lineage = Lineage::default();
        for line in lines {
            if let TrialEvent::Logged { step, values } = &line.event {
                for (name, value) in values {
                    lineage.note(*step, name, value.0);
                }
            }
        }
        let decided = lineage
            .members
            .iter()
            .any(|member| member.values.contains_key(FITNESS));
        if decided {
            Ok(lineage)
        } else {
            Err(LineageError::Empty)
        }
    }

    fn note(&mut self, step: u64, name: &str, value: f64) {
        let Some((number, what)) = name
            .strip_prefix("member-")
            .and_then(|rest| rest.split_once('/'))
        else {
            return;
        };
        let Ok(number) = number.parse::<u16>() else {
            return;
        };
        let number = usize::from(number);
        if self.members.len() <= number {
            self.members.resize_with(number + 1, Member::default);
        }
        let member = &mut self.members[number];
        match what {
            PARENT if value != number as f64 => member.copies.push((step, value as usize)),
            PARENT => {}
            _ => member
                .values
                .entry(what.to_owned())
                .or_default()
                .push((step, value)),
        }
    }

    /// Fitness first, then the hyperparameters by name.
    fn panels(&self) -> Vec<&str> {
        let names = self.members.iter().flat_map(|member| member.values.keys());
        let mut names: Vec<&str> = names.map(String::as_str).collect();
        names.sort_unstable_by_key(|name| (*name != FITNESS, *name));
        names.dedup();
        names
    }

    fn last_step(&self) -> u64 {
        let values = self
            .members
            .iter()
            .flat_map(|member| member.values.values());
        values
            .filter_map(|series| series.last())
            .map(|last| last.0)
            .max()
            .unwrap_or(0)
    }

    /// The line that leads to the fittest member at the last decision, latest first.
    fn winner(&self) -> Vec<Life> {
        let fitness = |member: &Member| member.values.get(FITNESS)?.last().map(|last| last.1);
        let numbered = self.members.iter().enumerate();
        let fittest = numbered
            .filter_map(|(number, member)| Some((fitness(member)?, number)))
            .filter(|(fitness, _)| !fitness.is_nan())
            .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        let Some((_, mut number)) = fittest else {
            return Vec::new();
        };
        // What was copied at the last decision was measured before.
        let (mut line, mut until) = (Vec::new(), self.last_step());
        loop {
            let copies = self
                .members
                .get(number)
                .map_or(&[][..], |member| &member.copies);
            match copies.iter().rev().find(|(step, _)| *step < until) {
                Some(&(step, parent)) => {
                    line.push(Life {
                        number,
                        from: step,
                        to: until,
                    });
                    (number, until) = (parent, step);
                }
                None => {
                    line.push(Life {
                        number,
                        from: 0,
                        to: until,
                    });
                    return line;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bench_core::number::Measured;

    fn logged(step: u64, values: &[(&str, f64)]) -> Line {
        let values = values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Measured(*value)));
        Line {
            t: 0.0,
            event: TrialEvent::Logged {
                step,
                values: values.collect(),
            },
        }
    }

    fn some() -> Lineage {
        Lineage::read(&[
            logged(
                0,
                &[
                    ("member-0/rate", 0.1),
                    ("member-1/rate", 1.0),
                    ("loss", 2.0),
                ],
            ),
            logged(
                9,
                &[
                    ("member-0/fitness", -1.0),
                    ("member-1/fitness", -2.0),
                    ("member-0/parent", 0.0),
                    ("member-1/parent", 0.0),
                ],
            ),
            logged(9, &[("member-0/rate", 0.1), ("member-1/rate", 0.12)]),
            logged(
                19,
                &[
                    ("member-0/fitness", -0.9),
                    ("member-1/fitness", -0.8),
                    ("member-0/parent", 1.0),
                    ("member-1/parent", 1.0),
                ],
            ),
            logged(19, &[("member-0/rate", 0.096), ("member-1/rate", 0.12)]),
        ])
        .unwrap()
    }

    #[test]
    fn the_line_of_the_fittest_goes_back_through_its_parents() {
        let life = |number, from, to| Life { number, from, to };
        assert_eq!(some().winner(), [life(1, 9, 19), life(0, 0, 9)]);
        assert_eq!(some().panels(), ["fitness", "rate"]);
    }

    #[test]
    fn a_run_without_a_population_has_no_lineage() {
        let error = Lineage::read(&[logged(0, &[("loss", 1.0)])]).unwrap_err();
        assert!(matches!(error, LineageError::Empty));
    }

    #[test]
    fn a_panel_each_is_drawn() {
        let svg = some().svg("pbt").unwrap();
        for words in ["fitness", "rate", "steps of the population"] {
            assert!(svg.contains(words), "{words}");
        }
    }
}
