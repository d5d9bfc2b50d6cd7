//! A data set's file, as `bench data add` writes it.

use bench_core::spec::dataset::{ArrayFormat, Dataset, Format, Source, Split, Splits};
use serde_json::Value;
use std::fmt::Write as _;

/// A data set's file.
pub(super) fn text(about: &str, dataset: &Dataset) -> String {
    let mut text = String::from(
        "# yaml-language-server: $schema=../../crates/bench-core/schema/dataset.json\nschema: 1\n",
    );
    let _ = writeln!(
        text,
        "about: {}\nlicence: {}",
        word(about),
        word(&dataset.licence)
    );
    if let Format::Arrays(ArrayFormat { columns, split }) = &dataset.format {
        text.push_str("format:\n  arrays:\n    columns:\n");
        for (name, column) in columns {
            let _ = writeln!(text, "      {}: {}", word(name), flow(&value(column)));
        }
        if let Some(shares) = split {
            let _ = writeln!(text, "    split: {}", flow(&value(shares)));
        }
    }
    text.push_str("sources:\n");
    for source in &dataset.sources {
        if let Source::Files(files) = source {
            let _ = writeln!(text, "  - files: {}", flow(&value(files)));
        }
    }
    text.push_str("splits:\n");
    for (name, split) in named(&dataset.splits) {
        let start = match split.start {
            0 => String::new(),
            start => format!("start: {start}, "),
        };
        let Split {
            from, count, hash, ..
        } = split;
        let _ = writeln!(
            text,
            "  {name}: {{ from: {from}, {start}count: {count}, hash: {} }}",
            word(hash)
        );
    }
    text
}

fn value(of: &impl serde::Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

/// YAML on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let pairs = map
                .iter()
                .map(|(key, value)| format!("{}: {}", word(key), flow(value)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            format!(
                "[{}]",
                items.iter().map(flow).collect::<Vec<_>>().join(", ")
            )
        }
        Value::String(text) => word(text),
        other => other.to_string(),
    }
}

/// A text as YAML reads it back: as it is, or quoted where it could mean anything else.
fn word(text: &str) -> String {
    const OTHERS: [&str; 10] = [
        "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan",
    ];
    let begins =
        text.starts_with(|letter: char| letter.is_ascii_alphabetic() || "/_".contains(letter));
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
    let is_plain = begins && text.chars().all(plain);
    match is_plain && !OTHERS.contains(&text.to_lowercase().as_str()) {
        true => text.to_owned(),
        false => Value::from(text).to_string(),
    }
}

/// Its splits, by name.
pub(super) fn named(splits: &Splits) -> [(&'static str, &Split); 3] {
    [
        ("train", &splits.train),
        ("validation", &splits.validation),
        ("test", &splits.test),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use bench_core::spec::edit;
    use serde_json::json;

    #[test]
    fn words_are_quoted_where_they_could_mean_something_else() {
        let written = flow(&json!({ "a": ["b", "no", "1", "x: y", 2.5], "c d": { "classes": 3 } }));
        assert_eq!(
            written,
            r#"{ a: [b, "no", "1", "x: y", 2.5], "c d": { classes: 3 } }"#
        );
        // It is YAML.
        assert!(edit::set(&format!("z: {written}\n"), "s", "k", "1").is_ok());
    }
}
