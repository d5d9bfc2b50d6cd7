//! The evaluator's model and data, and the scoring itself.

use super::EvaluatorError;
use crate::data::{self, Examples};
use crate::metric;
use crate::model::{self, Model, Pass};
use bench_core::protocol::{Event, Metrics, Task};
use bench_core::run::{RunSpec, SplitName};
use bench_torch::errors::LibtorchError;
use bench_torch::runtime::{self, Runtime, Settings};
use bench_torch::snapshot::{self, Snapshot};
use std::collections::BTreeMap;
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// A model and the splits it is scored on.
pub(super) struct Evaluator {
    run: RunSpec,
    pub(super) model: Box<dyn Model>,
    splits: BTreeMap<SplitName, Box<dyn Examples>>,
}

impl Evaluator {
    pub(super) fn new(task: &Task) -> Result<(Evaluator, Runtime), EvaluatorError> {
        let run = task.run.clone();
        let runtime = runtime::start(Settings {
            threads: run.threads,
            device: run.device,
            device_index: task.local.device_index,
        })?;
        let (device, kind) = (runtime.device, Kind::Float);
        let (workload, dataset) = (&run.workload, &run.dataset);
        let mut splits = BTreeMap::new();
        for (&split, path) in &task.local.data {
            splits.insert(
                split,
                data::open(path, split, workload, dataset, device, kind)?,
            );
        }
        let model = model::build_model(workload, dataset, device, kind, run.seed.value)?;
        let evaluator = Evaluator { run, model, splits };
        Ok((evaluator, runtime))
    }

    /// Digest of the model's weights and buffers: as built, before a snapshot is read.
    pub(super) fn weights(&self) -> Result<String, EvaluatorError> {
        Ok(snapshot::digest(&model::state(self.model.as_ref()))?)
    }

    /// Runs the model once, so that the first evaluation finds memory and kernels ready.
    pub(super) fn warm_up(&self) -> Result<(), EvaluatorError> {
        let _guard = tch::no_grad_guard();
        if let Some(examples) = self.splits.values().next() {
            let batch = examples.batch(&Tensor::from_slice(&[0_i64]), None)?;
            let _ = self.model.forward(&batch, &Pass::EVAL)?;
        }
        Ok(())
    }

    pub(super) fn evaluate(
        &self,
        file: &Path,
        splits: &[SplitName],
    ) -> Result<Event, EvaluatorError> {
        let _guard = tch::no_grad_guard();
        Snapshot::open(file)?.load(&model::state(self.model.as_ref()))?;
        let (mut metrics, mut examples) = (BTreeMap::new(), BTreeMap::new());
        for &split in splits {
            let (values, count) = self.score(split)?;
            metrics.insert(split, values);
            examples.insert(split, count);
        }
        Ok(Event::Evaluated { metrics, examples })
    }

    /// Scores every example of a split once; of `train` the first `train-subset` ones.
    fn score(&self, split: SplitName) -> Result<(Metrics, u64), EvaluatorError> {
        let examples = self
            .splits
            .get(&split)
            .ok_or(EvaluatorError::Split(split))?;
        let evaluate = &self.run.workload.evaluate;
        let count = match split {
            SplitName::Train => (examples.len() as u64).min(evaluate.train_subset),
            SplitName::Validation | SplitName::Test => examples.len() as u64,
        };
        let indices = Tensor::f_arange(count as i64, (Kind::Int64, Device::Cpu));
        let indices = indices.map_err(LibtorchError::from)?;
        let (workload, model) = (&self.run.workload, self.model.as_ref());
        let scores = metric::score(workload, model, examples.as_ref(), &indices)?;
        if scores.examples() != count {
            return Err(EvaluatorError::Count {
                split,
                scored: scores.examples(),
                examples: count,
            });
        }
        Ok((scores.metrics(), count))
    }
}
