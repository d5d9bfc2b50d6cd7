//! Training for one epoch: no example is trained on twice.
//!
//! An example may come again within the step that took it first: line searches, perturbed gradients and closures look at a batch more than once.
//! Members of a population each have an epoch of their own.

use crate::state::State;
use anyhow::{Result, bail};
use std::collections::BTreeMap;
use tch::Tensor;

/// Which examples were taken, and in which step.
pub(crate) struct Epoch {
    examples: usize,
    /// By member: for each example 0, or one more than the step that took it.
    taken: BTreeMap<u64, Vec<i64>>,
}

impl Epoch {
    /// Nothing taken yet, of so many examples of the training split.
    pub(crate) fn new(examples: u64) -> Epoch {
        Epoch {
            examples: examples as usize,
            taken: BTreeMap::new(),
        }
    }

    /// Takes examples for a step of a member. Numbers of no example are for others to refuse.
    ///
    /// # Errors
    /// When one was taken in another step.
    pub(crate) fn take(&mut self, member: u64, step: u64, indices: &Tensor) -> Result<()> {
        let taken = self.taken.entry(member);
        let taken = taken.or_insert_with(|| vec![0; self.examples]);
        for index in Vec::<i64>::try_from(indices)? {
            let Some(by) = usize::try_from(index).ok().and_then(|i| taken.get_mut(i)) else {
                continue;
            };
            if *by != 0 && *by != step as i64 + 1 {
                bail!(
                    "example {index} was trained on in step {} and is taken again in step {step}, but this workload trains for one epoch: each example comes once",
                    *by - 1
                );
            }
            *by = step as i64 + 1;
        }
        Ok(())
    }

    /// Visits what was taken, so that a resumed trial still knows.
    ///
    /// # Errors
    /// Those of [`State::visit`].
    pub(crate) fn state(&mut self, state: &mut State) -> Result<()> {
        let mut members: Vec<u64> = self.taken.keys().copied().collect();
        state.visit("members", &mut members)?;
        for member in members {
            let taken = self.taken.entry(member);
            let mut taken = Tensor::from_slice(taken.or_insert_with(|| vec![0; self.examples]));
            state.visit(&format!("taken-{member}"), &mut taken)?;
            self.taken.insert(member, Vec::try_from(&taken)?);
        }
        Ok(())
    }
}
