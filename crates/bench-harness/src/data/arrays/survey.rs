//! What files hold, and the data set that can be made of it: `bench data add`.

use super::folder::{below, classified, listing};
use super::seen::{MOST_VALUES, Seen, look};
use super::table::{self, Holds};
use super::{ArrayError, listed, told};
use bench_core::spec::columns::{Number, Rows, Values};
use bench_core::spec::dataset::{ArrayColumn, ArrayFormat, Shares};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What a model is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One of several classes.
    Classes,
    /// A number.
    Real,
    /// Yes or no.
    Binary,
}

/// A folder's files as a data set.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Survey {
    /// What an example is, and how the files are split.
    pub(crate) format: ArrayFormat,
    /// Role to the path of its file below the folder, or a pattern.
    pub(crate) files: BTreeMap<String, String>,
    /// What was decided, a line each.
    pub(crate) notes: Vec<String>,
}

/// Most words of an input that become numbers of their own.
const MOST_WORDS: usize = 50;
/// Whole numbers without a declared kind are classes up to so many different ones.
const MOST_CLASSES: usize = 20;
/// Names of a column that is what a model is asked for.
const TARGETS: [&str; 6] = ["target", "label", "labels", "class", "y", "outcome"];
/// Names of columns that only count the rows.
const COUNTERS: [&str; 5] = ["", "id", "index", "row", "unnamed: 0"];

/// What the files in a folder hold: `target` is the field that is asked for, and `kind` what it is, where these are not to be guessed.
///
/// # Errors
/// [`ArrayError`] where there are no such files, one of them cannot be read, or nothing can be made of them.
pub(crate) fn survey(
    folder: &Path,
    target: Option<&str>,
    kind: Option<Kind>,
) -> Result<Survey, ArrayError> {
    let name = folder.display().to_string();
    let files =
        classified(folder, &listing(folder)?).map_err(|problem| ArrayError::of(&name, problem))?;
    let mut seen = Vec::new();
    for (role, paths) in &files {
        let named: Vec<_> = paths
            .iter()
            .map(|path| (told(role, path), path.as_path()))
            .collect();
        for mut table in table::open(&named)? {
            look(table.as_mut(), &mut seen)?;
        }
    }
    let patterns = files
        .iter()
        .map(|(role, paths)| Ok((role.clone(), below(folder, role, paths)?)));
    let patterns = patterns.collect::<Result<BTreeMap<_, _>, String>>();
    let mut survey = Survey {
        format: ArrayFormat {
            columns: BTreeMap::new(),
            split: None,
        },
        files: patterns.map_err(|problem| ArrayError::of(&name, problem))?,
        notes: Vec::new(),
    };
    survey
        .decide(&seen, target, kind)
        .map_err(|problem| ArrayError::of(&name, problem))?;
    Ok(survey)
}

