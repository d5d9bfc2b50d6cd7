//! Distances from real targets, whatever loss is minimised: mean absolute and squared ones, and the share of variance that is explained.

use super::mean::Mean;
use super::{Accumulator, Scored};
use crate::loss::Loss;
use bench_torch::errors::LibtorchError;
use tch::{Kind, Tensor};

/// The mean of another loss than the one that is minimised.
pub(super) struct Distance {
    loss: Loss,
    mean: Mean,
}

impl Distance {
    /// Of a loss of real targets.
    pub(super) fn new(loss: Loss) -> Distance {
        Distance {
            loss,
            mean: Mean::new(),
        }
    }
}

impl Accumulator for Distance {
    fn add(&mut self, scored: &Scored) -> Result<(), LibtorchError> {
        let values = self.loss.values(scored.outputs, scored.batch)?;
        let summed = values.per_example.f_sum(Kind::Double)?;
        self.mean.add(
            summed.f_double_value(&[])?,
            values.valid.f_double_value(&[])?,
        );
        Ok(())
    }

    fn value(&self) -> f64 {
        self.mean.value()
    }
}

/// `1 - sum (y - f)^2 / sum (y - mean y)^2` of each number of a target, and the mean of these: scikit-learn's `r2_score`, its `uniform_average`.
#[derive(Debug, Default)]
pub(super) struct R2 {
    sums: Vec<Sums>,
}

/// Of one number of the target. Targets count from the first one, so that squares of a large mean lose no digits.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    first: f64,
    count: f64,
    targets: f64,
    squares: f64,
    errors: f64,
}

impl R2 {
    fn add_pairs(&mut self, outputs: &[f64], targets: &[f64], examples: usize) {
        let numbers = targets.len() / examples.max(1);
        if self.sums.is_empty() {
            let first = |&first: &f64| Sums {
                first,
                ..Sums::default()
            };
            self.sums = targets.iter().take(numbers).map(first).collect();
        }
        for (place, (&output, &target)) in outputs.iter().zip(targets).enumerate() {
            let sums = &mut self.sums[place % numbers.max(1)];
            let moved = target - sums.first;
            sums.count += 1.0;
            sums.targets += moved;
            sums.squares += moved * moved;
            sums.errors += (target - output) * (target - output);
        }
    }
}

impl Sums {
    /// As scikit-learn has it, 1 or 0 where all targets are the same: 1 where they are met.
    fn value(&self) -> f64 {
        let spread = self.squares - self.targets * self.targets / self.count;
        match (spread > 0.0, self.errors > 0.0) {
            (true, _) => 1.0 - self.errors / spread,
            (false, true) => 0.0,
            // Nothing was added, or NaN.
            (false, false) if self.count == 0.0 || self.errors.is_nan() => f64::NAN,
            (false, false) => 1.0,
        }
    }
}

impl Accumulator for R2 {
    fn add(&mut self, scored: &Scored) -> Result<(), LibtorchError> {
        let numbers = |x: &Tensor| -> Result<Vec<f64>, LibtorchError> {
            Ok(Vec::try_from(&x.f_to_kind(Kind::Double)?.f_reshape([-1])?)?)
        };
        let targets = &scored.batch.targets;
        let examples = targets.size().first().copied().unwrap_or(0) as usize;
        self.add_pairs(&numbers(scored.outputs)?, &numbers(targets)?, examples);
        Ok(())
    }

    fn value(&self) -> f64 {
        self.sums.iter().map(Sums::value).sum::<f64>() / self.sums.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of scikit-learn's documentation of `r2_score` (1.5).
    #[test]
    fn explained_variance_is_scikit_learns() {
        let value = |batches: &[(&[f64], &[f64], usize)]| {
            let mut r2 = R2::default();
            for (outputs, targets, examples) in batches {
                r2.add_pairs(outputs, targets, *examples);
            }
            r2.value()
        };
        let (targets, outputs) = ([3.0, -0.5, 2.0, 7.0], [2.5, 0.0, 2.0, 8.0]);
        let expected = 0.948_608_137_044_967_9;
        assert!((value(&[(&outputs, &targets, 4)]) - expected).abs() < 1e-12);
        let halves = [
            (&outputs[..1], &targets[..1], 1),
            (&outputs[1..], &targets[1..], 3),
        ];
        assert!((value(&halves) - expected).abs() < 1e-12);
        // Two numbers a target: 0.938... with `variance_weighted`, which this is not; 0.936800526662278 with `uniform_average`.
        let targets = [0.5, 1.0, -1.0, 1.0, 7.0, -6.0];
        let outputs = [0.0, 2.0, -1.0, 2.0, 8.0, -5.0];
        assert!((value(&[(&outputs, &targets, 3)]) - 0.936_800_526_662_277_9).abs() < 1e-12);
        let same = [1.0, 2.0, 3.0];
        assert_eq!(value(&[(&same, &same, 3)]), 1.0);
        assert_eq!(value(&[(&[2.0; 3], &same, 3)]), 0.0);
        assert_eq!(value(&[(&[3.0, 2.0, 1.0], &same, 3)]), -3.0);
        assert!(value(&[]).is_nan());
    }
}
