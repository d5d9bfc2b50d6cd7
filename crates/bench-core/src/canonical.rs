//! One text for one meaning, and blake3 over it.
//!
//! Sorted keys, no white space, shortest round-trip numbers, integral floats written as integers (as RFC 8785 does):
//! whatever any dependency does to `serde_json`'s maps, the text stays.

use serde::Serialize;
use serde_json::Value;
use std::fmt::Write as _;

/// A value has no canonical form.
#[derive(Debug, thiserror::Error)]
#[error("no canonical JSON: {0}")]
pub struct CanonicalError(#[from] serde_json::Error);

/// Canonical JSON of `value`.
///
/// # Errors
/// When `value` does not serialise to JSON (a map with keys that are not strings, say).
pub fn to_string(value: &impl Serialize) -> Result<String, CanonicalError> {
    Ok(of_json(&serde_json::to_value(value)?))
}

/// Canonical JSON of what is JSON already.
pub fn of_json(value: &Value) -> String {
    let mut text = String::new();
    write_value(value, &mut text);
    text
}

/// blake3 of the canonical JSON in a derive-key context, as 64 hexadecimal digits.
/// The context separates identities: the same data hashed for two purposes gives two hashes.
///
/// # Errors
/// As [`to_string`].
pub fn hash(context: &str, value: &impl Serialize) -> Result<String, CanonicalError> {
    Ok(hash_text(context, &to_string(value)?))
}

/// The same of a text that is canonical JSON.
pub fn hash_text(context: &str, canonical: &str) -> String {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    hasher.update(canonical.as_bytes());
    hasher.finalize().to_hex().to_string()
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push('{');
            for (position, key) in keys.into_iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_text(key, out);
                out.push(':');
                write_value(&map[key], out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_value(item, out);
            }
            out.push(']');
        }
        Value::String(text) => write_text(text, out),
        Value::Number(number) => write_number(number, out),
        Value::Bool(_) | Value::Null => {
            let _ = write!(out, "{value}");
        }
    }
}

fn write_number(number: &serde_json::Number, out: &mut String) {
    // 2^53: up to here a float and an integer of the same value are the same number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let _ = match number.as_f64() {
        Some(x) if number.is_f64() && x.fract() == 0.0 && x.abs() < EXACT => {
            write!(out, "{}", x as i64)
        }
        _ => write!(out, "{number}"),
    };
}

fn write_text(text: &str, out: &mut String) {
    let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        let _ = write!(out, "{}", Value::from(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_and_integral_floats_are_integers() {
        let value = json!({"b": [1.0, 2.5, -0.0], "a": {"z": null, "y": "\"quoted\"\n"}});
        assert_eq!(
            to_string(&value).unwrap(),
            r#"{"a":{"y":"\"quoted\"\n","z":null},"b":[1,2.5,0]}"#
        );
    }

    #[test]
    fn contexts_separate_identities() {
        assert_ne!(
            hash("one", &json!(1)).unwrap(),
            hash("two", &json!(1)).unwrap()
        );
        assert_eq!(
            hash("one", &json!(1)).unwrap(),
            hash("one", &json!(1.0)).unwrap()
        );
    }
}
