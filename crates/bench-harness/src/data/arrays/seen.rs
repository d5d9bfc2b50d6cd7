//! What the fields of tables and arrays hold, looked at once from beginning to end.

use super::ArrayError;
use super::convert::is_missing;
use super::table::{Content, Field, Table, Value};
use std::collections::BTreeSet;

/// Rows that are looked at together.
const AT_ONCE: usize = 1 << 14;
/// Most different values that are kept of a field.
pub(super) const MOST_VALUES: usize = 256;

/// What was seen of a field in all files.
pub(super) struct Seen {
    pub(super) field: Field,
    /// Different values, as long as these are few.
    pub(super) values: Option<BTreeSet<String>>,
    pub(super) missing: u64,
    pub(super) words: u64,
    pub(super) numbers: u64,
    pub(super) is_whole: bool,
    pub(super) least: f64,
    pub(super) most: f64,
    /// Mean so far, and the sum of squares of distances from it (Welford).
    pub(super) mean: f64,
    pub(super) squares: f64,
}

impl Seen {
    fn of(field: &Field) -> Seen {
        Seen {
            field: field.clone(),
            values: Some(BTreeSet::new()),
            missing: 0,
            words: 0,
            numbers: 0,
            is_whole: true,
            least: f64::INFINITY,
            most: f64::NEG_INFINITY,
            mean: 0.0,
            squares: 0.0,
        }
    }

    fn add(&mut self, content: &Content) {
        for value in (0..content.len()).filter_map(|place| content.get(place)) {
            let (number, text) = match value {
                Value::Whole(number) => (Some(number as f64), number.to_string()),
                Value::Real(number) if number.is_nan() => {
                    self.missing += 1;
                    continue;
                }
                Value::Real(number) => (Some(number), number.to_string()),
                Value::Word(word) if is_missing(word) => {
                    self.missing += 1;
                    continue;
                }
                Value::Word(word) => (word.parse().ok(), word.to_owned()),
            };
            match number {
                Some(number) => {
                    self.numbers += 1;
                    self.is_whole &= number.fract() == 0.0;
                    self.least = self.least.min(number);
                    self.most = self.most.max(number);
                    let away = number - self.mean;
                    self.mean += away / self.numbers as f64;
                    self.squares += away * (number - self.mean);
                }
                None => self.words += 1,
            }
            if let Some(values) = &mut self.values {
                values.insert(text);
                if values.len() > MOST_VALUES {
                    self.values = None;
                }
            }
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.field.name
    }

    pub(super) fn is_numbers(&self) -> bool {
        self.words == 0
    }

    /// The different values, numbers in their order.
    pub(super) fn ordered(&self) -> Option<Vec<String>> {
        let mut values: Vec<String> = self.values.as_ref()?.iter().cloned().collect();
        if self.is_numbers() {
            let number = |value: &String| value.parse().unwrap_or(f64::NAN);
            values.sort_by(|a, b| number(a).total_cmp(&number(b)));
        }
        Some(values)
    }
}

/// Reads a table to its end. Of arrays with several numbers a row nothing but the header is looked at.
pub(super) fn look(table: &mut dyn Table, seen: &mut Vec<Seen>) -> Result<(), ArrayError> {
    let fields = table.fields().to_vec();
    let mut wanted = Vec::new();
    for (place, field) in fields.iter().enumerate() {
        if field.shape.is_empty() {
            wanted.push(place);
        }
        match seen.iter().find(|seen| seen.name() == field.name) {
            None => seen.push(Seen::of(field)),
            Some(known) if known.field.shape != field.shape => {
                let problem = format!(
                    "`{}` has rows of {:?} here, and of {:?} in another file",
                    field.name, field.shape, known.field.shape
                );
                return Err(ArrayError::of(table.file(), problem));
            }
            Some(_) => {}
        }
    }
    let mut add = |wanted: &[usize]| {
        loop {
            let rows = table.next(wanted, AT_ONCE)?;
            if rows.count == 0 {
                return Ok::<(), ArrayError>(());
            }
            for (&place, content) in wanted.iter().zip(&rows.contents) {
                let own = seen
                    .iter_mut()
                    .find(|seen| seen.name() == fields[place].name);
                if let Some(own) = own {
                    own.add(content);
                }
            }
        }
    };
    match fields.iter().any(|field| field.rows.is_some()) {
        // Arrays differ in how many rows they have, which is told when they are read together.
        true => wanted.iter().try_for_each(|&place| add(&[place])),
        false => add(&wanted),
    }
}
