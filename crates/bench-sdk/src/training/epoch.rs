//! Training for one epoch: no example is trained on twice.
//!
//! An example may come again within the step that took it first: line searches, perturbed gradients and closures look at a batch more than once.
//! Members of a population each have an epoch of their own.

use crate::state::State;
use anyhow::{Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use tch::Tensor;

/// Which examples were taken.
pub(crate) struct Epoch {
    examples: usize,
    /// By member.
    taken: BTreeMap<u64, Taken>,
}

/// What a member took: a bit an example.
struct Taken {
    bits: Vec<u8>,
    /// The step that took examples last, and which.
    step: u64,
    now: BTreeSet<i64>,
}

impl Taken {
    fn nothing(examples: usize) -> Taken {
        Taken {
            bits: vec![0; examples.div_ceil(8)],
            step: 0,
            now: BTreeSet::new(),
        }
    }
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
        let examples = self.examples;
        let taken = self.taken.entry(member);
        let taken = taken.or_insert_with(|| Taken::nothing(examples));
        if taken.step != step {
            taken.now.clear();
            taken.step = step;
        }
        for index in Vec::<i64>::try_from(indices)? {
            let Some(place) = usize::try_from(index).ok().filter(|&i| i < examples) else {
                continue;
            };
            let (byte, bit) = (&mut taken.bits[place / 8], 1 << (place % 8));
            if *byte & bit != 0 && !taken.now.contains(&index) {
                bail!(
                    "example {index} was trained on in an earlier step and is taken again in step {step}, but this workload trains for one epoch: each example comes once"
                );
            }
            *byte |= bit;
            taken.now.insert(index);
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
            let taken = taken.or_insert_with(|| Taken::nothing(self.examples));
            let mut bits = Tensor::from_slice(&taken.bits);
            state.visit(&format!("taken-{member}"), &mut bits)?;
            taken.bits = Vec::try_from(&bits)?;
        }
        Ok(())
    }
}
