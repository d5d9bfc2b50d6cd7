//! A file of hyperparameters, name to value: what `bench run --hyperparameters` takes, and `--set` line by line.

use super::diagnostic::{Diagnostic, Source, Span, name_help};
use super::hyperparameter::{self, Objection};
use super::search::Point;
use super::submission::{Dimension, Value};
use super::yaml::{self, Place};
use serde::Deserialize as _;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What to write.
const EXAMPLE: &str = "write one value a name, like `learning-rate: 0.001`";

/// Somebody's own values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Own {
    /// Name to value.
    pub point: Point,
    /// Values that can be run, and that nobody means: each at its place.
    pub remarks: Vec<Diagnostic>,
}

/// Reads a map of names to values, as YAML or JSON: each for those of these search spaces, one a submission, that have its name.
///
/// # Errors
/// All mistakes, each at its place.
pub fn read(
    source: Source,
    spaces: &[&BTreeMap<String, Dimension>],
) -> Result<Own, Vec<Diagnostic>> {
    let source = Arc::new(source);
    let diagnostic = |span, message, help| Diagnostic {
        source: source.clone(),
        span,
        message,
        help,
    };
    let (document, mistakes) = yaml::parse(&source.text);
    let mut diagnostics: Vec<Diagnostic> = mistakes
        .into_iter()
        .map(|mistake| diagnostic(mistake.span, mistake.message, mistake.help))
        .collect();
    let mut own = Own::default();
    let names = document.as_ref().map(|document| document.value.as_object());
    if names.is_some_and(|names| names.is_none_or(serde_json::Map::is_empty)) {
        let message = match names {
            Some(None) => "not a map of hyperparameters to values",
            _ => "there is no hyperparameter in it",
        };
        let help = Some(EXAMPLE.to_owned());
        diagnostics.push(diagnostic(Span::default(), message.to_owned(), help));
    }
    for (name, value) in names.flatten().into_iter().flatten() {
        let pointer = format!("/{}", yaml::escape(name));
        let place = |document: &yaml::Document| document.places.get(&pointer).copied();
        let Place { key, value: span } = document.as_ref().and_then(place).unwrap_or_default();
        let lost = |document: &yaml::Document| document.lost.contains(&pointer);
        let dimensions: Vec<&Dimension> =
            spaces.iter().filter_map(|space| space.get(name)).collect();
        let told = |Objection { message, help }| diagnostic(span, message, Some(help));
        match Value::deserialize(value) {
            _ if document.as_ref().is_some_and(lost) => {}
            _ if dimensions.is_empty() => {
                let mut known: Vec<&str> = spaces
                    .iter()
                    .flat_map(|space| space.keys())
                    .map(String::as_str)
                    .collect();
                known.sort_unstable();
                known.dedup();
                let help = name_help(name, &known);
                let message = format!("unknown hyperparameter `{name}`");
                diagnostics.push(diagnostic(key.unwrap_or(span), message, help));
            }
            Ok(value) => {
                let wrong = |dimension: &&Dimension| hyperparameter::wrong(name, &value, dimension);
                let odd =
                    |dimension: &&Dimension| hyperparameter::odd(name, &value, Some(dimension));
                match dimensions.iter().find_map(wrong) {
                    Some(objection) => diagnostics.push(told(objection)),
                    None => own
                        .remarks
                        .extend(dimensions.iter().find_map(odd).map(told)),
                }
                own.point.insert(name.clone(), value);
            }
            Err(error) => {
                let message = format!("hyperparameter `{name}`: {error}");
                diagnostics.push(diagnostic(span, message, Some(EXAMPLE.to_owned())));
            }
        }
    }
    diagnostics.sort_by_key(|diagnostic| diagnostic.span);
    own.remarks.sort_by_key(|remark| remark.span);
    match diagnostics.is_empty() {
        true => Ok(own),
        false => Err(diagnostics),
    }
}

