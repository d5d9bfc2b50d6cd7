//! A variant's keys over its base's, and the way back from a merged value to the file that wrote it.

use super::catalog::Entry;
use super::check::{Violation, Wrong};
use super::diagnostic::Span;
use super::schema::{self, Kind, Node};
use serde_json::{Map, Value};

/// A file in a chain of `extends`.
#[derive(Clone, Copy)]
pub(super) struct Layer<'a> {
    pub entry: &'a Entry,
}

impl<'a> Layer<'a> {
    pub(super) fn of(entry: &'a Entry) -> Layer<'a> {
        Layer { entry }
    }

    /// Whether its file has something at this pointer.
    pub(super) fn writes(self, pointer: &str) -> bool {
        let document = self.entry.document.as_ref();
        document.is_some_and(|document| document.places.contains_key(pointer))
    }

    /// Whether a number of it was lost.
    pub(super) fn lost_any(self) -> bool {
        let document = self.entry.document.as_ref();
        document.is_some_and(|document| !document.lost.is_empty())
    }

    /// Whether the value there is a number JSON does not have, of which the person has been told.
    pub(super) fn lost(self, pointer: &str) -> bool {
        let document = self.entry.document.as_ref();
        document.is_some_and(|document| document.lost.contains(pointer))
    }
}

/// All layers in one value; `extends` and comments of bases are left behind.
pub(super) fn merged(layers: &[Layer]) -> Value {
    let Some(kind) = layers.first().map(|layer| layer.entry.kind) else {
        return Value::Null;
    };
    let mut merged = Value::Object(serde_json::Map::new());
    for layer in layers {
        if let Some(document) = &layer.entry.document {
            over(kind, &mut merged, &document.value);
        }
    }
    merged
}

/// One more layer.
pub(super) fn over(kind: Kind, merged: &mut Value, layer: &Value) {
    merge(merged, layer, Some(Node::root(schema::shared(kind))));
}

fn merge(base: &mut Value, over: &Value, node: Option<Node>) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            if node.is_some_and(|node| chooses_anew(node, base, over)) {
                base.clear();
            }
            for (key, value) in over {
                match base.get_mut(key) {
                    Some(slot) => merge(slot, value, node.and_then(|node| node.child(key))),
                    None => {
                        base.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (base, over) => *base = over.clone(),
    }
}

/// Whether `over` takes another alternative than `base` did (another model, a list for a range): then it replaces the base's map.
fn chooses_anew(node: Node, base: &Map<String, Value>, over: &Map<String, Value>) -> bool {
    let keys = |map: &'_ Map<String, Value>| -> Vec<String> { map.keys().cloned().collect() };
    let (over, both) = (keys(over), [keys(base), keys(over)].concat());
    let allows = |keys: &[String]| {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        node.allows(&keys)
    };
    !node.branches().is_empty() && allows(&over) && !allows(&both)
}

/// The file and the span that a violation is about: in the last layer that wrote the value, or as near above it as any did.
pub(super) fn place<'a>(layers: &[Layer<'a>], violation: &Violation) -> Option<(&'a Entry, Span)> {
    let mut pointer = violation.pointer.as_str();
    let mut on_key = violation.wrong != Wrong::Value;
    loop {
        for layer in layers.iter().rev() {
            let Some(place) = layer
                .entry
                .document
                .as_ref()
                .and_then(|document| document.places.get(pointer))
            else {
                continue;
            };
            if pointer.is_empty() {
                break;
            }
            let span = match (on_key, place.key) {
                (true, Some(key)) => key,
                // A map or list is pointed at by its key: its own span may be half the file.
                (false, Some(key)) if place.value.length > 40 => key,
                _ => place.value,
            };
            return Some((layer.entry, span));
        }
        if pointer.is_empty() {
            return layers.last().map(|layer| (layer.entry, Span::default()));
        }
        pointer = &pointer[..pointer.rfind('/').unwrap_or(0)];
        on_key = true;
    }
}
