//! Metrics over a split: every example exactly once, sums in 64 bits.

pub(crate) mod accuracy;
mod auc;
pub(crate) mod beam_search;
pub(crate) mod bleu;
pub(crate) mod cross_entropy;
mod distance;
pub(crate) mod greedy;
pub(crate) mod mean;
pub(crate) mod mean_average_precision;
pub(crate) mod ssim;
pub(crate) mod words;

use crate::batch::Batch;
use crate::data::Examples;
use crate::loss::Loss;
use crate::model::{Model, Pass};
use accuracy::{Accuracy, Over, Share};
use auc::Auc;
use bench_core::number::Measured;
use bench_core::protocol::Metrics;
use bench_core::spec::columns::Meaning;
use bench_core::spec::workload::{self, MeanAbsoluteError, MeanSquaredError, Metric, Workload};
use bench_torch::errors::LibtorchError;
use bleu::TokenBleu;
use cross_entropy::{CrossEntropy, Unit};
use distance::{Distance, R2};
use greedy::TokenErrors;
use mean_average_precision::MeanAveragePrecision;
use ssim::Ssim;
use std::cell::OnceCell;
use tch::{Kind, Tensor};

/// One batch under evaluation. Metrics that decode (BLEU) run the model again.
pub struct Scored<'a> {
    /// In evaluation mode, without gradients.
    pub model: &'a dyn Model,
    /// What went in.
    pub batch: &'a Batch,
    /// What came out.
    pub outputs: &'a Tensor,
    loss: &'a Loss,
    totals: OnceCell<(f64, f64)>,
}

impl Scored<'_> {
    /// The loss summed in 64 bits, without label smoothing, and what it counts. Computed once for all metrics that follow from it.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn loss(&self) -> Result<(f64, f64), LibtorchError> {
        if let Some(totals) = self.totals.get() {
            return Ok(*totals);
        }
        let values = self.loss.values(self.outputs, self.batch)?;
        let summed = values
            .per_example
            .f_sum(Kind::Double)?
            .f_double_value(&[])?;
        let totals = (summed, values.valid.f_double_value(&[])?);
        Ok(*self.totals.get_or_init(|| totals))
    }
}

/// One metric's sums over a split.
pub trait Accumulator {
    /// Adds a batch.
    ///
    /// # Errors
    /// What libtorch says.
    fn add(&mut self, scored: &Scored) -> Result<(), LibtorchError>;

    /// The value over everything added; NaN where nothing counted.
    fn value(&self) -> f64;
}

/// All metrics of a workload over one split.
pub struct Scores {
    loss: Loss,
    accumulators: Vec<(Metric, Box<dyn Accumulator>)>,
    examples: u64,
}

impl Scores {
    /// Nothing added yet, of a split of this many examples.
    pub fn new(workload: &Workload, examples: u64) -> Scores {
        let over = match workload.model.kind().wanted().targets {
            [Meaning::Tokens] => Over::Weights,
            _ => Over::Examples(examples),
        };
        let distance = |loss| Box::new(Distance::new(Loss::new(&loss, &workload.model)));
        let accumulators = workload.metrics.iter().map(|&metric| {
            let accumulator: Box<dyn Accumulator> = match metric {
                Metric::Accuracy => Box::new(Accuracy::new(Share::Right, over)),
                Metric::ErrorRate => Box::new(Accuracy::new(Share::Wrong, over)),
                Metric::CrossEntropy | Metric::CtcLoss => Box::new(CrossEntropy::new(Unit::Nats)),
                Metric::MeanAbsoluteError => {
                    distance(workload::Loss::MeanAbsoluteError(MeanAbsoluteError {}))
                }
                Metric::MeanSquaredError => {
                    distance(workload::Loss::MeanSquaredError(MeanSquaredError {}))
                }
                Metric::R2 => Box::new(R2::default()),
                Metric::Auc => Box::new(Auc::default()),
                Metric::Perplexity => Box::new(CrossEntropy::new(Unit::Perplexity)),
                Metric::BitsPerByte => Box::new(CrossEntropy::new(Unit::BitsPerByte)),
                Metric::Ssim => Box::new(Ssim::new(examples)),
                Metric::MeanAveragePrecision => Box::new(MeanAveragePrecision::default()),
                Metric::TokenErrorRate => Box::new(TokenErrors::new(&workload.model)),
                Metric::TokenBleu => Box::new(TokenBleu::new(&workload.model)),
            };
            (metric, accumulator)
        });
        Scores {
            loss: Loss::new(&workload.loss.with_label_smoothing(0.0), &workload.model),
            accumulators: accumulators.collect(),
            examples: 0,
        }
    }

    /// Adds a batch and what the model makes of it.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn add(
        &mut self,
        model: &dyn Model,
        batch: &Batch,
        outputs: &Tensor,
    ) -> Result<(), LibtorchError> {
        let scored = Scored {
            model,
            batch,
            outputs,
            loss: &self.loss,
            totals: OnceCell::new(),
        };
        for (_, accumulator) in &mut self.accumulators {
            accumulator.add(&scored)?;
        }
        self.examples += batch.examples() as u64;
        Ok(())
    }

    /// Examples added.
    pub fn examples(&self) -> u64 {
        self.examples
    }

    /// The values, by metric.
    pub fn metrics(&self) -> Metrics {
        let value = |(metric, accumulator): &(Metric, Box<dyn Accumulator>)| {
            (metric.name().to_owned(), Measured(accumulator.value()))
        };
        self.accumulators.iter().map(value).collect()
    }
}

/// Scores these examples, without augmentation or gradients, in batches of the workload's evaluation batch size and a smaller last one.
///
/// # Errors
/// What libtorch says, an index that is not that of an example among it.
pub fn score(
    workload: &Workload,
    model: &dyn Model,
    examples: &dyn Examples,
    indices: &Tensor,
) -> Result<Scores, LibtorchError> {
    let _guard = tch::no_grad_guard();
    let count = indices.numel() as u64;
    let at_once = workload.evaluate.batch_size.clamp(1, count.max(1));
    let mut scores = Scores::new(workload, count);
    for part in indices.f_split(at_once as i64, 0)? {
        let batch = examples.batch(&part, None)?;
        let outputs = model.forward(&batch, &Pass::EVAL)?;
        scores.add(model, &batch, &outputs)?;
    }
    Ok(scores)
}
