//! AlgoPerf's `tuning_search_space.json` beside a submission: its ranges are searched, and `search-space:` holds the defaults.

use super::catalog::Catalog;
use super::check::Violation;
use super::diagnostic::{Source, Span, name_help};
use super::merge::Layer;
use super::search::{ALGOPERF_FILE, Space, read_algoperf};
use super::submission::{Dimension, Submission};
use super::yaml::escape;
use std::sync::Arc;

impl Catalog {
    /// What a submission searches; nothing when there are mistakes, which are told.
    pub(super) fn space(&mut self, layers: &[Layer], submission: &Submission) -> Option<Space> {
        let nearest = |layer: &Layer| layer.entry.search_space.clone();
        let Some(source) = layers.iter().rev().find_map(nearest) else {
            return Some(Space::of(submission));
        };
        let space = match read_algoperf(&source.text) {
            Ok(space) => space,
            Err(errors) => {
                for error in errors {
                    let span = span(&source, error.name());
                    self.mistake(&source, span, error.to_string(), None);
                }
                return None;
            }
        };
        let named = self.names_are_known(&source, &space, submission);
        let alone = self.searched_once(layers, submission);
        (named && alone).then_some(space)
    }

    fn names_are_known(&mut self, source: &Arc<Source>, space: &Space, of: &Submission) -> bool {
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
        unknown.is_empty()
    }

    fn searched_once(&mut self, layers: &[Layer], submission: &Submission) -> bool {
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
            self.violation(layers, Violation::new(pointer, message, help).on_key());
        }
        twice.is_empty()
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
