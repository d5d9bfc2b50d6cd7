//! Writing snapshots.

use super::{KINDS, METADATA_KEY, Metadata, SnapshotError};
use crate::errors::LibtorchError;
use safetensors::Dtype;
use safetensors::tensor::TensorInfo;
use std::collections::{BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// Writes tensors and metadata to `path`, from any device and layout, bit for bit; gives the file's size in bytes.
///
/// # Errors
/// When two tensors have a name, a kind is not supported, or the file cannot be written.
pub fn save<N: AsRef<str>>(
    path: &Path,
    tensors: &[(N, &Tensor)],
    metadata: &Metadata,
) -> Result<u64, SnapshotError> {
    let plan = Plan::of(tensors, metadata)?;
    let failed = |source| SnapshotError::File {
        action: "write",
        path: path.to_path_buf(),
        source,
    };
    let file = open(path, plan.file_size).map_err(failed)?;
    let mut writer = BufWriter::with_capacity(1 << 20, file);
    writer
        .write_all(&0_u64.to_le_bytes())
        .and_then(|()| writer.write_all(&plan.header))
        .map_err(failed)?;
    plan.each(|bytes| writer.write_all(bytes).map_err(failed))?;
    finish(writer, plan.header.len() as u64).map_err(failed)?;
    Ok(plan.file_size)
}

/// blake3, in hexadecimal digits, of the file that [`save`] would write without metadata.
///
/// # Errors
/// As [`save`], but for the file.
pub fn digest<N: AsRef<str>>(tensors: &[(N, &Tensor)]) -> Result<String, SnapshotError> {
    let plan = Plan::of(tensors, &Metadata::new())?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(plan.header.len() as u64).to_le_bytes());
    hasher.update(&plan.header);
    plan.each(|bytes| {
        hasher.update(bytes);
        Ok(())
    })?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// What a file will hold, in its order.
struct Plan<'a> {
    tensors: Vec<(&'a str, &'a Tensor, Dtype)>,
    header: Vec<u8>,
    file_size: u64,
}

impl<'a> Plan<'a> {
    fn of<N: AsRef<str>>(
        tensors: &'a [(N, &'a Tensor)],
        metadata: &Metadata,
    ) -> Result<Plan<'a>, SnapshotError> {
        let mut sorted = Vec::with_capacity(tensors.len());
        for (name, tensor) in tensors {
            sorted.push((name.as_ref(), *tensor, dtype(name.as_ref(), tensor.kind())?));
        }
        // Wider numbers first keeps every tensor aligned, as the format's own writer does.
        sorted.sort_by(|(a, _, wide), (b, _, wider)| wider.cmp(wide).then(a.cmp(b)));
        let mut offset = 0;
        let mut infos = Vec::with_capacity(sorted.len());
        for (name, tensor, dtype) in &sorted {
            let end = offset + tensor.numel() * tensor.kind().elt_size_in_bytes();
            let info = TensorInfo {
                dtype: *dtype,
                shape: tensor.size().iter().map(|&size| size as usize).collect(),
                data_offsets: (offset, end),
            };
            infos.push(((*name).to_owned(), info));
            offset = end;
        }
        let names: BTreeSet<&str> = sorted.iter().map(|(name, ..)| *name).collect();
        if names.len() < sorted.len() {
            let mut rest = names;
            let name = sorted
                .iter()
                .map(|(name, ..)| *name)
                .find(|name| !rest.remove(name))
                .unwrap_or_default();
            return Err(SnapshotError::Duplicate {
                name: name.to_owned(),
            });
        }
        let header = header(infos, metadata)?;
        let file_size = (8 + header.len() + offset) as u64;
        Ok(Plan {
            tensors: sorted,
            header,
            file_size,
        })
    }

    /// The bytes of each tensor, in the file's order.
    fn each(
        &self,
        mut take: impl FnMut(&[u8]) -> Result<(), SnapshotError>,
    ) -> Result<(), SnapshotError> {
        for (name, tensor, _) in &self.tensors {
            let tensor = on_cpu(tensor).map_err(|source| SnapshotError::Libtorch {
                name: (*name).to_owned(),
                source,
            })?;
            take(bytes(&tensor))?;
        }
        Ok(())
    }
}

fn dtype(name: &str, kind: Kind) -> Result<Dtype, SnapshotError> {
    let known = KINDS.iter().find(|(known, _)| *known == kind);
    known
        .map(|(_, dtype)| *dtype)
        .ok_or_else(|| SnapshotError::Kind {
            name: name.to_owned(),
            kind,
        })
}

/// The format's JSON header, padded so that the data after it are aligned.
fn header(infos: Vec<(String, TensorInfo)>, metadata: &Metadata) -> Result<Vec<u8>, SnapshotError> {
    let ours = serde_json::to_string(metadata).map_err(SnapshotError::Header)?;
    let ours = HashMap::from([(METADATA_KEY.to_owned(), ours)]);
    let metadata =
        safetensors::tensor::Metadata::new(Some(ours), infos).map_err(SnapshotError::Format)?;
    let mut header = serde_json::to_vec(&metadata).map_err(SnapshotError::Header)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok(header)
}

/// The header's length, until now zero, makes the file whole.
fn finish(mut writer: BufWriter<File>, header: u64) -> std::io::Result<()> {
    writer.seek(SeekFrom::Start(0))?;
    writer.write_all(&header.to_le_bytes())?;
    writer.flush()
}

/// A file of this size to write over: the one that is there, or a new one.
fn open(path: &Path, size: u64) -> std::io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    if file.metadata()?.len() != size {
        file.set_len(size)?;
    }
    Ok(file)
}

fn on_cpu(tensor: &Tensor) -> Result<Tensor, LibtorchError> {
    Ok(tensor
        .f_detach()?
        .f_to_device(Device::Cpu)?
        .f_contiguous()?)
}

/// Memory of a contiguous tensor on the CPU.
fn bytes(tensor: &Tensor) -> &[u8] {
    let length = tensor.numel() * tensor.kind().elt_size_in_bytes();
    if length == 0 {
        return &[];
    }
    // SAFETY: contiguous memory of `length` bytes on the CPU, borrowed from the tensor; nothing writes to it meanwhile,
    // since a program's tensors are written by the thread that saves them.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<u8>(), length) }
}
