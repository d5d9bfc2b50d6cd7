//! What an algorithm sees of a trial.

mod curvature;
mod data;
mod epoch;
mod gate;
mod given;
mod kept;
mod loss;
mod place;
mod prefetch;
mod settings;
mod statistics;
#[cfg(test)]
mod tests;

pub(crate) use gate::OffClock;
pub(crate) use given::Given;
pub use loss::Gradients;
pub use place::Replica;
pub use settings::Facts;
pub(crate) use settings::{Clipping, Settings};

use crate::hyperparameters::Hyperparameters;
use crate::problem::Problem;
use crate::state::State;
use crate::toolkit::elementwise::{self, Form, Reference};
use anyhow::Result;
use bench_core::protocol::Evaluation;
use bench_torch::order::Order;
use bench_torch::random::{self, Key, Stream};
use bench_workloads::{Buffer, Parameter};
use epoch::Epoch;
use gate::Gate;
use kept::Kept;
use prefetch::Prefetch;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tch::{Device, Tensor};

/// What an algorithm sees of a trial: the model and its derivatives, the training examples, the budget, randomness.
///
/// Batches, losses and gradients are there while the clock runs, in `step`, `prepare_for_eval` and `resume_training`; everywhere else, as in `init`,
/// asking for them is an error, and so is a change of weights or buffers.
///
/// Nothing of the validation and test splits is in the process. Every draw is a pure function of the trial's seed, a purpose, the
/// member of a population, the step, and the number of the call within the step, so a resumed trial draws what an uninterrupted one would.
pub struct Training {
    gate: Gate,
    settings: Rc<Settings>,
    step: u64,
    member: u64,
    orders: BTreeMap<u64, Order>,
    kept: Option<Arc<Kept>>,
    epoch: Option<Epoch>,
    prefetch: Option<Prefetch>,
    calls: BTreeMap<String, u64>,
    clock: Clock,
    evaluations: Vec<Evaluation>,
    logged: Vec<Logged>,
    last_loss: Option<Tensor>,
    /// Of this interval, each with its step; not yet read from their device.
    losses: Vec<(u64, Tensor)>,
    /// Whether an evaluation is due after this step, where that is known before.
    closing: bool,
    /// Whether the step looks at its batch a second time.
    again: bool,
    /// By member: where [`Training::next_batch_of`] goes on.
    positions: BTreeMap<u64, u64>,
    complete: bool,
}

/// A scalar that the algorithm logged, not yet read from its device.
pub(crate) struct Logged {
    pub(crate) step: u64,
    pub(crate) name: String,
    pub(crate) value: Tensor,
}

/// Where the time goes, as the worker itself sees it.
pub(crate) struct Clock {
    /// By the referee's clock, when the present interval began.
    pub(crate) spent: f64,
    /// Of this process.
    pub(crate) since: Option<Instant>,
    pub(crate) input: Duration,
    pub(crate) update: Duration,
}

/// What a trial may use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// Steps.
    pub steps: u64,
    /// Submission time, in seconds.
    pub seconds: f64,
}

impl Training {
    /// What it may know of the workload that it is on.
    pub fn facts(&self) -> &Facts {
        &self.settings.facts
    }

    /// A trial of these settings at step 0.
    pub(crate) fn new(problem: Box<dyn Problem>, settings: Rc<Settings>) -> Training {
        let examples = problem.examples();
        Training {
            epoch: settings.one_epoch.then(|| Epoch::new(examples)),
            gate: Gate::new(problem),
            settings,
            step: 0,
            member: 0,
            orders: BTreeMap::new(),
            kept: None,
            prefetch: None,
            calls: BTreeMap::new(),
            clock: Clock {
                spent: 0.0,
                since: None,
                input: Duration::ZERO,
                update: Duration::ZERO,
            },
            evaluations: Vec::new(),
            logged: Vec::new(),
            last_loss: None,
            losses: Vec::new(),
            closing: false,
            again: false,
            positions: BTreeMap::new(),
            complete: false,
        }
    }

    /// The trainable tensors with name, shape, role, layer and fan-in. They are handles: an update in place reaches the model.
    pub fn parameters(&self) -> &[Parameter] {
        self.gate.parameters()
    }

    /// Running statistics of normalisations: saved with the parameters, changed by the model's own forwards.
    pub fn buffers(&self) -> &[Buffer] {
        self.gate.buffers()
    }

    /// How many numbers parameters and buffers have: what a [`Replica`] holds.
    pub fn numbers(&self) -> usize {
        let parameters = self.parameters().iter().map(|p| p.tensor.numel());
        let buffers = self.buffers().iter().map(|b| b.tensor.numel());
        parameters.chain(buffers).sum()
    }

    /// Where tensors live.
    pub fn device(&self) -> Device {
        self.gate.device()
    }

    /// This trial's hyperparameters.
    pub fn hyperparameters(&self) -> &Hyperparameters {
        &self.settings.hyperparameters
    }

    pub(crate) fn settings(&self) -> &Rc<Settings> {
        &self.settings
    }

    /// Steps done so far: 0 in the first one. In a replica, the replica's own.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// How many steps a well tuned baseline needs on this workload: what schedules stretch to.
    pub fn step_hint(&self) -> u64 {
        self.settings.horizon
    }

    /// What the trial may use.
    pub fn budget(&self) -> Budget {
        self.settings.budget
    }

