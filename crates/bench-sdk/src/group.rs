//! Parameters that share hyperparameters, and one step of a rule on them.

use crate::hyperparameters::Hyperparameters;
use crate::tensor::copy_of;
use crate::toolkit::elementwise::{self, Form, Reference};
use crate::training::Given;
use crate::watch;
use anyhow::{Result, ensure};
use bench_workloads::Parameter;
use std::borrow::Borrow;
use tch::Tensor;

/// Parameters with the same hyperparameters: all of the model, or those of the roles that a group in `submission.yaml` names.
#[derive(Debug)]
pub struct Group {
    /// What is trained, in the model's order.
    pub parameters: Vec<Parameter>,
    /// This group's values.
    pub hyperparameters: Hyperparameters,
}

impl Group {
    /// A group of some of a model's parameters.
    pub(crate) fn new<'a>(
        parameters: impl Iterator<Item = &'a Parameter>,
        hyperparameters: Hyperparameters,
    ) -> Group {
        Group {
            parameters: parameters.map(handle).collect(),
            hyperparameters,
        }
    }

    /// How many numbers are trained.
    pub fn numbers(&self) -> usize {
        let sizes = self.parameters.iter().map(|p| p.tensor.numel());
        sizes.sum()
    }

    /// A tensor of zeros for each parameter, in its shape and layout: how most state begins.
    ///
    /// # Errors
    /// When there is no memory for them.
    pub fn zeros(&self) -> Result<Vec<Tensor>> {
        self.each(|parameter| parameter.tensor.f_zeros_like())
    }

    /// The same for those parameters that are meant; for the others tensors without a number in them, so that places stay the same.
    ///
    /// # Errors
    /// When there is no memory for them.
    pub fn zeros_of(&self, is_meant: impl Fn(&Parameter) -> bool) -> Result<Vec<Tensor>> {
        self.each(|parameter| match is_meant(parameter) {
            true => parameter.tensor.f_zeros_like(),
            false => Tensor::f_empty([0], (parameter.tensor.kind(), parameter.tensor.device())),
        })
    }

    /// Places of the parameters that are meant, and of the others.
    pub fn places(&self, is_meant: impl Fn(&Parameter) -> bool) -> (Vec<usize>, Vec<usize>) {
        (0..self.parameters.len()).partition(|&place| is_meant(&self.parameters[place]))
    }

    /// A copy of each parameter as it is now.
    ///
    /// # Errors
    /// When there is no memory for them.
    pub fn copies(&self) -> Result<Vec<Tensor>> {
        self.each(|parameter| copy_of(&parameter.tensor))
    }

    fn each(
        &self,
        make: impl Fn(&Parameter) -> Result<Tensor, tch::TchError>,
    ) -> Result<Vec<Tensor>> {
        let _guard = tch::no_grad_guard();
        let made = self.parameters.iter().map(|parameter| Ok(make(parameter)?));
        let made = made.collect::<Result<Vec<Tensor>>>()?;
        watch::note(&made);
        Ok(made)
    }
}

/// The same parameter, held once more.
pub(crate) fn handle(parameter: &Parameter) -> Parameter {
    Parameter {
        name: parameter.name.clone(),
        tensor: parameter.tensor.shallow_clone(),
        role: parameter.role,
        layer: parameter.layer,
        fan_in: parameter.fan_in,
    }
}

/// One step of a rule on its group. Automatic differentiation is off while a rule updates.
#[derive(Debug)]
pub struct Update<'a> {
    /// What is trained.
    pub parameters: &'a [Parameter],
    /// One for each parameter, clipped if the submission says so; zeros where the loss does not depend on it.
    pub gradients: &'a [Tensor],
    /// The group's `learning-rate` times the schedule's factor at this step.
    pub learning_rate: f64,
    /// That factor: for rules with a second rate.
    pub schedule: f64,
    /// Number of this update, from 1 on: the papers' t.
    pub t: u64,
    pub(crate) form: Form,
    pub(crate) given: &'a Given,
}

impl Update<'_> {
    /// Applies an elementwise map to every parameter with its gradient and its place in each list of state.
    ///
    /// # Errors
    /// When a list of state does not fit the parameters.
    pub fn elementwise<const N: usize>(
        &self,
        map: &impl Reference<N>,
        state: [&mut [Tensor]; N],
    ) -> Result<()> {
        let targets = self.parameters.iter().map(|parameter| &parameter.tensor);
        let targets: Vec<&Tensor> = targets.collect();
        self.map(map, &targets, self.gradients, state)
    }

    /// The same on some of the parameters, by their places.
    ///
    /// # Errors
    /// When a list of state does not fit the parameters.
    pub fn elementwise_at<const N: usize>(
        &self,
        places: &[usize],
        map: &impl Reference<N>,
        state: [&mut [Tensor]; N],
    ) -> Result<()> {
        ensure!(
            state.iter().all(|list| list.len() == self.parameters.len()),
            "{} parameters, but lists of state of {:?}: each wants a place for every parameter of the group (`Group::zeros_of`)",
            self.parameters.len(),
            state.each_ref().map(|list| list.len()),
        );
        let at = |list: &[Tensor]| -> Vec<Tensor> {
            let tensors = places.iter().map(|&place| list[place].shallow_clone());
            tensors.collect()
        };
        let targets = places.iter().map(|&place| &self.parameters[place].tensor);
        let targets: Vec<&Tensor> = targets.collect();
        let mut state = state.map(|list| at(list));
        let state = state.each_mut().map(Vec::as_mut_slice);
        self.map(map, &targets, &at(self.gradients), state)
    }

    /// Applies an elementwise map to any tensors in place: directions in other coordinates, an estimate of curvature.
    ///
    /// # Errors
    /// When the lists do not fit each other.
    pub fn map<const N: usize>(
        &self,
        map: &impl Reference<N>,
        targets: &[impl Borrow<Tensor>],
        gradients: &[Tensor],
        state: [&mut [Tensor]; N],
    ) -> Result<()> {
        elementwise::apply(self.form, map, targets, gradients, state)
    }
}
