//! Rules of arrays and tables: columns whose numbers can mean what they are said to mean.

use super::Findings;
use crate::spec::columns::{Number, Rows, Values};
use crate::spec::dataset::{ArrayColumn, ArrayFormat, Split};
use crate::spec::yaml::escape;

/// Columns, and the rule that splits them.
pub(super) fn arrays(found: &mut Findings, format: &ArrayFormat, splits: &[(&str, Split)]) {
    let place = "/format/arrays";
    let targets = format.columns.values().filter(|column| column.target);
    found.require(
        targets.count() == 1,
        format!("{place}/columns"),
        "one column is what a model is asked for",
        "write `target: true` at that one alone",
    );
    let running = format.columns.values().any(|own| own.rows == Rows::Running);
    found.require(
        !running || format.columns.len() == 1,
        format!("{place}/columns"),
        "a text that runs on is the only column: what a model reads of it is also what it is asked for",
        "remove the others",
    );
    for (name, column) in &format.columns {
        alone(found, &format!("{place}/columns/{}", escape(name)), column);
    }
    let Some(shares) = format.split else { return };
    found.require(
        shares.validation > 0.0 && shares.test > 0.0 && shares.validation + shares.test < 1.0,
        format!("{place}/split"),
        "each split has a share, that of `train` is what is left",
        "write shares like `{ validation: 10%, test: 10% }`",
    );
    found.require(
        !running,
        format!("{place}/split"),
        "a text that runs on has no examples that could be divided",
        "remove it, and cut `splits` by `from`, `start` and `count`",
    );
    for (name, split) in splits {
        found.require(
            split.from == *name && split.start == 0,
            format!("/splits/{name}/from"),
            format!("`split` says which examples are those of `{name}`"),
            &format!("write `from: {name}`, without `start`"),
        );
    }
}

fn alone(found: &mut Findings, place: &str, column: &ArrayColumn) {
    let whole = !matches!(column.number, Number::F32 | Number::F64);
    let largest = match column.number {
        Number::U8 => u64::from(u8::MAX),
        Number::U16 => u64::from(u16::MAX),
        Number::I32 => i32::MAX as u64,
        _ => i64::MAX as u64,
    };
    let values = format!("{place}/values");
    if let Some(below) = column.values.below() {
        found.require(
            whole && below >= 1 && below - 1 <= largest,
            format!("{place}/number"),
            format!(
                "{below} classes or tokens do not all fit `{}`",
                column.number.name()
            ),
            "write `u8` of up to 256, `u16` of up to 65536, `i32` of more",
        );
    }
    found.require(
        column.values != Values::Binary || column.number == Number::F32,
        format!("{place}/number"),
        "yes and no, and what is missing, are written as `f32`",
        "remove it",
    );
    let words = column.words.len() as u64;
    let meant = match column.values {
        Values::Classes(classes) => classes,
        Values::Binary => 2,
        _ => 0,
    };
    found.require(
        words == 0 || words == meant,
        format!("{place}/words"),
        match meant {
            0 => "words stand for classes, or for no and yes".to_owned(),
            _ => format!("{words} words for {meant} values"),
        },
        "write one for each value, in their order; words of an input are `one-hot`",
    );
    found.require(
        column.rows != Rows::Ragged,
        format!("{place}/rows"),
        "arrays and tables have one row an example",
        "write `running`, or remove it",
    );
    let is_text = column.rows != Rows::Running
        || (column.target && column.shape.is_empty() && column.values.below().is_some());
    found.require(
        is_text,
        values,
        "what runs on are tokens, read and asked for",
        "write `values: { tokens: … }`, `target: true` and no `shape`",
    );
    found.require(
        column.one_hot.is_empty() || column.values == Values::Real,
        format!("{place}/one-hot"),
        "words that become several numbers are inputs",
        "write `words` for classes",
    );
    let moved = column.mean.is_some() || column.std.is_some();
    found.require(
        !moved || (column.values == Values::Real && !whole),
        format!(
            "{place}/{}",
            if column.mean.is_some() { "mean" } else { "std" }
        ),
        "only real numbers of kind `f32` or `f64` have a mean and a deviation",
        "remove it",
    );
    found.require(
        !column.channels_last || column.shape.len() == 3,
        format!("{place}/channels-last"),
        "channels are of images, whose `shape` is `[channels, height, width]`",
        "remove it, or write such a shape",
    );
    for name in column.one_hot.keys() {
        found.require(
            column.from.contains(name),
            format!("{place}/one-hot/{}", escape(name)),
            format!("`{name}` is no column of `from`"),
            "add it there, or remove it here",
        );
    }
    sizes(found, place, column);
}

/// Several columns of numbers fill a shape.
fn sizes(found: &mut Findings, place: &str, column: &ArrayColumn) {
    let (several, shaped) = (column.from.len() > 1, !column.shape.is_empty());
    found.require(
        column.numbers().is_some() || shaped,
        format!("{place}/from"),
        "a pattern does not say how many numbers there are",
        "add `shape: [ … ]`",
    );
    let numbers = column.numbers().unwrap_or(0);
    let room = column.column().row_numbers();
    found.require(
        !several || !shaped || numbers <= room,
        format!("{place}/shape"),
        format!("{numbers} columns for {room} numbers"),
        "name at most as many columns as the shape has numbers",
    );
}
