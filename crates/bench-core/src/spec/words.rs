//! How messages call values and types.

use super::schema::Node;
use jsonschema::error::TypeKind;
use serde_json::Value;

/// What a schema says of a place, in one line.
pub(super) fn help_of(node: Node) -> Option<String> {
    let text = node.here.get("description")?.as_str()?;
    Some(text.lines().next().unwrap_or_default().to_owned())
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
