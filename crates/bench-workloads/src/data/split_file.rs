//! Reads the columns of a split: a folder of safetensors files, its shards, as set-up writes them.

use super::DataError;
use bench_core::spec::columns::{Column, Number, Rows};
use bench_torch::errors::LibtorchError;
use bench_torch::mapped::Mapped;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A split's shards, as they are on disk. They are mapped, not read: all processes of a machine share one copy, and a split may be larger than memory.
#[derive(Debug)]
pub struct SplitFile {
    path: PathBuf,
    shards: Vec<Shard>,
}

#[derive(Debug)]
struct Shard {
    path: PathBuf,
    bytes: Mapped,
}

/// Where a column's numbers are in the shards.
#[derive(Debug)]
pub struct Stored {
    /// As the data set declares it.
    pub column: Column,
    examples: usize,
    parts: Vec<Part>,
}

/// A column in one shard.
#[derive(Debug)]
struct Part {
    /// Number of its first example in the split.
    first: usize,
    values: Range<usize>,
    /// Of a ragged column.
    offsets: Range<usize>,
}

impl Stored {
    /// Number of examples.
    pub fn examples(&self) -> usize {
        self.examples
    }

    /// The part that holds an example of the split.
    fn part(&self, example: usize) -> usize {
        match self.parts.len() {
            1 => 0,
            _ => self.parts.partition_point(|part| part.first <= example) - 1,
        }
    }
}

