//! `format: arrays`: arrays and tables that people have, as the columns that their data set declares.

mod convert;
mod folder;
mod header;
mod npy;
mod npz;
mod seen;
mod survey;
mod table;
mod tensors;
#[cfg(test)]
mod tests;
mod text;

pub use survey::Kind as TargetKind;
pub(super) use survey::{Survey, survey};

use super::block::{Block, Cells};
use super::census;
use super::input::PIECE;
use super::pattern;
use super::source::SourceError;
use super::split::{ContentError, Sink};
use bench_core::spec::columns::{Columns, Rows};
use bench_core::spec::dataset::{ArrayColumn, ArrayFormat};
use bench_core::spec::diagnostic::nearest;
use convert::Converter;
use std::collections::BTreeMap;
use std::path::Path;
use table::{Field, Table};

/// A file that is no array or table, or holds what its data set does not declare.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {}{problem}", place.as_ref().map_or(String::new(), |place| format!("{place}: ")))]
pub struct ArrayError {
    /// Role and name of the file.
    pub file: String,
    /// Line and column, array and row, or byte.
    pub place: Option<String>,
    /// What is wrong there.
    pub problem: String,
}

impl ArrayError {
    fn of(file: &str, problem: impl Into<String>) -> ArrayError {
        ArrayError {
            file: file.to_owned(),
            place: None,
            problem: problem.into(),
        }
    }

    fn at(file: &str, place: impl Into<String>, problem: impl Into<String>) -> ArrayError {
        ArrayError {
            place: Some(place.into()),
            ..ArrayError::of(file, problem)
        }
    }
}

impl From<ArrayError> for SourceError {
    fn from(error: ArrayError) -> SourceError {
        ContentError::from(error).into()
    }
}

/// The examples of one decoded file: all of its own files, or those of the whole that the rule gives to it.
pub(crate) fn decode(
    format: &ArrayFormat,
    file: &str,
    files: &[(String, &Path)],
    sink: &mut Sink,
) -> Result<(), SourceError> {
    let columns = format.columns();
    for mut table in table::open(files)? {
        let plan = Plan::of(format, table.as_ref())?;
        while let Some(block) = plan.next(table.as_mut(), &columns)? {
            match format.split {
                None => sink(block)?,
                Some(shares) => {
                    let mut keys = Vec::new();
                    census::keys(&columns, &block, &mut keys);
                    let mut own = Block::empty(&columns);
                    for (example, key) in keys.iter().enumerate() {
                        if shares.split_of((key >> 64) as u64) == file {
                            own.extend(&block, &columns, &(example..example + 1));
                        }
                    }
                    sink(own)?;
                }
            }
        }
    }
    Ok(())
}

/// A file as messages name it: its role, and its own name.
pub(crate) fn told(key: &str, path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    pattern::key(pattern::role(key), &name.to_string_lossy())
}

/// The file that a decoded file is read from.
pub(crate) fn role<'a>(format: &ArrayFormat, file: &'a str) -> &'a str {
    match format.split {
        Some(_) => ArrayFormat::WHOLE,
        None => file,
    }
}

/// Which fields of a table make which columns.
struct Plan {
    /// Places of all that is read, among the table's fields.
    wanted: Vec<usize>,
    /// Of each column: its name, where its parts are among `wanted`, and what makes numbers of them.
    columns: Vec<(String, Vec<usize>, Converter)>,
    /// Rows that are read at once.
    at_once: usize,
}

impl Plan {
    fn of(format: &ArrayFormat, table: &dyn Table) -> Result<Plan, ArrayError> {
        let fields = table.fields();
        let mut wanted: Vec<usize> = Vec::new();
        let mut columns = Vec::new();
        for (name, column) in &format.columns {
            let found = found(table, name, column)?;
            let parts: Vec<&Field> = found.iter().map(|&field| &fields[field]).collect();
            let converter = Converter::new(column, &parts).map_err(|problem| {
                ArrayError::at(table.file(), format!("column `{name}`"), problem)
            })?;
            let places = found.iter().map(|field| {
                let known = wanted.iter().position(|other| other == field);
                known.unwrap_or_else(|| {
                    wanted.push(*field);
                    wanted.len() - 1
                })
            });
            columns.push((name.clone(), places.collect(), converter));
        }
        let mut lengths = wanted
            .iter()
            .filter_map(|&field| Some((&fields[field], fields[field].rows?)));
        if let Some((first, rows)) = lengths.next()
            && let Some((other, others)) = lengths.find(|(_, others)| *others != rows)
        {
            let problem = format!(
                "`{}` has {rows} rows, and `{}` {others}",
                first.name, other.name
            );
            return Err(ArrayError::of(table.file(), problem));
        }
        let row: usize = wanted.iter().map(|&field| fields[field].row_bytes()).sum();
        Ok(Plan {
            at_once: (PIECE / row.max(1)).clamp(1, MOST_ROWS),
            wanted,
            columns,
        })
    }

    /// The next examples; none at the end.
    fn next(&self, table: &mut dyn Table, columns: &Columns) -> Result<Option<Block>, ArrayError> {
        let rows = table.next(&self.wanted, self.at_once)?;
        if rows.count == 0 {
            return Ok(None);
        }
        let mut cells = BTreeMap::new();
        let mut examples = rows.count;
        for (name, parts, converter) in &self.columns {
            let bytes = converter.bytes(table, &self.wanted, parts, &rows)?;
            if let Some(column) = columns
                .get(name)
                .filter(|column| column.rows == Rows::Running)
            {
                examples = bytes.len() / column.row_bytes().max(1);
            }
            cells.insert(name.clone(), Cells::fixed(bytes));
        }
        Ok(Some(Block::of(examples, cells)))
    }
}

/// Most rows that are read at once.
const MOST_ROWS: usize = 1 << 16;

/// The fields that a column is made of, in the order of its `from`; those of a pattern in the file's.
fn found(table: &dyn Table, name: &str, column: &ArrayColumn) -> Result<Vec<usize>, ArrayError> {
    let fields = table.fields();
    let mut all = Vec::new();
    for source in column.sources(name) {
        let exact = fields.iter().position(|field| field.name == source);
        let found: Vec<usize> = match exact {
            Some(field) => vec![field],
            None if pattern::is_pattern(source) => {
                let matching = |field: &usize| pattern::matches(source, &fields[*field].name);
                (0..fields.len()).filter(matching).collect()
            }
            None => Vec::new(),
        };
        if found.is_empty() {
            let names = || fields.iter().map(|field| field.name.as_str());
            let help = match nearest(source, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it has {}", listed(names())),
            };
            let problem = format!("there is no `{source}`; {help}");
            return Err(ArrayError::of(table.file(), problem));
        }
        all.extend(found);
    }
    Ok(all)
}

/// The first names.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 12;
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match names.len() {
        0 => "nothing".to_owned(),
        count if count > MOST => format!("{} and {} more", names[..MOST].join(", "), count - MOST),
        _ => names.join(", "),
    }
}
