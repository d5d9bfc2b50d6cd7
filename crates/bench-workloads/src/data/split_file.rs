//! Reads the arrays of a split file: safetensors, as set-up writes them.

use super::DataError;
use bench_torch::errors::LibtorchError;
use safetensors::{Dtype, SafeTensors};
use std::path::{Path, PathBuf};
use tch::{Kind, Tensor};

/// A split's arrays, as they are on disk.
#[derive(Debug)]
pub struct SplitFile {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl SplitFile {
    /// Reads a file whole.
    ///
    /// # Errors
    /// When it cannot be read, or is cut short or garbled: no later call fails for that.
    pub fn read(path: &Path) -> Result<SplitFile, DataError> {
        let bytes = std::fs::read(path).map_err(|source| DataError::Read {
            path: path.to_owned(),
            source,
        })?;
        let file = SplitFile {
            path: path.to_owned(),
            bytes,
        };
        file.arrays()?;
        Ok(file)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// An array of bytes, as a `Uint8` tensor on the CPU.
    ///
    /// # Errors
    /// When there is no such array, or it is of another type.
    pub fn bytes(&self, name: &str) -> Result<Tensor, DataError> {
        let arrays = self.arrays()?;
        let array = arrays
            .tensor(name)
            .map_err(|_| self.content(format!("it has no array `{name}`")))?;
        if array.dtype() != Dtype::U8 {
            let problem = format!(
                "`{name}` holds {:?} where bytes were expected",
                array.dtype()
            );
            return Err(self.content(problem));
        }
        let shape: Vec<i64> = array.shape().iter().map(|&n| n as i64).collect();
        Tensor::f_from_data_size(array.data(), &shape, Kind::Uint8)
            .map_err(|error| self.torch(error))
    }

    /// This file does not hold what it should.
    pub(super) fn content(&self, problem: String) -> DataError {
        DataError::Content {
            path: self.path.clone(),
            problem,
        }
    }

    /// libtorch refused to make a tensor of this file.
    pub(super) fn torch(&self, error: impl Into<LibtorchError>) -> DataError {
        DataError::Torch {
            path: self.path.clone(),
            source: error.into(),
        }
    }

    fn arrays(&self) -> Result<SafeTensors<'_>, DataError> {
        SafeTensors::deserialize(&self.bytes).map_err(|source| DataError::Format {
            path: self.path.clone(),
            source,
        })
    }
}
