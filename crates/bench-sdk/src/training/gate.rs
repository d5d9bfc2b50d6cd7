//! The one door to examples and the loss: shut while the clock stands still, and where what passes is counted.

use super::Training;
use crate::problem::Problem;
use anyhow::Result;
use bench_core::protocol::{Metrics, Passes};
use bench_torch::gradient::Graph;
use bench_torch::random::Key;
use bench_workloads::loss::LossValues;
use bench_workloads::model::Pass;
use bench_workloads::{Batch, Buffer, Examples, Parameter};
use std::cell::Cell;
use std::sync::Arc;
use tch::{Device, Tensor};

/// Why a trial fails whose submission does something off the clock that others pay for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OffClock {
    /// It asked for data or derivatives.
    #[error(
        "{0} is off the clock, where there are no batches, losses or gradients: take them in `step`; examples to hold out, replicas, shapes, roles and streams are there before"
    )]
    Shut(&'static str),
    /// It changed the model.
    #[error(
        "{place} changed `{tensor}`: weights and buffers stay as they are while the clock stands still; change them in `step`"
    )]
    Changed {
        /// Whose code ran.
        place: &'static str,
        /// The first that differs.
        tensor: String,
    },
}

/// A problem of which shapes are always there, and examples, losses and derivatives while the clock runs.
///
/// [`Training`] has the problem in here and nowhere else: a call that is added to it goes through this, or has nothing to work on.
pub(super) struct Gate {
    problem: Box<dyn Problem>,
    /// What runs while it is shut; none while the clock runs.
    shut: Option<&'static str>,
    passes: Cell<Passes>,
    /// Examples of forward passes that have a graph, and have not been differentiated yet.
    graph: Cell<u64>,
}

impl Gate {
    pub(super) fn new(problem: Box<dyn Problem>) -> Gate {
        Gate {
            problem,
            shut: Some("a trial's start"),
            passes: Cell::default(),
            graph: Cell::default(),
        }
    }

    /// The problem, while the clock runs.
    pub(super) fn open(&self) -> Result<&dyn Problem, OffClock> {
        match self.shut {
            None => Ok(&*self.problem),
            Some(place) => Err(OffClock::Shut(place)),
        }
    }

    pub(super) fn parameters(&self) -> &[Parameter] {
        self.problem.parameters()
    }

    pub(super) fn buffers(&self) -> &[Buffer] {
        self.problem.buffers()
    }

    pub(super) fn device(&self) -> Device {
        self.problem.device()
    }

    pub(super) fn examples(&self) -> u64 {
        self.problem.examples()
    }

    pub(super) fn drops_out(&self) -> bool {
        self.problem.drops_out()
    }

    pub(super) fn source(&self) -> Result<Option<Arc<dyn Examples>>> {
        Ok(self.open()?.source())
    }

    pub(super) fn batch(&self, indices: &Tensor, augmentation: &Key) -> Result<Batch> {
        self.open()?.batch(indices, augmentation)
    }

    pub(super) fn outputs(&self, batch: &Batch, pass: &Pass) -> Result<Tensor> {
        let outputs = self.open()?.outputs(batch, pass)?;
        let examples = batch.examples() as u64;
        self.count(|passes| passes.forward += examples);
        if self.makes_graphs()? {
            self.graph.set(self.graph.get() + examples);
        }
        Ok(outputs)
    }

    /// Whether libtorch remembers what it computes from parameters: a view of one tells, outputs may have no part in the loss.
    fn makes_graphs(&self) -> Result<bool> {
        let first = self.problem.parameters().first();
        let view = first.map(|parameter| parameter.tensor.f_unsqueeze(0));
        Ok(view.transpose()?.is_some_and(|view| view.requires_grad()))
    }

    pub(super) fn losses(&self, outputs: &Tensor, batch: &Batch) -> Result<LossValues> {
        self.open()?.losses(outputs, batch)
    }

