//! A hyperparameter's value beside what is said of it: whether it is of the right kind, and whether it is one that anybody means.

use super::diagnostic::name_help;
use super::submission::{Dimension, Value};

/// What is wrong or odd with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Objection {
    pub message: String,
    pub help: String,
}

/// Why a dimension cannot have this value: a number, a switch and a name do not stand for each other.
pub(super) fn wrong(name: &str, value: &Value, dimension: &Dimension) -> Option<Objection> {
    let listed = match dimension {
        Dimension::Fixed(value) => std::slice::from_ref(value),
        Dimension::Range(range) => return not_a_number(name, value, &range.min.to_string()),
        Dimension::Choice(choice) => &choice.values,
    };
    if listed.iter().any(|other| kind(other) == kind(value)) {
        return None;
    }
    let example = listed.first()?;
    match example {
        Value::Number(number) => not_a_number(name, value, &number.to_string()),
        other => Some(Objection {
            message: format!(
                "`{name}` is {}, not {}: `{value}`",
                kind(other),
                kind(value)
            ),
            help: match other {
                Value::Flag(_) => format!("write `{name}: true` or `{name}: false`"),
                other => format!("write a name, such as `{name}: {other}`"),
            },
        }),
    }
}

/// Text that stands where numbers do is mostly a number in another spelling.
fn not_a_number(name: &str, value: &Value, example: &str) -> Option<Objection> {
    let written = match value {
        Value::Number(_) => return None,
        Value::Text(text) => meant(text),
        Value::Flag(_) => None,
    };
    Some(Objection {
        message: format!("`{name}` is a number, not {}: `{value}`", kind(value)),
        help: match written {
            Some(number) => format!("write `{name}: {number}`"),
            None => format!("write a number, such as `{name}: {example}`"),
        },
    })
}

/// The number that a text was meant to be: with a comma, in quotes, as a percentage.
pub(super) fn meant(text: &str) -> Option<String> {
    let dotted = text.trim().replacen(',', ".", 1).replace('_', "");
    let number = |text: &str| text.parse::<f64>().ok().filter(|x| x.is_finite());
    match dotted.strip_suffix('%') {
        Some(percent) => number(&format!("{}e-2", percent.trim())).map(|x| x.to_string()),
        None => number(&dotted).map(|_| dotted),
    }
}

/// Why nobody means this value, though it can be run.
pub(super) fn odd(name: &str, value: &Value, dimension: Option<&Dimension>) -> Option<Objection> {
    // Of names, only those that a list has or has not can be judged.
    let number = value.as_number().unwrap_or(0.0);
    let objection = |message: String, help: &str| Objection {
        message,
        help: help.to_owned(),
    };
    let is = |word: &str| name == word || name.ends_with(&format!("-{word}"));
    let is_average = name.starts_with("beta") || name.contains("-beta") || is("momentum");
    let never_negative = ["learning-rate", "lr", "weight-decay", "epsilon", "eps"];
    if is_average && !(0.0..1.0).contains(&number) {
        let help = "the share that an average keeps of itself is at least 0 and below 1";
        return Some(objection(format!("`{name}` is {value}"), help));
    }
    if number < 0.0 && never_negative.into_iter().any(is) {
        return Some(objection(
            format!("`{name}` is below zero: {value}"),
            "write it without the minus, unless that is what you are after",
        ));
    }
    match dimension {
        Some(Dimension::Range(range)) if !(range.min..=range.max).contains(&number) => {
            let message = format!(
                "`{name}` is {value}, outside of {} to {}",
                range.min, range.max
            );
            Some(objection(
                message,
                "no search would draw it; widen the range in submission.yaml if it is meant",
            ))
        }
        Some(Dimension::Choice(choice)) if !choice.values.contains(value) => {
            let listed: Vec<String> = choice.values.iter().map(ToString::to_string).collect();
            let names: Vec<&str> = listed.iter().map(String::as_str).collect();
            Some(Objection {
                message: format!("`{name}` is `{value}`, which no search would draw"),
                help: name_help(&value.to_string(), &names).unwrap_or_default(),
            })
        }
        _ => None,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Number(_) => "a number",
        Value::Flag(_) => "true or false",
        Value::Text(_) => "text",
    }
}
