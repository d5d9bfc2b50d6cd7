//! MNIST's idx format: a big-endian header that names type and sizes, then the numbers.

use super::input::{Input, PIECE};
use super::source::SourceError;
use super::split::ContentError;
use std::path::Path;

/// A file is no idx file, or not the one wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdxError {
    /// The compressed stream is damaged.
    #[error("{file}: damaged gzip stream after {offset} bytes of content: {message}")]
    Gzip {
        /// Role or name of the file.
        file: String,
        /// How much was still readable.
        offset: u64,
        /// The decoder's words.
        message: String,
    },
    /// The header is not one.
    #[error(
        "{file}: byte 0 begins no idx file of bytes: expected 00 00 08 and a number of dimensions, found {found}"
    )]
    Magic {
        /// Role or name of the file.
        file: String,
        /// The first bytes.
        found: String,
    },
    /// The file ends early.
    #[error("{file}: truncated at byte {offset}: the header asks for {expected} bytes")]
    Truncated {
        /// Role or name of the file.
        file: String,
        /// Where it ends.
        offset: u64,
        /// Where it should end.
        expected: u64,
    },
    /// The file goes on.
    #[error("{file}: {extra} bytes too many from byte {offset} on")]
    TooLong {
        /// Role or name of the file.
        file: String,
        /// Where it should end.
        offset: u64,
        /// How much more there is.
        extra: u64,
    },
    /// The sizes do not fit in memory.
    #[error("{file}: the header at byte 4 announces impossible sizes {sizes:?}")]
    TooLarge {
        /// Role or name of the file.
        file: String,
        /// The sizes.
        sizes: Vec<u32>,
    },
    /// The sizes are others than the data set's.
    #[error("{file}: the header at byte 4 announces sizes {found:?}, expected {expected:?}")]
    Shape {
        /// Role or name of the file.
        file: String,
        /// What it has.
        found: Vec<usize>,
        /// What it should have.
        expected: Vec<usize>,
    },
    /// A label beyond the last class.
    #[error("{file}: byte {offset} is label {label}, but there are {classes} classes, 0 to {last}", last = classes - 1)]
    Label {
        /// Role or name of the file.
        file: String,
        /// Where.
        offset: u64,
        /// What.
        label: u8,
        /// How many there are.
        classes: u64,
    },
}

/// An idx file of unsigned bytes, whose header was read.
pub(crate) struct Idx {
    input: Input,
    /// Sizes; the first counts examples.
    pub(crate) shape: Vec<usize>,
    /// Where the content should end.
    end: u64,
}

impl Idx {
    /// Opens a file, compressed or not, and reads its header. `name` is how errors name it.
    pub(crate) fn open(name: &str, path: &Path) -> Result<Idx, SourceError> {
        let mut input = Input::open(name, path)?;
        let start = input.next(4)?;
        let dimensions = match start.as_slice() {
            [0, 0, 8, dimensions] if *dimensions > 0 => usize::from(*dimensions),
            _ => {
                let found = format!("{start:02x?}");
                let file = name.to_owned();
                return Err(error(IdxError::Magic { file, found }));
            }
        };
        let header = input.next(4 * dimensions)?;
        if header.len() < 4 * dimensions {
            return Err(error(truncated(&input, 4 + 4 * dimensions as u64)));
        }
        let sizes = header.as_chunks::<4>().0.iter();
        let sizes: Vec<u32> = sizes.map(|size| u32::from_be_bytes(*size)).collect();
        let shape: Vec<usize> = sizes.iter().map(|size| *size as usize).collect();
        let end = shape
            .iter()
            .try_fold(1usize, |product, size| product.checked_mul(*size))
            .and_then(|length| length.checked_add(header.len() + 4));
        match end {
            Some(end) => Ok(Idx {
                input,
                shape,
                end: end as u64,
            }),
            None => Err(error(IdxError::TooLarge {
                file: name.to_owned(),
                sizes,
            })),
        }
    }

    /// Refuses other sizes of an example.
    pub(crate) fn check_shape(&self, expected: &[usize]) -> Result<(), SourceError> {
        if self.shape.get(1..) == Some(expected) {
            return Ok(());
        }
        let count = self.shape.first().copied().unwrap_or(0);
        Err(error(IdxError::Shape {
            file: self.input.name.clone(),
            found: self.shape.clone(),
            expected: [&[count], expected].concat(),
        }))
    }

    fn row(&self) -> usize {
        self.shape[1..].iter().product()
    }

    /// Examples of about a piece of memory.
    pub(crate) fn at_once(&self) -> usize {
        (PIECE / self.row().max(1)).max(1)
    }

    /// Goes past so many examples.
    pub(crate) fn skip(&mut self, examples: u64) -> Result<(), SourceError> {
        let bytes = examples * self.row() as u64;
        match self.input.skip(bytes)? == bytes {
            true => Ok(()),
            false => Err(error(truncated(&self.input, self.end))),
        }
    }

