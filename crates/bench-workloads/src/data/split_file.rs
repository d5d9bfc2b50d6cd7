//! Reads the arrays of a split file: safetensors, as set-up writes them.

use super::DataError;
use bench_torch::errors::LibtorchError;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A split's arrays, as they are on disk.
#[derive(Debug)]
pub struct SplitFile {
    path: PathBuf,
    bytes: Vec<u8>,
}

/// An array of bytes in a split file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByteArray {
    /// Sizes of its dimensions.
    pub shape: Vec<usize>,
    /// Where it is in the file.
    range: Range<usize>,
}

impl SplitFile {
    /// Reads a file whole and checks its header: an array that it names is there.
    ///
    /// # Errors
    /// When it cannot be read, or is cut short or garbled.
    pub fn read(path: &Path) -> Result<SplitFile, DataError> {
        let bytes = std::fs::read(path).map_err(|source| DataError::Read {
            path: path.to_owned(),
            source,
        })?;
        let file = SplitFile {
            path: path.to_owned(),
            bytes,
        };
        file.arrays().map_err(|source| DataError::Format {
            path: path.to_owned(),
            source,
        })?;
        Ok(file)
    }

    /// An array of bytes.
    ///
    /// # Errors
    /// When there is no such array, or it is of another type.
    pub fn bytes(&self, name: &str) -> Result<ByteArray, DataError> {
        let arrays = self.arrays().map_err(|source| DataError::Format {
            path: self.path.clone(),
            source,
        })?;
        let array = arrays
            .tensor(name)
            .map_err(|_| self.content(format!("it has no array `{name}`")))?;
        if array.dtype() != Dtype::U8 {
            let dtype = array.dtype();
            return Err(self.content(format!("`{name}` holds {dtype:?} where U8 was expected")));
        }
        let start = array.data().as_ptr() as usize - self.bytes.as_ptr() as usize;
        Ok(ByteArray {
            shape: array.shape().to_vec(),
            range: start..start + array.data().len(),
        })
    }

    /// The content of an array of this file.
    pub fn content_of(&self, array: &ByteArray) -> &[u8] {
        &self.bytes[array.range.clone()]
    }

    /// This file does not hold what it should.
    pub(super) fn content(&self, problem: String) -> DataError {
        DataError::Content {
            path: self.path.clone(),
            problem,
        }
    }

    fn arrays(&self) -> Result<SafeTensors<'_>, SafeTensorError> {
        SafeTensors::deserialize(&self.bytes)
    }
}

/// `indices` as plain numbers, each of them that of an example.
///
/// # Errors
/// When one is not, or they are not `Int64`.
pub(super) fn checked(indices: &tch::Tensor, examples: usize) -> Result<Vec<usize>, LibtorchError> {
    let mut numbers = vec![0_i64; indices.numel()];
    let count = numbers.len();
    indices.f_copy_data(&mut numbers, count)?;
    let check = |index: i64| {
        let inside = usize::try_from(index)
            .ok()
            .filter(|&index| index < examples);
        inside.ok_or_else(|| {
            LibtorchError::new(&format!("there is no example {index} among {examples}"))
        })
    };
    numbers.into_iter().map(check).collect()
}
