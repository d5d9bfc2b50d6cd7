//! safetensors files: a length, a header in JSON, then the numbers of each array.

use super::ArrayError;
use super::npy::{Arrays, Stream};
use super::table::{Dtype, Field, Holds};
use safetensors::tensor::{Dtype as Stored, Metadata};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// Of a header: what the format's own reader allows.
const LONGEST: u64 = 100_000_000;

/// Opens a file. Of arrays that are not read nothing but the header is looked at.
pub(super) fn open(file: &str, path: &Path) -> Result<Arrays, ArrayError> {
    let wrong =
        |place: u64, problem: String| ArrayError::at(file, format!("byte {place}"), problem);
    let open = || File::open(path).map_err(|error| ArrayError::of(file, error.to_string()));
    let mut input = BufReader::new(open()?);
    let mut length = [0; 8];
    input
        .read_exact(&mut length)
        .map_err(|_| wrong(0, "ends within the length of its header".to_owned()))?;
    let length = u64::from_le_bytes(length);
    let mut text = Vec::new();
    let read = (&mut input)
        .take(length.min(LONGEST))
        .read_to_end(&mut text);
    if read.is_err() || text.len() as u64 != length {
        return Err(wrong(8, format!("there is no header of {length} bytes")));
    }
    let metadata: Metadata =
        serde_json::from_slice(&text).map_err(|error| wrong(8, format!("the header: {error}")))?;
    let there = input
        .get_ref()
        .metadata()
        .map_or(0, |metadata| metadata.len());
    let (mut fields, mut streams) = (Vec::new(), Vec::new());
    let mut tensors: Vec<_> = metadata.tensors().into_iter().collect();
    tensors.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, info) in tensors {
        let told = format!("{file}/{name}");
        let begin = 8 + length + info.data_offsets.0 as u64;
        let end = 8 + length + info.data_offsets.1 as u64;
        if end > there {
            let problem = format!("ends here, and `{name}` goes on to byte {end}");
            return Err(wrong(there, problem));
        }
        let Some(dtype) = dtype(info.dtype) else {
            let problem = format!(
                "numbers of kind {} are not read: save them as F32",
                info.dtype
            );
            return Err(ArrayError::of(&told, problem));
        };
        let shape: Vec<u64> = info.shape.iter().map(|&size| size as u64).collect();
        fields.push(Field {
            name,
            rows: Some(shape.first().copied().unwrap_or(1)),
            shape: shape.iter().skip(1).copied().collect(),
            holds: Holds::Numbers(dtype),
        });
        let mut own = open()?;
        own.seek(SeekFrom::Start(begin))
            .map_err(|error| ArrayError::of(&told, error.to_string()))?;
        let reader = Box::new(BufReader::new(own.take(end - begin)));
        streams.push(Stream::bare(&told, shape, dtype, begin, reader));
    }
    Ok(Arrays::of(file.to_owned(), fields, streams))
}

fn dtype(stored: Stored) -> Option<Dtype> {
    Some(match stored {
        Stored::BOOL => Dtype::Bool,
        Stored::U8 => Dtype::U8,
        Stored::I8 => Dtype::I8,
        Stored::U16 => Dtype::U16,
        Stored::I16 => Dtype::I16,
        Stored::U32 => Dtype::U32,
        Stored::I32 => Dtype::I32,
        Stored::U64 => Dtype::U64,
        Stored::I64 => Dtype::I64,
        Stored::F32 => Dtype::F32,
        Stored::F64 => Dtype::F64,
        _ => return None,
    })
}
