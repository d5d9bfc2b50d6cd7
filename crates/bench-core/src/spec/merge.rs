//! `extends:` — a variant's keys over its base's, and the way back from a merged value to the file that wrote it.

use super::catalog::Entry;
use super::check::{Violation, Wrong};
use super::diagnostic::Span;
use super::schema::{self, Kind, Node};
use serde_json::{Map, Value};
use std::path::{Component, Path, PathBuf};

/// A file in a chain of `extends`.
#[derive(Clone, Copy)]
pub(super) struct Layer<'a> {
    pub entry: &'a Entry,
}

impl<'a> Layer<'a> {
    pub(super) fn of(entry: &'a Entry) -> Layer<'a> {
        Layer { entry }
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

/// The files that make up `entry`, its oldest base first and itself last.
pub(super) fn chain<'a>(
    entries: &'a [Entry],
    entry: &'a Entry,
) -> Result<Vec<Layer<'a>>, Violation> {
    let mut layers = vec![Layer { entry }];
    let mut here = entry;
    while let Some(base) = extends(here) {
        let wanted = |other: &&Entry| other.kind == here.kind && is_base(other, here, base);
        let Some(found) = entries.iter().find(wanted) else {
            let valid: Vec<&str> = entries
                .iter()
                .filter(|other| other.kind == here.kind && !std::ptr::eq(*other, here))
                .map(|other| other.name.as_str())
                .collect();
            let name = base.rsplit('/').next().unwrap_or(base);
            let mut violation = Violation::unknown("/extends", here.kind.name(), name, &valid);
            violation.message = format!(
                "cannot extend `{base}`: there is no such {}",
                here.kind.name()
            );
            return Err(violation);
        };
        if layers.iter().any(|layer| std::ptr::eq(layer.entry, found)) {
            let names: Vec<&str> = layers
                .iter()
                .map(|layer| layer.entry.name.as_str())
                .collect();
            return Err(Violation::new(
                "/extends",
                format!(
                    "`extends` goes in a circle: {} -> {}",
                    names.join(" -> "),
                    found.name
                ),
                "let one of them stand on its own",
            ));
        }
        layers.push(Layer { entry: found });
        here = found;
    }
    layers.reverse();
    Ok(layers)
}

fn extends(entry: &Entry) -> Option<&str> {
    match entry.kind {
        Kind::Workload | Kind::Submission => {
            entry.document.as_ref()?.value.get("extends")?.as_str()
        }
        Kind::Dataset | Kind::Harness => None,
    }
}

/// Workloads are extended by name, submissions by folder.
fn is_base(candidate: &Entry, variant: &Entry, base: &str) -> bool {
    match variant.kind {
        Kind::Submission => normalised(&candidate.folder) == normalised(&variant.folder.join(base)),
        _ => candidate.name == base,
    }
}

fn normalised(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(parts.pop()),
            other => parts.push(other),
        }
    }
    parts
}

/// All layers in one value; `extends` and comments of bases are left behind.
pub(super) fn merged(layers: &[Layer]) -> Value {
    let Some(kind) = layers.first().map(|layer| layer.entry.kind) else {
        return Value::Null;
    };
    let root = Node::root(schema::shared(kind));
    let mut merged = Value::Object(serde_json::Map::new());
    for layer in layers {
        if let Some(document) = &layer.entry.document {
            merge(&mut merged, &document.value, Some(root));
        }
    }
    merged
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
