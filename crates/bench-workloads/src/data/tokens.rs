//! Text as token numbers: one long column on disk, cut into pieces of equal length.

use super::split_file::{Stored, checked};
use super::{DataError, Examples, SplitFile};
use crate::batch::Batch;
use bench_core::spec::columns::Column;
use bench_torch::errors::LibtorchError;
use bench_torch::fill::filled;
use bench_torch::random::Key;
use std::path::Path;
use tch::{Device, Tensor};

/// A split of text.
///
/// The tokens are cut into pieces of one more than a model reads, without overlap; an example's inputs are all but the last token of its piece,
/// its targets all but the first. A remainder shorter than a piece is left out, so that every example counts the same.
#[derive(Debug)]
pub struct Tokens {
    file: SplitFile,
    tokens: Stored,
    vocabulary: i64,
    pieces: usize,
    length: usize,
    device: Device,
}

impl Tokens {
    /// Opens a split of text, a running column of this name. `tokens` is how many of them the data set says it has, `length` how many a model reads at once.
    ///
    /// # Errors
    /// When the split holds anything else: another number of tokens, a token beyond the vocabulary, less text than one piece.
    pub fn open(
        path: &Path,
        (name, column): (&str, &Column),
        tokens: Option<u64>,
        length: u64,
        device: Device,
    ) -> Result<Tokens, DataError> {
        let file = SplitFile::open(path)?;
        let stored = file.column(name, column)?;
        let vocabulary = column.values.below().unwrap_or(u64::MAX);
        let (count, length) = (stored.examples(), length as usize);
        let pieces = count / (length + 1);
        let problem = match tokens {
            Some(expected) if expected != count as u64 => Some(format!(
                "there are {count} tokens where {expected} were expected"
            )),
            _ if pieces == 0 => Some(format!(
                "{count} tokens are less than one piece of {length} and the one after them"
            )),
            _ => beyond(&file, &stored, vocabulary),
        };
        match problem {
            Some(problem) => Err(file.content(problem)),
            None => Ok(Tokens {
                tokens: stored,
                vocabulary: i64::try_from(vocabulary).unwrap_or(i64::MAX),
                pieces,
                length,
                device,
                file,
            }),
        }
    }

    /// `length` tokens of each piece, from its `skip`th on.
    fn gather(&self, pieces: &[usize], skip: usize) -> Result<Tensor, LibtorchError> {
        let shape = [pieces.len() as i64, self.length as i64];
        let (mut smallest, mut largest) = (0, 0);
        let tensor = filled(&shape, |batch: &mut [i64]| {
            for (&piece, row) in pieces.iter().zip(batch.chunks_exact_mut(self.length)) {
                self.file
                    .integers(&self.tokens, piece * (self.length + 1) + skip, row);
                largest = row.iter().copied().fold(largest, i64::max);
                smallest = row.iter().copied().fold(smallest, i64::min);
            }
        })?;
        match smallest == 0 && largest < self.vocabulary {
            true => Ok(tensor.f_to_device(self.device)?),
            false => Err(LibtorchError::new(&format!(
                "{} has token {} in a vocabulary of {}",
                self.file.path().display(),
                if smallest < 0 { smallest } else { largest },
                self.vocabulary
            ))),
        }
    }
}

impl Examples for Tokens {
    fn len(&self) -> usize {
        self.pieces
    }

    fn batch(&self, indices: &Tensor, _augmentation: Option<&Key>) -> Result<Batch, LibtorchError> {
        let pieces = checked(indices, self.pieces)?;
        Ok(Batch::new(
            self.gather(&pieces, 0)?,
            self.gather(&pieces, 1)?,
        ))
    }
}

/// The first token beyond the vocabulary, if any, at the beginning: of a split of gigabytes the rest is looked at as it is used.
fn beyond(file: &SplitFile, stored: &Stored, vocabulary: u64) -> Option<String> {
    const BEGINNING: usize = 1 << 20;
    let mut beginning = vec![0; BEGINNING.min(stored.examples())];
    file.integers(stored, 0, &mut beginning);
    let at = beginning
        .iter()
        .position(|&token| token as u64 >= vocabulary)?;
    let token = beginning[at];
    Some(format!(
        "token {at} is {token} in a vocabulary of {vocabulary}"
    ))
}
