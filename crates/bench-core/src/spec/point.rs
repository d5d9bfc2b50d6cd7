//! A file of hyperparameters, name to value: what `bench run --hyperparameters` takes.

use super::diagnostic::{Diagnostic, Source, name_help};
use super::search::Point;
use super::submission::Value;
use super::yaml;
use serde::Deserialize as _;
use std::sync::Arc;

/// Reads a map of names to values, as YAML or JSON; the names are to be among `known`.
///
/// # Errors
/// All mistakes, each at its place.
pub fn read(source: Source, known: &[&str]) -> Result<Point, Vec<Diagnostic>> {
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
    let mut point = Point::new();
    if let Some(document) = document {
        for (name, value) in document.value.as_object().into_iter().flatten() {
            let pointer = format!("/{}", yaml::escape(name));
            let place = document.places.get(&pointer).copied().unwrap_or_default();
            if !known.contains(&name.as_str()) {
                let span = place.key.unwrap_or(place.value);
                let message = format!("unknown hyperparameter `{name}`");
                diagnostics.push(diagnostic(span, message, name_help(name, known)));
                continue;
            }
            match Value::deserialize(value) {
                Ok(value) => drop(point.insert(name.clone(), value)),
                Err(_) if document.lost.contains(&pointer) => {}
                Err(error) => {
                    let span = place.value;
                    let help = "write one value a name, like `learning-rate: 0.001`";
                    let message = format!("hyperparameter `{name}`: {error}");
                    diagnostics.push(diagnostic(span, message, Some(help.to_owned())));
                }
            }
        }
        if !document.value.is_object() {
            let message = "not a map of hyperparameters to values".to_owned();
            let help = "write one value a name, like `learning-rate: 0.001`";
            diagnostics.push(diagnostic(
                Default::default(),
                message,
                Some(help.to_owned()),
            ));
        }
    }
    diagnostics.sort_by_key(|diagnostic| diagnostic.span);
    if diagnostics.is_empty() {
        Ok(point)
    } else {
        Err(diagnostics)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Point, Vec<String>> {
        let source = Source {
            path: "mine.yaml".into(),
            text: text.to_owned(),
        };
        let known = ["learning-rate", "nesterov", "mode", "beta1", "a", "b"];
        read(source, &known).map_err(|all| all.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn values_by_name() {
        let point = of("learning-rate: 1e-3\nnesterov: true\nmode: fast\n").unwrap();
        assert_eq!(point["learning-rate"], Value::Number(1e-3));
        assert_eq!(point["nesterov"], Value::Flag(true));
        assert_eq!(of("{\"beta1\": 0.9}").unwrap()["beta1"], Value::Number(0.9));
    }

    #[test]
    fn mistakes_have_places() {
        let mistakes = of("a: [1]\nb: 1\nb: 2\n").unwrap_err();
        assert!(mistakes[0].starts_with("mine.yaml:1:4"), "{mistakes:?}");
        assert!(mistakes[1].starts_with("mine.yaml:3:1"), "{mistakes:?}");
        assert_eq!(of("a: .nan\nb: 1e999\n").unwrap_err().len(), 2);
        let mistakes = of("\n# c\nbeta: 1\n").unwrap_err();
        assert_eq!(mistakes, ["mine.yaml:3:1: unknown hyperparameter `beta`"]);
        assert_eq!(of("7").unwrap_err().len(), 1);
    }
}
