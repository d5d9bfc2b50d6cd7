//! MNIST's idx format: a big-endian header that names type and sizes, then the numbers.

use super::columns::Array;
use flate2::read::GzDecoder;
use safetensors::Dtype;
use std::borrow::Cow;
use std::io::Read as _;

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

/// Undoes gzip where there is any: packages differ in whether they compress.
pub(crate) fn unpacked<'a>(file: &str, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, IdxError> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut content = Vec::new();
    match GzDecoder::new(bytes).read_to_end(&mut content) {
        Ok(_) => Ok(Cow::Owned(content)),
        Err(error) => Err(IdxError::Gzip {
            file: file.to_owned(),
            offset: content.len() as u64,
            message: error.to_string(),
        }),
    }
}

/// Decodes an idx file of unsigned bytes, compressed or not. `file` names it in errors.
pub(crate) fn decode(file: &str, bytes: &[u8]) -> Result<Array, IdxError> {
    let bytes = unpacked(file, bytes)?;
    let dimensions = match bytes.first_chunk() {
        Some([0, 0, 8, dimensions]) if *dimensions > 0 => usize::from(*dimensions),
        _ => {
            return Err(IdxError::Magic {
                file: file.to_owned(),
                found: format!("{:02x?}", &bytes[..bytes.len().min(4)]),
            });
        }
    };
    let start = 4 + 4 * dimensions;
    let truncated = |expected| IdxError::Truncated {
        file: file.to_owned(),
        offset: bytes.len() as u64,
        expected,
    };
    let header = bytes.get(4..start).ok_or_else(|| truncated(start as u64))?;
    let sizes: Vec<u32> = header
        .as_chunks::<4>()
        .0
        .iter()
        .map(|size| u32::from_be_bytes(*size))
        .collect();
    let shape: Vec<usize> = sizes.iter().map(|size| *size as usize).collect();
    let end = shape
        .iter()
        .try_fold(1usize, |product, size| product.checked_mul(*size))
        .and_then(|length| length.checked_add(start))
        .ok_or_else(|| IdxError::TooLarge {
            file: file.to_owned(),
            sizes,
        })?;
    let content = bytes.get(start..end).ok_or_else(|| truncated(end as u64))?;
    if bytes.len() > end {
        return Err(IdxError::TooLong {
            file: file.to_owned(),
            offset: end as u64,
            extra: (bytes.len() - end) as u64,
        });
    }
    Ok(Array {
        dtype: Dtype::U8,
        shape,
        bytes: content.to_vec().into(),
    })
}

/// Refuses labels beyond the last class. An idx file of labels has a header of 8 bytes.
pub(crate) fn check_labels(file: &str, labels: &Array, classes: u64) -> Result<(), IdxError> {
    match labels
        .bytes
        .iter()
        .position(|label| u64::from(*label) >= classes)
    {
        None => Ok(()),
        Some(position) => Err(IdxError::Label {
            file: file.to_owned(),
            offset: 8 + position as u64,
            label: labels.bytes[position],
            classes,
        }),
    }
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
        let labels = decode("train-labels", &file(&[3], &[0, 1, 7])).unwrap();
        assert_eq!(
            check_labels("train-labels", &labels, 7)
                .unwrap_err()
                .to_string(),
            "train-labels: byte 10 is label 7, but there are 7 classes, 0 to 6"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(sizes in prop::collection::vec(0u32..5, 1..4), zipped: bool) {
            let length: u32 = sizes.iter().product();
            let content: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let plain = file(&sizes, &content);
            let bytes = if zipped { gzip(&plain) } else { plain };
            let array = decode("f", &bytes).unwrap();
            prop_assert_eq!(array.shape, sizes.iter().map(|s| *s as usize).collect::<Vec<_>>());
            prop_assert_eq!(array.bytes, content);
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
