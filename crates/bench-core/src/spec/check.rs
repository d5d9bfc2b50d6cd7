//! A value against its schema: every violation at once, in words, at the place where it stands.

use super::diagnostic::{name_help, nearest};
use super::schema::{self, Kind, Node};
use super::words::{alternatives, described, expected, number, remedy, shown, unreadable};
use super::yaml::{escape, unescape};
use crate::number::{Extent, Share, Span};
use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;
use std::sync::OnceLock;

/// A violation, found by the schema or by a rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Violation {
    /// JSON pointer of what is wrong; of the map where a field is missing.
    pub pointer: String,
    /// What is wrong there.
    pub wrong: Wrong,
    pub message: String,
    pub help: Option<String>,
}

/// What is wrong at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    Value,
    Key,
    /// A field that is not there.
    Missing,
}

impl Violation {
    /// A value that is wrong.
    pub(crate) fn new(
        pointer: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Violation {
        Violation {
            pointer: pointer.into(),
            wrong: Wrong::Value,
            message: message.into(),
            help: Some(help.into()),
        }
    }

    /// A name that is not there; the help offers the nearest.
    pub(crate) fn unknown(
        pointer: impl Into<String>,
        what: &str,
        name: &str,
        valid: &[&str],
    ) -> Violation {
        let help = name_help(name, valid).unwrap_or_else(|| format!("there is no {what} yet"));
        Violation::new(pointer, format!("unknown {what} `{name}`"), help)
    }

    /// The same, where the name is a key.
    pub(crate) fn on_key(self) -> Violation {
        Violation {
            wrong: Wrong::Key,
            ..self
        }
    }
}

/// A value gone through its schema.
pub(crate) struct Checked {
    pub violations: Vec<Violation>,
    /// The value without fields that nobody knows, and with those that are merely misspelt under their right names: the rules look at what is
    /// meant, and do not tell of one mistake as another.
    pub known: Value,
}

fn validator(kind: Kind) -> Option<&'static Validator> {
    static VALIDATORS: [OnceLock<Option<Validator>>; 4] = [const { OnceLock::new() }; 4];
    let validator = VALIDATORS[kind as usize].get_or_init(|| {
        // Generated schemas compile: a test goes through all of them.
        jsonschema::options()
            .with_format(Span::FORMAT, |text| Span::parse(text).is_some())
            .with_format(Extent::FORMAT, |text| Extent::parse(text).is_some())
            .with_format(Share::FORMAT, |text| Share::parse(text).is_some())
            .should_validate_formats(true)
            .build(schema::shared(kind))
            .ok()
    });
    validator.as_ref()
}

/// All violations of a kind's schema.
pub(crate) fn check(kind: Kind, value: Value) -> Checked {
    let mut explainer = Explainer {
        root: Node::root(schema::shared(kind)),
        document: &value,
        found: Vec::new(),
        unknown: Vec::new(),
        misspelt: Vec::new(),
    };
    for error in validator(kind)
        .into_iter()
        .flat_map(|validator| validator.iter_errors(&value))
    {
        explainer.explain(&error);
    }
    let Explainer {
        found: mut violations,
        unknown,
        misspelt,
        ..
    } = explainer;
    // A field that is there under a wrong name is one mistake, not two.
    violations.retain(|violation| {
        let missing = |(pointer, name): &(String, String)| {
            violation.wrong == Wrong::Missing
                && violation.pointer == *pointer
                && violation.message == missing_field(name)
        };
        !misspelt.iter().any(missing)
    });
    let mut known = value;
    for (pointer, meant) in unknown {
        rename(&mut known, &pointer, meant);
    }
    if misspelt.contains(&(String::new(), "extends".to_owned())) {
        // What it does not say itself is meant to come from elsewhere: there is nothing to tell of the rest yet.
        violations.retain(|violation| violation.wrong == Wrong::Key);
        known = Value::Null;
    }
    Checked { violations, known }
}

/// Gives a field another name, or takes it away where there is none.
fn rename(value: &mut Value, pointer: &str, name: Option<String>) {
    if let Some((parent, key)) = pointer.rsplit_once('/')
        && let Some(Value::Object(map)) = value.pointer_mut(parent)
        && let (Some(value), Some(name)) = (map.remove(&unescape(key)), name)
    {
        map.insert(name, value);
    }
}

