//! Reading snapshots.

use super::{KINDS, METADATA_KEY, Metadata, SnapshotError};
use crate::errors::LibtorchError;
use crate::mapped::Mapped;
use safetensors::SafeTensors;
use safetensors::tensor::TensorInfo;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use tch::{Device, Kind, Tensor};

/// A snapshot to read from.
#[derive(Debug)]
pub struct Snapshot {
    path: PathBuf,
    map: Mapped,
    metadata: Metadata,
    entries: BTreeMap<String, Entry>,
}

/// Where a tensor is in the file.
#[derive(Debug)]
struct Entry {
    kind: Kind,
    shape: Vec<i64>,
    bytes: Range<usize>,
}

impl Snapshot {
    /// Opens and checks a file.
    ///
    /// # Errors
    /// When it cannot be read or is not a whole snapshot.
    pub fn open(path: &Path) -> Result<Snapshot, SnapshotError> {
        let failed = |source| SnapshotError::File {
            action: "read",
            path: path.to_path_buf(),
            source,
        };
        let map = Mapped::open(path).map_err(failed)?;
        let malformed = |reason: String| SnapshotError::Malformed {
            path: path.to_path_buf(),
            reason,
        };
        if map.first_chunk() == Some(&[0_u8; 8]) {
            return Err(malformed("its writing was interrupted".to_owned()));
        }
        let (start, header) =
            SafeTensors::read_metadata(&map).map_err(|error| malformed(error.to_string()))?;
        let ours = header
            .metadata()
            .as_ref()
            .and_then(|map| map.get(METADATA_KEY));
        let metadata = ours.map(|text| serde_json::from_str(text)).transpose();
        let metadata = metadata
            .map_err(|error| malformed(error.to_string()))?
            .unwrap_or_default();
        let mut entries = BTreeMap::new();
        for name in header.offset_keys() {
            let entry = header
                .info(&name)
                .and_then(|info| Entry::of(info, 8 + start));
            let entry = entry
                .ok_or_else(|| malformed(format!("tensor `{name}` is of a kind not known here")))?;
            entries.insert(name, entry);
        }
        Ok(Snapshot {
            path: path.to_path_buf(),
            map,
            metadata,
            entries,
        })
    }

    /// Text by key.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Names of the tensors.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Copies every tensor of the file into the caller's, in place and on any device. Nothing is written unless all fit.
    ///
    /// # Errors
    /// When names, shapes or kinds differ.
    pub fn load<N: AsRef<str>>(&self, tensors: &[(N, &Tensor)]) -> Result<(), SnapshotError> {
        self.check_names(tensors)?;
        let mut pairs = Vec::with_capacity(tensors.len());
        for (name, tensor) in tensors {
            pairs.push((
                name.as_ref(),
                *tensor,
                self.matching(name.as_ref(), tensor)?,
            ));
        }
        let _no_graph = tch::no_grad_guard();
        for (name, tensor, source) in pairs {
            fill(tensor, source).map_err(|source| SnapshotError::Libtorch {
                name: name.to_owned(),
                source,
            })?;
        }
        Ok(())
    }

    /// A tensor as a new one on the CPU; `None` where there is none of that name.
    ///
    /// # Errors
    /// When libtorch cannot make it.
    pub fn tensor(&self, name: &str) -> Result<Option<Tensor>, SnapshotError> {
        let Some(entry) = self.entries.get(name) else {
            return Ok(None);
        };
        Tensor::f_from_data_size(&self.map[entry.bytes.clone()], &entry.shape, entry.kind)
            .map(Some)
            .map_err(|source| SnapshotError::Libtorch {
                name: name.to_owned(),
                source: source.into(),
            })
    }

    fn check_names<N: AsRef<str>>(&self, tensors: &[(N, &Tensor)]) -> Result<(), SnapshotError> {
        let here: BTreeSet<&str> = tensors.iter().map(|(name, _)| name.as_ref()).collect();
        let there: BTreeSet<&str> = self.names().collect();
        if here == there {
            return Ok(());
        }
        Err(SnapshotError::Names {
            path: self.path.clone(),
            missing: here
                .difference(&there)
                .map(|name| (*name).to_owned())
                .collect(),
            unexpected: there
                .difference(&here)
                .map(|name| (*name).to_owned())
                .collect(),
        })
    }

    fn matching(&self, name: &str, tensor: &Tensor) -> Result<&[u8], SnapshotError> {
        let entry = &self.entries[name];
        if entry.shape == tensor.size() && entry.kind == tensor.kind() {
            return Ok(&self.map[entry.bytes.clone()]);
        }
        Err(SnapshotError::Mismatch {
            path: self.path.clone(),
            name: name.to_owned(),
            found: format!("{:?} {:?}", entry.kind, entry.shape),
            expected: format!("{:?} {:?}", tensor.kind(), tensor.size()),
        })
    }
}

impl Entry {
    fn of(info: &TensorInfo, start: usize) -> Option<Entry> {
        let (kind, _) = KINDS.iter().find(|(_, dtype)| *dtype == info.dtype)?;
        Some(Entry {
            kind: *kind,
            shape: info.shape.iter().map(|&size| size as i64).collect(),
            bytes: start + info.data_offsets.0..start + info.data_offsets.1,
        })
    }
}

/// Copies `source` into the tensor's memory.
fn fill(tensor: &Tensor, source: &[u8]) -> Result<(), LibtorchError> {
    let mut target = tensor.f_detach()?;
    if target.device() == Device::Cpu && target.is_contiguous() {
        // SAFETY: contiguous memory of as many bytes, by kind and shape; the map cannot overlap it.
        unsafe {
            std::ptr::copy_nonoverlapping(
                source.as_ptr(),
                target.data_ptr().cast::<u8>(),
                source.len(),
            )
        };
        return Ok(());
    }
    let copy = Tensor::f_from_data_size(source, &target.size(), target.kind())?;
    Ok(target.f_copy_(&copy)?)
}
