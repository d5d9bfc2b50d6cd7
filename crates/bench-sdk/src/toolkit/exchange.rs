//! Other weights for evaluations than for training.

use crate::state::State;
use crate::tensor::copy_of;
use crate::training::{Replica, Training};
use anyhow::{Result, ensure};
use bench_workloads::Parameter;
use tch::Tensor;

/// Holds the training weights while the parameters show the weights to be evaluated.
///
/// For training algorithms; for an update rule the SDK has one, see [`UpdateRule::evaluated`](crate::UpdateRule::evaluated). Averages put theirs in
/// with [`Exchange::put`] in `prepare_for_eval`, take the training weights back with [`Exchange::take_back`] in `resume_training`, and visit this with
/// their state: so a snapshot taken at an evaluation holds both. The best member of a population does so with [`Exchange::show`] and [`Exchange::hide`].
#[derive(Debug, Default)]
pub struct Exchange {
    training: Vec<Tensor>,
    buffers: Vec<Tensor>,
}

impl Exchange {
    /// Keeps a copy of the parameters and fills them with `weights`.
    ///
    /// # Errors
    /// When training weights are held already, or the lists do not fit.
    pub fn put(&mut self, parameters: &[Parameter], weights: &[Tensor]) -> Result<()> {
        ensure!(
            self.training.is_empty(),
            "evaluation weights are in place already"
        );
        ensure!(
            weights.len() == parameters.len(),
            "{} weights for {} parameters",
            weights.len(),
            parameters.len()
        );
        for (parameter, weight) in parameters.iter().zip(weights) {
            ensure!(
                weight.size() == parameter.tensor.size(),
                "weights of shape {:?} for `{}`, which has {:?}",
                weight.size(),
                parameter.name,
                parameter.tensor.size()
            );
        }
        let _guard = tch::no_grad_guard();
        for (parameter, weight) in parameters.iter().zip(weights) {
            self.training.push(copy_of(&parameter.tensor)?);
            parameter.tensor.shallow_clone().f_copy_(weight)?;
        }
        Ok(())
    }

    /// Puts the training weights back. Nothing where none are held: the first `train` comes without an evaluation before it.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn take_back(&mut self, parameters: &[Parameter]) -> Result<()> {
        let _guard = tch::no_grad_guard();
        for (parameter, weight) in parameters.iter().zip(self.training.drain(..)) {
            parameter.tensor.shallow_clone().f_copy_(&weight)?;
        }
        Ok(())
    }

    /// Keeps a copy of the model, buffers included, and shows a replica in its place: the best member of a population.
    ///
    /// # Errors
    /// As [`Exchange::put`].
    pub fn show(&mut self, training: &Training, replica: &Replica) -> Result<()> {
        ensure!(
            self.buffers.is_empty(),
            "evaluation weights are in place already"
        );
        self.put(training.parameters(), &replica.parameters)?;
        let _guard = tch::no_grad_guard();
        for (buffer, shown) in training.buffers().iter().zip(&replica.buffers) {
            self.buffers.push(copy_of(&buffer.tensor)?);
            buffer.tensor.shallow_clone().f_copy_(shown)?;
        }
        Ok(())
    }

    /// Undoes [`Exchange::show`], where something is shown.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn hide(&mut self, training: &Training) -> Result<()> {
        self.take_back(training.parameters())?;
        let _guard = tch::no_grad_guard();
        for (buffer, own) in training.buffers().iter().zip(self.buffers.drain(..)) {
            buffer.tensor.shallow_clone().f_copy_(&own)?;
        }
        Ok(())
    }

    /// Whether other weights than those trained are in place.
    pub fn is_in_place(&self) -> bool {
        !self.training.is_empty()
    }

    /// Visits what is held.
    ///
    /// # Errors
    /// Those of [`State::visit`].
    pub fn state(&mut self, state: &mut State) -> Result<()> {
        state.visit("training-weights", &mut self.training)?;
        state.visit("training-buffers", &mut self.buffers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bench_core::spec::submission::Role;
    use tch::{Device, Kind};

    /// libtorch would spread them over the parameter.
    #[test]
    fn weights_of_another_shape_are_refused_and_change_nothing() {
        let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
        let parameters = [Parameter {
            name: "w".to_owned(),
            tensor: zeros(&[2, 3]),
            role: Role::Weight,
            layer: 0,
            fan_in: 3,
        }];
        let mut exchange = Exchange::default();
        let error = exchange.put(&parameters, &[zeros(&[3]) + 1.0]).unwrap_err();
        insta::assert_snapshot!(error, @"weights of shape [3] for `w`, which has [2, 3]");
        assert!(!exchange.is_in_place() && parameters[0].tensor == zeros(&[2, 3]));
        exchange.put(&parameters, &[zeros(&[2, 3]) + 1.0]).unwrap();
        assert_eq!(parameters[0].tensor.double_value(&[1, 2]), 1.0);
        exchange.take_back(&parameters).unwrap();
        assert!(parameters[0].tensor == zeros(&[2, 3]));
    }
}