/// Turns a validator's errors into violations.
struct Explainer<'a> {
    root: Node<'a>,
    document: &'a Value,
    found: Vec<Violation>,
    /// Pointers of unknown fields, and what they were probably meant to be.
    unknown: Vec<(String, Option<String>)>,
    /// Fields that unknown ones were probably meant to be, with the pointers of their maps.
    misspelt: Vec<(String, String)>,
}

impl<'a> Explainer<'a> {
    fn explain(&mut self, error: &ValidationError) {
        self.explain_below(self.root, "", error, &[]);
    }

    /// Of an alternative's errors: keys are those of that alternative, which stands at `place`, where the others would have had those of `others`.
    fn explain_below(
        &mut self,
        alternative: Node<'a>,
        place: &str,
        error: &ValidationError,
        others: &[&str],
    ) {
        let pointer = error.instance_path().as_str();
        let below = pointer.strip_prefix(place).unwrap_or(pointer);
        let node = alternative.descend(below);
        let value = self.document.pointer(pointer).unwrap_or(&Value::Null);
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let others = if below.is_empty() { others } else { &[] };
                self.unknown_fields(pointer, node, value, unexpected, others);
            }
            ValidationErrorKind::OneOfNotValid { context }
            | ValidationErrorKind::AnyOf { context } => {
                self.choice(pointer, node, value, context);
            }
            kind => {
                let (message, help) = said(kind, node, value, error);
                let missing = matches!(kind, ValidationErrorKind::Required { .. });
                self.find(Violation {
                    pointer: pointer.to_owned(),
                    wrong: if missing {
                        Wrong::Missing
                    } else {
                        Wrong::Value
                    },
                    message,
                    help,
                });
            }
        }
    }

    fn find(&mut self, violation: Violation) {
        if !self.found.contains(&violation) {
            self.found.push(violation);
        }
    }

    fn unknown_fields(
        &mut self,
        pointer: &str,
        node: Option<Node>,
        value: &Value,
        unexpected: &[String],
        others: &[&str],
    ) {
        let keys = node.map(|node| keys_like(node, value)).unwrap_or_default();
        let free: Vec<&str> = keys
            .iter()
            .copied()
            .filter(|key| value.get(key).is_none())
            .collect();
        for key in unexpected {
            let meant = nearest(key, free.iter().copied()).map(str::to_owned);
            self.misspelt
                .extend(meant.clone().map(|meant| (pointer.to_owned(), meant)));
            let pointer = format!("{pointer}/{}", escape(key));
            // One that is there already may have come from what a variant extends, and so may all that is there of another alternative.
            let near = |keys: &&[&str]| nearest(key, keys.iter().copied()).is_some();
            let valid = [&free[..], &keys, others].into_iter().find(near);
            let help = name_help(key, valid.unwrap_or(&free));
            let help = help.unwrap_or_else(|| "remove it".to_owned());
            self.find(
                Violation::new(pointer.clone(), format!("unknown field `{key}`"), help).on_key(),
            );
            self.unknown.push((pointer, meant));
        }
    }

    /// A value that fits no alternative: the mistakes inside the one it looks most like, or the names of all.
    fn choice(
        &mut self,
        pointer: &str,
        node: Option<Node<'a>>,
        value: &Value,
        context: &[Vec<ValidationError>],
    ) {
        let branches = node.map(Node::branches).unwrap_or_default();
        let given = keys_of(value);
        let alike = branches
            .iter()
            .zip(context)
            .map(|(branch, errors)| (shared(*branch, &given), *branch, errors))
            .filter(|(shared, ..)| *shared > 0)
            .max_by_key(|(shared, _, errors)| (*shared, std::cmp::Reverse(errors.len())));
        match alike {
            Some((_, branch, errors)) => {
                let all: Vec<&str> = branches.iter().flat_map(|branch| branch.keys()).collect();
                for error in errors {
                    self.explain_below(branch, pointer, error, &all);
                }
            }
            None => {
                let violation = no_alternative(pointer, node, value, &branches);
                self.find(violation);
            }
        }
    }
}

