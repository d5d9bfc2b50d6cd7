//! Examples out of split files.

pub(crate) mod augment;
mod dummy;
pub(crate) mod kspace;
pub(crate) mod rand_augment;
mod regime;
mod split_file;
pub(crate) mod table;
mod tokens;

use crate::batch::Batch;
use bench_core::run::{DatasetIdentity, SplitName};
use bench_core::spec::interface::Misfit;
use bench_core::spec::workload::Workload;
use bench_torch::errors::LibtorchError;
use bench_torch::random::Key;
use std::path::{Path, PathBuf};
use tch::{Device, Kind, Tensor};

pub use dummy::DummyExamples;
use regime::Part;
pub use split_file::{SplitFile, Stored};
pub use table::Table;
pub use tokens::Tokens;

/// The examples of one split, on a device. Any thread may make batches of them.
pub trait Examples: Send + Sync {
    /// How many.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// These examples, in this order. `indices` are `Int64`.
    ///
    /// With an `augmentation` key they are augmented as the workload says, with that key's draws: for training only.
    ///
    /// # Errors
    /// When an index is not that of an example, or memory is short.
    fn batch(&self, indices: &Tensor, augmentation: Option<&Key>) -> Result<Batch, LibtorchError>;
}

/// Why a split cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The file cannot be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no split file.
    #[error("{} is not a split file", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Why.
        source: safetensors::SafeTensorError,
    },
    /// It is one, of something else.
    #[error("{} does not hold what the workload's data set says: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What differs, with both values.
        problem: String,
    },
    /// The workload's model does not fit its data.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// libtorch refused a draw.
    #[error("libtorch failed while the data was loaded: {0}")]
    Torch(#[from] LibtorchError),
}

/// Loads a split and checks that it is what the run's data set says. Of the training split come the examples that the workload trains on, with the
/// labels that it gives them.
///
/// # Errors
/// When the file is missing, corrupt, or holds anything else.
pub fn open(
    path: &Path,
    split: SplitName,
    workload: &Workload,
    dataset: &DatasetIdentity,
    device: Device,
    kind: Kind,
) -> Result<Box<dyn Examples>, DataError> {
    let examples = dataset.splits.get(&split).map(|identity| identity.examples);
    let (input, training) = (&workload.input, split == SplitName::Train);
    let interface = workload.interface(&dataset.name, &dataset.columns)?;
    let whole: Box<dyn Examples> = match (dataset.columns.running(), input.sequence_length) {
        (Some(tokens), Some(length)) => {
            Box::new(Tokens::open(path, tokens, examples, length, device)?)
        }
        _ => {
            let table = Table::open(path, &interface, dataset, examples, input, device, kind)?;
            match training && workload.label_noise > 0.0 {
                true => Box::new(table.with_label_noise(workload.label_noise)?),
                false => Box::new(table),
            }
        }
    };
    match workload.train_examples.filter(|_| training) {
        Some(count) => Ok(Box::new(Part::new(whole, count)?)),
        None => Ok(whole),
    }
}
