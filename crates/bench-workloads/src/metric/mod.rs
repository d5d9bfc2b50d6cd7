//! Metrics over a split: every example exactly once, sums in 64 bits.

mod accuracy;
mod cross_entropy;

use crate::batch::Batch;
use crate::loss::Loss;
use crate::model::Model;
use bench_core::number::Measured;
use bench_core::protocol::Metrics;
use bench_core::spec::workload::{Metric, Workload};
use bench_torch::errors::LibtorchError;
use tch::Tensor;

/// One batch under evaluation. Metrics that decode (BLEU) run the model again.
pub struct Scored<'a> {
    /// In evaluation mode, without gradients.
    pub model: &'a dyn Model,
    /// What went in.
    pub batch: &'a Batch,
    /// What came out.
    pub outputs: &'a Tensor,
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
    accumulators: Vec<(Metric, Box<dyn Accumulator>)>,
    examples: u64,
}

impl Scores {
    /// Nothing added yet.
    pub fn new(workload: &Workload) -> Scores {
        let accumulators = workload.metrics.iter().map(|&metric| {
            let accumulator: Box<dyn Accumulator> = match metric {
                Metric::Accuracy => Box::new(accuracy::Accuracy::new(accuracy::Share::Right)),
                Metric::ErrorRate => Box::new(accuracy::Accuracy::new(accuracy::Share::Wrong)),
                Metric::CrossEntropy => {
                    Box::new(cross_entropy::CrossEntropy::new(Loss::new(&workload.loss)))
                }
            };
            (metric, accumulator)
        });
        Scores {
            accumulators: accumulators.collect(),
            examples: 0,
        }
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn add(&mut self, scored: &Scored) -> Result<(), LibtorchError> {
        for (_, accumulator) in &mut self.accumulators {
            accumulator.add(scored)?;
        }
        self.examples += scored.batch.examples() as u64;
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
