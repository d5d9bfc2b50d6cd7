//! JSON Schemas of the four kinds of file, generated from the types.

use super::scheduled;
use super::yaml::unescape;
use super::{dataset::Dataset, harness::Harness, submission::Submission, workload::Workload};
use crate::number::MOST;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::Value;
use std::sync::OnceLock;

/// The kinds of file people write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `workloads/*.yaml`.
    Workload,
    /// `workloads/datasets/*.yaml`.
    Dataset,
    /// `submissions/*/submission.yaml`.
    Submission,
    /// `harness.yaml`.
    Harness,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [
        Kind::Workload,
        Kind::Dataset,
        Kind::Submission,
        Kind::Harness,
    ];

    /// As `bench schema` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Workload => "workload",
            Kind::Dataset => "dataset",
            Kind::Submission => "submission",
            Kind::Harness => "harness",
        }
    }
}

/// The JSON Schema of a kind of file.
pub fn json_schema(kind: Kind) -> Value {
    let generator = SchemaSettings::draft2020_12()
        .with_transform(RecursiveTransform(bounded))
        .into_generator();
    let schema = match kind {
        Kind::Workload => generator.into_root_schema_for::<Workload>(),
        Kind::Dataset => generator.into_root_schema_for::<Dataset>(),
        Kind::Submission => generator.into_root_schema_for::<Submission>(),
        Kind::Harness => generator.into_root_schema_for::<Harness>(),
    };
    schema.to_value()
}

/// The same, generated once.
pub(crate) fn shared(kind: Kind) -> &'static Value {
    static SCHEMAS: [OnceLock<Value>; 4] = [const { OnceLock::new() }; 4];
    SCHEMAS[kind as usize].get_or_init(|| json_schema(kind))
}

/// Writes out the largest whole number that a field holds: its format alone is checked by nobody.
fn bounded(schema: &mut Schema) {
    let most = match schema.get("format").and_then(Value::as_str) {
        Some("uint32") => u64::from(u32::MAX),
        Some("uint64") => MOST,
        _ => return,
    };
    schema.remove("format");
    if schema.get("maximum").is_none() {
        schema.insert("maximum".to_owned(), most.into());
    }
}

/// The schema as `bench schema` prints it and `crates/bench-core/schema/` holds it for editors.
pub fn text(kind: Kind) -> String {
    let mut schema = json_schema(kind);
    if kind == Kind::Submission {
        scheduled::publish(&mut schema);
    }
    let mut text = format!("{schema:#}");
    text.push('\n');
    text
}

/// A part of a schema, with references followed.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a> {
    root: &'a Value,
    pub here: &'a Value,
}

impl<'a> Node<'a> {
    pub(crate) fn root(root: &'a Value) -> Node<'a> {
        Node { root, here: root }.resolved()
    }

    fn at(self, here: &'a Value) -> Node<'a> {
        Node {
            root: self.root,
            here,
        }
        .resolved()
    }

    fn resolved(mut self) -> Node<'a> {
        while let Some(reference) = self.here.get("$ref").and_then(Value::as_str) {
            match self.root.pointer(reference.trim_start_matches('#')) {
                Some(target) => self.here = target,
                None => break,
            }
        }
        self
    }

    /// The alternatives of a choice; empty for a plain schema.
    pub(crate) fn branches(self) -> Vec<Node<'a>> {
        ["oneOf", "anyOf"]
            .iter()
            .filter_map(|keyword| self.here.get(keyword)?.as_array())
            .flatten()
            .map(|branch| self.at(branch))
            .collect()
    }

    /// Keys that a map may have here, by name.
    pub(crate) fn keys(self) -> Vec<&'a str> {
        self.here
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|properties| properties.keys())
            .map(String::as_str)
            .collect()
    }

    /// The schema of the value under `key`, whichever alternative has it.
    pub(crate) fn child(self, key: &str) -> Option<Node<'a>> {
        let own = self
            .here
            .get("properties")
            .and_then(|properties| properties.get(key))
            .or_else(|| self.here.get("items"))
            .or_else(|| self.here.get("additionalProperties"))
            .filter(|schema| schema.is_object())
            .map(|schema| self.at(schema));
        own.or_else(|| {
            self.branches()
                .into_iter()
                .find_map(|branch| branch.child(key))
        })
    }

    /// Walks to a JSON pointer.
    pub(crate) fn descend(self, pointer: &str) -> Option<Node<'a>> {
        pointer
            .split('/')
            .skip(1)
            .try_fold(self, |node, part| node.child(&unescape(part)))
    }

    /// Words that may stand here in place of a map (the unit variants of a choice).
    pub(crate) fn words(self) -> Vec<&'a str> {
        let constant = self.here.get("const").into_iter();
        let listed = self
            .here
            .get("enum")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let own = constant.chain(listed).filter_map(Value::as_str);
        own.chain(self.branches().into_iter().flat_map(Node::words))
            .collect()
    }

    /// Whether a map of these keys may stand here, one of the alternatives where there are some.
    pub(crate) fn allows(self, keys: &[&str]) -> bool {
        let own = |node: Node| {
            let known = node.keys();
            !known.is_empty() && keys.iter().all(|key| known.contains(key))
        };
        own(self) || self.branches().into_iter().any(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schemas_are_what_the_types_say() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
        for kind in Kind::ALL {
            let path = folder.join(format!("{}.json", kind.name()));
            if std::env::var_os("UPDATE_SCHEMAS").is_some() {
                std::fs::write(&path, text(kind)).unwrap();
            }
            let committed = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                committed == text(kind),
                "{} is old: run `UPDATE_SCHEMAS=1 cargo test -p bench-core schemas`",
                path.display()
            );
        }
    }

    #[test]
    fn nodes_follow_references_and_choices() {
        let schema = json_schema(Kind::Workload);
        let root = Node::root(&schema);
        assert!(root.keys().contains(&"step-hint"));
        let hidden = root.descend("/model/mlp").unwrap();
        assert_eq!(hidden.keys(), ["activation", "dropout", "hidden", "init"]);
        assert!(root.child("model").unwrap().allows(&["resnet"]));
        assert!(
            root.child("loss")
                .unwrap()
                .words()
                .contains(&"cross-entropy")
        );
    }
}