impl SplitFile {
    /// Maps all shards of a folder and checks their headers: an array that one names is there.
    ///
    /// # Errors
    /// When there is none, or one cannot be read, or is cut short or garbled.
    pub fn open(path: &Path) -> Result<SplitFile, DataError> {
        let read = |path: &Path, source| DataError::Read {
            path: path.to_owned(),
            source,
        };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(path).map_err(|source| read(path, source))? {
            let file = entry.map_err(|source| read(path, source))?.path();
            if file
                .extension()
                .is_some_and(|ending| ending == "safetensors")
            {
                files.push(file);
            }
        }
        files.sort_unstable();
        let map = |path: PathBuf| -> Result<Shard, DataError> {
            let bytes = Mapped::open(&path).map_err(|source| read(&path, source))?;
            let shard = Shard { path, bytes };
            shard.arrays().map(|_| ())?;
            Ok(shard)
        };
        let file = SplitFile {
            path: path.to_owned(),
            shards: files.into_iter().map(map).collect::<Result<_, _>>()?,
        };
        match file.shards.is_empty() {
            true => Err(file.content("it has no shards".to_owned())),
            false => Ok(file),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A column that is declared so.
    ///
    /// # Errors
    /// When a shard has no such column, or another one of that name.
    pub fn column(&self, name: &str, column: &Column) -> Result<Stored, DataError> {
        let mut stored = Stored {
            column: column.clone(),
            examples: 0,
            parts: Vec::with_capacity(self.shards.len()),
        };
        for shard in &self.shards {
            let (examples, values, offsets) = shard.column(name, column)?;
            stored.parts.push(Part {
                first: stored.examples,
                values,
                offsets,
            });
            stored.examples += examples;
        }
        Ok(stored)
    }

    /// The rows of an example, of which the column has that many. One row, unless the column is ragged.
    ///
    /// # Errors
    /// When the shard says nonsense about where they are.
    pub fn rows(&self, stored: &Stored, example: usize) -> Result<&[u8], LibtorchError> {
        let number = stored.part(example);
        let (part, shard) = (&stored.parts[number], &self.shards[number]);
        let (size, place) = (stored.column.row_bytes(), example - part.first);
        let values = &shard.bytes[part.values.clone()];
        if stored.column.rows != Rows::Ragged {
            return Ok(&values[place * size..][..size]);
        }
        let offsets = shard.bytes[part.offsets.clone()].as_chunks().0;
        let offset = |place: usize| u64::from_le_bytes(offsets[place]) as usize;
        let bytes = offset(place).saturating_mul(size)..offset(place + 1).saturating_mul(size);
        values.get(bytes).ok_or_else(|| {
            let path = shard.path.display();
            LibtorchError::new(&format!(
                "{path}: example {place} has no rows that are there"
            ))
        })
    }

    /// The numbers of a running column, from number `start` on, as many as `target` takes. It has that many.
    pub fn integers(&self, stored: &Stored, start: usize, target: &mut [i64]) {
        let (mut number, mut start, mut rest) = (stored.part(start), start, target);
        let width = stored.column.number.width();
        while !rest.is_empty() {
            let part = &stored.parts[number];
            let values = &self.shards[number].bytes[part.values.clone()];
            let from = (start - part.first) * width;
            let count = rest.len().min((values.len() - from) / width);
            let (now, later) = rest.split_at_mut(count);
            integers(
                stored.column.number,
                &values[from..from + count * width],
                now,
            );
            (number, start, rest) = (number + 1, start + count, later);
        }
    }

    /// This split does not hold what it should.
    pub(super) fn content(&self, problem: String) -> DataError {
        DataError::Content {
            path: self.path.clone(),
            problem,
        }
    }
}

impl Shard {
    fn arrays(&self) -> Result<SafeTensors<'_>, DataError> {
        let arrays: Result<_, SafeTensorError> = SafeTensors::deserialize(&self.bytes);
        arrays.map_err(|source| DataError::Format {
            path: self.path.clone(),
            source,
        })
    }

    /// Examples of a column, and where its numbers and offsets are.
    fn column(
        &self,
        name: &str,
        column: &Column,
    ) -> Result<(usize, Range<usize>, Range<usize>), DataError> {
        let arrays = self.arrays()?;
        let content = |problem: String| DataError::Content {
            path: self.path.clone(),
            problem,
        };
        let array = |name: &str| {
            let array = arrays.tensor(name);
            array.map_err(|_| content(format!("it has no array `{name}`")))
        };
        let range = |bytes: &[u8]| {
            let start = bytes.as_ptr() as usize - self.bytes.as_ptr() as usize;
            start..start + bytes.len()
        };
        let ragged = column.rows == Rows::Ragged;
        let values = match ragged {
            true => array(&format!("{name}.values"))?,
            false => array(name)?,
        };
        let rows = values.shape().first().copied().unwrap_or(0);
        let sizes = column.shape.iter().map(|&size| size as usize);
        let expected: Vec<usize> = std::iter::once(rows).chain(sizes).collect();
        if values.dtype() != dtype(column.number) || values.shape() != expected {
            return Err(content(format!(
                "`{name}` holds {} of shape {:?} where {column} was expected",
                values.dtype(),
                values.shape()
            )));
        }
        if !ragged {
            return Ok((rows, range(values.data()), 0..0));
        }
        let offsets = array(&format!("{name}.offsets"))?;
        match (offsets.dtype(), offsets.shape()) {
            (Dtype::I64, &[count]) if count > 0 => {
                Ok((count - 1, range(values.data()), range(offsets.data())))
            }
            (dtype, shape) => Err(content(format!(
                "`{name}.offsets` holds {dtype} of shape {shape:?} where I64 of one size was expected"
            ))),
        }
    }
}

fn dtype(number: Number) -> Dtype {
    match number {
        Number::U8 => Dtype::U8,
        Number::U16 => Dtype::U16,
        Number::I32 => Dtype::I32,
        Number::I64 => Dtype::I64,
        Number::F32 => Dtype::F32,
        Number::F64 => Dtype::F64,
    }
}

/// Little-endian numbers as whole ones; of floating-point ones what is before the point.
pub(super) fn integers(number: Number, bytes: &[u8], target: &mut [i64]) {
    match number {
        Number::U8 => convert(bytes, target, |[byte]: [u8; 1]| i64::from(byte)),
        Number::U16 => convert(bytes, target, |pair| i64::from(u16::from_le_bytes(pair))),
        Number::I32 => convert(bytes, target, |four| i64::from(i32::from_le_bytes(four))),
        Number::I64 => convert(bytes, target, i64::from_le_bytes),
        Number::F32 => convert(bytes, target, |four| f32::from_le_bytes(four) as i64),
        Number::F64 => convert(bytes, target, |eight| f64::from_le_bytes(eight) as i64),
    }
}

/// Little-endian numbers as floating-point ones.
pub(super) fn floats(number: Number, bytes: &[u8], target: &mut [f32]) {
    match number {
        Number::U8 => convert(bytes, target, |[byte]: [u8; 1]| f32::from(byte)),
        Number::U16 => convert(bytes, target, |pair| f32::from(u16::from_le_bytes(pair))),
        Number::I32 => convert(bytes, target, |four| i32::from_le_bytes(four) as f32),
        Number::I64 => convert(bytes, target, |eight| i64::from_le_bytes(eight) as f32),
        Number::F32 => convert(bytes, target, f32::from_le_bytes),
        Number::F64 => convert(bytes, target, |eight| f64::from_le_bytes(eight) as f32),
    }
}

fn convert<const N: usize, T>(bytes: &[u8], target: &mut [T], number: impl Fn([u8; N]) -> T) {
    for (target, &source) in target.iter_mut().zip(bytes.as_chunks().0) {
        *target = number(source);
    }
}

/// `indices` as plain numbers, each of them that of an example.
///
/// # Errors
/// When one is not, or they are not `Int64`.
pub(super) fn checked(indices: &tch::Tensor, examples: usize) -> Result<Vec<usize>, LibtorchError> {
    let mut numbers = vec![0_i64; indices.numel()];
    let count = numbers.len();
    indices.f_copy_data(&mut numbers, count)?;
    let check = |index: i64| {
        let inside = usize::try_from(index)
            .ok()
            .filter(|&index| index < examples);
        inside.ok_or_else(|| {
            LibtorchError::new(&format!("there is no example {index} among {examples}"))
        })
    };
    numbers.into_iter().map(check).collect()
}
