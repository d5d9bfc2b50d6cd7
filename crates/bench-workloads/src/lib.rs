//! Data sets, models, losses and metrics, and the evaluator that scores snapshots.
//!
//! One file a model, one a kind of data, one a loss, one a metric. A new kind is a variant with its facts in `bench_core::spec`, a file here, and a line of
//! the list that makes it: [`model::build`], [`data::open`], [`loss::Loss::new`] or [`metric::Scores::new`].

pub mod batch;
pub mod data;
pub mod evaluator;
pub mod golden;
pub mod loss;
pub mod metric;
pub mod model;
pub mod parameter;

pub use batch::Batch;
pub use data::{DataError, Examples};
pub use loss::{Loss, LossValues};
pub use metric::Scores;
pub use model::{Model, ModelError, Pass, build_model};
pub use parameter::{Buffer, Parameter};
