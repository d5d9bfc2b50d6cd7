//! A table as an Apache Parquet file (format version 2), the same bytes every time.
//!
//! Written by hand, since what a flat table needs of the format is little: one row group, a page a column, nothing compressed. Texts have a
//! dictionary, which is what makes repeated names and hashes small. Every column is optional; a cell without a value is null.

use crate::grid::{Cell, Grid, Kind};
use std::collections::BTreeMap;

const MAGIC: &[u8] = b"PAR1";

/// Numbers of the format's enumerations.
mod code {
    pub(super) const BOOLEAN: i64 = 0;
    pub(super) const INT64: i64 = 2;
    pub(super) const DOUBLE: i64 = 5;
    pub(super) const BYTE_ARRAY: i64 = 6;
    pub(super) const OPTIONAL: i64 = 1;
    pub(super) const UTF8: i64 = 0;
    pub(super) const UINT_64: i64 = 14;
    pub(super) const PLAIN: i64 = 0;
    pub(super) const RLE: i64 = 3;
    pub(super) const RLE_DICTIONARY: i64 = 8;
    pub(super) const DATA_PAGE: i64 = 0;
    pub(super) const DICTIONARY_PAGE: i64 = 2;
    pub(super) const UNCOMPRESSED: i64 = 0;
}

impl Grid {
    /// As a Parquet file: the keys are the columns' names. A number that cannot be read as one is null.
    pub fn parquet(&self) -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        let mut chunks = Vec::new();
        for (index, column) in self.columns.iter().enumerate() {
            let cells: Vec<&Cell> = self.rows.iter().map(|row| &row[index]).collect();
            chunks.push(Chunk::write(&mut file, &column.key, column.kind, &cells));
        }
        let metadata = self.metadata(&chunks);
        file.extend_from_slice(&metadata);
        file.extend_from_slice(&(metadata.len() as u32).to_le_bytes());
        file.extend_from_slice(MAGIC);
        file
    }

    /// The footer: schema, and where each column lies.
    fn metadata(&self, chunks: &[Chunk]) -> Vec<u8> {
        let mut out = Thrift::default();
        out.number(1, I32, 2);
        out.list(2, STRUCT, self.columns.len() + 1);
        out.element(|root| {
            root.text(4, "table");
            root.number(5, I32, self.columns.len() as i64);
        });
        for column in &self.columns {
            out.element(|element| schema(element, &column.key, column.kind));
        }
        out.number(3, I64, self.rows.len() as i64);
        out.list(4, STRUCT, usize::from(!self.rows.is_empty()));
        if !self.rows.is_empty() {
            out.element(|group| {
                group.list(1, STRUCT, chunks.len());
                for chunk in chunks {
                    group.element(|out| chunk.describe(out));
                }
                let bytes: usize = chunks.iter().map(|chunk| chunk.bytes).sum();
                group.number(2, I64, bytes as i64);
                group.number(3, I64, self.rows.len() as i64);
            });
        }
        out.text(6, concat!("bench version ", env!("CARGO_PKG_VERSION")));
        out.end()
    }
}

fn schema(out: &mut Thrift, key: &str, kind: Kind) {
    out.number(1, I32, physical(kind));
    out.number(3, I32, code::OPTIONAL);
    out.text(4, key);
    match kind {
        Kind::Words => {
            out.number(6, I32, code::UTF8);
            out.nested(10, |logical| logical.nested(1, |_| {}));
        }
        Kind::Whole => {
            out.number(6, I32, code::UINT_64);
            out.nested(10, |logical| {
                logical.nested(10, |integer| {
                    integer.byte(1, 64);
                    integer.no(2);
                });
            });
        }
        Kind::Real | Kind::Flag => {}
    }
}

fn physical(kind: Kind) -> i64 {
    match kind {
        Kind::Words => code::BYTE_ARRAY,
        Kind::Whole => code::INT64,
        Kind::Real => code::DOUBLE,
        Kind::Flag => code::BOOLEAN,
    }
}

/// One column of the file, written.
struct Chunk {
    key: String,
    kind: Kind,
    values: usize,
    dictionary: Option<usize>,
    data: usize,
    bytes: usize,
}

