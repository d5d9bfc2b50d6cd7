//! A shard: some examples of a split in a safetensors file. A ragged column is `NAME.values` and `NAME.offsets`.

use super::block::{Block, Cells};
use bench_core::spec::columns::{Column, Columns, Number, Rows};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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
    /// It holds other columns than the data set has.
    #[error("{}: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with which column.
        problem: String,
    },
}

/// End of a shard's name.
pub(crate) const ENDING: &str = "safetensors";

/// A shard's file in its split's folder. Names sort as the shards follow each other.
pub(crate) fn file(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("{number:05}.{ENDING}"))
}

/// The shards of a split, in their order.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let io = |source| FileError::Io {
        path: folder.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Writes examples to a file.
pub(crate) fn save(path: &Path, columns: &Columns, block: &Block) -> Result<(), FileError> {
    let format = |source| FileError::Format {
        path: path.to_owned(),
        source,
    };
    let mut arrays: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
    let mut views: Vec<(String, TensorView)> = Vec::new();
    for (name, _, cells) in block.iter(columns) {
        if let Some(offsets) = &cells.offsets {
            let bytes = offsets.iter().flat_map(|offset| offset.to_le_bytes());
            let name = format!("{name}.offsets");
            arrays.push((name, Dtype::I64, vec![offsets.len()], bytes.collect()));
        }
    }
    for (name, dtype, shape, bytes) in &arrays {
        let view = TensorView::new(*dtype, shape.clone(), bytes).map_err(format)?;
        views.push((name.clone(), view));
    }
    for (name, column, cells) in block.iter(columns) {
        let shape = shape(column, cells.rows(&(0..block.examples())).len());
        let view = TensorView::new(dtype(column.number), shape, &cells.bytes).map_err(format)?;
        views.push((values(name, column), view));
    }
    safetensors::serialize_to_file(views, None, path).map_err(format)
}

/// Reads what [`save`] wrote.
pub(crate) fn load(path: &Path, columns: &Columns) -> Result<Block, FileError> {
    let bytes = std::fs::read(path).map_err(|source| FileError::Io {
        path: path.to_owned(),
        source,
    })?;
    let file = SafeTensors::deserialize(&bytes).map_err(|source| FileError::Format {
        path: path.to_owned(),
        source,
    })?;
    let content = |problem: String| FileError::Content {
        path: path.to_owned(),
        problem,
    };
    let (mut examples, mut all) = (None, BTreeMap::new());
    for (name, column) in columns.iter() {
        let (count, cells) = cells(&file, name, column).map_err(content)?;
        if *examples.get_or_insert(count) != count {
            return Err(content("holds no columns of one length".to_owned()));
        }
        all.insert(name.to_owned(), cells);
    }
    Ok(Block::of(examples.unwrap_or(0), all))
}

/// A column's number of examples, and what stands in it.
fn cells(file: &SafeTensors, name: &str, column: &Column) -> Result<(usize, Cells), String> {
    let array = |name: &str| {
        file.tensor(name)
            .map_err(|_| format!("has no array `{name}`"))
    };
    let stored = array(&values(name, column))?;
    let rows = stored.shape().first().copied().unwrap_or(0);
    if stored.dtype() != dtype(column.number) || stored.shape() != shape(column, rows) {
        return Err(format!(
            "column `{name}` is {} {:?} where {column} was expected",
            stored.dtype(),
            stored.shape()
        ));
    }
    let bytes = stored.data().to_vec();
    if column.rows != Rows::Ragged {
        return Ok((rows, Cells::fixed(bytes)));
    }
    let stored = array(&format!("{name}.offsets"))?;
    let numbers = stored.data().as_chunks().0.iter();
    let offsets: Vec<u64> = numbers.map(|&number| u64::from_le_bytes(number)).collect();
    let rising = offsets.is_sorted() && offsets.first() == Some(&0);
    if stored.dtype() != Dtype::I64 || !rising || offsets.last() != Some(&(rows as u64)) {
        return Err(format!(
            "`{name}.offsets` do not divide the {rows} rows of `{name}`"
        ));
    }
    let examples = offsets.len() - 1;
    let offsets = Some(offsets);
    Ok((examples, Cells { bytes, offsets }))
}

/// The array that holds a column's numbers.
fn values(name: &str, column: &Column) -> String {
    match column.rows {
        Rows::Ragged => format!("{name}.values"),
        Rows::One | Rows::Running => name.to_owned(),
    }
}

