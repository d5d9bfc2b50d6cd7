//! For tests and experiments: an algorithm on a function that is written down beside it, without a workload, a file or a referee.

use crate::algorithm::TrainingAlgorithm;
use crate::check::function::Function;
use crate::hyperparameters::Hyperparameters;
use crate::state::Contents;
use crate::tensor::copy_of;
use crate::toolkit::elementwise::Form;
use crate::training::{Clipping, Settings, Training};
use anyhow::Result;
use bench_core::spec::submission::Role;
use bench_workloads::Parameter;
use std::rc::Rc;
use tch::Tensor;

/// How an algorithm descends a function.
pub struct Plan {
    /// What its submission would be given.
    pub hyperparameters: Hyperparameters,
    /// Factor on the learning rate at each step, counted from 0.
    pub schedule: Box<dyn Fn(u64) -> f64>,
    /// The horizon, which is also the budget.
    pub steps: u64,
    /// The norm that gradients are clipped to.
    pub clipping: Option<f64>,
    /// In which of their two forms elementwise maps run.
    pub form: Form,
}

/// An algorithm on its way down a function.
///
/// A step has one example: its number. Targets that are sampled from a model are normally distributed, and a function is free to ignore them.
pub struct Descent<A> {
    training: Training,
    algorithm: A,
}

impl<A: TrainingAlgorithm> Descent<A> {
    /// From these values of the parameters, in this order, with their roles. The function is given them and the number of the step.
    ///
    /// # Errors
    /// Those of the algorithm's start.
    pub fn new(
        plan: Plan,
        start: Vec<(Role, Tensor)>,
        function: impl Fn(&[&Tensor], u64) -> Result<Tensor> + 'static,
    ) -> Result<Descent<A>> {
        let named = start.into_iter().enumerate();
        let start = named.map(|(place, (role, value))| (format!("x{place}"), role, value));
        let loss = Box::new(move |parameters: &[&Tensor], batch: &crate::Batch| {
            function(parameters, batch.inputs().f_int64_value(&[0])? as u64)
        });
        let problem = Function::new(start.collect(), plan.steps, 1, loss)?;
        let settings = Settings {
            schedule: plan.schedule,
            form: plan.form,
            clipping: plan.clipping.map_or(Clipping::None, Clipping::GlobalNorm),
            ..Settings::plain(plan.hyperparameters, plan.steps)
        };
        let mut training = Training::new(Box::new(problem), Rc::new(settings));
        let mut algorithm: A = training.start()?;
        training.open();
        algorithm.resume_training(&mut training)?;
        Ok(Descent {
            training,
            algorithm,
        })
    }

    /// Goes on in another, not yet begun, as a trial is resumed: from what a snapshot at an evaluation holds.
    ///
    /// # Errors
    /// When the two are not of one algorithm and function.
    pub fn resumed_in(&mut self, mut other: Descent<A>) -> Result<Descent<A>> {
        self.algorithm.prepare_for_eval(&mut self.training)?;
        let algorithm = &mut self.algorithm;
        let state = Contents::save(&mut |state| algorithm.state(state))?.deep_copy()?;
        let shown = self.training.replica(0)?;
        self.algorithm.resume_training(&mut self.training)?;
        other.training.restore(&shown)?;
        let algorithm = &mut other.algorithm;
        state.load(&mut |state| algorithm.state(state))?;
        other.training.resume_at(self.training.step(), Vec::new());
        other.algorithm.resume_training(&mut other.training)?;
        Ok(other)
    }

    /// Takes one step.
    ///
    /// # Errors
    /// Those of the algorithm.
    pub fn step(&mut self) -> Result<()> {
        self.algorithm.step(&mut self.training)?;
        self.training.advance();
        Ok(())
    }

    /// The parameters as they are now.
    pub fn parameters(&self) -> &[Parameter] {
        self.training.parameters()
    }

    /// Copies of the parameters as an evaluation sees them.
    ///
    /// # Errors
    /// Those of the algorithm.
    pub fn evaluated(&mut self) -> Result<Vec<Tensor>> {
        self.algorithm.prepare_for_eval(&mut self.training)?;
        let parameters = self.training.parameters().iter();
        let copies = parameters.map(|parameter| copy_of(&parameter.tensor));
        let copies = copies.collect::<Result<_, _>>()?;
        self.algorithm.resume_training(&mut self.training)?;
        Ok(copies)
    }

    /// The loss that a trial would tell with an evaluation now.
    ///
    /// # Errors
    /// When it is not one number.
    pub fn told_loss(&self) -> Result<Option<f64>> {
        let loss = self.training.told_loss();
        Ok(loss.map(|loss| loss.f_double_value(&[])).transpose()?)
    }

    /// What was logged under a name since this was last asked: the steps, from 0, and the values. What has other names is dropped.
    ///
    /// # Errors
    /// When something that was logged is not one number.
    pub fn logged(&mut self, name: &str) -> Result<Vec<(u64, f64)>> {
        let logged = self.training.take_logged().into_iter();
        let named = logged.filter(|scalar| scalar.name == name);
        named
            .map(|scalar| Ok((scalar.step, scalar.value.f_double_value(&[])?)))
            .collect()
    }

    /// Everything that was logged since this or [`Descent::logged`] was last asked, in order: names and values.
    ///
    /// # Errors
    /// When something that was logged is not one number.
    pub fn all_logged(&mut self) -> Result<Vec<(String, f64)>> {
        let logged = self.training.take_logged().into_iter();
        logged
            .map(|scalar| Ok((scalar.name.clone(), scalar.value.f_double_value(&[])?)))
            .collect()
    }
}
