//! What all files have in common: named fields, and rows that are read some at a time.

use super::{ArrayError, npy, npz, tensors, text};
use std::path::Path;

/// A file under way, or several that are one table.
pub(super) trait Table {
    /// Its name for errors.
    fn file(&self) -> &str;

    /// What it has.
    fn fields(&self) -> &[Field];

    /// The next rows of the same fields as ever (places among [`Table::fields`]): so many, fewer before the end, none at the end.
    fn next(&mut self, wanted: &[usize], most: usize) -> Result<Rows, ArrayError>;
}

/// A column of a table, or an array whose first size counts the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    /// Where that is known before reading.
    pub(super) rows: Option<u64>,
    /// Sizes of a row.
    pub(super) shape: Vec<u64>,
    pub(super) holds: Holds,
}

/// What stands in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// Words, that may be numbers.
    Words,
    /// Numbers, little-endian in memory.
    Numbers(Dtype),
}

/// Kinds of number in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dtype {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

/// Some rows of the wanted fields.
pub(super) struct Rows {
    pub(super) count: usize,
    /// Number of the first one, from 0.
    pub(super) first: u64,
    /// Of a text file: the line of each.
    pub(super) lines: Vec<u64>,
    /// One for each wanted field.
    pub(super) contents: Vec<Content>,
}

/// What rows of a field hold, one after another.
pub(super) enum Content {
    Words(Vec<String>),
    Numbers(Dtype, Vec<u8>),
}

/// A number or a word of a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    Whole(i64),
    Real(f64),
    Word(&'a str),
}

impl Field {
    /// Numbers of a row.
    pub(super) fn numbers(&self) -> usize {
        self.shape.iter().product::<u64>() as usize
    }

    /// Bytes of a row, about that many where it is words.
    pub(super) fn row_bytes(&self) -> usize {
        let width = match self.holds {
            Holds::Words => 8,
            Holds::Numbers(dtype) => dtype.width(),
        };
        self.numbers().saturating_mul(width)
    }
}

impl Dtype {
    /// Bytes of a number.
    pub(super) fn width(self) -> usize {
        match self {
            Dtype::Bool | Dtype::U8 | Dtype::I8 => 1,
            Dtype::U16 | Dtype::I16 => 2,
            Dtype::U32 | Dtype::I32 | Dtype::F32 => 4,
            Dtype::U64 | Dtype::I64 | Dtype::F64 => 8,
        }
    }

    /// Whether its numbers are whole.
    pub(super) fn is_whole(self) -> bool {
        !matches!(self, Dtype::F32 | Dtype::F64)
    }

    fn value(self, bytes: &[u8]) -> Option<Value<'static>> {
        let whole = |number: i64| Some(Value::Whole(number));
        match self {
            Dtype::Bool | Dtype::U8 => whole((*bytes.first()?).into()),
            Dtype::I8 => whole(i8::from_le_bytes(bytes.try_into().ok()?).into()),
            Dtype::U16 => whole(u16::from_le_bytes(bytes.try_into().ok()?).into()),
            Dtype::I16 => whole(i16::from_le_bytes(bytes.try_into().ok()?).into()),
            Dtype::U32 => whole(u32::from_le_bytes(bytes.try_into().ok()?).into()),
            Dtype::I32 => whole(i32::from_le_bytes(bytes.try_into().ok()?).into()),
            Dtype::I64 => whole(i64::from_le_bytes(bytes.try_into().ok()?)),
            Dtype::U64 => {
                let number = u64::from_le_bytes(bytes.try_into().ok()?);
                // Beyond what has a sign it is no class and no token: as a measurement it is near enough.
                Some(i64::try_from(number).map_or(Value::Real(number as f64), Value::Whole))
            }
            Dtype::F32 => Some(Value::Real(
                f32::from_le_bytes(bytes.try_into().ok()?).into(),
            )),
            Dtype::F64 => Some(Value::Real(f64::from_le_bytes(bytes.try_into().ok()?))),
        }
    }
}

impl Content {
    /// The value at a place.
    pub(super) fn get(&self, place: usize) -> Option<Value<'_>> {
        match self {
            Content::Words(words) => words.get(place).map(|word| Value::Word(word)),
            Content::Numbers(dtype, bytes) => {
                let width = dtype.width();
                let start = place.checked_mul(width)?;
                dtype.value(bytes.get(start..start + width)?)
            }
        }
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Content::Words(words) => words.len(),
            Content::Numbers(dtype, bytes) => bytes.len() / dtype.width(),
        }
    }
}

/// The tables that files are, each given with its name for errors: `.npy` files are one table together, each a field; any other is a table by itself.
pub(super) fn open(files: &[(String, &Path)]) -> Result<Vec<Box<dyn Table>>, ArrayError> {
    let is_npy = |(_, path): &&(String, &Path)| ending(path) == "npy";
    let mut tables: Vec<Box<dyn Table>> = Vec::new();
    let arrays: Vec<_> = files.iter().filter(is_npy).cloned().collect();
    if !arrays.is_empty() {
        tables.push(Box::new(npy::Arrays::open(&arrays)?));
    }
    for (name, path) in files.iter().filter(|file| !is_npy(file)) {
        tables.push(match ending(path).as_str() {
            "csv" | "tsv" | "txt" => Box::new(text::Text::open(name, path)?),
            "npz" => Box::new(npz::open(name, path)?),
            "safetensors" => Box::new(tensors::open(name, path)?),
            _ => {
                let known = ENDINGS.join("`, `.");
                return Err(ArrayError::of(
                    name,
                    format!("its ending is none of `.{known}`"),
                ));
            }
        });
    }
    Ok(tables)
}

/// Endings of the files that are read.
pub(super) const ENDINGS: &[&str] = &["csv", "tsv", "npy", "npz", "safetensors"];

/// The ending in small letters, without one that says that it is packed.
pub(super) fn ending(path: &Path) -> String {
    let is_packed = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
    let path = match path.file_stem() {
        Some(stem) if is_packed => Path::new(stem),
        _ => path,
    };
    let ending = path.extension().unwrap_or_default();
    ending.to_string_lossy().to_lowercase()
}