/// Message and help of a plain violation.
fn said(
    kind: &ValidationErrorKind,
    node: Option<Node>,
    value: &Value,
    error: &ValidationError,
) -> (String, Option<String>) {
    let shown = shown(value);
    match kind {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            (missing_field(name), Some(format!("add `{name}:`")))
        }
        ValidationErrorKind::Type { kind } => (
            format!("{shown} is {}, not {}", described(value), expected(kind)),
            remedy(node, kind),
        ),
        ValidationErrorKind::Enum { .. } | ValidationErrorKind::Constant { .. } => {
            let words = node.map(Node::words).unwrap_or_default();
            let help = value.as_str().and_then(|word| name_help(word, &words));
            (format!("unknown value {shown}"), help)
        }
        ValidationErrorKind::Minimum { limit } => (
            format!("{shown} is too small"),
            Some(format!("at least {}", number(limit))),
        ),
        ValidationErrorKind::ExclusiveMinimum { limit } => (
            format!("{shown} is too small"),
            Some(format!("more than {}", number(limit))),
        ),
        ValidationErrorKind::Maximum { limit } => (
            format!("{shown} is too large"),
            Some(format!("at most {}", number(limit))),
        ),
        ValidationErrorKind::ExclusiveMaximum { limit } => (
            format!("{shown} is too large"),
            Some(format!("less than {}", number(limit))),
        ),
        ValidationErrorKind::MinItems { limit } => (
            format!("{shown} has too few entries"),
            Some(format!("at least {limit}")),
        ),
        ValidationErrorKind::UniqueItems => (
            format!("{shown} names something twice"),
            Some("keep one of them".to_owned()),
        ),
        ValidationErrorKind::Format { format } => unreadable(format, value),
        _ => (error.to_string(), None),
    }
}

fn missing_field(name: &str) -> String {
    format!("missing field `{name}`")
}

fn keys_of(value: &Value) -> Vec<&str> {
    let keys = value.as_object().into_iter().flat_map(|map| map.keys());
    keys.map(String::as_str).collect()
}

/// How many of these keys a map may have here, in whichever alternative has most of them: an optional choice is a choice in a choice.
fn shared(node: Node, given: &[&str]) -> usize {
    let keys = node.keys();
    let own = given.iter().filter(|key| keys.contains(key)).count();
    let within = node.branches().into_iter();
    within
        .map(|branch| shared(branch, given))
        .fold(own, usize::max)
}

/// Keys of the alternative that `value` looks most like.
fn keys_like<'a>(node: Node<'a>, value: &Value) -> Vec<&'a str> {
    let given = keys_of(value);
    let alternatives = node.branches().into_iter().map(Node::keys);
    std::iter::once(node.keys())
        .chain(alternatives)
        .max_by_key(|keys| keys.iter().filter(|key| given.contains(key)).count())
        .unwrap_or_default()
}

fn no_alternative(
    pointer: &str,
    node: Option<Node>,
    value: &Value,
    branches: &[Node],
) -> Violation {
    let tags: Vec<&str> = branches.iter().flat_map(|branch| branch.keys()).collect();
    let words = node.map(Node::words).unwrap_or_default();
    // What may stand alone or with settings is told once.
    let more = tags.iter().filter(|tag| !words.contains(tag));
    let all: Vec<&str> = words.iter().chain(more).copied().collect();
    let (wrong, is_key) = match (value, keys_of(value).first()) {
        (Value::String(word), _) => (word.as_str(), false),
        (_, Some(key)) => (*key, true),
        _ => {
            let message = format!("{} is {}", shown(value), described(value));
            // Alternatives of one field each are called by it; others, by what the schema says of them all.
            let tagged = branches.iter().all(|branch| branch.keys().len() <= 1);
            let names = name_help("", &all).filter(|_| tagged);
            return Violation {
                help: names.or_else(|| Some(alternatives(branches))),
                ..Violation::new(pointer, message, "")
            };
        }
    };
    let help = match (tags.contains(&wrong), words.contains(&wrong)) {
        (true, _) => Some(format!(
            "`{wrong}` needs settings: write `{{ {wrong}: {{ … }} }}`"
        )),
        (_, true) => Some(format!("`{wrong}` has no settings: write it alone")),
        _ => name_help(wrong, &all),
    };
    let message = format!("unknown value `{wrong}`");
    let violation = if is_key {
        Violation::new(format!("{pointer}/{}", escape(wrong)), message, "").on_key()
    } else {
        Violation::new(pointer, message, "")
    };
    Violation { help, ..violation }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_compiles() {
        for kind in Kind::ALL {
            assert!(validator(kind).is_some(), "{kind:?}");
        }
    }
}
