//! Losses and their derivatives.

use super::Training;
use anyhow::Result;
use bench_torch::gradient::{self, Graph};
use bench_torch::random;
use bench_workloads::model::{Observer, Pass};
use bench_workloads::{Batch, LossValues};
use tch::Tensor;

/// A loss and its gradient with respect to all parameters, in their order.
#[derive(Debug)]
pub struct Gradients {
    /// Mean loss, a number without a graph.
    pub loss: Tensor,
    /// One tensor for each parameter; zeros where the loss does not depend on it.
    pub values: Vec<Tensor>,
}

impl Gradients {
    /// Adds `weight` times another: for batches that are taken in parts.
    ///
    /// # Errors
    /// When the two are of different models.
    pub fn accumulate(&mut self, other: &Gradients, weight: f64) -> Result<()> {
        let _guard = tch::no_grad_guard();
        self.loss = self.loss.f_add(&(&other.loss * weight))?;
        for (sum, value) in self.values.iter_mut().zip(&other.values) {
            let _ = sum.f_add_(&(value * weight))?;
        }
        Ok(())
    }
}

impl Training {
    /// The model's outputs in training mode, with a graph.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn outputs(&mut self, batch: &Batch) -> Result<Tensor> {
        self.forward(batch, &Pass::TRAIN)
    }

    /// The model's outputs by a pass of the caller's: in evaluation mode, without moving running statistics, with another dropout.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn outputs_by(&mut self, batch: &Batch, pass: &Pass) -> Result<Tensor> {
        self.forward(batch, pass)
    }

    /// The workload's loss of outputs on a batch's targets, with this label smoothing in place of the workload's.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn losses_of(
        &self,
        outputs: &Tensor,
        batch: &Batch,
        label_smoothing: f64,
    ) -> Result<LossValues> {
        self.gate.smoothed_losses(outputs, batch, label_smoothing)
    }

    /// To be told of a derivative that somebody takes by libtorch alone: its examples count.
    ///
    /// # Errors
    /// When the clock stands still.
    pub fn went_backward(&self) -> Result<()> {
        self.gate.backward(Graph::Free).map(drop)
    }

    /// The mean loss, with a graph.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn loss(&mut self, batch: &Batch) -> Result<Tensor> {
        let outputs = self.outputs(batch)?;
        self.gate.loss(&outputs, batch)
    }

    /// Every example's loss, their sum and what it counts, with a graph.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn losses(&mut self, batch: &Batch) -> Result<LossValues> {
        let outputs = self.outputs(batch)?;
        self.gate.losses(&outputs, batch)
    }

    /// The mean loss, with a graph; `observer` is shown the name, input and output of every layer as it runs.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn observed_loss(&mut self, batch: &Batch, observer: &Observer) -> Result<Tensor> {
        let outputs = self.forward(
            batch,
            &Pass {
                observer: Some(observer),
                ..Pass::TRAIN
            },
        )?;
        self.gate.loss(&outputs, batch)
    }

    /// Mean loss and gradients at the current point.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn gradients(&mut self, batch: &Batch) -> Result<Gradients> {
        let loss = self.loss(batch)?;
        let values = self.differentiate(&loss, Graph::Free)?;
        let loss = loss.f_detach()?;
        // Losses elsewhere, at perturbed weights, are not the trial's.
        if !self.again {
            self.last_loss = Some(loss.shallow_clone());
            self.losses.push((self.step, loss.shallow_clone()));
        }
        Ok(Gradients { loss, values })
    }

    /// Does something a second time in a step, at perturbed weights for one: forwards leave running statistics as the step's own made them, and the
    /// loss of [`Training::gradients`] is not the one that an evaluation is told.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn again<T>(&mut self, work: impl FnOnce(&mut Training) -> Result<T>) -> Result<T> {
        let before = std::mem::replace(&mut self.again, true);
        let result = work(self);
        self.again = before;
        result
    }

    /// Gradients of any number computed from the model: a loss of the author's own.
    ///
    /// # Errors
    /// When it has no graph, or is not one number.
    pub fn gradients_of(&mut self, loss: &Tensor) -> Result<Vec<Tensor>> {
        self.differentiate(loss, Graph::Free)
    }

    pub(super) fn differentiate(&self, loss: &Tensor, graph: Graph) -> Result<Vec<Tensor>> {
        self.gate.backward(graph)?;
        let parameters = self.tensors();
        filled(gradient::gradients(loss, &parameters, graph)?, &parameters)
    }

    pub(super) fn forward(&mut self, batch: &Batch, pass: &Pass) -> Result<Tensor> {
        let call = self.next_call("dropout");
        if self.gate.drops_out() || pass.dropout.is_some() {
            random::reseed_default(&self.key("dropout").call(call), self.device())?;
        }
        let pass = Pass {
            update_buffers: pass.update_buffers && !self.again,
            ..*pass
        };
        self.gate.outputs(batch, &pass)
    }

    pub(crate) fn tensors(&self) -> Vec<&Tensor> {
        self.gate
            .parameters()
            .iter()
            .map(|parameter| &parameter.tensor)
            .collect()
    }
}

/// Zeros where there is no gradient.
pub(super) fn filled(
    gradients: Vec<Option<Tensor>>,
    parameters: &[&Tensor],
) -> Result<Vec<Tensor>> {
    let _guard = tch::no_grad_guard();
    let filled =
        gradients
            .into_iter()
            .zip(parameters)
            .map(|(gradient, parameter)| match gradient {
                Some(gradient) => Ok(gradient),
                None => Ok(parameter.f_zeros_like()?),
            });
    filled.collect()
}
