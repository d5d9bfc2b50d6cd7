//! The two levels on which an algorithm is written.

use crate::check::Comparison;
use crate::group::{Group, Update};
use crate::state::State;
use crate::training::Training;
use anyhow::Result;
use tch::Tensor;

/// A rule that turns gradients into new parameters, with state for one group of parameters.
///
/// Most algorithms are one. The SDK supplies batches, gradients, clipping, the schedule, groups by role, saving and loading:
/// see [`FirstOrder`](crate::FirstOrder), which makes a [`TrainingAlgorithm`] of it.
pub trait UpdateRule: Sized + 'static {
    /// Training batches of which running statistics are made at the weights to be evaluated, where those are others than the trained ones, which
    /// the model's own statistics fit: [`Training::recalibrate`]. None by default.
    const RECALIBRATION: u64 = 0;

    /// Reads the hyperparameters and makes the state of step 0.
    ///
    /// # Errors
    /// When a hyperparameter is missing or makes no sense.
    fn new(group: &Group) -> Result<Self>;

    /// One step: changes the group's parameters in place.
    ///
    /// # Errors
    /// What libtorch says, or the author.
    fn update(&mut self, update: &Update) -> Result<()>;

    /// Names everything that the next step, or what is evaluated, depends on beside the parameters.
    ///
    /// # Errors
    /// Those of [`State::visit`].
    fn state(&mut self, state: &mut State) -> Result<()>;

    /// How many numbers of state the submission's documentation gives for a group: `bench check` compares them with those kept while it
    /// trains. None where it gives none.
    ///
    /// # Errors
    /// As [`UpdateRule::new`].
    fn state_size(_group: &Group) -> Result<Option<usize>> {
        Ok(None)
    }

    /// The weights to be evaluated, one for each parameter, where they are others than those trained: an average, say. The SDK shows them in
    /// the parameters' place for an evaluation, keeps those trained in the state meanwhile, and puts them back.
    ///
    /// # Errors
    /// What libtorch says, or the author.
    fn evaluated(&self, _group: &Group) -> Result<Option<Vec<Tensor>>> {
        Ok(None)
    }

    /// Compares pieces of the rule with a reference file, beside its trajectories, as [`TrainingAlgorithm::compare`].
    ///
    /// # Errors
    /// When the file has such pieces, and lacks what they have.
    fn compare(_reference: &serde_json::Value) -> Result<Vec<Comparison>> {
        Ok(Vec::new())
    }
}

/// A whole training algorithm: what happens in a step is its own affair, from the choice of examples on.
///
/// For populations, perturbed gradients, second-order estimators, curricula, batch-size schedules, self-tuning.
pub trait TrainingAlgorithm: Sized + 'static {
    /// Reads the hyperparameters and makes the state of step 0. Also called, with the saved state loaded afterwards, when a trial is resumed.
    ///
    /// The clock does not run yet: there are no batches, losses or gradients, and weights and buffers stay as they are. What takes longer than five
    /// seconds is submission time. An estimate that needs data is made in the first [`TrainingAlgorithm::step`].
    ///
    /// # Errors
    /// When a hyperparameter is missing or makes no sense.
    fn init(training: &mut Training) -> Result<Self>;

    /// One step: what counts as one in the budget and in every table.
    ///
    /// # Errors
    /// What libtorch says, or the author.
    fn step(&mut self, training: &mut Training) -> Result<()>;

    /// Names everything that the next step depends on beside parameters, buffers and the number of steps. Off the clock, as `init`.
    ///
    /// # Errors
    /// Those of [`State::visit`].
    fn state(&mut self, state: &mut State) -> Result<()>;

    /// How many numbers of state the submission's documentation gives, as [`UpdateRule::state_size`].
    ///
    /// # Errors
    /// As [`TrainingAlgorithm::init`].
    fn state_size(_training: &Training) -> Result<Option<usize>> {
        Ok(None)
    }

    /// Puts the weights to be evaluated into the parameters, on the clock. The training weights must be in the state meanwhile.
    ///
    /// # Errors
    /// What libtorch says, or the author.
    fn prepare_for_eval(&mut self, _training: &mut Training) -> Result<()> {
        Ok(())
    }

    /// Undoes [`TrainingAlgorithm::prepare_for_eval`], bit for bit, on the clock.
    ///
    /// # Errors
    /// What libtorch says, or the author.
    fn resume_training(&mut self, _training: &mut Training) -> Result<()> {
        Ok(())
    }

    /// Compares with a reference file of a format of the algorithm's own, where it makes decisions or forecasts that no trajectory shows:
    /// `bench check NAME --golden FILE`. Nothing where the file is not one of those. Trajectories in the file are followed as well.
    ///
    /// # Errors
    /// When the file is one of those, and lacks what they have.
    fn compare(_reference: &serde_json::Value) -> Result<Vec<Comparison>> {
        Ok(Vec::new())
    }
}
