//! Examples: which ones a step sees, and in what order.

use super::Training;
use super::kept::Kept;
use super::prefetch::{self, AUGMENTATION, Plan, Prefetch, examples_at};
use crate::state::State;
use anyhow::{Result, ensure};
use bench_core::protocol::Metrics;
use bench_torch::order::{self, Order};
use bench_torch::random::Key;
use bench_workloads::Batch;
use std::sync::Arc;
use std::time::Instant;
use tch::{Device, Kind, Tensor};

impl Training {
    /// Training examples, without those held out.
    pub fn examples(&self) -> u64 {
        let kept = self.kept.as_ref().map(|kept| kept.len());
        kept.unwrap_or_else(|| self.gate.examples())
    }

    /// The batch size that `submission.yaml` gives for this workload.
    pub fn batch_size(&self) -> u64 {
        self.settings.batch_size
    }

    /// This step's batch: `batch_size` examples, every one once an epoch, in an order of this trial's own. The same one when it is asked for
    /// again within the step. A thread makes it ahead of time.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn next_batch(&mut self) -> Result<Batch> {
        let began = Instant::now();
        let batch = self.batch_of_step();
        self.clock.input += began.elapsed();
        batch
    }

    fn batch_of_step(&mut self) -> Result<Batch> {
        // A thread may have made it already.
        self.gate.open()?;
        let size = self.settings.batch_size;
        if self.epoch.is_some() {
            let indices = self.shuffled(self.step * size, size)?;
            self.take(&indices)?;
        }
        if let Some(prefetch) = &self.prefetch {
            if let Some(batch) = prefetch.take(self.member, self.step)? {
                return Ok(batch);
            }
        } else {
            self.prefetch = self.start_prefetch()?;
        }
        let indices = self.shuffled(self.step * size, size)?;
        self.gate.batch(&indices, &self.key(AUGMENTATION))
    }

    /// The next `size` examples of the same order, which begin where the last call ended, in this step or an earlier one: for batch sizes that change.
    /// Where that is, the SDK remembers, for each member of a population. Not to be mixed with [`Training::next_batch`], which counts from the step.
    ///
    /// # Errors
    /// As [`Training::shuffled`] and [`Training::batch`].
    pub fn next_batch_of(&mut self, size: u64) -> Result<Batch> {
        let position = self.positions.get(&self.member).copied().unwrap_or(0);
        let indices = self.shuffled(position, size)?;
        let batch = self.batch(&indices)?;
        self.positions.insert(self.member, position + size);
        Ok(batch)
    }

    pub(super) fn visit_positions(&mut self, state: &mut State) -> Result<()> {
        let pairs = self
            .positions
            .iter()
            .flat_map(|(&member, &at)| [member, at]);
        let mut pairs: Vec<u64> = pairs.collect();
        state.visit("positions", &mut pairs)?;
        let pairs = pairs.chunks_exact(2).map(|pair| (pair[0], pair[1]));
        self.positions = pairs.collect();
        Ok(())
    }

    /// Has the batches after this step made by a thread, where the examples allow it. Of a population only the first member's are.
    fn start_prefetch(&self) -> Result<Option<Prefetch>> {
        let settings = &self.settings;
        let wanted = settings.shuffle && self.member == 0 && prefetch::pays(settings.threads);
        let source = self.gate.source()?.filter(|_| wanted);
        let Some(examples) = source else {
            return Ok(None);
        };
        Ok(Some(Prefetch::start(Plan {
            examples,
            order: self.new_order(),
            kept: self.kept.clone(),
            size: settings.batch_size,
            seed: settings.seed,
            member: self.member,
            first: self.step + 1,
            steps: settings.budget.steps,
        })))
    }

    /// The examples at `position` and the `count - 1` places after it, in the endless shuffled order that [`Training::next_batch`] walks
    /// through. Where to go on is the author's to keep; [`Training::next_batch_of`] keeps it.
    ///
    /// # Errors
    /// When the workload trains for one epoch and it ends before, and what libtorch says.
    pub fn shuffled(&mut self, position: u64, count: u64) -> Result<Tensor> {
        let (end, examples) = (position.saturating_add(count), self.examples());
        ensure!(
            self.epoch.is_none() || end <= examples,
            "the training data ends after {examples} examples and {end} are wanted: this workload trains for one epoch, without those held out; take smaller batches, or hold out fewer"
        );
        self.in_order_of_trial(position, count)
    }

    /// The same, one epoch after another on every workload.
    pub(super) fn in_order_of_trial(&mut self, position: u64, count: u64) -> Result<Tensor> {
        if !self.settings.shuffle {
            return in_order(position, count, self.examples());
        }
        let fresh = self.new_order();
        let order = self.orders.entry(self.member).or_insert(fresh);
        examples_at(order, self.kept.as_deref(), position, count)
    }

    /// A batch of any examples in any order, by their numbers in the training split (`Int64`), augmented as the workload says.
    ///
    /// # Errors
    /// When a number is not that of an example, or of one that an earlier step took where the workload trains for one epoch.
    pub fn batch(&mut self, indices: &Tensor) -> Result<Batch> {
        self.take(indices)?;
        self.any_batch(indices)
    }

    fn take(&mut self, indices: &Tensor) -> Result<()> {
        match &mut self.epoch {
            Some(epoch) => epoch.take(self.member, self.step, indices),
            None => Ok(()),
        }
    }

    /// A batch that no weight is moved by, so that it counts for no epoch.
    pub(super) fn any_batch(&mut self, indices: &Tensor) -> Result<Batch> {
        let began = Instant::now();
        // Call 0 is the step's own batch.
        let call = self.next_call(AUGMENTATION) + 1;
        let batch = self.gate.batch(indices, &self.key(AUGMENTATION).call(call));
        self.clock.input += began.elapsed();
        batch
    }

    /// Takes examples out of training, drawn by this trial's seed, to judge by: a validation part of the author's own, paid on the clock.
    /// Gives their numbers. To be called in `init`, once.
    ///
    /// # Errors
    /// When nothing would be left, or some are held out already.
    pub fn hold_out(&mut self, count: u64) -> Result<Tensor> {
        let all = self.gate.examples();
        ensure!(self.kept.is_none(), "examples are held out already");
        ensure!(count < all, "{count} examples of {all} cannot be held out");
        let out = order::sample(&Key::new(self.settings.seed, "hold-out"), all, count)?;
        self.kept = Some(Arc::new(Kept::without(&out, all)));
        self.orders.clear();
        self.prefetch = None;
        Ok(Tensor::from_slice(&out))
    }

    /// Holds out a share of the examples, as [`Training::hold_out`], or `at_most` where that is more.
    ///
    /// # Errors
    /// As [`Training::hold_out`], and when the share is not between 0 and 1.
    pub fn hold_out_share(&mut self, share: f64, at_most: u64) -> Result<Tensor> {
        ensure!(
            share > 0.0 && share < 1.0,
            "hold-out is {share}, which is no share of the examples"
        );
        let wanted = (self.examples() as f64 * share) as u64;
        self.hold_out(wanted.clamp(1, at_most.max(1)))
    }

    /// The workload's metrics on some training examples, such as those held out, with the model in evaluation mode.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn evaluate(&mut self, indices: &Tensor) -> Result<Metrics> {
        self.gate.metrics(indices)
    }

    /// The mean loss on some training examples, such as those held out, with the model in evaluation mode: what an algorithm that judges
    /// itself goes by.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn evaluation_loss(&mut self, indices: &Tensor) -> Result<f64> {
        self.gate.mean_loss(indices)
    }

    /// Whether the loss on a batch's worth of some examples is a finite number, as [`Training::evaluation_loss`] gives it: whether weights that are to
    /// be shown have not diverged.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn is_sound(&mut self, examples: &Tensor) -> Result<bool> {
        let few = examples.numel().min(self.batch_size() as usize);
        let few = examples.f_narrow(0, 0, few as i64)?;
        Ok(self.evaluation_loss(&few)?.is_finite())
    }

    fn new_order(&self) -> Order {
        Order::new(self.settings.seed, self.member, self.examples())
    }
}

/// The examples in their own order, over and over.
fn in_order(position: u64, count: u64, examples: u64) -> Result<Tensor> {
    let (start, end) = (position as i64, (position + count) as i64);
    let places = Tensor::f_arange_start(start, end, (Kind::Int64, Device::Cpu))?;
    Ok(places.f_remainder(examples.max(1) as i64)?)
}
