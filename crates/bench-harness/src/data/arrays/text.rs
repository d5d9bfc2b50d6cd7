//! Tables as text: a line that names the columns, then a line a row, parted by `,`, `;` or tabs.

use super::super::input::Input;
use super::table::{Content, Field, Holds, Rows, Table};
use super::{ArrayError, listed};
use std::io::{BufRead as _, BufReader};
use std::path::Path;

/// A table of text under way.
pub(super) struct Text {
    file: String,
    fields: Vec<Field>,
    reader: csv::Reader<BufReader<Input>>,
    done: u64,
}

impl Text {
    /// Opens a file, packed by gzip or not, and reads its first line.
    pub(super) fn open(file: &str, path: &Path) -> Result<Text, ArrayError> {
        let input = Input::open(file, path).map_err(|error| unread(file, &error))?;
        let mut lines = BufReader::new(input);
        let first = lines
            .fill_buf()
            .map_err(|error| ArrayError::of(file, error.to_string()))?;
        let delimiter = delimiter(
            first
                .split(|&byte| byte == b'\n')
                .next()
                .unwrap_or_default(),
        );
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .trim(csv::Trim::All)
            .from_reader(lines);
        let header = reader
            .headers()
            .map_err(|error| told(file, &error))?
            .clone();
        if header.is_empty() {
            return Err(ArrayError::of(file, "it is empty"));
        }
        let line = |problem: String| Err(ArrayError::at(file, "line 1", problem));
        if header.iter().all(|name| name.parse::<f64>().is_ok()) {
            return line(format!(
                "{} are numbers, and the first line has to name the columns",
                listed(header.iter())
            ));
        }
        for (place, name) in header.iter().enumerate() {
            if header.iter().take(place).any(|other| other == name) {
                return line(format!("two columns are called `{name}`"));
            }
        }
        let field = |name: &str| Field {
            name: name.to_owned(),
            rows: None,
            shape: Vec::new(),
            holds: Holds::Words,
        };
        Ok(Text {
            file: file.to_owned(),
            fields: header.iter().map(field).collect(),
            reader,
            done: 0,
        })
    }
}

impl Table for Text {
    fn file(&self) -> &str {
        &self.file
    }

    fn fields(&self) -> &[Field] {
        &self.fields
    }

    fn next(&mut self, wanted: &[usize], most: usize) -> Result<Rows, ArrayError> {
        let mut words: Vec<Vec<String>> = vec![Vec::new(); wanted.len()];
        let (mut lines, mut record) = (Vec::new(), csv::StringRecord::new());
        while lines.len() < most {
            let more = self.reader.read_record(&mut record);
            if !more.map_err(|error| told(&self.file, &error))? {
                break;
            }
            lines.push(record.position().map_or(0, csv::Position::line));
            for (own, &field) in words.iter_mut().zip(wanted) {
                own.push(record.get(field).unwrap_or_default().to_owned());
            }
        }
        let first = self.done;
        self.done += lines.len() as u64;
        Ok(Rows {
            count: lines.len(),
            first,
            lines,
            contents: words.into_iter().map(Content::Words).collect(),
        })
    }
}

/// Whichever of the three the first line has most of.
fn delimiter(line: &[u8]) -> u8 {
    let count = |delimiter: &u8| line.iter().filter(|&byte| byte == delimiter).count();
    // Of equals the last one is taken: a comma where there is none of them.
    [b'\t', b';', b',']
        .into_iter()
        .max_by_key(count)
        .unwrap_or(b',')
}

fn unread(file: &str, error: &dyn std::error::Error) -> ArrayError {
    ArrayError::of(file, error.to_string())
}

fn told(file: &str, error: &csv::Error) -> ArrayError {
    let at = |line: u64, problem: String| ArrayError::at(file, format!("line {line}"), problem);
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            pos: Some(place),
            expected_len,
            len,
        } => at(
            place.line(),
            format!("it has {len} entries, and the first line names {expected_len} columns"),
        ),
        csv::ErrorKind::Utf8 {
            pos: Some(place),
            err,
        } => at(
            place.line(),
            format!(
                "entry {} is not UTF-8: save the file as UTF-8",
                err.field() + 1
            ),
        ),
        _ => unread(file, error),
    }
}
