//! How far a training is from a file, and where most.

use crate::training::Training;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use tch::{Kind, Tensor};

/// The largest difference so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Difference {
    pub(super) value: f64,
    /// Whose it is: a step and a parameter. Empty where nothing differs.
    pub(super) place: String,
}

impl Difference {
    /// Takes up another difference.
    pub(super) fn add(&mut self, value: f64, place: impl FnOnce() -> String) {
        if value > self.value {
            *self = Difference {
                value,
                place: place(),
            };
        }
    }

    /// Takes up those of all parameters after a step, of which the file has to have each and no other.
    ///
    /// # Errors
    /// When the file has other parameters, or other sizes of them.
    pub(super) fn add_all(
        &mut self,
        training: &Training,
        step: &str,
        expected: &BTreeMap<String, Vec<f64>>,
    ) -> Result<()> {
        let parameters = training.parameters();
        for name in expected.keys() {
            ensure!(
                parameters.iter().any(|parameter| parameter.name == *name),
                "step {step} has values of `{name}`, which is no parameter of the problem"
            );
        }
        for parameter in parameters {
            let (name, size) = (&parameter.name, parameter.tensor.numel());
            let expected = expected
                .get(name)
                .with_context(|| format!("step {step} has no values of `{name}`"))?;
            ensure!(
                expected.len() == size,
                "step {step} has {} values of `{name}`, which has {size}",
                expected.len()
            );
            self.add(distance(&parameter.tensor, expected)?, || {
                format!("`{name}` at step {step}")
            });
        }
        Ok(())
    }
}

/// Largest difference of a number; infinite where one is not finite.
pub(super) fn distance(found: &Tensor, expected: &[f64]) -> Result<f64> {
    let _guard = tch::no_grad_guard();
    let expected = Tensor::from_slice(expected).f_view_as(found)?;
    let difference = (found.f_to_kind(Kind::Double)? - expected).f_abs()?;
    let worst = difference.f_max()?.f_double_value(&[])?;
    Ok(if worst.is_nan() { f64::INFINITY } else { worst })
}