    /// The next so many examples.
    pub(crate) fn next(&mut self, examples: usize) -> Result<Vec<u8>, SourceError> {
        let bytes = self.input.next(examples * self.row())?;
        match bytes.len() == examples * self.row() {
            true => Ok(bytes),
            false => Err(error(truncated(&self.input, self.end))),
        }
    }

    /// The next so many labels, none of them beyond the last class.
    pub(crate) fn labels(&mut self, examples: usize, classes: u64) -> Result<Vec<u8>, SourceError> {
        let first = self.input.offset;
        let labels = self.next(examples)?;
        let beyond = |label: &u8| u64::from(*label) >= classes;
        match labels.iter().position(beyond) {
            None => Ok(labels),
            Some(place) => Err(error(IdxError::Label {
                file: self.input.name.clone(),
                offset: first + place as u64,
                label: labels[place],
                classes,
            })),
        }
    }

    /// Refuses a file that goes on.
    pub(crate) fn finish(mut self) -> Result<(), SourceError> {
        match self.input.skip(u64::MAX)? {
            0 => Ok(()),
            extra => Err(error(IdxError::TooLong {
                file: self.input.name,
                offset: self.end,
                extra,
            })),
        }
    }
}

fn truncated(input: &Input, expected: u64) -> IdxError {
    IdxError::Truncated {
        file: input.name.clone(),
        offset: input.offset,
        expected,
    }
}

fn error(error: IdxError) -> SourceError {
    ContentError::from(error).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write as _;

    /// An idx file of the given sizes.
    fn file(sizes: &[u32], content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, sizes.len() as u8];
        for size in sizes {
            bytes.extend(size.to_be_bytes());
        }
        bytes.extend(content);
        bytes
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_mistake_names_file_and_offset() {
        let good = file(&[2, 1, 2], &[1, 2, 3, 4]);
        let zipped = gzip(&good);
        let mut long = good.clone();
        long.push(9);
        let cases: [(&[u8], &str); 8] = [
            (
                &[],
                "train-images: byte 0 begins no idx file of bytes: expected 00 00 08 and a number of dimensions, found []",
            ),
            (
                b"<html>",
                "train-images: byte 0 begins no idx file of bytes: expected 00 00 08 and a number of dimensions, found [3c, 68, 74, 6d]",
            ),
            (
                &[0, 0, 13, 1],
                "train-images: byte 0 begins no idx file of bytes: expected 00 00 08 and a number of dimensions, found [00, 00, 0d, 01]",
            ),
            (
                &good[..7],
                "train-images: truncated at byte 7: the header asks for 16 bytes",
            ),
            (
                &good[..18],
                "train-images: truncated at byte 18: the header asks for 20 bytes",
            ),
            (&long, "train-images: 1 bytes too many from byte 20 on"),
            (
                &file(&[u32::MAX; 4], &[]),
                "train-images: the header at byte 4 announces impossible sizes [4294967295, 4294967295, 4294967295, 4294967295]",
            ),
            (
                &zipped[..zipped.len() - 9],
                "train-images: damaged gzip stream after ",
            ),
        ];
        for (bytes, message) in cases {
            let error = decode("train-images", bytes).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
        let labels = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(labels.path(), file(&[3], &[0, 1, 7])).unwrap();
        let mut labels = Idx::open("train-labels", labels.path()).unwrap();
        labels.skip(1).unwrap();
        assert_eq!(
            labels.labels(2, 7).unwrap_err().to_string(),
            "train-labels: byte 10 is label 7, but there are 7 classes, 0 to 6"
        );
    }

    /// Everything of a file, in memory.
    fn decode(name: &str, bytes: &[u8]) -> Result<(Vec<usize>, Vec<u8>), SourceError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let mut idx = Idx::open(name, file.path())?;
        let content = idx.next(idx.shape[0])?;
        let shape = idx.shape.clone();
        idx.finish().map(|()| (shape, content))
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(sizes in prop::collection::vec(0u32..5, 1..4), zipped: bool) {
            let length: u32 = sizes.iter().product();
            let content: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let plain = file(&sizes, &content);
            let bytes = if zipped { gzip(&plain) } else { plain };
            let (shape, read) = decode("f", &bytes).unwrap();
            prop_assert_eq!(shape, sizes.iter().map(|s| *s as usize).collect::<Vec<_>>());
            prop_assert_eq!(read, content);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), start in 0usize..3) {
            let starts: [&[u8]; 3] = [&[], &[0, 0, 8], &[0x1f, 0x8b, 8]];
            let mut file = starts[start].to_vec();
            file.extend(bytes);
            let _ = decode("f", &file);
        }
    }
}