    pub(super) fn smoothed_losses(
        &self,
        outputs: &Tensor,
        batch: &Batch,
        label_smoothing: f64,
    ) -> Result<LossValues> {
        self.open()?
            .smoothed_losses(outputs, batch, label_smoothing)
    }

    pub(super) fn loss(&self, outputs: &Tensor, batch: &Batch) -> Result<Tensor> {
        self.open()?.loss(outputs, batch)
    }

    pub(super) fn sample_targets(&self, outputs: &Tensor, uniform: &Tensor) -> Result<Tensor> {
        self.open()?.sample_targets(outputs, uniform)
    }

    pub(super) fn metrics(&self, indices: &Tensor) -> Result<Metrics> {
        self.judge(indices)?.metrics(indices)
    }

    pub(super) fn mean_loss(&self, indices: &Tensor) -> Result<f64> {
        self.judge(indices)?.mean_loss(indices)
    }

    /// To be called for every derivative: what goes backward is what went forward since the one before, unless its graph was kept for another.
    pub(super) fn backward(&self, graph: Graph) -> Result<&dyn Problem> {
        let problem = self.open()?;
        let examples = self.graph.get();
        self.count(|passes| passes.backward += examples);
        if graph == Graph::Free {
            self.graph.set(0);
        }
        Ok(problem)
    }

    /// A graph that nobody differentiates is none.
    pub(super) fn forget_graph(&self) {
        self.graph.set(0);
    }

    fn judge(&self, indices: &Tensor) -> Result<&dyn Problem> {
        let problem = self.open()?;
        self.count(|passes| passes.judged += indices.numel() as u64);
        Ok(problem)
    }

    fn count(&self, add: impl FnOnce(&mut Passes)) {
        let mut passes = self.passes.get();
        add(&mut passes);
        self.passes.set(passes);
    }
}

/// What the worker's loop does with the door.
impl Training {
    /// Starts an algorithm, off the clock.
    ///
    /// # Errors
    /// Those of its `init`, and when that reaches for data or changes the model.
    pub(crate) fn start<A: crate::TrainingAlgorithm>(&mut self) -> Result<A> {
        self.off_clock("`init`", A::init)
    }

    /// Opens the door: the clock runs.
    pub(crate) fn open(&mut self) {
        self.gate.shut = None;
    }

    /// Shuts it: the clock stands still.
    pub(crate) fn shut(&mut self) {
        self.gate.shut = Some("an evaluation");
    }

    /// Has an author's code run with the door shut, and compares weights and buffers before and after.
    ///
    /// # Errors
    /// Those of `work`, and when it changes the model.
    pub(crate) fn off_clock<T>(
        &mut self,
        place: &'static str,
        work: impl FnOnce(&mut Training) -> Result<T>,
    ) -> Result<T> {
        let before = self.digests()?;
        let shut = self.gate.shut.replace(place);
        let result = work(self);
        self.gate.shut = shut;
        let result = result?;
        let after = self.digests()?;
        let differs = before.into_iter().zip(after).find(|(a, b)| a != b);
        match differs {
            None => Ok(result),
            Some(((tensor, _), _)) => Err(OffClock::Changed { place, tensor }.into()),
        }
    }

    fn digests(&self) -> Result<Vec<(String, String)>> {
        let digest = |(name, tensor): (&str, &Tensor)| {
            let digest = bench_torch::snapshot::digest(&[(name, tensor)])?;
            Ok((name.to_owned(), digest))
        };
        self.named().into_iter().map(digest).collect()
    }

    /// Parameters, then buffers, by name: what `eval.safetensors` holds.
    pub(crate) fn named(&self) -> Vec<(&str, &Tensor)> {
        let parameters = self.parameters().iter();
        let buffers = self.buffers().iter();
        let parameters = parameters.map(|p| (p.name.as_str(), &p.tensor));
        let buffers = buffers.map(|b| (b.name.as_str(), &b.tensor));
        parameters.chain(buffers).collect()
    }

    /// Examples that passed through the model since this was last asked.
    pub(crate) fn take_passes(&mut self) -> Passes {
        self.gate.passes.take()
    }
}
