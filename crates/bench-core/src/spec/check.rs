//! A value against its schema: every violation at once, in words, at the place where it stands.

use super::diagnostic::name_help;
use super::schema::{self, Kind, Node};
use super::yaml::escape;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use serde_json::Value;
use std::sync::OnceLock;

/// A violation, found by the schema or by a rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Violation {
    /// JSON pointer of the value that is wrong.
    pub pointer: String,
    /// Whether its key is what is wrong, not its value.
    pub on_key: bool,
    pub message: String,
    pub help: Option<String>,
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
            on_key: false,
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
        Violation {
            pointer: pointer.into(),
            on_key: false,
            message: format!("unknown {what} `{name}`"),
            help: name_help(name, valid).or_else(|| Some(format!("there is no {what} yet"))),
        }
    }
}

struct Checker {
    schema: Value,
    validator: Option<Validator>,
}

fn checker(kind: Kind) -> &'static Checker {
    static CHECKERS: [OnceLock<Checker>; 4] = [const { OnceLock::new() }; 4];
    CHECKERS[kind as usize].get_or_init(|| {
        let schema = schema::json_schema(kind);
        // Generated schemas compile: a test goes through all of them.
        let validator = jsonschema::validator_for(&schema).ok();
        Checker { schema, validator }
    })
}

/// All violations of a kind's schema.
pub(crate) fn violations(kind: Kind, value: &Value) -> Vec<Violation> {
    let checker = checker(kind);
    let root = Node::root(&checker.schema);
    let mut found = Vec::new();
    for error in checker
        .validator
        .iter()
        .flat_map(|validator| validator.iter_errors(value))
    {
        explain(&error, root, value, &mut found);
    }
    found
}

fn explain(error: &ValidationError, root: Node, document: &Value, found: &mut Vec<Violation>) {
    let pointer = error.instance_path().as_str().to_owned();
    let node = root.descend(&pointer);
    let value = document.pointer(&pointer).unwrap_or(&Value::Null);
    let plain = |message: String, help: Option<String>| Violation {
        pointer: pointer.clone(),
        on_key: false,
        message,
        help,
    };
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let keys = node.map(keys_like(value)).unwrap_or_default();
            let free: Vec<&str> = keys
                .into_iter()
                .filter(|key| value.get(key).is_none())
                .collect();
            found.extend(unexpected.iter().map(|key| Violation {
                pointer: format!("{pointer}/{}", escape(key)),
                on_key: true,
                message: format!("unknown field `{key}`"),
                help: name_help(key, &free).or_else(|| Some("remove it".to_owned())),
            }));
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            found.push(Violation {
                on_key: true,
                ..plain(
                    format!("missing field `{name}`"),
                    Some(format!("add `{name}:`")),
                )
            });
        }
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
            let inner = &mut |error: &ValidationError| explain(error, root, document, &mut *found);
            let outer = choice(node, value, &pointer, context, inner);
            found.extend(outer);
        }
        ValidationErrorKind::Type { kind } => found.push(plain(
            format!(
                "{} is {}, not {}",
                shown(value),
                described(value),
                expected(kind)
            ),
            node.and_then(|node| help_of(node)),
        )),
        ValidationErrorKind::Enum { .. } | ValidationErrorKind::Constant { .. } => {
            let words = node.map(Node::words).unwrap_or_default();
            let help = value.as_str().and_then(|word| name_help(word, &words));
            found.push(plain(format!("unknown value {}", shown(value)), help));
        }
        ValidationErrorKind::Minimum { limit } => {
            found.push(plain(
                format!("{} is too small", shown(value)),
                Some(format!("at least {limit}")),
            ));
        }
        ValidationErrorKind::Maximum { limit } => {
            found.push(plain(
                format!("{} is too large", shown(value)),
                Some(format!("at most {limit}")),
            ));
        }
        ValidationErrorKind::Pattern { .. } | ValidationErrorKind::Format { .. } => {
            found.push(plain(
                format!("{} cannot be read", shown(value)),
                node.and_then(|node| help_of(node)),
            ));
        }
        _ => found.push(plain(error.to_string(), None)),
    }
}