impl Chunk {
    fn write(file: &mut Vec<u8>, key: &str, kind: Kind, cells: &[&Cell]) -> Chunk {
        let start = file.len();
        let mut values = Vec::new();
        let present: Vec<bool> = match kind {
            Kind::Words => Vec::new(),
            Kind::Whole => numbers(cells, &mut values, |raw| {
                raw.parse().ok().map(u64::to_le_bytes)
            }),
            Kind::Real => numbers(cells, &mut values, |raw| {
                raw.parse().ok().map(f64::to_le_bytes)
            }),
            Kind::Flag => flags(cells, &mut values),
        };
        let (present, dictionary, encoding) = match kind {
            Kind::Words => {
                let present = cells.iter().map(|cell| !cell.raw.is_empty()).collect();
                words(file, cells, &mut values);
                (present, Some(start), code::RLE_DICTIONARY)
            }
            Kind::Whole | Kind::Real | Kind::Flag => (present, None, code::PLAIN),
        };
        let mut page = levels(&present);
        page.append(&mut values);
        let data = file.len();
        page_into(file, code::DATA_PAGE, &page, |header| {
            header.nested(5, |header| {
                header.number(1, I32, cells.len() as i64);
                header.number(2, I32, encoding);
                header.number(3, I32, code::RLE);
                header.number(4, I32, code::RLE);
            });
        });
        Chunk {
            key: key.to_owned(),
            kind,
            values: cells.len(),
            dictionary,
            data,
            bytes: file.len() - start,
        }
    }

    fn describe(&self, out: &mut Thrift) {
        let start = self.dictionary.unwrap_or(self.data);
        out.number(2, I64, start as i64);
        out.nested(3, |out| {
            out.number(1, I32, physical(self.kind));
            let encodings: &[i64] = match self.dictionary {
                Some(_) => &[code::PLAIN, code::RLE, code::RLE_DICTIONARY],
                None => &[code::PLAIN, code::RLE],
            };
            out.list(2, I32, encodings.len());
            encodings.iter().for_each(|&encoding| out.zigzag(encoding));
            out.list(3, BINARY, 1);
            out.bytes(self.key.as_bytes());
            out.number(4, I32, code::UNCOMPRESSED);
            out.number(5, I64, self.values as i64);
            out.number(6, I64, self.bytes as i64);
            out.number(7, I64, self.bytes as i64);
            out.number(9, I64, self.data as i64);
            if let Some(dictionary) = self.dictionary {
                out.number(11, I64, dictionary as i64);
            }
        });
    }
}

/// The values that there are, one after the other, and which there are.
fn numbers(
    cells: &[&Cell],
    values: &mut Vec<u8>,
    parse: impl Fn(&str) -> Option<[u8; 8]>,
) -> Vec<bool> {
    let push = |cell: &&Cell| {
        let number = parse(&cell.raw);
        values.extend(number.into_iter().flatten());
        number.is_some()
    };
    cells.iter().map(push).collect()
}

/// The flags that there are, eight to a byte from the lowest bit, and which there are.
fn flags(cells: &[&Cell], values: &mut Vec<u8>) -> Vec<bool> {
    let flags: Vec<Option<bool>> = cells.iter().map(|cell| cell.raw.parse().ok()).collect();
    let known: Vec<bool> = flags.iter().copied().flatten().collect();
    values.extend(known.chunks(8).map(|eight| {
        let bits = eight.iter().enumerate();
        bits.fold(0u8, |byte, (place, &flag)| byte | u8::from(flag) << place)
    }));
    flags.iter().map(Option::is_some).collect()
}

/// Writes the dictionary's page, in the order of first appearance; the values are positions in it.
fn words(file: &mut Vec<u8>, cells: &[&Cell], values: &mut Vec<u8>) {
    let mut places: BTreeMap<&str, u32> = BTreeMap::new();
    let mut page = Vec::new();
    let mut positions = Vec::new();
    for cell in cells.iter().filter(|cell| !cell.raw.is_empty()) {
        let next = places.len() as u32;
        let place = *places.entry(&cell.raw).or_insert_with(|| {
            page.extend_from_slice(&(cell.raw.len() as u32).to_le_bytes());
            page.extend_from_slice(cell.raw.as_bytes());
            next
        });
        positions.push(place);
    }
    page_into(file, code::DICTIONARY_PAGE, &page, |header| {
        header.nested(7, |header| {
            header.number(1, I32, places.len() as i64);
            header.number(2, I32, code::PLAIN);
        });
    });
    // At least one bit: some readers take none for an error.
    let width = (u32::BITS - (places.len() as u32).saturating_sub(1).leading_zeros()).max(1);
    values.push(width as u8);
    values.extend(runs(&positions, width));
}

