//! CIFAR-10's binary files: records of one byte of label and the image's pixels, channel by channel.

use super::columns::{Array, Columns};
use super::image_shape;
use bench_core::spec::dataset::ImageFormat;
use bytes::Bytes;
use safetensors::Dtype;

/// A file is no list of such records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CifarError {
    /// It ends within a record.
    #[error("{file}: ends at byte {offset} within a record: each takes {record} bytes")]
    Truncated {
        /// Role and name of the file.
        file: String,
        /// Its length.
        offset: u64,
        /// Bytes of a record.
        record: u64,
    },
    /// A label beyond the last class.
    #[error("{file}: byte {offset} is label {label}, but there are {classes} classes, 0 to {last}", last = classes - 1)]
    Label {
        /// Role and name of the file.
        file: String,
        /// Where.
        offset: u64,
        /// What.
        label: u8,
        /// How many there are.
        classes: u64,
    },
}

/// The examples of files one after another, each given with its name for errors.
pub(crate) fn decode<'a>(
    format: &ImageFormat,
    files: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Result<Columns, CifarError> {
    let pixels = image_shape(format, 1).iter().product::<usize>();
    let record = pixels + 1;
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    for (file, bytes) in files {
        if bytes.len() % record != 0 {
            return Err(CifarError::Truncated {
                file: file.to_owned(),
                offset: bytes.len() as u64,
                record: record as u64,
            });
        }
        for (place, example) in bytes.chunks_exact(record).enumerate() {
            let label = example[0];
            if u64::from(label) >= format.classes {
                return Err(CifarError::Label {
                    file: file.to_owned(),
                    offset: (place * record) as u64,
                    label,
                    classes: format.classes,
                });
            }
            labels.push(label);
            images.extend(&example[1..]);
        }
    }
    let of_bytes = |shape, bytes| Array {
        dtype: Dtype::U8,
        shape,
        bytes: Bytes::from(bytes),
    };
    let count = labels.len();
    Ok(Columns::pair(
        of_bytes(image_shape(format, count), images),
        of_bytes(vec![count], labels),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FORMAT: ImageFormat = ImageFormat {
        height: 1,
        width: 2,
        channels: 3,
        classes: 10,
    };

    fn decoded(files: &[&[u8]]) -> Result<Columns, CifarError> {
        decode(
            &FORMAT,
            files.iter().map(|bytes| ("train/data_batch_1.bin", *bytes)),
        )
    }

    #[test]
    fn records_of_several_files_become_two_columns() {
        let columns = decoded(&[&[9, 1, 2, 3, 4, 5, 6], &[0, 7, 8, 9, 10, 11, 12]]).unwrap();
        assert_eq!(columns.get("images").unwrap().shape, [2, 3, 1, 2]);
        assert_eq!(
            columns.get("images").unwrap().bytes,
            (1..=12).collect::<Vec<u8>>()
        );
        assert_eq!(columns.get("labels").unwrap().bytes[..], [9, 0]);
    }

    #[test]
    fn every_mistake_names_file_and_offset() {
        let error = |files: &[&[u8]]| decoded(files).unwrap_err().to_string();
        assert_eq!(
            error(&[&[0; 15]]),
            "train/data_batch_1.bin: ends at byte 15 within a record: each takes 7 bytes"
        );
        assert_eq!(
            error(&[&[0; 7], &[0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0]]),
            "train/data_batch_1.bin: byte 7 is label 10, but there are 10 classes, 0 to 9"
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(0_u8..12, 0..40)) {
            if let Ok(columns) = decoded(&[&bytes]) {
                prop_assert_eq!(columns.examples() * 7, bytes.len());
            }
        }
    }
}
