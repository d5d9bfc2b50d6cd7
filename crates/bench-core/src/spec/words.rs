//! How messages call values and types.

use super::schema::Node;
use crate::number::{Extent, Share, Span, percent};
use jsonschema::JsonType;
use jsonschema::error::TypeKind;
use serde_json::Value;

/// What to write where a value of another type stands.
pub(super) fn remedy(node: Option<Node>, kind: &TypeKind) -> Option<String> {
    let keyword = |node: &Node| node.here.get("format")?.as_str().and_then(form);
    if let Some(form) = node.as_ref().and_then(keyword) {
        return Some(format!("write {form}"));
    }
    let single = match kind {
        TypeKind::Single(one) => Some(*one),
        TypeKind::Multiple(set) => set.iter().find(|one| *one != JsonType::Null),
    };
    let form = match single? {
        JsonType::Integer => "a whole number, such as `100`".to_owned(),
        JsonType::Number => "a number, such as `0.1`".to_owned(),
        JsonType::Boolean => "`true` or `false`".to_owned(),
        JsonType::String => "text; put it in quotes where it looks like something else".to_owned(),
        JsonType::Array => "a list, such as `[a, b]`".to_owned(),
        JsonType::Object => node.map_or_else(|| "a map".to_owned(), map),
        JsonType::Null => return None,
    };
    Some(format!("write {form}"))
}

/// What may be written where none of some alternatives stands.
pub(super) fn alternatives(branches: &[Node]) -> String {
    let forms = branches.iter().map(|branch| match branch.keys()[..] {
        [] => "a value alone".to_owned(),
        _ => map(*branch),
    });
    format!("write {}", forms.collect::<Vec<_>>().join(", or "))
}

/// A map with the keys that it cannot be without.
fn map(node: Node) -> String {
    let required = node.here.get("required").and_then(Value::as_array);
    let keys = required.into_iter().flatten().filter_map(Value::as_str);
    let keys: Vec<String> = keys.map(|key| format!("{key}: …")).collect();
    match keys[..] {
        [] => "a map of names to values".to_owned(),
        _ => format!("`{{ {} }}`", keys.join(", ")),
    }
}

/// How texts of a format are written.
fn form(format: &str) -> Option<&'static str> {
    match format {
        Span::FORMAT => Some("a length of time like `60s`, `15m` or `1h 30m`"),
        Extent::FORMAT => {
            Some("a number of steps like `200`, or a share of the step hint like `5%`")
        }
        Share::FORMAT => Some("a share like `0.1` or `10%`"),
        _ => None,
    }
}

/// Message and help of a text that is not of a format; of a percentage, the limit.
pub(super) fn unreadable(format: &str, value: &Value) -> (String, Option<String>) {
    let shown = shown(value);
    let is_share = [Extent::FORMAT, Share::FORMAT].contains(&format);
    match value.as_str().and_then(percent).filter(|_| is_share) {
        Some(share) if share > 1.0 => (
            format!("{shown} is too large"),
            Some("at most 100%".to_owned()),
        ),
        Some(share) if share < 0.0 => (
            format!("{shown} is too small"),
            Some("at least 0%".to_owned()),
        ),
        _ => (
            format!("{shown} cannot be read"),
            form(format).map(|form| format!("write {form}")),
        ),
    }
}

/// A value as it is quoted in messages; long ones are cut.
pub(super) fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(60) {
        Some((cut, _)) => format!("`{}…`", &text[..cut]),
        None => format!("`{text}`"),
    }
}

/// A value's type.
pub(super) fn described(value: &Value) -> &'static str {
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

/// The types that a schema wants.
pub(super) fn expected(kind: &TypeKind) -> String {
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

/// A limit as people write it: `0`, not `0.0`.
pub(super) fn number(limit: &Value) -> String {
    match limit.as_f64() {
        Some(x) if limit.is_f64() => x.to_string(),
        _ => limit.to_string(),
    }
}
