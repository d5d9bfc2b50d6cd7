//! Decoded examples in memory, some at a time: what decoders give and what shards hold.

use bench_core::spec::columns::{Column, Columns, Rows};
use std::collections::BTreeMap;
use std::ops::Range;

/// Some examples, column by column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Block {
    examples: usize,
    cells: BTreeMap<String, Cells>,
}

/// One column of some examples.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Cells {
    /// Rows one after another, numbers little-endian.
    pub(crate) bytes: Vec<u8>,
    /// Of a ragged column: where each example's rows begin, counted in rows, and where the last one's end.
    pub(crate) offsets: Option<Vec<u64>>,
}

impl Cells {
    /// One row for each example.
    pub(crate) fn fixed(bytes: Vec<u8>) -> Cells {
        Cells {
            bytes,
            offsets: None,
        }
    }

    fn empty(column: &Column) -> Cells {
        Cells {
            bytes: Vec::new(),
            offsets: (column.rows == Rows::Ragged).then(|| vec![0]),
        }
    }

    /// Rows of some examples.
    pub(crate) fn rows(&self, examples: &Range<usize>) -> Range<usize> {
        match &self.offsets {
            None => examples.clone(),
            Some(offsets) => offsets[examples.start] as usize..offsets[examples.end] as usize,
        }
    }

    /// Bytes of some examples.
    pub(crate) fn bytes_of(&self, column: &Column, examples: &Range<usize>) -> &[u8] {
        let (rows, size) = (self.rows(examples), column.row_bytes());
        &self.bytes[rows.start * size..rows.end * size]
    }

    fn extend(&mut self, other: &Cells, column: &Column, examples: &Range<usize>) {
        self.bytes.extend(other.bytes_of(column, examples));
        if let (Some(own), Some(others)) = (&mut self.offsets, &other.offsets) {
            let end = own.last().copied().unwrap_or(0);
            let first = others[examples.start];
            let moved = others[examples.start + 1..=examples.end].iter();
            own.extend(moved.map(|offset| offset - first + end));
        }
    }
}

impl Block {
    /// These columns of so many examples, which is what the cells hold.
    pub(crate) fn new<const N: usize>(examples: usize, cells: [(&str, Cells); N]) -> Block {
        let named = cells.map(|(name, cells)| (name.to_owned(), cells));
        Block {
            examples,
            cells: BTreeMap::from(named),
        }
    }

    /// The same from a map.
    pub(crate) fn of(examples: usize, cells: BTreeMap<String, Cells>) -> Block {
        Block { examples, cells }
    }

    /// No examples yet.
    pub(crate) fn empty(columns: &Columns) -> Block {
        let cells = columns.iter();
        let cells = cells.map(|(name, column)| (name.to_owned(), Cells::empty(column)));
        Block {
            examples: 0,
            cells: cells.collect(),
        }
    }

    /// Number of examples.
    pub(crate) fn examples(&self) -> usize {
        self.examples
    }

    /// A column.
    pub(crate) fn get(&self, name: &str) -> Option<&Cells> {
        self.cells.get(name)
    }

    /// Each declared column with what stands in it.
    pub(crate) fn iter<'a>(
        &'a self,
        columns: &'a Columns,
    ) -> impl Iterator<Item = (&'a str, &'a Column, &'a Cells)> {
        let pairs = columns.iter();
        pairs.filter_map(|(name, column)| Some((name, column, self.cells.get(name)?)))
    }

    /// Bytes of some examples, their offsets left out.
    pub(crate) fn size(&self, columns: &Columns, examples: &Range<usize>) -> usize {
        self.iter(columns)
            .map(|(_, column, cells)| cells.bytes_of(column, examples).len())
            .sum()
    }

    /// Takes over some examples of another block.
    pub(crate) fn extend(&mut self, other: &Block, columns: &Columns, examples: &Range<usize>) {
        for (name, column) in columns.iter() {
            if let (Some(own), Some(cells)) = (self.cells.get_mut(name), other.get(name)) {
                own.extend(cells, column, examples);
            }
        }
        self.examples += examples.len();
    }
}