/// `NAME=VALUE`, as often as somebody typed `--set`, as a file that [`read`] reads.
///
/// # Errors
/// The first that has no `=`, or is more than one line.
pub fn typed(given: &[String]) -> Result<Source, String> {
    let mut text = String::new();
    for given in given {
        let (name, value) = given
            .split_once('=')
            .filter(|(name, _)| !name.trim().is_empty() && !given.contains('\n'))
            .ok_or_else(|| given.clone())?;
        text += &format!("{}: {}\n", name.trim(), value.trim());
    }
    Ok(Source {
        path: "--set".into(),
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::submission::{Choice, Range, Scale};

    fn space() -> BTreeMap<String, Dimension> {
        let range = |min, max| {
            Dimension::Range(Range {
                min,
                max,
                scale: Scale::Linear,
                default: min,
            })
        };
        let text = |text: &str| Value::Text(text.to_owned());
        let choice = |values: Vec<Value>| {
            let default = values[0].clone();
            Dimension::Choice(Choice { values, default })
        };
        let space = [
            ("learning-rate", range(1e-4, 1e-2)),
            ("weight-decay", range(0.0, 0.5)),
            ("beta1", Dimension::Fixed(Value::Number(0.9))),
            ("nesterov", Dimension::Fixed(Value::Flag(false))),
            ("mode", choice(vec![text("fast"), text("exact")])),
            ("rank", choice(vec![Value::Number(8.0), text("full")])),
            ("a", Dimension::Fixed(Value::Number(1.0))),
            ("b", Dimension::Fixed(Value::Number(1.0))),
        ];
        space
            .map(|(name, dimension)| (name.to_owned(), dimension))
            .into()
    }

    fn of(text: &str) -> Result<Own, Vec<Diagnostic>> {
        let source = Source {
            path: "mine.yaml".into(),
            text: text.to_owned(),
        };
        read(source, &[&space()])
    }

    fn mistakes(text: &str) -> Vec<String> {
        let all = of(text).unwrap_err();
        all.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn values_by_name() {
        let point = of("learning-rate: 1e-3\nnesterov: true\nmode: fast\nrank: full\n")
            .unwrap()
            .point;
        assert_eq!(point["learning-rate"], Value::Number(1e-3));
        assert_eq!(point["nesterov"], Value::Flag(true));
        assert_eq!(
            of("{\"beta1\": 0.8}").unwrap().point["beta1"],
            Value::Number(0.8)
        );
        assert_eq!(
            of("\u{feff}beta1: 0.8").unwrap().point["beta1"],
            Value::Number(0.8)
        );
        assert_eq!(
            of("\u{feff}{\"beta1\": 0.8}").unwrap().point["beta1"],
            Value::Number(0.8)
        );
    }

    #[test]
    fn mistakes_have_places() {
        let found = mistakes("a: [1]\nb: 1\nb: 2\n");
        assert!(found[0].starts_with("mine.yaml:1:4"), "{found:?}");
        assert!(found[1].starts_with("mine.yaml:3:1"), "{found:?}");
        assert_eq!(
            mistakes("a: .nan\nb: 1e999\n"),
            [
                "mine.yaml:1:4: `.nan` is not a finite number",
                "mine.yaml:2:4: `1e999` is not a finite number"
            ]
        );
        let found = mistakes("\n# c\nbeta: 1\n");
        assert_eq!(found, ["mine.yaml:3:1: unknown hyperparameter `beta`"]);
        assert_eq!(mistakes("7").len(), 1);
        assert_eq!(
            mistakes("\u{feff}beta: 1\n"),
            ["mine.yaml:1:1: unknown hyperparameter `beta`"]
        );
    }

    #[test]
    fn a_file_of_nothing_is_a_mistake() {
        for text in ["", "# learning-rate: 1\n", "{}", "\u{feff}", "---\n"] {
            assert_eq!(
                mistakes(text),
                ["mine.yaml:1:1: there is no hyperparameter in it"],
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_value_is_of_its_hyperparameters_kind() {
        for (text, message, help) in [
            (
                "learning-rate: 0,001",
                "`learning-rate` is a number, not text: `0,001`",
                "write `learning-rate: 0.001`",
            ),
            (
                "learning-rate: \"0.001\"",
                "`learning-rate` is a number, not text: `0.001`",
                "write `learning-rate: 0.001`",
            ),
            (
                "beta1: 5%",
                "`beta1` is a number, not text: `5%`",
                "write `beta1: 0.05`",
            ),
            (
                "beta1: high",
                "`beta1` is a number, not text: `high`",
                "write a number, such as `beta1: 0.9`",
            ),
            (
                "weight-decay: true",
                "`weight-decay` is a number, not true or false: `true`",
                "write a number, such as `weight-decay: 0`",
            ),
            (
                "nesterov: 1",
                "`nesterov` is true or false, not a number: `1`",
                "write `nesterov: true` or `nesterov: false`",
            ),
            (
                "nesterov: yes please",
                "`nesterov` is true or false, not text: `yes please`",
                "write `nesterov: true` or `nesterov: false`",
            ),
            (
                "mode: 3",
                "`mode` is text, not a number: `3`",
                "write a name, such as `mode: fast`",
            ),
        ] {
            let found = of(&format!("\n{text}\n")).unwrap_err();
            let column = text.find(": ").unwrap() + 3;
            assert_eq!(
                found[0].to_string(),
                format!("mine.yaml:2:{column}: {message}")
            );
            assert_eq!(
                (found.len(), found[0].help.as_deref()),
                (1, Some(help)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_nobody_means_is_remarked() {
        let text =
            "learning-rate: -1e-3\nweight-decay: -5\nbeta1: 1.0\nrank: 9\nmode: fsat\na: -1\n";
        let remarks = |text: &str| -> Vec<String> {
            let remarks = of(text).unwrap().remarks;
            remarks.iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            remarks(text),
            [
                "mine.yaml:1:16: `learning-rate` is below zero: -0.001",
                "mine.yaml:2:15: `weight-decay` is below zero: -5",
                "mine.yaml:3:8: `beta1` is 1",
                "mine.yaml:4:7: `rank` is `9`, which no search would draw",
                "mine.yaml:5:7: `mode` is `fsat`, which no search would draw",
            ]
        );
        assert_eq!(
            remarks("learning-rate: 1\n"),
            ["mine.yaml:1:16: `learning-rate` is 1, outside of 0.0001 to 0.01"]
        );
        assert!(remarks("learning-rate: 0.01\nweight-decay: 0\nbeta1: 0\n").is_empty());
    }

    #[test]
    fn typed_values_are_read_as_a_file_is() {
        let given =
            |given: &[&str]| typed(&given.iter().map(ToString::to_string).collect::<Vec<_>>());
        let own = read(
            given(&["learning-rate=1e-3", "mode = exact"]).unwrap(),
            &[&space()],
        )
        .unwrap();
        assert_eq!(own.point["learning-rate"], Value::Number(1e-3));
        assert_eq!(own.point["mode"], Value::Text("exact".to_owned()));
        let twice = read(given(&["a=1", "a=2"]).unwrap(), &[&space()]).unwrap_err();
        assert_eq!(twice[0].to_string(), "--set:2:1: duplicate key `a`");
        assert_eq!(given(&["a=1", "b"]), Err("b".to_owned()));
        assert_eq!(given(&["=1"]), Err("=1".to_owned()));
        assert_eq!(given(&["a=1\nb: 2"]), Err("a=1\nb: 2".to_owned()));
    }
}
