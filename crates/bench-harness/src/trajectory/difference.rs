//! Two snapshots of weights, name by name.

use safetensors::{Dtype, SafeTensors};
use serde::Serialize;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// Snapshots that do not compare.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// A file cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// It is no snapshot.
    #[error("{} is no file of tensors: {cause}", path.display())]
    Format {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: safetensors::SafeTensorError,
    },
}

/// How far a parameter or buffer is from the other side's.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ParameterDifference {
    /// Its name in the snapshot.
    pub name: String,
    /// Largest difference of a number; none where the two have other shapes or types, or one lacks it.
    pub largest: Option<f64>,
    /// Euclidean norm of the difference over the base's norm.
    pub relative: Option<f64>,
}

/// All that differ in any bit, the largest relative difference first.
pub(super) fn between(a: &Path, b: &Path) -> Result<Vec<ParameterDifference>, SnapshotError> {
    let (x, y) = (read(a)?, read(b)?);
    let (x, y) = (parse(a, &x)?, parse(b, &y)?);
    let names: BTreeSet<&str> = x.names().into_iter().chain(y.names()).collect();
    let mut found: Vec<ParameterDifference> = names
        .into_iter()
        .filter_map(|name| compare(name, &x, &y))
        .collect();
    let order = |difference: &ParameterDifference| difference.relative.unwrap_or(f64::INFINITY);
    found.sort_by(|a, b| {
        order(b)
            .total_cmp(&order(a))
            .then_with(|| a.name.cmp(&b.name))
    });
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<u8>, SnapshotError> {
    std::fs::read(path).map_err(|cause| SnapshotError::Io {
        path: path.to_owned(),
        cause,
    })
}

fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<SafeTensors<'a>, SnapshotError> {
    SafeTensors::deserialize(bytes).map_err(|cause| SnapshotError::Format {
        path: path.to_owned(),
        cause,
    })
}

fn compare(name: &str, a: &SafeTensors, b: &SafeTensors) -> Option<ParameterDifference> {
    let apart = |largest, relative| {
        Some(ParameterDifference {
            name: name.to_owned(),
            largest,
            relative,
        })
    };
    let (Ok(a), Ok(b)) = (a.tensor(name), b.tensor(name)) else {
        return apart(None, None);
    };
    let same_form = a.dtype() == b.dtype() && a.shape() == b.shape();
    if same_form && a.data() == b.data() {
        return None;
    }
    let numbers = |data: &[u8]| numbers(a.dtype(), data);
    match (same_form, numbers(a.data()), numbers(b.data())) {
        (true, Some(a), Some(b)) => {
            let differences = || a.iter().zip(&b).map(|(a, b)| (b - a).abs());
            let norm =
                |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
            let apart_by = norm(&mut differences());
            apart(
                Some(differences().fold(0.0, f64::max)),
                Some(apart_by / norm(&mut a.iter().copied())),
            )
        }
        _ => apart(None, None),
    }
}

/// Of the kinds that weights have.
fn numbers(kind: Dtype, data: &[u8]) -> Option<Vec<f64>> {
    fn of<const N: usize>(data: &[u8], number: fn([u8; N]) -> f64) -> Vec<f64> {
        let (chunks, _) = data.as_chunks::<N>();
        chunks.iter().map(|bytes| number(*bytes)).collect()
    }
    match kind {
        Dtype::F32 => Some(of(data, |bytes| f32::from_le_bytes(bytes).into())),
        Dtype::F64 => Some(of(data, f64::from_le_bytes)),
        Dtype::I64 => Some(of(data, |bytes| i64::from_le_bytes(bytes) as f64)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::{TensorView, serialize_to_file};

    fn snapshot(path: &Path, tensors: &[(&str, &[f32])]) {
        let bytes: Vec<(&str, Vec<u8>, usize)> = tensors
            .iter()
            .map(|(name, values)| {
                let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
                (*name, bytes, values.len())
            })
            .collect();
        let views = bytes.iter().map(|(name, bytes, length)| {
            (
                *name,
                TensorView::new(Dtype::F32, vec![*length], bytes).unwrap(),
            )
        });
        serialize_to_file(views, None, path).unwrap();
    }

    #[test]
    fn what_differs_is_named_and_measured() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        snapshot(&a, &[("w", &[3.0, 4.0]), ("bias", &[1.0]), ("old", &[1.0])]);
        snapshot(&b, &[("w", &[3.0, 4.5]), ("bias", &[1.0]), ("new", &[1.0])]);
        let found = between(&a, &b).unwrap();
        let names: Vec<&str> = found
            .iter()
            .map(|difference| difference.name.as_str())
            .collect();
        assert_eq!(names, ["new", "old", "w"]);
        assert_eq!(
            (found[2].largest, found[2].relative),
            (Some(0.5), Some(0.1))
        );
        assert!(between(&a, &a).unwrap().is_empty());
    }

    #[test]
    fn a_bit_is_a_difference_and_garbage_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        snapshot(&a, &[("w", &[0.0])]);
        snapshot(&b, &[("w", &[-0.0])]);
        assert_eq!(between(&a, &b).unwrap()[0].largest, Some(0.0));
        std::fs::write(&b, "no tensors").unwrap();
        assert!(matches!(between(&a, &b), Err(SnapshotError::Format { .. })));
    }
}
