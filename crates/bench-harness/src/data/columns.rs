//! Decoded examples: named arrays of one length, whatever they came from.

use bytes::Bytes;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Numbers of one type, row-major; the first size counts examples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Array {
    /// Type of the numbers.
    pub(crate) dtype: Dtype,
    /// Sizes.
    pub(crate) shape: Vec<usize>,
    /// Little-endian content.
    pub(crate) bytes: Bytes,
}

impl Array {
    /// Bytes of one example.
    fn stride(&self) -> usize {
        self.shape[1..].iter().product::<usize>() * self.dtype.bitsize() / 8
    }

    fn rows(&self, start: usize, count: usize) -> &[u8] {
        &self.bytes[start * self.stride()..(start + count) * self.stride()]
    }
}

/// A split's file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file system says no.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no safetensors file.
    #[error("{}: {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Why.
        source: safetensors::SafeTensorError,
    },
    /// It has no arrays, or arrays of different lengths.
    #[error("{}: holds no arrays of one length", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
    },
}

/// Arrays of one length by name. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Columns(BTreeMap<String, Array>);

impl Columns {
    /// These arrays, if they have one length.
    pub(crate) fn new(arrays: impl IntoIterator<Item = (String, Array)>) -> Option<Columns> {
        let arrays: BTreeMap<String, Array> = arrays.into_iter().collect();
        let length = *arrays.values().next()?.shape.first()?;
        arrays
            .values()
            .all(|array| array.shape.first() == Some(&length))
            .then_some(Columns(arrays))
    }

    /// Number of examples.
    pub(crate) fn examples(&self) -> usize {
        self.0.values().next().map_or(0, |array| array.shape[0])
    }

    /// Images and their labels, of which there are as many.
    pub(crate) fn pair(images: Array, labels: Array) -> Columns {
        Columns(BTreeMap::from([
            (super::split::INPUTS.to_owned(), images),
            (super::split::TARGETS.to_owned(), labels),
        ]))
    }

    /// One array by itself.
    pub(crate) fn one(name: &str, array: Array) -> Columns {
        Columns(BTreeMap::from([(name.to_owned(), array)]))
    }

    /// The array of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Array> {
        self.0.get(name)
    }

    /// A run of examples, where there are that many.
    pub(crate) fn slice(&self, start: usize, count: usize) -> Option<Columns> {
        if start.checked_add(count)? > self.examples() {
            return None;
        }
        let cut = |array: &Array| {
            let mut shape = array.shape.clone();
            shape[0] = count;
            Array {
                dtype: array.dtype,
                shape,
                bytes: array.bytes.slice_ref(array.rows(start, count)),
            }
        };
        Some(Columns(
            self.0
                .iter()
                .map(|(name, array)| (name.clone(), cut(array)))
                .collect(),
        ))
    }

    /// The split's identity: blake3 over names, types, sizes and numbers. Nothing of any file format is in it.
    pub(crate) fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("bench split v1");
        for (name, array) in &self.0 {
            let header = format!("{name} {} {:?}\n", array.dtype, array.shape);
            hasher.update(header.as_bytes());
            hasher.update(&array.bytes);
        }
        hasher.finalize().to_hex().to_string()
    }

    /// A hash of each example's numbers in one column.
    pub(crate) fn example_hashes(&self, column: &str) -> Vec<blake3::Hash> {
        let Some(array) = self.0.get(column) else {
            return Vec::new();
        };
        (0..self.examples())
            .map(|example| blake3::hash(array.rows(example, 1)))
            .collect()
    }

    /// Writes a safetensors file.
    pub(crate) fn save(&self, path: &Path) -> Result<(), FileError> {
        let format = |source| FileError::Format {
            path: path.to_owned(),
            source,
        };
        let views = self
            .0
            .iter()
            .map(|(name, array)| {
                let view = TensorView::new(array.dtype, array.shape.clone(), &array.bytes)?;
                Ok((name, view))
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(format)?;
        safetensors::serialize_to_file(views, None, path).map_err(format)
    }

    /// Reads what [`Columns::save`] wrote.
    pub(crate) fn load(path: &Path) -> Result<Columns, FileError> {
        let bytes = std::fs::read(path).map_err(|source| FileError::Io {
            path: path.to_owned(),
            source,
        })?;
        let bytes = Bytes::from(bytes);
        let file = SafeTensors::deserialize(&bytes).map_err(|source| FileError::Format {
            path: path.to_owned(),
            source,
        })?;
        let arrays = file.iter().map(|(name, view)| {
            let array = Array {
                dtype: view.dtype(),
                shape: view.shape().to_vec(),
                bytes: bytes.slice_ref(view.data()),
            };
            (name.to_owned(), array)
        });
        Columns::new(arrays).ok_or_else(|| FileError::Shape {
            path: path.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn images(count: usize, first: u8) -> Columns {
        let array = |shape: Vec<usize>, first: u8| Array {
            dtype: Dtype::U8,
            bytes: (0..shape.iter().product::<usize>())
                .map(|i| first.wrapping_add(i as u8))
                .collect(),
            shape,
        };
        Columns::new([
            ("images".to_owned(), array(vec![count, 2, 3], first)),
            ("labels".to_owned(), array(vec![count], first)),
        ])
        .unwrap()
    }

    #[test]
    fn the_hash_sees_every_number_and_every_size() {
        let columns = images(4, 0);
        assert_eq!(
            columns.hash(),
            "76bde044bb6731441cca9cc9150bedaab60f3447ba2c1e67ebeea63880e33f4e"
        );
        let mut other = columns.clone();
        let labels = other.0.get_mut("labels").unwrap();
        labels.bytes = [&labels.bytes[..3], &[labels.bytes[3] ^ 1]].concat().into();
        assert_ne!(other.hash(), columns.hash());
        let mut other = columns.clone();
        other.0.get_mut("images").unwrap().shape = vec![4, 3, 2];
        assert_ne!(other.hash(), columns.hash());
    }

    #[test]
    fn arrays_of_different_lengths_are_refused() {
        let four = images(4, 0).0.remove("images").unwrap();
        let five = images(5, 0).0.remove("labels").unwrap();
        assert!(Columns::new([("a".to_owned(), four), ("b".to_owned(), five)]).is_none());
        assert!(Columns::new([]).is_none());
    }

    proptest! {
        #[test]
        fn slices_put_together_are_the_whole(count in 1usize..20, cut in 0usize..20) {
            let whole = images(count, 7);
            let cut = cut.min(count);
            let (left, right) = (whole.slice(0, cut).unwrap(), whole.slice(cut, count - cut).unwrap());
            let mut hashes = left.example_hashes("images");
            hashes.extend(right.example_hashes("images"));
            prop_assert_eq!(hashes, whole.example_hashes("images"));
            prop_assert!(whole.slice(cut, count - cut + 1).is_none());
        }

        #[test]
        fn files_hold_what_was_saved(count in 1usize..20, first: u8) {
            let file = tempfile::NamedTempFile::new().unwrap();
            let columns = images(count, first);
            columns.save(file.path()).unwrap();
            prop_assert_eq!(Columns::load(file.path()).unwrap(), columns);
        }
    }
}
