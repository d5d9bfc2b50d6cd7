//! Reads the arrays of a split file: safetensors, as set-up writes them.

use super::DataError;
use bench_torch::errors::LibtorchError;
use bench_torch::mapped::Mapped;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A split's arrays, as they are on disk.
#[derive(Debug)]
pub struct SplitFile {
    path: PathBuf,
    bytes: Mapped,
}

/// An array of whole numbers in a split file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// Sizes of its dimensions.
    pub shape: Vec<usize>,
    width: Width,
    range: Range<usize>,
}

/// Size of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    One,
    Two,
}

impl Array {
    /// Numbers it holds.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }
}

impl SplitFile {
    /// Maps a file and checks its header, so that all processes on a machine share one copy: an array that it names is there.
    ///
    /// # Errors
    /// When it cannot be read, or is cut short or garbled.
    pub fn read(path: &Path) -> Result<SplitFile, DataError> {
        let bytes = Mapped::open(path).map_err(|source| DataError::Read {
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

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// An array of numbers of 8 or 16 bits.
    ///
    /// # Errors
    /// When there is no such array, or it is of another type.
    pub fn array(&self, name: &str) -> Result<Array, DataError> {
        let arrays = self.arrays()?;
        let array = arrays
            .tensor(name)
            .map_err(|_| self.content(format!("it has no array `{name}`")))?;
        let width = match array.dtype() {
            Dtype::U8 => Width::One,
            Dtype::U16 => Width::Two,
            other => {
                let problem = format!("`{name}` holds {other:?} where U8 or U16 was expected");
                return Err(self.content(problem));
            }
        };
        let start = array.data().as_ptr() as usize - self.bytes.as_ptr() as usize;
        Ok(Array {
            shape: array.shape().to_vec(),
            width,
            range: start..start + array.data().len(),
        })
    }

    /// An array of bytes.
    ///
    /// # Errors
    /// When there is no such array, or it is of another type.
    pub fn byte_array(&self, name: &str) -> Result<Array, DataError> {
        let array = self.array(name)?;
        match array.width {
            Width::One => Ok(array),
            Width::Two => Err(self.content(format!("`{name}` holds U16 where U8 was expected"))),
        }
    }

    /// The bytes of an array of this file.
    pub fn bytes(&self, array: &Array) -> &[u8] {
        &self.bytes[array.range.clone()]
    }

    /// The numbers of an array of this file, from number `start` on, as many as `target` takes. It has that many.
    pub fn integers(&self, array: &Array, start: usize, target: &mut [i64]) {
        let bytes = self.bytes(array);
        match array.width {
            Width::One => {
                let source = &bytes[start..start + target.len()];
                for (target, &byte) in target.iter_mut().zip(source) {
                    *target = i64::from(byte);
                }
            }
            Width::Two => {
                let source = &bytes[2 * start..2 * (start + target.len())];
                for (target, &pair) in target.iter_mut().zip(source.as_chunks().0) {
                    *target = i64::from(u16::from_le_bytes(pair));
                }
            }
        }
    }

    /// This file does not hold what it should.
    pub(super) fn content(&self, problem: String) -> DataError {
        DataError::Content {
            path: self.path.clone(),
            problem,
        }
    }

    fn arrays(&self) -> Result<SafeTensors<'_>, DataError> {
        let arrays: Result<_, SafeTensorError> = SafeTensors::deserialize(&self.bytes);
        arrays.map_err(|source| DataError::Format {
            path: self.path.clone(),
            source,
        })
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
