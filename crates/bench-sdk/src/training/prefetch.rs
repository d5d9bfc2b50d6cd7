//! Batches made ahead by a thread, so that a step finds its batch there.
//!
//! What is in a batch is a pure function of seed, member and step, so a batch made ahead and one made in place are the same, and nothing
//! has to be saved. The training thread never waits: a batch that is not there yet is made in place, and the thread goes on behind it. It is
//! at most [`AHEAD`] batches ahead, so while the clock stands it is soon asleep.

use super::kept::Kept;
use anyhow::Result;
use bench_torch::order::Order;
use bench_torch::random::Key;
use bench_workloads::{Batch, Examples};
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, LazyLock};
use std::thread;
use tch::Tensor;

/// Batches that wait.
const AHEAD: usize = 2;
/// Purpose of a batch's random draws.
pub(super) const AUGMENTATION: &str = "augmentation";

/// Asked once: the answer is read from files, which takes as long as a small batch, and where nothing is made ahead every step asks.
static PROCESSORS: LazyLock<usize> =
    LazyLock::new(|| thread::available_parallelism().map_or(1, NonZero::get));

/// Whether there is a processor for it that no training thread needs; the evaluator is blocked meanwhile.
pub(super) fn pays(training_threads: u32) -> bool {
    *PROCESSORS > training_threads as usize
}

/// What a thread needs to make batches.
pub(super) struct Plan {
    pub(super) examples: Arc<dyn Examples>,
    pub(super) order: Order,
    /// The examples that are not held out, where some are.
    pub(super) kept: Option<Arc<Kept>>,
    /// Examples a batch.
    pub(super) size: u64,
    pub(super) seed: u64,
    pub(super) member: u64,
    /// The step whose batch is wanted first.
    pub(super) first: u64,
    /// Steps of the trial.
    pub(super) steps: u64,
}

/// A step and its batch.
type Made = (u64, Result<Batch>);

/// Batches of one member, step after step.
pub(super) struct Prefetch {
    member: u64,
    /// No batch of an earlier step is wanted any more.
    due: Arc<AtomicU64>,
    batches: Receiver<Made>,
}

impl Prefetch {
    /// Starts the thread. It ends when its steps are done or this value is gone.
    pub(super) fn start(plan: Plan) -> Prefetch {
        let (sender, batches) = sync_channel(AHEAD);
        let due = Arc::new(AtomicU64::new(plan.first));
        let prefetch = Prefetch {
            member: plan.member,
            due: due.clone(),
            batches,
        };
        thread::spawn(move || plan.run(&due, &sender));
        prefetch
    }

    /// This step's batch, if it has been made. It is given once.
    ///
    /// # Errors
    /// What went wrong when it was made.
    pub(super) fn take(&self, member: u64, step: u64) -> Result<Option<Batch>> {
        if member != self.member || step < self.due.load(Ordering::Relaxed) {
            return Ok(None);
        }
        self.due.store(step + 1, Ordering::Relaxed);
        let made = self.batches.try_iter().find(|(of, _)| *of >= step);
        made.filter(|(of, _)| *of == step)
            .map(|(_, batch)| batch)
            .transpose()
    }
}

impl Plan {
    fn run(mut self, due: &AtomicU64, sender: &SyncSender<Made>) {
        let mut step = self.first;
        while step < self.steps {
            let batch = self.batch(step);
            let failed = batch.is_err();
            if sender.send((step, batch)).is_err() || failed {
                return;
            }
            step = due.load(Ordering::Relaxed).max(step + 1);
        }
    }

    fn batch(&mut self, step: u64) -> Result<Batch> {
        let (position, count) = (step * self.size, self.size);
        let indices = examples_at(&mut self.order, self.kept.as_deref(), position, count)?;
        let key = Key::new(self.seed, AUGMENTATION)
            .member(self.member)
            .step(step);
        Ok(self.examples.batch(&indices, Some(&key))?)
    }
}

/// The examples at some places of an order over those that are kept.
pub(super) fn examples_at(
    order: &mut Order,
    kept: Option<&Kept>,
    position: u64,
    count: u64,
) -> Result<Tensor> {
    let places = order.range(position, count)?;
    match kept {
        Some(kept) => kept.at(&places),
        None => Ok(places),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bench_torch::errors::LibtorchError;
    use std::time::Duration;

    /// Examples that are their own numbers.
    struct Numbers;

    impl Examples for Numbers {
        fn len(&self) -> usize {
            100
        }

        fn batch(&self, indices: &Tensor, _: Option<&Key>) -> Result<Batch, LibtorchError> {
            Ok(Batch::new(indices.shallow_clone(), indices.shallow_clone()))
        }
    }

    fn plan(kept: &Arc<Kept>) -> Plan {
        Plan {
            examples: Arc::new(Numbers),
            order: Order::new(3, 0, kept.len()),
            kept: Some(kept.clone()),
            size: 8,
            seed: 3,
            member: 0,
            first: 1,
            steps: 40,
        }
    }

    #[test]
    fn what_is_made_ahead_is_what_is_made_in_place() {
        let odd: Vec<i64> = (1..100).step_by(2).collect();
        let kept = Arc::new(Kept::without(&odd, 100));
        let prefetch = Prefetch::start(plan(&kept));
        let mut in_place = plan(&kept);
        let mut taken = 0;
        // In a row, again, a jump ahead as after a resume, past the end; another member's is never given.
        for step in (1..10).chain([9, 9, 20, 21, 5, 22, 39, 40, 41]) {
            std::thread::sleep(Duration::from_millis(2));
            assert!(prefetch.take(1, step).unwrap().is_none());
            if let Some(batch) = prefetch.take(0, step).unwrap() {
                assert_eq!(
                    batch.inputs(),
                    in_place.batch(step).unwrap().inputs(),
                    "step {step}"
                );
                taken += 1;
            }
        }
        assert!(taken > 0, "nothing was ever there");
    }
}
