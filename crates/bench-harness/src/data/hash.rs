//! A split's identity: blake3 over what its columns hold, whatever files and shards hold it.

use super::block::Block;
use bench_core::spec::columns::{Column, Columns, Rows};
use std::collections::BTreeMap;

/// Hashes a split as it comes. Nothing of any file format is in it.
#[derive(Debug, Clone)]
pub(crate) struct SplitHasher {
    columns: BTreeMap<String, ColumnHasher>,
    examples: u64,
}

#[derive(Debug, Clone)]
struct ColumnHasher {
    values: blake3::Hasher,
    lengths: blake3::Hasher,
}

impl SplitHasher {
    /// Of a split of these columns, without examples yet.
    pub(crate) fn new(columns: &Columns) -> SplitHasher {
        let hasher = |(name, _): (&str, &Column)| {
            let hasher = ColumnHasher {
                values: blake3::Hasher::new(),
                lengths: blake3::Hasher::new(),
            };
            (name.to_owned(), hasher)
        };
        SplitHasher {
            columns: columns.iter().map(hasher).collect(),
            examples: 0,
        }
    }

    /// Goes on with these examples.
    pub(crate) fn update(&mut self, block: &Block) {
        self.examples += block.examples() as u64;
        for (name, hasher) in &mut self.columns {
            let Some(cells) = block.get(name) else {
                continue;
            };
            hasher.values.update(&cells.bytes);
            for pair in cells.offsets.iter().flat_map(|offsets| offsets.windows(2)) {
                hasher.lengths.update(&(pair[1] - pair[0]).to_le_bytes());
            }
        }
    }

    /// The hash: of each column, in the order of their names, its name, kind of number, shape, number of examples, numbers, and rows of each example.
    pub(crate) fn finish(&self, columns: &Columns) -> String {
        let mut split = blake3::Hasher::new_derive_key("bench split v2");
        for (name, column) in columns.iter() {
            let Some(hasher) = self.columns.get(name) else {
                continue;
            };
            let mut whole = blake3::Hasher::new_derive_key("bench column v2");
            for word in [name, column.number.name(), rows(column.rows)] {
                whole.update(&(word.len() as u64).to_le_bytes());
                whole.update(word.as_bytes());
            }
            for size in [column.shape.len() as u64].iter().chain(&column.shape) {
                whole.update(&size.to_le_bytes());
            }
            whole.update(&self.examples.to_le_bytes());
            whole.update(hasher.values.finalize().as_bytes());
            whole.update(hasher.lengths.finalize().as_bytes());
            split.update(whole.finalize().as_bytes());
        }
        split.finalize().to_hex().to_string()
    }
}

fn rows(rows: Rows) -> &'static str {
    match rows {
        Rows::One => "one",
        Rows::Ragged => "ragged",
        Rows::Running => "running",
    }
}