fn shape(column: &Column, rows: usize) -> Vec<usize> {
    let sizes = column.shape.iter().map(|&size| size as usize);
    std::iter::once(rows).chain(sizes).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::hash::SplitHasher;
    use bench_core::spec::columns::Values;
    use proptest::prelude::*;

    fn columns() -> Columns {
        let ragged = Column {
            rows: Rows::Ragged,
            ..Column::new(Number::U16, &[2])
        };
        let labels = Column::new(Number::U8, &[]).of(Values::Classes(3));
        Columns::from([("sounds", ragged), ("labels", labels.as_target())])
    }

    /// Examples of so many rows each.
    fn block(lengths: &[u8]) -> Block {
        let offsets = lengths.iter().scan(0, |end, &length| {
            *end += u64::from(length);
            Some(*end)
        });
        let offsets: Vec<u64> = std::iter::once(0).chain(offsets).collect();
        let rows = offsets[lengths.len()] as usize;
        let sounds = Cells {
            bytes: (0..rows * 4).map(|place| place as u8).collect(),
            offsets: Some(offsets),
        };
        let labels = (0..lengths.len()).map(|example| (example % 3) as u8);
        let labels = Cells::fixed(labels.collect());
        Block::new(lengths.len(), [("sounds", sounds), ("labels", labels)])
    }

    fn hash(columns: &Columns, blocks: &[Block]) -> String {
        let mut hasher = SplitHasher::new(columns);
        blocks.iter().for_each(|block| hasher.update(block));
        hasher.finish(columns)
    }

    fn part(block: &Block, examples: std::ops::Range<usize>) -> Block {
        let mut part = Block::empty(&columns());
        part.extend(block, &columns(), &examples);
        part
    }

    #[test]
    fn the_hash_is_pinned_and_sees_all_that_is_declared() {
        let whole = block(&[2, 0, 3]);
        let pinned = hash(&columns(), std::slice::from_ref(&whole));
        assert_eq!(
            pinned,
            "dfae29a76eb653335011fd04cf6a7eadad94eabeed6c84e98552b20bc4d62fa7"
        );
        let mut seen = std::collections::BTreeSet::from([pinned]);
        let mut other = |what: &str, columns: &Columns, block: &Block| {
            assert!(
                seen.insert(hash(columns, std::slice::from_ref(block))),
                "{what}"
            );
        };
        other("rows of examples", &columns(), &block(&[0, 2, 3]));
        other("number of examples", &columns(), &block(&[2, 3]));
        let mut changed = whole.clone();
        changed = {
            let mut cells = changed.get("labels").cloned().unwrap_or_default();
            cells.bytes[2] ^= 1;
            let sounds = changed.get("sounds").cloned().unwrap_or_default();
            Block::new(3, [("labels", cells), ("sounds", sounds)])
        };
        other("a number", &columns(), &changed);
        for (what, number, shape) in [
            ("kind of number", Number::I32, vec![1]),
            ("shape", Number::U16, vec![2, 1]),
        ] {
            let mut columns = columns();
            if let Some(column) = columns.0.get_mut("sounds") {
                (column.number, column.shape) = (number, shape);
            }
            other(what, &columns, &whole);
        }
    }

    proptest! {
        #[test]
        fn the_hash_is_the_same_whatever_the_shards(lengths in prop::collection::vec(0u8..4, 1..20), cut in 0usize..20) {
            let whole = block(&lengths);
            let cut = cut.min(lengths.len());
            let parts = [part(&whole, 0..cut), part(&whole, cut..lengths.len())];
            prop_assert_eq!(hash(&columns(), &parts), hash(&columns(), std::slice::from_ref(&whole)));
            prop_assert_eq!(part(&whole, 0..lengths.len()), whole);
        }

        #[test]
        fn files_hold_what_was_saved(lengths in prop::collection::vec(0u8..4, 0..20)) {
            let file = tempfile::NamedTempFile::new().unwrap();
            let block = block(&lengths);
            save(file.path(), &columns(), &block).unwrap();
            prop_assert_eq!(load(file.path(), &columns()).unwrap(), block);
        }

        #[test]
        fn damaged_files_are_refused_and_never_panic(at in 0usize..400, flip in 1u8.., cut in 0usize..400) {
            let file = tempfile::NamedTempFile::new().unwrap();
            save(file.path(), &columns(), &block(&[2, 0, 3])).unwrap();
            let mut bytes = std::fs::read(file.path()).unwrap();
            let at = at.min(bytes.len() - 1);
            bytes[at] ^= flip;
            bytes.truncate(bytes.len() - cut.min(bytes.len()));
            std::fs::write(file.path(), bytes).unwrap();
            let _ = load(file.path(), &columns());
        }
    }
}
