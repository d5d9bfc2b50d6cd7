//! Named tensors in a file: safetensors, rewritten in place, loaded by map and copy.
//!
//! Half of the time of a save is the kernel's fresh pages, so a file of the right size is written over, not made anew.
//! Its header's length is written last: a rewrite that was interrupted leaves a file that says so when it is read.
//! Whoever must never be without a snapshot keeps two files and writes them in turn.

mod read;
mod write;

pub use read::Snapshot;
pub use write::{digest, save};

use crate::errors::LibtorchError;
use safetensors::Dtype;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tch::Kind;

/// Why a snapshot could not be written or read. Names of tensors are as the caller gave them.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file system refused.
    #[error("could not {action} {path}", path = path.display())]
    File {
        /// `write`, `read`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not a snapshot, or one whose writing was interrupted.
    #[error("{path} is not a whole snapshot: {reason}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The same name twice.
    #[error("two tensors are named `{name}`")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A kind of number that the format lacks.
    #[error("tensor `{name}` holds {kind:?}, which a snapshot cannot")]
    Kind {
        /// The tensor.
        name: String,
        /// Its kind.
        kind: Kind,
    },
    /// The header could not be made.
    #[error("could not write the header")]
    Header(#[source] serde_json::Error),
    /// The format refused.
    #[error("could not lay out the file: {0}")]
    Format(#[source] safetensors::SafeTensorError),
    /// File and program do not have the same tensors.
    #[error("{path} does not match: missing {missing:?}, unexpected {unexpected:?}", path = path.display())]
    Names {
        /// The file.
        path: PathBuf,
        /// Asked for and not in the file.
        missing: Vec<String>,
        /// In the file and not asked for.
        unexpected: Vec<String>,
    },
    /// A tensor of another shape or kind.
    #[error("tensor `{name}` is {found} in {path} and {expected} here", path = path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Shape and kind in the file.
        found: String,
        /// Shape and kind of the tensor to fill.
        expected: String,
    },
    /// libtorch refused.
    #[error("tensor `{name}`: {source}")]
    Libtorch {
        /// The tensor.
        name: String,
        /// Why.
        source: LibtorchError,
    },
}

/// Text by key, beside the tensors.
pub type Metadata = BTreeMap<String, String>;

/// Key of the file's own metadata that holds ours: one text, since the format's map has no order and files of equal
/// content should have equal bytes.
const METADATA_KEY: &str = "bench";

/// The kinds that a file can hold.
const KINDS: [(Kind, Dtype); 10] = [
    (Kind::Bool, Dtype::BOOL),
    (Kind::Uint8, Dtype::U8),
    (Kind::Int8, Dtype::I8),
    (Kind::Int16, Dtype::I16),
    (Kind::Int, Dtype::I32),
    (Kind::Int64, Dtype::I64),
    (Kind::Half, Dtype::F16),
    (Kind::BFloat16, Dtype::BF16),
    (Kind::Float, Dtype::F32),
    (Kind::Double, Dtype::F64),
];
