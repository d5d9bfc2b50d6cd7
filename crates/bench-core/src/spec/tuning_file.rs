//! AlgoPerf's `tuning_search_space.json` beside a submission: its ranges are searched, and `search-space:` holds the defaults.

use super::blame::dotted;
use super::catalog::Catalog;
use super::check::Violation;
use super::diagnostic::{Source, Span, name_help};
use super::hyperparameter::{self, Objection};
use super::merge::{self, Layer};
use super::search::{ALGOPERF_FILE, Space, SpaceError, read_algoperf};
use super::submission::{Dimension, Submission, Value};
use super::yaml::escape;
use std::sync::Arc;

impl Catalog {
    /// What a submission searches; nothing when there are mistakes, which are told.
    pub(super) fn space(&mut self, layers: &[Layer], submission: &Submission) -> Option<Space> {
        let nearest = |layer: &Layer| layer.entry.search_space.is_some();
        let layer = layers.iter().rposition(nearest);
        let file = |at: usize| Some((at, layers[at].entry.search_space.clone()?));
        let Some((layer, source)) = layer.and_then(file) else {
            return Some(Space::of(submission));
        };
        let space = match read_algoperf(&source.text) {
            Ok(space) => space,
            Err(errors) => {
                for error in errors {
                    let span = match &error {
                        SpaceError::Form(error) => place(&source, error),
                        error => span(&source, error.name()),
                    };
                    self.mistake(&source, span, error.to_string(), None);
                }
                return None;
            }
        };
        let named = self.values_are_known(&source, &space, submission);
        let alone = self.searched_once(layers, layer, &source, submission);
        (named && alone).then_some(space)
    }

    fn values_are_known(&mut self, source: &Arc<Source>, space: &Space, of: &Submission) -> bool {
        let known: Vec<&str> = of.search_space.keys().map(String::as_str).collect();
        let mut unknown = space.names();
        unknown.retain(|name| !known.contains(name));
        for name in &unknown {
            let message = format!("unknown hyperparameter `{name}`");
            let help = match name_help(name, &known) {
                Some(help) if help.starts_with("did you mean") => help,
                _ => {
                    format!("give its default in submission.yaml: `search-space: {{ {name}: … }}`")
                }
            };
            self.mistake(source, span(source, Some(name)), message, Some(help));
        }
        let mut wrong = false;
        for (name, value) in values(space) {
            let dimension = of.search_space.get(name);
            let objection = dimension.and_then(|own| hyperparameter::wrong(name, value, own));
            if let Some(Objection { message, help }) = objection {
                wrong = true;
                self.mistake(source, span(source, Some(name)), message, Some(help));
            }
        }
        unknown.is_empty() && !wrong
    }

    /// Whether nothing is searched in `submission.yaml` too: a layer's own file `source` is wrong over a base's ranges, ranges over a base's file.
    fn searched_once(
        &mut self,
        layers: &[Layer],
        layer: usize,
        source: &Arc<Source>,
        submission: &Submission,
    ) -> bool {
        let searched = |(name, dimension): (&String, &Dimension)| {
            let fixed = matches!(dimension, Dimension::Fixed(_));
            (!fixed).then(|| format!("/search-space/{}", escape(name)))
        };
        let mut twice: Vec<String> = submission
            .search_space
            .iter()
            .filter_map(searched)
            .collect();
        twice.extend((!submission.points.is_empty()).then(|| "/points".to_owned()));
        for pointer in &twice {
            let message = format!("there is a second search space, {ALGOPERF_FILE}");
            let help = "leave nothing but its default here, or remove that file";
            let violation = Violation::new(pointer, message, help).on_key();
            let inherited = !layers[layer..].iter().any(|layer| layer.writes(pointer));
            match merge::place(&layers[..layer], &violation).filter(|_| inherited) {
                None => self.violation(layers, violation),
                Some((base, span)) => {
                    let (key, there) = (dotted(pointer), base.source.place(span));
                    let message = format!("a second search space: `{key}` has one in {there}");
                    let help =
                        "write a value alone over it in submission.yaml, or remove this file";
                    self.mistake(source, Span::default(), message, Some(help.to_owned()));
                }
            }
        }
        twice.is_empty()
    }
}

/// What a space lists; what it draws are numbers.
fn values(space: &Space) -> Vec<(&str, &Value)> {
    fn listed((name, dimension): &(String, Dimension)) -> Vec<(&str, &Value)> {
        match dimension {
            Dimension::Choice(choice) => {
                choice.values.iter().map(|value| (&**name, value)).collect()
            }
            Dimension::Range(_) | Dimension::Fixed(_) => Vec::new(),
        }
    }
    match space {
        Space::Dimensions(dimensions) => dimensions.iter().flat_map(listed).collect(),
        Space::Points(points) => points
            .iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), value))
            .collect(),
    }
}

/// Where the reader stopped, by its line and its column in bytes.
fn place(source: &Source, error: &serde_json::Error) -> Span {
    let before = source.text.split_inclusive('\n');
    let before: usize = before
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    let start = before + error.column().saturating_sub(1);
    Span {
        start: source
            .text
            .floor_char_boundary(start.min(source.text.len())),
        length: 0,
    }
}

/// Where the file says a name; its beginning when it does not.
fn span(source: &Source, name: Option<&str>) -> Span {
    let spelled = |name: &str| {
        let json = format!("\"{name}\"");
        let start = source.text.find(&json)?;
        Some(Span {
            start,
            length: json.len(),
        })
    };
    let found = name.and_then(|name| spelled(name).or_else(|| spelled(&name.replace('-', "_"))));
    found.unwrap_or_default()
}