/// Keys of the alternative that `value` looks most like.
fn keys_like<'a>(value: &Value) -> impl Fn(Node<'a>) -> Vec<&'a str> {
    let given: Vec<String> = value
        .as_object()
        .map(|map| map.keys().cloned().collect())
        .unwrap_or_default();
    move |node| {
        let mut all = vec![node.keys()];
        all.extend(node.branches().into_iter().map(Node::keys));
        all.into_iter()
            .max_by_key(|keys| {
                keys.iter()
                    .filter(|key| given.iter().any(|name| name == *key))
                    .count()
            })
            .unwrap_or_default()
    }
}

/// A value that fits no alternative: the mistake inside the alternative it looks most like, or the names of all.
fn choice(
    node: Option<Node>,
    value: &Value,
    pointer: &str,
    context: &[Vec<ValidationError>],
    explain: &mut dyn FnMut(&ValidationError),
) -> Option<Violation> {
    let branches = node.map(Node::branches).unwrap_or_default();
    let given: Vec<&str> = value
        .as_object()
        .map(|map| map.keys().map(String::as_str).collect())
        .unwrap_or_default();
    let best = branches
        .iter()
        .zip(context)
        .map(|(branch, errors)| {
            (
                branch
                    .keys()
                    .iter()
                    .filter(|key| given.contains(key))
                    .count(),
                errors,
            )
        })
        .filter(|(shared, _)| *shared > 0)
        .max_by_key(|(shared, errors)| (*shared, std::cmp::Reverse(errors.len())));
    if let Some((_, errors)) = best {
        errors.iter().for_each(explain);
        return None;
    }
    let tags: Vec<&str> = branches.iter().flat_map(|branch| branch.keys()).collect();
    let words = node.map(Node::words).unwrap_or_default();
    let all: Vec<&str> = words.iter().chain(&tags).copied().collect();
    let (wrong, on_key) = match (value, given.first()) {
        (Value::String(word), _) => (word.as_str(), false),
        (_, Some(key)) => (*key, true),
        _ => {
            return Some(Violation {
                pointer: pointer.to_owned(),
                on_key: false,
                message: format!("{} is {}", shown(value), described(value)),
                help: name_help("", &all),
            });
        }
    };
    let help = match (tags.contains(&wrong), words.contains(&wrong)) {
        (true, _) => Some(format!(
            "`{wrong}` needs settings: write `{{ {wrong}: {{ … }} }}`"
        )),
        (_, true) => Some(format!("`{wrong}` has no settings: write it alone")),
        _ => name_help(wrong, &all),
    };
    Some(Violation {
        pointer: if on_key {
            format!("{pointer}/{}", escape(wrong))
        } else {
            pointer.to_owned()
        },
        on_key,
        message: format!("unknown value `{wrong}`"),
        help,
    })
}

fn help_of(node: Node) -> Option<String> {
    let text = node.here.get("description")?.as_str()?;
    Some(text.lines().next().unwrap_or_default().to_owned())
}

/// A value as it is quoted in messages; long ones are cut.
pub(crate) fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(60) {
        Some((cut, _)) => format!("`{}…`", &text[..cut]),
        None => format!("`{text}`"),
    }
}

fn described(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty",
        Value::Bool(_) => "a switch",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a whole number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

fn expected(kind: &TypeKind) -> String {
    let name = |text: String| match text.as_str() {
        "integer" => "a whole number".to_owned(),
        "number" => "a number".to_owned(),
        "string" => "text".to_owned(),
        "boolean" => "true or false".to_owned(),
        "array" => "a list".to_owned(),
        "object" => "a map".to_owned(),
        _ => "empty".to_owned(),
    };
    match kind {
        TypeKind::Single(one) => name(one.to_string()),
        TypeKind::Multiple(set) => set
            .iter()
            .map(|one| name(one.to_string()))
            .filter(|text| text != "empty")
            .collect::<Vec<_>>()
            .join(" or "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_compiles() {
        for kind in Kind::ALL {
            assert!(checker(kind).validator.is_some(), "{kind:?}");
        }
    }
}
