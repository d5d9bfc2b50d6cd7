//! What a workload does to its training split: a part of it, and wrong labels.
//!
//! Both are functions of an example's number in the whole split and of a key that is the same for every trial, so all submissions and seeds train on
//! the same data, a smaller part lies within a larger one, and the labels that are wrong at a small share are wrong at a larger one too.

use super::Examples;
use super::split_file::checked;
use crate::batch::Batch;
use bench_torch::errors::LibtorchError;
use bench_torch::order;
use bench_torch::random::{Key, Stream};
use tch::{Kind, Tensor};

/// Of the draws that belong to a workload and to no trial.
const SEED: u64 = 0;

/// A part of other examples, in their order.
pub(super) struct Part {
    whole: Box<dyn Examples>,
    /// Numbers of the examples that are kept, rising.
    kept: Vec<i64>,
}

impl Part {
    /// `count` of the examples, or all where there are fewer.
    ///
    /// # Errors
    /// What libtorch says.
    pub(super) fn new(whole: Box<dyn Examples>, count: u64) -> Result<Part, LibtorchError> {
        let key = Key::new(SEED, "train-examples");
        let kept = order::sample(&key, whole.len() as u64, count)?;
        Ok(Part { whole, kept })
    }
}

impl Examples for Part {
    fn len(&self) -> usize {
        self.kept.len()
    }

    fn batch(&self, indices: &Tensor, augmentation: Option<&Key>) -> Result<Batch, LibtorchError> {
        let places = checked(indices, self.len())?.into_iter();
        let indices: Vec<i64> = places.map(|place| self.kept[place]).collect();
        self.whole
            .batch(&Tensor::from_slice(&indices), augmentation)
    }
}

/// A share of these labels replaced by another of `classes` classes, each other one as likely.
///
/// # Errors
/// What libtorch says.
pub(super) fn replace_labels(
    labels: &mut [i64],
    classes: u64,
    share: f64,
) -> Result<(), LibtorchError> {
    let shape = [labels.len() as i64];
    let key = Key::new(SEED, "label-noise");
    let chances = Stream::new(&key)?.uniform(&shape, 0.0, 1.0, Kind::Double)?;
    let steps = Stream::new(&key.call(1))?.integers(&shape, 1, classes.max(2) as i64)?;
    let (chances, steps) = (
        Vec::<f64>::try_from(&chances)?,
        Vec::<i64>::try_from(&steps)?,
    );
    for ((label, chance), step) in labels.iter_mut().zip(chances).zip(steps) {
        if chance < share {
            *label = (*label + step) % classes.max(1) as i64;
        }
    }
    Ok(())
}
