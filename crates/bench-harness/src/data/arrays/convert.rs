//! Numbers and words of files as the numbers of a column.

use super::ArrayError;
use super::table::{Content, Field, Rows, Table, Value};
use bench_core::spec::columns::{Number, Values};
use bench_core::spec::dataset::ArrayColumn;
use bench_core::spec::diagnostic::nearest;

/// What makes a column of some fields.
pub(super) struct Converter {
    column: ArrayColumn,
    /// Numbers of a row, of each part.
    parts: Vec<usize>,
    /// Words of each part that become several numbers.
    one_hot: Vec<Option<Vec<String>>>,
    /// Bytes of a row, and channels that stand last in it.
    last: Option<(usize, usize)>,
}

/// What stands in files where nothing stands.
pub(super) fn is_missing(word: &str) -> bool {
    const WORDS: [&str; 7] = ["", "?", "na", "n/a", "nan", "null", "none"];
    WORDS
        .iter()
        .any(|missing| word.eq_ignore_ascii_case(missing))
}

impl Converter {
    /// For a column out of these fields, or why their sizes make none.
    pub(super) fn new(column: &ArrayColumn, fields: &[&Field]) -> Result<Converter, String> {
        let one_hot: Vec<_> = fields
            .iter()
            .map(|field| column.one_hot.get(&field.name).cloned())
            .collect();
        let parts: Vec<usize> = fields.iter().map(|field| field.numbers()).collect();
        let declared = column.column();
        let numbers = declared.row_numbers();
        let each = parts.iter().zip(&one_hot);
        let given: usize = each
            .map(|(&part, words)| part * words.as_ref().map_or(1, Vec::len))
            .sum();
        let runs = column.rows == bench_core::spec::columns::Rows::Running;
        if given as u64 != numbers && !runs {
            let shapes = fields
                .iter()
                .take(3)
                .map(|field| format!("`{}` {:?}", field.name, field.shape));
            let shapes = shapes.collect::<Vec<_>>().join(", ");
            return Err(format!(
                "{shapes}{} have {given} numbers a row, and its shape {:?} has {numbers}",
                if fields.len() > 3 { " …" } else { "" },
                declared.shape
            ));
        }
        let width = declared.number.width();
        let last = match (column.channels_last, declared.shape.first()) {
            (true, Some(&channels)) => Some((declared.row_bytes(), channels as usize * width)),
            _ => None,
        };
        Ok(Converter {
            column: column.clone(),
            parts,
            one_hot,
            last,
        })
    }

    /// The column's numbers of these rows, little-endian; `parts` are places in `wanted`, whose fields the rows are of.
    pub(super) fn bytes(
        &self,
        table: &dyn Table,
        wanted: &[usize],
        parts: &[usize],
        rows: &Rows,
    ) -> Result<Vec<u8>, ArrayError> {
        let mut bytes = Vec::new();
        let contents: Vec<&Content> = parts.iter().map(|&part| &rows.contents[part]).collect();
        for row in 0..rows.count {
            for (part, content) in contents.iter().enumerate() {
                let numbers = self.parts[part];
                for place in row * numbers..(row + 1) * numbers {
                    let Some(value) = content.get(place) else {
                        continue;
                    };
                    let put = match &self.one_hot[part] {
                        Some(words) => self.put_word(value, words, &mut bytes),
                        None => self.put(value, &mut bytes),
                    };
                    put.map_err(|problem| {
                        let name = &table.fields()[wanted[parts[part]]].name;
                        let place = match rows.lines.get(row) {
                            Some(line) => format!("line {line}, column `{name}`"),
                            None => format!("`{name}`, row {}", rows.first + row as u64),
                        };
                        ArrayError::at(table.file(), place, problem)
                    })?;
                }
            }
        }
        Ok(match self.last {
            Some((row, pixel)) => self.first(&bytes, row, pixel),
            None => bytes,
        })
    }

    /// Channels before rows and columns: `[height, width, channels]` as `[channels, height, width]`.
    fn first(&self, bytes: &[u8], row: usize, pixel: usize) -> Vec<u8> {
        let width = self.column.number.width();
        let mut moved = Vec::with_capacity(bytes.len());
        for example in bytes.chunks_exact(row.max(1)) {
            for channel in (0..pixel).step_by(width) {
                for pixel in example.chunks_exact(pixel.max(1)) {
                    moved.extend(&pixel[channel..channel + width]);
                }
            }
        }
        moved
    }