    /// Submission time spent: the referee's clock up to this interval, and this process' own since.
    pub fn seconds(&self) -> f64 {
        self.clock.spent
            + self
                .clock
                .since
                .map_or(0.0, |since| since.elapsed().as_secs_f64())
    }

    /// The schedule's factor on the learning rate at this step.
    pub fn schedule(&self) -> f64 {
        (self.settings.schedule)(self.step)
    }

    /// Whether the schedule ever changes the rate. An algorithm that finds its rates itself wants none.
    pub fn has_schedule(&self) -> bool {
        (0..=self.step_hint()).any(|step| (self.settings.schedule)(step) != 1.0)
    }

    /// Official evaluations so far, in order. A trial may be steered by them: they are paid for by nobody and come when the referee wants.
    pub fn evaluations(&self) -> &[Evaluation] {
        &self.evaluations
    }

    /// Says that training is complete: the trial ends with the next evaluation.
    pub fn finish(&mut self) {
        self.complete = true;
    }

    /// Logs a number under a name, with this step. The value is read and written off the clock.
    pub fn log(&mut self, name: &str, value: impl Into<Tensor>) {
        let value = value.into();
        self.logged.push(Logged {
            step: self.step,
            name: name.to_owned(),
            value,
        });
    }

    /// The training loss of the weights that are evaluated, where it is not that of the last [`Training::gradients`]: of the member that is shown,
    /// or none of a checkpoint. A trial whose loss is not finite at an evaluation has diverged.
    pub fn tell_loss(&mut self, loss: Option<&Tensor>) {
        self.last_loss = loss.map(Tensor::shallow_clone);
    }

    /// The training loss that an evaluation now would be told with.
    pub fn told_loss(&self) -> Option<&Tensor> {
        self.last_loss.as_ref()
    }

    /// Losses of gradients since the interval began.
    pub(crate) fn losses_of_interval(&self) -> &[(u64, Tensor)] {
        &self.losses
    }

    pub(crate) fn forget_losses(&mut self) {
        self.losses.clear();
    }

    /// A stream of random numbers for a purpose of the author's: a new one at every call, the same in every repetition of the trial.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn stream(&mut self, purpose: &str) -> Result<Stream> {
        let call = self.next_call(purpose);
        Ok(Stream::new(&self.key(purpose).call(call))?)
    }

    /// 64 bits for a generator that is not the SDK's: new ones at every call, the same in every repetition of the trial. libtorch's own generator, from
    /// which whoever asks no stream draws, is seeded as well.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn seed(&mut self, purpose: &str) -> Result<u64> {
        let call = self.next_call(purpose);
        let key = self.key(purpose).call(call);
        random::reseed_default(&key, self.device())?;
        Ok(key.value())
    }

    /// Applies an elementwise map to any tensors in place, each with a gradient and its place in the lists of state: in one pass over
    /// memory where possible.
    ///
    /// # Errors
    /// When the lists do not fit each other.
    pub fn elementwise<const N: usize>(
        &self,
        map: &impl Reference<N>,
        targets: &[Tensor],
        gradients: &[Tensor],
        state: [&mut [Tensor]; N],
    ) -> Result<()> {
        elementwise::apply(self.settings.form, map, targets, gradients, state)
    }

    pub(crate) fn form(&self) -> Form {
        self.settings.form
    }

    fn key<'a>(&self, purpose: &'a str) -> Key<'a> {
        Key::new(self.settings.seed, purpose)
            .member(self.member)
            .step(self.step)
    }

    /// Number of this draw for the purpose within the step.
    fn next_call(&mut self, purpose: &str) -> u64 {
        match self.calls.get_mut(purpose) {
            Some(call) => {
                *call += 1;
                *call
            }
            None => {
                self.calls.insert(purpose.to_owned(), 0);
                0
            }
        }
    }
}

/// What the worker's loop does with a training.
impl Training {
    /// Ends a step.
    pub(crate) fn advance(&mut self) {
        self.step += 1;
        self.calls.values_mut().for_each(|call| *call = 0);
        self.calls.clear();
        self.gate.forget_graph();
    }

    /// Goes on from a saved step.
    pub(crate) fn resume_at(&mut self, step: u64, evaluations: Vec<Evaluation>) {
        self.step = step;
        self.evaluations = evaluations;
    }

    /// Visits what a trial has to remember of its examples, where it does: everything else of a training follows from its step.
    ///
    /// # Errors
    /// Those of [`State::visit`].
    pub(crate) fn state(&mut self, state: &mut State) -> Result<()> {
        state.scope("training", |state| self.visit_positions(state))?;
        match &mut self.epoch {
            Some(epoch) => state.scope("training/one-epoch", |state| epoch.state(state)),
            None => Ok(()),
        }
    }

    /// Says whether an evaluation is due after the next step: what a curve of the training shows is logged there.
    pub(crate) fn close(&mut self, closing: bool) {
        self.closing = closing;
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    pub(crate) fn observe(&mut self, evaluation: Evaluation) {
        self.evaluations.push(evaluation);
    }

    pub(crate) fn clock(&mut self) -> &mut Clock {
        &mut self.clock
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    pub(crate) fn take_logged(&mut self) -> Vec<Logged> {
        std::mem::take(&mut self.logged)
    }
}