/// Definition levels: which cells hold a value, behind their length.
fn levels(present: &[bool]) -> Vec<u8> {
    let levels: Vec<u32> = present.iter().map(|&is| u32::from(is)).collect();
    let runs = runs(&levels, 1);
    let mut bytes = (runs.len() as u32).to_le_bytes().to_vec();
    bytes.extend(runs);
    bytes
}

/// Run-length encoding: twice each run's length, and the value in as many bytes as `width` bits take.
fn runs(values: &[u32], width: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for run in values.chunk_by(|a, b| a == b) {
        varint(&mut bytes, (run.len() as u64) << 1);
        bytes.extend_from_slice(&run[0].to_le_bytes()[..width.div_ceil(8) as usize]);
    }
    bytes
}

fn page_into(file: &mut Vec<u8>, kind: i64, page: &[u8], header: impl FnOnce(&mut Thrift)) {
    let mut out = Thrift::default();
    out.number(1, I32, kind);
    out.number(2, I32, page.len() as i64);
    out.number(3, I32, page.len() as i64);
    header(&mut out);
    file.extend(out.end());
    file.extend_from_slice(page);
}

/// Types of Thrift's compact protocol.
const NO: u8 = 2;
const BYTE: u8 = 3;
const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// Structs in Thrift's compact protocol: a field's header holds the distance of its number from the last one's.
#[derive(Default)]
struct Thrift {
    out: Vec<u8>,
    last: u8,
}

impl Thrift {
    fn header(&mut self, field: u8, kind: u8) {
        self.out.push((field - self.last) << 4 | kind);
        self.last = field;
    }

    fn zigzag(&mut self, value: i64) {
        varint(&mut self.out, ((value << 1) ^ (value >> 63)) as u64);
    }

    fn number(&mut self, field: u8, kind: u8, value: i64) {
        self.header(field, kind);
        self.zigzag(value);
    }

    fn byte(&mut self, field: u8, value: u8) {
        self.header(field, BYTE);
        self.out.push(value);
    }

    fn no(&mut self, field: u8) {
        self.header(field, NO);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        varint(&mut self.out, bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    fn text(&mut self, field: u8, text: &str) {
        self.header(field, BINARY);
        self.bytes(text.as_bytes());
    }

    /// The elements follow.
    fn list(&mut self, field: u8, kind: u8, length: usize) {
        self.header(field, LIST);
        match length {
            0..15 => self.out.push((length as u8) << 4 | kind),
            _ => {
                self.out.push(0xF0 | kind);
                varint(&mut self.out, length as u64);
            }
        }
    }

    fn nested(&mut self, field: u8, body: impl FnOnce(&mut Thrift)) {
        self.header(field, STRUCT);
        self.element(body);
    }

    /// A struct that is a list's element.
    fn element(&mut self, body: impl FnOnce(&mut Thrift)) {
        let outer = std::mem::take(&mut self.last);
        body(self);
        self.out.push(0);
        self.last = outer;
    }

    fn end(mut self) -> Vec<u8> {
        self.out.push(0);
        self.out
    }
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::Column;

    #[test]
    fn numbers_are_those_of_the_formats_specifications() {
        let bytes = |value| {
            let mut out = Vec::new();
            varint(&mut out, value);
            out
        };
        // Thrift's compact protocol and Parquet's encodings give these examples.
        assert_eq!(bytes(50_399), [0xDF, 0x89, 0x03]);
        let mut thrift = Thrift::default();
        [0, -1, 1, -2].into_iter().for_each(|n| thrift.zigzag(n));
        assert_eq!(thrift.out, [0, 1, 2, 3]);
        assert_eq!(runs(&[4; 100], 3), [0xC8, 0x01, 4]);
        assert_eq!(runs(&[0, 0, 300], 9), [4, 0, 0, 2, 44, 1]);
        assert_eq!(levels(&[true, true, false]), [4, 0, 0, 0, 4, 1, 2, 0]);
    }

    #[test]
    fn a_file_begins_and_ends_with_its_name_and_says_where_its_footer_is() {
        let grid = Grid {
            columns: vec![
                Column::words("a", "name", 0),
                Column::counts("n", "steps", 0),
            ],
            rows: vec![
                vec![Cell::plain("x"), Cell::plain(7)],
                vec![Cell::plain("y"), Cell::default()],
            ],
        };
        let file = grid.parquet();
        assert_eq!(file, grid.parquet());
        assert!(file.starts_with(MAGIC) && file.ends_with(MAGIC));
        let end = file.len() - 8;
        let length = u32::from_le_bytes(file[end..end + 4].try_into().unwrap()) as usize;
        assert_eq!(file[end - length..end][..2], [0x15, 4]);
    }
}
