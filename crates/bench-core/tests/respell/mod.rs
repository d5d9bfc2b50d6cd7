//! The same document written otherwise: order of keys, spelling of numbers, quotes, layout, comments, anchors.

use serde_json::Value;
use std::fmt::Write as _;

/// Writes a document in a way that `choices` decide.
pub(crate) struct Respeller {
    choices: Vec<u8>,
    next: usize,
    anchored: Vec<(Value, String)>,
}

impl Respeller {
    pub(crate) fn new(choices: Vec<u8>) -> Respeller {
        Respeller {
            choices,
            next: 0,
            anchored: Vec::new(),
        }
    }

    pub(crate) fn document(&mut self, value: &Value) -> String {
        let mut out = String::new();
        self.block(value, 0, &mut out);
        out
    }

    fn choose(&mut self, below: usize) -> usize {
        let choice = self.choices.get(self.next % self.choices.len().max(1));
        self.next += 1;
        usize::from(choice.copied().unwrap_or(0)) % below
    }

    /// A map or list, one entry a line; its first line is the next.
    fn block(&mut self, value: &Value, indent: usize, out: &mut String) {
        let pad = " ".repeat(indent);
        let entries: Vec<(Option<&str>, &Value)> = match value {
            Value::Object(map) => {
                let mut entries: Vec<_> = map.iter().map(|(k, v)| (Some(k.as_str()), v)).collect();
                self.shuffle(&mut entries);
                entries
            }
            Value::Array(items) => items.iter().map(|item| (None, item)).collect(),
            _ => unreachable!("a document is a map"),
        };
        for (key, value) in entries {
            if self.choose(5) == 0 {
                let _ = writeln!(out, "{pad}# a comment: {{ not: yaml\n");
            }
            out.push_str(&pad);
            match key {
                Some(key) => {
                    let key = self.text(key);
                    let _ = write!(out, "{key}:");
                }
                None => out.push('-'),
            }
            let nested = matches!(value, Value::Object(m) if !m.is_empty())
                || matches!(value, Value::Array(a) if !a.is_empty());
            if nested && self.choose(2) == 0 {
                out.push('\n');
                let deeper = indent + 1 + self.choose(4);
                self.block(value, deeper, out);
            } else {
                out.push(' ');
                self.flow(value, out);
                if self.choose(4) == 0 {
                    out.push_str("  # why");
                }
                out.push('\n');
            }
        }
    }

    fn flow(&mut self, value: &Value, out: &mut String) {
        match value {
            Value::Object(map) => {
                let mut entries: Vec<_> = map.iter().collect();
                self.shuffle(&mut entries);
                out.push('{');
                for (position, (key, value)) in entries.into_iter().enumerate() {
                    out.push_str(if position > 0 { ", " } else { " " });
                    let key = self.text(key);
                    let _ = write!(out, "{key}: ");
                    self.flow(value, out);
                }
                out.push_str(" }");
            }
            Value::Array(items) => {
                out.push('[');
                for (position, item) in items.iter().enumerate() {
                    out.push_str(if position > 0 { ", " } else { "" });
                    self.flow(item, out);
                }
                out.push(']');
            }
            scalar => {
                let text = self.scalar(scalar);
                out.push_str(&text);
            }
        }
    }

    /// Sometimes named, and then called by the name.
    fn scalar(&mut self, value: &Value) -> String {
        if let Some((_, name)) = self.anchored.iter().find(|(other, _)| other == value) {
            return format!("*{name} ");
        }
        let text = match value {
            Value::String(text) => self.text(text),
            Value::Number(number) => self.number(number.as_f64().unwrap()),
            other => other.to_string(),
        };
        if self.choose(6) > 0 {
            return text;
        }
        let name = format!("a{}", self.anchored.len());
        self.anchored.push((value.clone(), name.clone()));
        format!("&{name} {text}")
    }

    fn text(&mut self, text: &str) -> String {
        let plain = !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || "-_".contains(c));
        let numeric = text.parse::<f64>().is_ok();
        match self.choose(3) {
            0 if plain && !numeric => text.to_owned(),
            1 => format!("'{}'", text.replace('\'', "''")),
            _ => format!("{text:?}"),
        }
    }

    fn number(&mut self, x: f64) -> String {
        match self.choose(4) {
            0 => format!("{x}"),
            1 => format!("{x:?}"),
            2 => format!("{x:e}"),
            _ => format!("{x:E}"),
        }
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.choose(last + 1);
            items.swap(last, other);
        }
    }
}
