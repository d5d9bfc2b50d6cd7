//! CIFAR-10's binary files: records of one byte of label and the image's pixels, channel by channel.

use super::block::{Block, Cells};
use super::input::{Input, PIECE};
use super::source::SourceError;
use super::split::{ContentError, Sink};
use bench_core::spec::dataset::ImageFormat;
use std::path::Path;

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

/// The examples of files one after another, each given with its name for errors, without the first `skipped`.
pub(crate) fn decode<'a>(
    format: &ImageFormat,
    files: impl Iterator<Item = (&'a str, &'a Path)>,
    mut skipped: u64,
    sink: &mut Sink,
) -> Result<(), SourceError> {
    let pixels = (format.channels * format.height * format.width) as usize;
    let record = pixels + 1;
    for (name, path) in files {
        let mut input = Input::plain(name, path)?;
        let passed = input.skip(skipped * record as u64)?;
        skipped -= passed / record as u64;
        loop {
            let first = input.offset;
            let bytes = input.next((PIECE / record).max(1) * record)?;
            if first % record as u64 != 0 || bytes.len() % record != 0 {
                return Err(error(CifarError::Truncated {
                    file: name.to_owned(),
                    offset: input.offset,
                    record: record as u64,
                }));
            }
            if bytes.is_empty() {
                break;
            }
            sink(records(format, &bytes, record).map_err(|(place, label)| {
                error(CifarError::Label {
                    file: name.to_owned(),
                    offset: first + place as u64,
                    label,
                    classes: format.classes,
                })
            })?)?;
        }
    }
    Ok(())
}

/// Images and labels of whole records; or the first wrong label and its place.
fn records(format: &ImageFormat, bytes: &[u8], record: usize) -> Result<Block, (usize, u8)> {
    let (mut images, mut labels) = (Vec::with_capacity(bytes.len()), Vec::new());
    for (place, example) in bytes.chunks_exact(record).enumerate() {
        if u64::from(example[0]) >= format.classes {
            return Err((place * record, example[0]));
        }
        labels.push(example[0]);
        images.extend(&example[1..]);
    }
    let (images, labels) = (Cells::fixed(images), Cells::fixed(labels));
    let examples = labels.bytes.len();
    Ok(Block::new(
        examples,
        [("images", images), ("labels", labels)],
    ))
}

fn error(error: CifarError) -> SourceError {
    ContentError::from(error).into()
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

    /// All images and labels of files, without the first `skipped`.
    fn decoded(files: &[&[u8]], skipped: u64) -> Result<(Vec<u8>, Vec<u8>), SourceError> {
        let folder = tempfile::tempdir().unwrap();
        let write = |(number, bytes): (usize, &&[u8])| {
            let path = folder.path().join(number.to_string());
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let paths: Vec<_> = files.iter().enumerate().map(write).collect();
        let named = paths
            .iter()
            .map(|path| ("train/data_batch_1.bin", path.as_path()));
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        decode(&FORMAT, named, skipped, &mut |block| {
            images.extend(&block.get("images").unwrap().bytes);
            labels.extend(&block.get("labels").unwrap().bytes);
            Ok(())
        })?;
        Ok((images, labels))
    }

    #[test]
    fn records_of_several_files_become_two_columns() {
        let files: [&[u8]; 2] = [&[9, 1, 2, 3, 4, 5, 6], &[0, 7, 8, 9, 10, 11, 12]];
        let (images, labels) = decoded(&files, 0).unwrap();
        assert_eq!(images, (1..=12).collect::<Vec<u8>>());
        assert_eq!(labels, [9, 0]);
        assert_eq!(decoded(&files, 1).unwrap().1, [0]);
        assert!(decoded(&files, 2).unwrap().1.is_empty());
    }

    #[test]
    fn every_mistake_names_file_and_offset() {
        let error = |files: &[&[u8]]| decoded(files, 0).unwrap_err().to_string();
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
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(0_u8..12, 0..40), skipped in 0u64..8) {
            if let Ok((_, labels)) = decoded(&[&bytes], skipped) {
                prop_assert_eq!(labels.len() + skipped as usize, (bytes.len() / 7).max(skipped as usize));
            }
        }
    }
}
