//! `format: arrays`: named arrays and tables that people have, and which of their numbers make an example.

use super::columns::{Column, Columns, Number, Rows, Values};
use crate::number::Share;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// CSV, Parquet, `.npy`, `.npz` or safetensors: the columns of an example, each out of one or several columns or arrays of the files. The files are `train`,
/// `validation` and `test`, as far as splits are cut from them; or one, `data`, which `split` divides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ArrayFormat {
    /// What an example is, by name.
    pub columns: BTreeMap<String, ArrayColumn>,
    /// How the examples of `data` are divided. Where it is not said, the files are split already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Shares>,
}

/// One column of an example.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ArrayColumn {
    /// Columns or arrays of the files, whose numbers stand one after another; the one of the same name unless said. `*` stands for any letters, `?` for one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1))]
    pub from: Vec<String>,
    /// Kind of number.
    #[serde(default = "f32", skip_serializing_if = "is_f32")]
    pub number: Number,
    /// Sizes of a row. Unless said: one number, or as many as `from` gives where that is several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(range(min = 1)))]
    pub shape: Vec<u64>,
    /// Whether images stand in the files as `[height, width, channels]`; `shape` is `[channels, height, width]` all the same.
    #[serde(default, skip_serializing_if = "is_false")]
    pub channels_last: bool,
    /// `running`: the numbers of an array go on from example to example, as a text does.
    #[serde(default, skip_serializing_if = "is_one")]
    pub rows: Rows,
    /// What the numbers mean.
    #[serde(default, skip_serializing_if = "is_real")]
    pub values: Values,
    /// Words in the files that stand for 0, 1, 2 and so on, of classes or of no and yes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// Columns of `from` that hold words: each is as many numbers as it has words, 1 at the one that is there and 0 elsewhere, and 0 everywhere
    /// where the entry is empty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub one_hot: BTreeMap<String, Vec<String>>,
    /// What stands for an entry that is empty or not a number. Unless said, such an entry is an error; of yes or no it is a question without an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<f64>,
    /// Taken off each number, which is then divided by `std`: of a target, since `input` normalises what a model is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    /// What each number is divided by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub std: Option<f64>,
    /// Whether this is what a model is asked for.
    #[serde(default, skip_serializing_if = "is_false")]
    pub target: bool,
}

/// Which examples validate and test: by a hash of each example's inputs, so that the same inputs are in one split, whatever the order of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Shares {
    /// Share that validates.
    #[serde(deserialize_with = "Share::number")]
    #[schemars(with = "Share")]
    pub validation: f64,
    /// Share that tests.
    #[serde(deserialize_with = "Share::number")]
    #[schemars(with = "Share")]
    pub test: f64,
}

fn f32() -> Number {
    Number::F32
}

fn is_f32(number: &Number) -> bool {
    *number == Number::F32
}

fn is_one(rows: &Rows) -> bool {
    *rows == Rows::One
}

fn is_real(values: &Values) -> bool {
    *values == Values::Real
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl ArrayFormat {
    /// Of a source: the file that `split` divides.
    pub const WHOLE: &str = "data";

    /// What an example is.
    pub fn columns(&self) -> Columns {
        let each = self.columns.iter();
        Columns(
            each.map(|(name, own)| (name.clone(), own.column()))
                .collect(),
        )
    }
}

impl ArrayColumn {
    /// One number, out of the files' column of the same name.
    pub fn new(number: Number, values: Values) -> ArrayColumn {
        ArrayColumn {
            from: Vec::new(),
            number,
            shape: Vec::new(),
            channels_last: false,
            rows: Rows::One,
            values,
            words: Vec::new(),
            one_hot: BTreeMap::new(),
            missing: None,
            mean: None,
            std: None,
            target: false,
        }
    }

    /// What the files call it: columns, arrays, or patterns of their names.
    pub fn sources<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        match self.from.is_empty() {
            true => vec![name],
            false => self.from.iter().map(String::as_str).collect(),
        }
    }

    /// Numbers that the columns it is made of give together, one each or one a word; none where a pattern says which they are.
    pub fn numbers(&self) -> Option<u64> {
        let count = |name: &String| match (self.one_hot.get(name), name.contains(['*', '?'])) {
            (Some(words), _) => Some(words.len() as u64),
            (None, true) => None,
            (None, false) => Some(1),
        };
        self.from.iter().map(count).sum()
    }

    /// As split files hold it.
    pub fn column(&self) -> Column {
        let shape = match (self.shape.is_empty(), self.numbers()) {
            (true, Some(several @ 2..)) => vec![several],
            (true, Some(1)) if !self.one_hot.is_empty() => vec![1],
            _ => self.shape.clone(),
        };
        Column {
            number: self.number,
            shape,
            rows: self.rows,
            values: self.values,
            target: self.target,
        }
    }
}

impl Shares {
    /// The split of an example whose inputs hash to this number.
    pub fn split_of(&self, hash: u64) -> &'static str {
        // The upper 53 bits are exact.
        let place = (hash >> 11) as f64 / (1_u64 << 53) as f64;
        match place {
            place if place < self.validation => "validation",
            place if place < self.validation + self.test => "test",
            _ => "train",
        }
    }
}
