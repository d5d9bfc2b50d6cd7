//! Losses and gradients elsewhere than at the model's own weights.

use super::Training;
use crate::state::State;
use crate::tensor::copy_of;
use anyhow::{Result, ensure};
use tch::Tensor;

/// A copy of the model: weights, buffers, and its own count of steps and streams of random numbers.
#[derive(Debug)]
pub struct Replica {
    /// Its number in the population, which keys its draws; the model itself is 0.
    pub member: u64,
    /// Its own steps, which the author counts.
    pub steps: u64,
    /// Its weights, in the model's order.
    pub parameters: Vec<Tensor>,
    /// Its buffers.
    pub buffers: Vec<Tensor>,
}

impl Replica {
    /// Takes over another's weights and buffers. Number and steps stay its own.
    ///
    /// # Errors
    /// When the two are of different models.
    pub fn copy_from(&mut self, other: &Replica) -> Result<()> {
        let _guard = tch::no_grad_guard();
        for (own, others) in [
            (&mut self.parameters, &other.parameters),
            (&mut self.buffers, &other.buffers),
        ] {
            ensure!(own.len() == others.len(), "replicas of different models");
            for (tensor, from) in own.iter_mut().zip(others) {
                tensor.f_copy_(from)?;
            }
        }
        Ok(())
    }

    /// Visits all that changes while it is trained.
    ///
    /// # Errors
    /// Those of [`State::visit`].
    pub fn state(&mut self, state: &mut State) -> Result<()> {
        state.visit("parameters", &mut self.parameters)?;
        state.visit("buffers", &mut self.buffers)?;
        state.visit("steps", &mut self.steps)
    }
}

impl Training {
    /// A copy of the model as it is now.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn replica(&self, member: u64) -> Result<Replica> {
        Ok(Replica {
            member,
            steps: 0,
            parameters: self
                .tensors()
                .into_iter()
                .map(copy_of)
                .collect::<Result<_, _>>()?,
            buffers: self
                .buffers()
                .iter()
                .map(|buffer| copy_of(&buffer.tensor))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Makes the model what the replica is, weights and buffers: back to a checkpoint.
    ///
    /// # Errors
    /// When the replica is of another model.
    pub fn restore(&mut self, replica: &Replica) -> Result<()> {
        let mut own = Replica {
            member: self.member,
            steps: self.step,
            parameters: self
                .tensors()
                .into_iter()
                .map(Tensor::f_detach)
                .collect::<Result<_, _>>()?,
            buffers: self
                .buffers()
                .iter()
                .map(|buffer| buffer.tensor.shallow_clone())
                .collect(),
        };
        own.copy_from(replica)
    }

    /// Does something with the model standing at another point: a gradient at perturbed weights, a loss at an average. The point's tensors
    /// take the place of the parameters' without a copy, so an update in place changes the point. Buffers stay the model's.
    ///
    /// # Errors
    /// When the point does not fit the model, and those of `work`.
    pub fn at<T>(
        &mut self,
        point: &[Tensor],
        work: impl FnOnce(&mut Training) -> Result<T>,
    ) -> Result<T> {
        let parameters = self
            .tensors()
            .into_iter()
            .map(Tensor::shallow_clone)
            .collect();
        let swapped = Swapped::new(parameters, point)?;
        let result = work(self);
        swapped.undo()?;
        result
    }

    /// Does something with the model being the replica: weights, buffers, steps and random streams. What is trained is the replica, and its losses
    /// are not the trial's: see [`Training::tell_loss`].
    ///
    /// # Errors
    /// When the replica is of another model, and those of `work`.
    pub fn within<T>(
        &mut self,
        replica: &Replica,
        work: impl FnOnce(&mut Training) -> Result<T>,
    ) -> Result<T> {
        let buffers = self
            .buffers()
            .iter()
            .map(|buffer| buffer.tensor.shallow_clone())
            .collect();
        let swapped = Swapped::new(buffers, &replica.buffers)?;
        let (member, step) = (self.member, self.step);
        (self.member, self.step) = (replica.member, replica.steps);
        let calls = std::mem::take(&mut self.calls);
        let last_loss = self.last_loss.take();
        let result = self.at(&replica.parameters, work);
        (self.member, self.step) = (member, step);
        (self.calls, self.last_loss) = (calls, last_loss);
        swapped.undo()?;
        result
    }
}

/// Tensors that show others' memory for a while.
struct Swapped {
    handles: Vec<Tensor>,
    originals: Vec<Tensor>,
}

impl Swapped {
    fn new(handles: Vec<Tensor>, shown: &[Tensor]) -> Result<Swapped> {
        ensure!(
            shown.len() == handles.len(),
            "{} tensors where the model has {}",
            shown.len(),
            handles.len()
        );
        for (handle, tensor) in handles.iter().zip(shown) {
            ensure!(
                handle.size() == tensor.size() && handle.kind() == tensor.kind(),
                "a tensor of shape {:?} where the model has {:?}",
                tensor.size(),
                handle.size()
            );
        }
        let originals = handles
            .iter()
            .map(Tensor::f_detach)
            .collect::<Result<Vec<_>, _>>()?;
        let mut swapped = Swapped { handles, originals };
        for (handle, tensor) in swapped.handles.iter_mut().zip(shown) {
            handle.f_set_data(&tensor.f_detach()?)?;
        }
        Ok(swapped)
    }

    fn undo(mut self) -> Result<()> {
        for (handle, original) in self.handles.iter_mut().zip(&self.originals) {
            handle.f_set_data(original)?;
        }
        Ok(())
    }
}