impl Survey {
    fn decide(
        &mut self,
        seen: &[Seen],
        target: Option<&str>,
        kind: Option<Kind>,
    ) -> Result<(), String> {
        if let ([text], None) = (seen, kind)
            && is_text(text)
        {
            return self.text(text);
        }
        let asked = asked(seen, target)?;
        let (column, what) = target_column(asked, kind)?;
        self.notes
            .push(format!("asked for: `{}`, {what}", asked.name()));
        let inputs: Vec<&Seen> = seen
            .iter()
            .filter(|own| own.name() != asked.name())
            .collect();
        let name = if inputs.iter().any(|own| own.name() == "inputs") || asked.name() != "inputs" {
            "inputs"
        } else {
            "given"
        };
        let given = self.inputs(&inputs)?;
        self.format.columns.insert(name.to_owned(), given);
        let named = match asked.name() {
            "" => "target",
            name => name,
        };
        self.format.columns.insert(named.to_owned(), column);
        if self.files.contains_key(ArrayFormat::WHOLE) {
            self.format.split = Some(Shares {
                validation: 0.1,
                test: 0.1,
            });
            self.notes.push(
                "split: by a hash of each example's inputs, a tenth validates and a tenth tests"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Whole numbers alone: tokens that run on.
    fn text(&mut self, text: &Seen) -> Result<(), String> {
        let tokens = text.most as u64 + 1;
        let number = match tokens {
            ..=256 => Number::U8,
            257..=65_536 => Number::U16,
            _ => Number::I32,
        };
        self.notes.push(format!(
            "a text: `{}`, tokens 0 to {}",
            text.name(),
            tokens - 1
        ));
        let mut column = ArrayColumn::new(number, Values::Tokens(tokens));
        column.rows = Rows::Running;
        column.target = true;
        self.format.columns.insert(text.name().to_owned(), column);
        if let Some(file) = self.files.remove(ArrayFormat::WHOLE) {
            self.files.insert("train".to_owned(), file);
            self.notes.push("split: the first nine tenths train, a twentieth behind validates, the last one tests".to_owned());
        }
        Ok(())
    }

    /// All fields but the target as one column.
    fn inputs(&mut self, seen: &[&Seen]) -> Result<ArrayColumn, String> {
        let mut column = ArrayColumn::new(Number::F32, Values::Real);
        if let [array] = seen
            && !array.field.shape.is_empty()
        {
            return Ok(self.array(array, column));
        }
        let (mut numbers, mut missing) = (0, 0);
        for own in seen {
            let is_counter = COUNTERS
                .iter()
                .any(|name| own.name().eq_ignore_ascii_case(name));
            let words = own.values.as_ref().map_or(usize::MAX, BTreeSet::len);
            if is_counter && own.is_whole && own.is_numbers() {
                self.notes
                    .push(format!("left out: `{}`, which counts the rows", own.name()));
                continue;
            }
            if own.numbers + own.words == 0 && own.field.shape.is_empty() {
                self.notes
                    .push(format!("left out: `{}`, which is empty", own.name()));
                continue;
            }
            if !own.is_numbers() && words > MOST_WORDS {
                self.notes.push(format!(
                    "left out: `{}`, which holds more than {MOST_WORDS} different words",
                    own.name()
                ));
                continue;
            }
            column.from.push(own.name().to_owned());
            match own.is_numbers() {
                true => {
                    numbers += own.field.numbers() as u64;
                    missing += own.missing;
                }
                false => {
                    let words = own.ordered().unwrap_or_default();
                    numbers += words.len() as u64;
                    column.one_hot.insert(own.name().to_owned(), words);
                }
            }
        }
        if column.from.is_empty() {
            return Err(
                "beside what is asked for there is nothing that a model could be given".to_owned(),
            );
        }
        if missing > 0 {
            column.missing = Some(0.0);
            self.notes.push(format!(
                "{missing} entries are empty, and count as 0 (`missing`)"
            ));
        }
        let plain = seen.iter().all(|own| own.field.shape.is_empty());
        if !plain || (column.from.len() == 1 && column.one_hot.is_empty()) {
            column.shape = vec![numbers];
        }
        self.notes.push(format!(
            "given: {numbers} numbers, of {}",
            listed(column.from.iter().map(String::as_str))
        ));
        Ok(column)
    }

    /// One array as it is, images with their channels first.
    fn array(&mut self, array: &Seen, mut column: ArrayColumn) -> ArrayColumn {
        let shape = &array.field.shape;
        if array.field.holds == Holds::Numbers(table::Dtype::U8) {
            column.number = Number::U8;
        }
        column.from = vec![array.name().to_owned()];
        column.shape = match shape[..] {
            [height, width] => vec![1, height, width],
            [height, width, channels @ (1 | 3 | 4)] if ![1, 3].contains(&height) => {
                column.channels_last = true;
                vec![channels, height, width]
            }
            _ => shape.clone(),
        };
        self.notes
            .push(format!("given: `{}`, {}", array.name(), column.column()));
        column
    }
}

fn is_text(own: &Seen) -> bool {
    let Holds::Numbers(dtype) = own.field.holds else {
        return false;
    };
    own.field.shape.is_empty()
        && dtype.is_whole()
        && own.numbers > 0
        && own.least >= 0.0
        && own.most < 2e9
}

/// The field that a model is asked for.
fn asked<'a>(seen: &'a [Seen], target: Option<&str>) -> Result<&'a Seen, String> {
    let names = || listed(seen.iter().map(Seen::name));
    match target {
        Some(target) => {
            let found = seen.iter().find(|own| own.name() == target);
            found.ok_or_else(|| format!("there is no column `{target}`; there are {}", names()))
        }
        None => {
            let usual = |own: &&Seen| {
                TARGETS
                    .iter()
                    .any(|name| own.name().eq_ignore_ascii_case(name))
            };
            let is_table = seen.iter().all(|own| own.field.rows.is_none());
            let last = seen.last().filter(|_| is_table);
            let found = seen.iter().find(usual).or(last);
            found.ok_or_else(|| {
                format!("which of {} is asked for? `--target NAME` says so", names())
            })
        }
    }
}

fn target_column(own: &Seen, kind: Option<Kind>) -> Result<(ArrayColumn, String), String> {
    let values = own.ordered();
    let several = values.as_ref().map_or(usize::MAX, Vec::len);
    let declared_whole = matches!(own.field.holds, Holds::Numbers(dtype) if dtype.is_whole());
    let is_yes_or_no = values.as_ref().is_some_and(|values| *values == ["0", "1"]);
    let guessed = match own.is_numbers() {
        _ if !own.field.shape.is_empty() => Kind::Real,
        false => Kind::Classes,
        true if is_yes_or_no => Kind::Binary,
        true if own.is_whole
            && (several <= MOST_CLASSES || (declared_whole && several <= MOST_VALUES)) =>
        {
            Kind::Classes
        }
        true => Kind::Real,
    };
    let kind = kind.unwrap_or(guessed);
    let mut column = match kind {
        Kind::Real => {
            if !own.is_numbers() {
                return Err(format!(
                    "`{}` holds words, and no numbers: it is `classes`",
                    own.name()
                ));
            }
            let mut column = ArrayColumn::new(Number::F32, Values::Real);
            let std = (own.squares / own.numbers.max(1) as f64).sqrt();
            if std > 0.0 && std.is_finite() {
                (column.mean, column.std) = (Some(rounded(own.mean)), Some(rounded(std)));
            }
            column
        }
        Kind::Binary => ArrayColumn::new(Number::F32, Values::Binary),
        Kind::Classes => {
            let number = if several <= 256 {
                Number::U8
            } else {
                Number::I32
            };
            ArrayColumn::new(number, Values::Classes(several as u64))
        }
    };
    column.target = true;
    column.shape.clone_from(&own.field.shape);
    let counted = own.is_numbers() && own.least == 0.0 && own.most + 1.0 == several as f64;
    let words = match (kind, values) {
        (Kind::Real, _) => Vec::new(),
        (_, None) => {
            return Err(format!(
                "`{}` holds more than {MOST_VALUES} different values: are they numbers? `--as real`",
                own.name()
            ));
        }
        (Kind::Binary, Some(values)) if values.len() != 2 => {
            return Err(format!(
                "`{}` holds {} different values: yes and no are two",
                own.name(),
                values.len()
            ));
        }
        (_, Some(_)) if counted => Vec::new(),
        (_, Some(values)) => values,
    };
    if own.field.shape.is_empty() {
        column.words = words;
    }
    let what = match kind {
        Kind::Real => match (column.mean, column.std) {
            (Some(mean), Some(std)) => format!("a number, less {mean} and over {std}"),
            _ => "a number".to_owned(),
        },
        Kind::Binary => "yes or no".to_owned(),
        Kind::Classes if several == 1 => {
            return Err(format!("`{}` is the same in every row", own.name()));
        }
        Kind::Classes => format!("one of {several} classes"),
    };
    Ok((column, what))
}

/// To four digits: what only has to be near.
fn rounded(number: f64) -> f64 {
    format!("{number:.3e}").parse().unwrap_or(number)
}
