//! What an example is: named columns of numbers, declared by the data set, carried by its split files, wanted by the model.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A data set's columns, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Columns(pub BTreeMap<String, Column>);

/// One column. An example has one row of it, or any number of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Column {
    /// Kind of number.
    pub number: Number,
    /// Sizes of a row; none where a row is one number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shape: Vec<u64>,
    /// Rows of an example.
    #[serde(default, skip_serializing_if = "Rows::is_one")]
    pub rows: Rows,
    /// What the numbers mean.
    #[serde(default, skip_serializing_if = "Values::is_real")]
    pub values: Values,
    /// Whether this is what a model is asked for. At most one column is.
    #[serde(default, skip_serializing_if = "is_false")]
    pub target: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// Kinds of number, little-endian in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Number {
    /// 8 bits, 0 to 255.
    U8,
    /// 16 bits, 0 to 65,535.
    U16,
    /// 32 bits with a sign.
    I32,
    /// 64 bits with a sign.
    I64,
    /// Floating-point, 32 bits.
    F32,
    /// Floating-point, 64 bits.
    F64,
}

impl Number {
    /// Its name in hashes and messages.
    pub fn name(self) -> &'static str {
        match self {
            Number::U8 => "u8",
            Number::U16 => "u16",
            Number::I32 => "i32",
            Number::I64 => "i64",
            Number::F32 => "f32",
            Number::F64 => "f64",
        }
    }

    /// Bytes of a number.
    pub fn width(self) -> usize {
        match self {
            Number::U8 => 1,
            Number::U16 => 2,
            Number::I32 | Number::F32 => 4,
            Number::I64 | Number::F64 => 8,
        }
    }
}

/// How many rows of a column an example has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rows {
    /// One.
    #[default]
    One,
    /// Any number, another one in each example.
    Ragged,
    /// One, which goes on from example to example: a text, cut by the workload (`input.sequence-length`).
    Running,
}

impl Rows {
    fn is_one(&self) -> bool {
        *self == Rows::One
    }
}

/// What a column's numbers mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Values {
    /// Amounts: pixels, measurements, samples of sound.
    #[default]
    Real,
    /// One of so many classes, counted from 0.
    Classes(u64),
    /// One of so many tokens, counted from 0.
    Tokens(u64),
    /// 0 or 1, or any other number where the entry is missing.
    Binary,
    /// Whole numbers from 0 that point at something: the nodes that an edge joins, a token's place, the text of a row that a token is of.
    Index,
}

/// [`Values`] without their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// [`Values::Real`].
    Real,
    /// [`Values::Classes`].
    Classes,
    /// [`Values::Tokens`].
    Tokens,
    /// [`Values::Binary`].
    Binary,
    /// [`Values::Index`].
    Index,
}

impl Meaning {
    /// As messages name it.
    pub fn name(self) -> &'static str {
        match self {
            Meaning::Real => "real numbers",
            Meaning::Classes => "classes",
            Meaning::Tokens => "tokens",
            Meaning::Binary => "yes or no",
            Meaning::Index => "index",
        }
    }
}

impl Values {
    fn is_real(&self) -> bool {
        *self == Values::Real
    }

    /// Without the number of classes or tokens.
    pub fn meaning(self) -> Meaning {
        match self {
            Values::Real => Meaning::Real,
            Values::Classes(_) => Meaning::Classes,
            Values::Tokens(_) => Meaning::Tokens,
            Values::Binary => Meaning::Binary,
            Values::Index => Meaning::Index,
        }
    }

    /// Numbers are below this: of classes and tokens.
    pub fn below(self) -> Option<u64> {
        match self {
            Values::Classes(count) | Values::Tokens(count) => Some(count),
            Values::Real | Values::Binary | Values::Index => None,
        }
    }
}

impl Column {
    /// One row an example, of amounts.
    pub fn new(number: Number, shape: &[u64]) -> Column {
        Column {
            number,
            shape: shape.to_vec(),
            rows: Rows::One,
            values: Values::Real,
            target: false,
        }
    }

    /// The same with numbers that mean something else.
    #[must_use]
    pub fn of(self, values: Values) -> Column {
        Column { values, ..self }
    }

    /// The same as what a model is asked for.
    #[must_use]
    pub fn as_target(self) -> Column {
        Column {
            target: true,
            ..self
        }
    }

    /// Numbers of a row.
    pub fn row_numbers(&self) -> u64 {
        self.shape.iter().product()
    }

    /// Bytes of a row.
    pub fn row_bytes(&self) -> usize {
        self.row_numbers() as usize * self.number.width()
    }
}

/// `u8 [1, 28, 28]`, `i32 ragged, tokens (1024)`.
impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.number.name())?;
        if !self.shape.is_empty() {
            write!(f, " {:?}", self.shape)?;
        }
        match self.rows {
            Rows::One => {}
            Rows::Ragged => f.write_str(" ragged")?,
            Rows::Running => f.write_str(" running")?,
        }
        match self.values.below() {
            None => write!(f, ", {}", self.values.meaning().name()),
            Some(count) => write!(f, ", {} ({count})", self.values.meaning().name()),
        }
    }
}

impl Columns {
    /// Pixels and a class.
    pub fn images(channels: u64, height: u64, width: u64, classes: u64) -> Columns {
        let labels = Column::new(Number::U8, &[]).of(Values::Classes(classes));
        Columns::from([
            (
                "images",
                Column::new(Number::U8, &[channels, height, width]),
            ),
            ("labels", labels.as_target()),
        ])
    }

    /// Text that goes on from token to token.
    pub fn text(number: Number, vocabulary: u64) -> Columns {
        let tokens = Column::new(number, &[]).of(Values::Tokens(vocabulary));
        let rows = Rows::Running;
        Columns::from([("tokens", Column { rows, ..tokens }.as_target())])
    }

    /// The column of this name.
    pub fn get(&self, name: &str) -> Option<&Column> {
        self.0.get(name)
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Column)> {
        self.0.iter().map(|(name, column)| (name.as_str(), column))
    }

    /// What a model is asked for, where it is asked for anything.
    pub fn target(&self) -> Option<(&str, &Column)> {
        self.iter().find(|(_, column)| column.target)
    }

    /// What a model is given.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, &Column)> {
        self.iter()
            .filter(|(_, column)| !column.target || column.rows == Rows::Running)
    }

    /// The column that goes on from example to example, where there is one: it is what a model is given and asked for.
    pub fn running(&self) -> Option<(&str, &Column)> {
        self.iter().find(|(_, column)| column.rows == Rows::Running)
    }
}

impl<const N: usize> From<[(&str, Column); N]> for Columns {
    fn from(columns: [(&str, Column); N]) -> Columns {
        let named = columns.map(|(name, column)| (name.to_owned(), column));
        Columns(BTreeMap::from(named))
    }
}

/// `images: u8 [1, 28, 28], real numbers; labels: u8, classes (10), the target`.
impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (place, (name, column)) in self.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}`{name}`: {column}")?;
            if column.target {
                f.write_str(", the target")?;
            }
        }
        Ok(())
    }
}
