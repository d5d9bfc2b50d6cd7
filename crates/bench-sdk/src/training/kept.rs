//! The examples that are trained on where others are held out.

use anyhow::Result;
use bench_torch::errors::LibtorchError;
use tch::Tensor;

/// Training examples without those held out, in their order. Memory is that of what is held out.
#[derive(Debug)]
pub(super) struct Kept {
    examples: u64,
    /// For each number held out, rising, how many are kept below it.
    below: Vec<i64>,
}

impl Kept {
    /// All of so many examples but these, whose numbers rise.
    pub(super) fn without(held_out: &[i64], examples: u64) -> Kept {
        let below = held_out
            .iter()
            .zip(0..)
            .map(|(number, place)| number - place);
        Kept {
            examples,
            below: below.collect(),
        }
    }

    /// How many.
    pub(super) fn len(&self) -> u64 {
        self.examples - self.below.len() as u64
    }

    /// The numbers of those at these places.
    ///
    /// # Errors
    /// What libtorch says.
    pub(super) fn at(&self, places: &Tensor) -> Result<Tensor> {
        let places = Vec::<i64>::try_from(places).map_err(LibtorchError::from)?;
        let number =
            |place: i64| place + self.below.partition_point(|&below| below <= place) as i64;
        let numbers: Vec<i64> = places.into_iter().map(number).collect();
        Ok(Tensor::from_slice(&numbers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn what_is_kept_is_what_is_not_held_out(held_out in prop::collection::btree_set(0i64..60, 0..40)) {
            let numbers: Vec<i64> = held_out.iter().copied().collect();
            let kept = Kept::without(&numbers, 60);
            let places = Tensor::arange(kept.len() as i64, (tch::Kind::Int64, tch::Device::Cpu));
            let found = Vec::<i64>::try_from(kept.at(&places).unwrap()).unwrap();
            let all: BTreeSet<i64> = (0..60).collect();
            prop_assert_eq!(found, all.difference(&held_out).copied().collect::<Vec<_>>());
        }
    }
}