    /// A word as 1 at its place, 0 elsewhere.
    fn put_word(&self, value: Value, words: &[String], bytes: &mut Vec<u8>) -> Result<(), String> {
        let there = match value {
            Value::Word(word) if is_missing(word) && !words.iter().any(|known| known == word) => {
                None
            }
            _ => Some(place(value, words)?),
        };
        let number = |other| f64::from(u8::from(there == Some(other)));
        (0..words.len()).try_for_each(|other| self.number(number(other), bytes))
    }

    fn put(&self, value: Value, bytes: &mut Vec<u8>) -> Result<(), String> {
        if !self.column.words.is_empty() {
            let missing = matches!(value, Value::Word(word) if is_missing(word) && !self.column.words.iter().any(|known| known == word));
            if missing && self.column.values == Values::Binary {
                return self.number(f64::NAN, bytes);
            }
            return self.number(place(value, &self.column.words)? as f64, bytes);
        }
        let number = match value {
            Value::Whole(number) => return self.whole(number, bytes),
            Value::Real(number) => number,
            Value::Word(word) if is_missing(word) => f64::NAN,
            Value::Word(word) => match word.parse::<i64>() {
                Ok(number) => return self.whole(number, bytes),
                Err(_) => word.parse::<f64>().map_err(|_| {
                    format!("`{word}` is no number; where a column holds words, write them down: `words` of a target, `one-hot` of an input")
                })?,
            },
        };
        let number = match (number.is_nan(), self.column.missing, self.column.values) {
            (true, Some(missing), _) => missing,
            (true, None, Values::Binary) => number,
            (true, None, _) => {
                return Err("there is no number; put one there, write `missing: …` at its column, or leave the row out".to_owned());
            }
            _ => number,
        };
        match number.fract() == 0.0 && number.abs() < 1e15 {
            true => self.whole(number as i64, bytes),
            false => self.number(self.moved(number), bytes),
        }
    }

    fn whole(&self, number: i64, bytes: &mut Vec<u8>) -> Result<(), String> {
        if let Some(below) = self.column.values.below()
            && u64::try_from(number).map_or(true, |number| number >= below)
        {
            return Err(format!(
                "{number} is not among the {below} from 0 to {}",
                below.saturating_sub(1)
            ));
        }
        self.number(self.moved(number as f64), bytes)
    }

    /// With the column's mean and deviation, where it has any.
    fn moved(&self, number: f64) -> f64 {
        (number - self.column.mean.unwrap_or(0.0)) / self.column.std.unwrap_or(1.0)
    }

    /// In the column's kind of number.
    fn number(&self, number: f64, bytes: &mut Vec<u8>) -> Result<(), String> {
        let kind = self.column.number;
        let (least, most) = match kind {
            Number::U8 => (0.0, f64::from(u8::MAX)),
            Number::U16 => (0.0, f64::from(u16::MAX)),
            Number::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
            Number::I64 => (-9e15, 9e15),
            Number::F32 => (f64::from(f32::MIN), f64::from(f32::MAX)),
            Number::F64 => (f64::MIN, f64::MAX),
        };
        let is_whole = !matches!(kind, Number::F32 | Number::F64);
        let is_missing = number.is_nan() && self.column.values == Values::Binary && !is_whole;
        if !is_missing && (!(least..=most).contains(&number) || (is_whole && number.fract() != 0.0))
        {
            return Err(format!("{number} is no number of kind `{}`", kind.name()));
        }
        match kind {
            Number::U8 => bytes.push(number as u8),
            Number::U16 => bytes.extend((number as u16).to_le_bytes()),
            Number::I32 => bytes.extend((number as i32).to_le_bytes()),
            Number::I64 => bytes.extend((number as i64).to_le_bytes()),
            Number::F32 => bytes.extend((number as f32).to_le_bytes()),
            Number::F64 => bytes.extend(number.to_le_bytes()),
        }
        Ok(())
    }
}

/// A word's place among those that are declared. Numbers are words as they are written.
fn place(value: Value, words: &[String]) -> Result<usize, String> {
    let word = match value {
        Value::Whole(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Word(word) => word.to_owned(),
    };
    let found = words.iter().position(|known| *known == word);
    found.ok_or_else(|| match nearest(&word, words.iter().map(String::as_str)) {
        Some(near) => {
            format!("`{word}` is none of the words that are declared; did you mean `{near}`?")
        }
        None => format!("`{word}` is none of the words that are declared"),
    })
}
