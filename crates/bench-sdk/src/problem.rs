//! What a `Training` trains: a model with its loss and examples, behind one trait so that the checks can put known functions there.

use anyhow::Result;
use bench_core::protocol::Metrics;
use bench_core::run::{RunSpec, SplitName};
use bench_core::spec::workload::Workload;
use bench_torch::random::Key;
use bench_workloads::data::DummyExamples;
use bench_workloads::loss::{Loss, LossValues};
use bench_workloads::model::Pass;
use bench_workloads::{Batch, Buffer, Examples, Model, Parameter, build_model, data, metric};
use std::path::Path;
use std::sync::Arc;
use tch::{Device, Kind, Tensor};

/// Parameters, examples, and a loss that joins them.
pub(crate) trait Problem {
    /// Trainable tensors.
    fn parameters(&self) -> &[Parameter];

    /// State that forwards change.
    fn buffers(&self) -> &[Buffer] {
        &[]
    }

    /// Where tensors live.
    fn device(&self) -> Device {
        Device::Cpu
    }

    /// Number of training examples.
    fn examples(&self) -> u64;

    /// These examples, augmented with this key's draws.
    ///
    /// # Errors
    /// When an index is not that of an example.
    fn batch(&self, indices: &Tensor, augmentation: &Key) -> Result<Batch>;

    /// The examples themselves, where a thread may make batches of them ahead.
    fn source(&self) -> Option<Arc<dyn Examples>> {
        None
    }

    /// Whether training forwards leave out anything at random.
    fn drops_out(&self) -> bool {
        false
    }

    /// The model's outputs.
    ///
    /// # Errors
    /// What libtorch says.
    fn outputs(&self, batch: &Batch, pass: &Pass) -> Result<Tensor>;

    /// Losses of outputs: each, their sum, and what it counts.
    ///
    /// # Errors
    /// What libtorch says.
    fn losses(&self, outputs: &Tensor, batch: &Batch) -> Result<LossValues>;

    /// The same with this label smoothing in place of the workload's, where its loss has any.
    ///
    /// # Errors
    /// What libtorch says.
    fn smoothed_losses(
        &self,
        outputs: &Tensor,
        batch: &Batch,
        _label_smoothing: f64,
    ) -> Result<LossValues> {
        self.losses(outputs, batch)
    }

    /// The mean loss, which training minimises.
    ///
    /// # Errors
    /// What libtorch says.
    fn loss(&self, outputs: &Tensor, batch: &Batch) -> Result<Tensor> {
        Ok(self.losses(outputs, batch)?.mean()?)
    }

    /// Targets drawn from the model's own distribution, from a uniform number for each.
    ///
    /// # Errors
    /// When the loss is of no distribution.
    fn sample_targets(&self, outputs: &Tensor, uniform: &Tensor) -> Result<Tensor>;

    /// The workload's metrics on these training examples, without augmentation.
    ///
    /// # Errors
    /// What libtorch says.
    fn metrics(&self, indices: &Tensor) -> Result<Metrics>;

    /// The mean loss on these training examples, in evaluation mode and without augmentation.
    ///
    /// # Errors
    /// What libtorch says.
    fn mean_loss(&self, indices: &Tensor) -> Result<f64>;
}

/// A workload's model on training examples.
pub(crate) struct WorkloadProblem {
    workload: Workload,
    model: Box<dyn Model>,
    loss: Loss,
    examples: Arc<dyn Examples>,
    device: Device,
}

impl WorkloadProblem {
    /// A model with a workload's loss and metrics, on these examples.
    pub(crate) fn new(
        workload: &Workload,
        model: Box<dyn Model>,
        examples: Arc<dyn Examples>,
        device: Device,
    ) -> WorkloadProblem {
        WorkloadProblem {
            workload: workload.clone(),
            loss: Loss::new(&workload.loss, &workload.model),
            model,
            examples,
            device,
        }
    }

    /// A run's model with its initial values, on the training split in a file.
    pub(crate) fn open(run: &RunSpec, train: &Path, device: Device) -> Result<WorkloadProblem> {
        let (split, kind) = (SplitName::Train, Kind::Float);
        let examples = data::open(train, split, &run.workload, &run.dataset, device, kind)?;
        let model = build_model(&run.workload, &run.dataset, device, kind, run.seed.value)?;
        Ok(WorkloadProblem::new(
            &run.workload,
            model,
            examples.into(),
            device,
        ))
    }

    /// The same on dummy examples, as many as the training split has.
    pub(crate) fn dummy(run: &RunSpec, device: Device) -> Result<WorkloadProblem> {
        let examples = DummyExamples {
            interface: run
                .workload
                .interface(&run.dataset.name, &run.dataset.columns)?,
            rows: run.workload.model.kind().example_rows(),
            examples: run.examples(SplitName::Train),
            device,
        };
        let model = build_model(
            &run.workload,
            &run.dataset,
            device,
            Kind::Float,
            run.seed.value,
        )?;
        Ok(WorkloadProblem::new(
            &run.workload,
            model,
            Arc::new(examples),
            device,
        ))
    }
}

impl Problem for WorkloadProblem {
    fn parameters(&self) -> &[Parameter] {
        self.model.parameters()
    }

    fn buffers(&self) -> &[Buffer] {
        self.model.buffers()
    }

    fn device(&self) -> Device {
        self.device
    }

    fn examples(&self) -> u64 {
        self.examples.len() as u64
    }

    fn source(&self) -> Option<Arc<dyn Examples>> {
        Some(self.examples.clone())
    }

    fn batch(&self, indices: &Tensor, augmentation: &Key) -> Result<Batch> {
        Ok(self.examples.batch(indices, Some(augmentation))?)
    }

    fn drops_out(&self) -> bool {
        self.workload.model.kind().drops_out()
    }

    fn outputs(&self, batch: &Batch, pass: &Pass) -> Result<Tensor> {
        Ok(self.model.forward(batch, pass)?)
    }

    fn losses(&self, outputs: &Tensor, batch: &Batch) -> Result<LossValues> {
        Ok(self.loss.values(outputs, batch)?)
    }

    fn smoothed_losses(
        &self,
        outputs: &Tensor,
        batch: &Batch,
        label_smoothing: f64,
    ) -> Result<LossValues> {
        let spec = self.workload.loss.with_label_smoothing(label_smoothing);
        Ok(Loss::new(&spec, &self.workload.model).values(outputs, batch)?)
    }

    fn loss(&self, outputs: &Tensor, batch: &Batch) -> Result<Tensor> {
        Ok(self.loss.mean(outputs, batch)?)
    }

    fn sample_targets(&self, outputs: &Tensor, uniform: &Tensor) -> Result<Tensor> {
        Ok(self.loss.sample_targets(outputs, uniform)?)
    }

    fn metrics(&self, indices: &Tensor) -> Result<Metrics> {
        let (model, examples) = (&*self.model, &*self.examples);
        Ok(metric::score(&self.workload, model, examples, indices)?.metrics())
    }

    fn mean_loss(&self, indices: &Tensor) -> Result<f64> {
        let _guard = tch::no_grad_guard();
        let at_once = self.workload.evaluate.batch_size.max(1) as i64;
        let (mut summed, mut valid) = (0.0, 0.0);
        for part in indices.f_split(at_once, 0)? {
            let batch = self.examples.batch(&part, None)?;
            let losses = self.losses(&self.outputs(&batch, &Pass::EVAL)?, &batch)?;
            summed += losses.summed.f_double_value(&[])?;
            valid += losses.valid.f_double_value(&[])?;
        }
        Ok(summed / valid)
    }
}
