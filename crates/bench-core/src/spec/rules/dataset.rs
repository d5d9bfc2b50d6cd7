//! Rules of a data set by itself.

use super::{Findings, arrays, part};
use crate::spec::check::Violation;
use crate::spec::dataset::{DocumentFormat, Format, Source, Split};
use crate::spec::yaml::escape;
use serde_json::Value;
use std::collections::BTreeMap;

const SPLITS: [&str; 3] = ["train", "validation", "test"];
/// Files of a format that cannot be read.
const FILES: &[&str] = &SPLITS;

const PINNED: &str = "write the 64 hexadecimal digits that `sha256sum` prints";

/// A data set by itself.
pub(in crate::spec) fn dataset(file: &Value) -> Vec<Violation> {
    let mut found = Findings::of(file);
    let format: Option<Format> = part(file, "/format");
    let splits: Vec<(&str, Split)> = SPLITS
        .iter()
        .filter_map(|name| Some((*name, part(file, &format!("/splits/{name}"))?)))
        .collect();
    if let Some(Format::Documents(documents)) = &format {
        held_out(&mut found, documents);
    }
    if let Some(Format::Arrays(format)) = &format {
        arrays::arrays(&mut found, format, &splits);
    }
    for (position, (name, split)) in splits.iter().enumerate() {
        alone(&mut found, name, split, format.as_ref());
        for (other_name, other) in &splits[..position] {
            found.require(
                split.from != other.from || apart(split, other),
                format!("/splits/{name}"),
                format!("split `{name}` overlaps split `{other_name}`"),
                "move `start` or lower `count`: no example may stand in two splits",
            );
        }
    }
    let sums: BTreeMap<String, String> = part(file, "/sha256").unwrap_or_default();
    for (name, sum) in &sums {
        let pointer = format!("/sha256/{}", escape(name));
        hash(&mut found, pointer, "sha256", sum, PINNED);
    }
    let sources = file.get("sources").and_then(Value::as_array);
    let served = sources.is_some_and(|sources| !sources.is_empty());
    match &format {
        Some(Format::Generated(_)) => found.require(
            !served,
            "/sources",
            "generated data comes from nowhere",
            "remove `sources`",
        ),
        Some(format) => {
            found.require(
                served,
                "/sources",
                "nowhere to get the data from",
                "add `sources:`, at least `folder`",
            );
            for position in 0..sources.map_or(0, Vec::len) {
                if let Some(one) = part(file, &format!("/sources/{position}")) {
                    source(&mut found, position, &one, &roles(format, &splits));
                }
            }
        }
        None => {}
    }
    found.0
}

/// The files that a source has to serve.
fn roles(format: &Format, splits: &[(&str, Split)]) -> Vec<&'static str> {
    let split_already = matches!(format, Format::Arrays(arrays) if arrays.split.is_none());
    let is_cut = |file: &&&str| splits.iter().any(|(_, split)| split.from == **file);
    match split_already {
        true => SPLITS.iter().filter(is_cut).copied().collect(),
        false => format.roles().to_vec(),
    }
}

/// Two documents of each round are held out.
fn held_out(found: &mut Findings, documents: &DocumentFormat) {
    for (key, number) in [
        ("validation", documents.validation),
        ("test", documents.test),
    ] {
        found.require(
            number <= documents.every,
            format!("/format/documents/{key}"),
            format!("there is no document {number} among {}", documents.every),
            "documents of a round are counted from 1 to `every`",
        );
    }
    found.require(
        documents.validation != documents.test,
        "/format/documents/test",
        "the same documents validate and test",
        "hold out another one of each round",
    );
}

fn apart(one: &Split, other: &Split) -> bool {
    let end = |split: &Split| split.start.saturating_add(split.count);
    one.start >= end(other) || other.start >= end(one)
}

fn alone(found: &mut Findings, name: &str, split: &Split, format: Option<&Format>) {
    let pointer = |key: &str| format!("/splits/{name}/{key}");
    let files = format.map_or(FILES, Format::files);
    if !files.contains(&split.from.as_str()) {
        let violation = Violation::unknown(pointer("from"), "file", &split.from, files);
        found.0.push(violation);
    }
    if !split.is_unpinned() {
        hash(
            found,
            pointer("hash"),
            "blake3",
            &split.hash,
            "write `unpinned`, and `bench data add NAME` puts in the 64 hexadecimal digits of what is there",
        );
    }
    if let Some(Format::Generated(generated)) = format {
        let there = match split.from.as_str() {
            "train" => generated.train,
            "test" => generated.test,
            _ => return,
        };
        let end = split.start.saturating_add(split.count);
        found.require(
            end <= there,
            pointer("count"),
            format!(
                "split `{name}` ends at example {end}, and file `{}` has {there}",
                split.from
            ),
            "lower `start` or `count`, or generate more",
        );
    }
}

fn source(found: &mut Findings, position: usize, source: &Source, roles: &[&str]) {
    let (place, given): (String, Vec<&str>) = match source {
        Source::Https(files) => {
            let place = format!("/sources/{position}/https");
            for (role, file) in files {
                let pointer = |key: &str| format!("{place}/{role}/{key}");
                hash(found, pointer("sha256"), "sha256", &file.sha256, PINNED);
                found.require(
                    file.url.starts_with("https://"),
                    pointer("url"),
                    format!("`{}` is not an https address", file.url),
                    "write an address that begins with `https://`",
                );
            }
            (place, files.keys().map(String::as_str).collect())
        }
        Source::Debian(package) | Source::Python(package) | Source::Npm(package) => {
            let registry = match source {
                Source::Debian(_) => "debian",
                Source::Python(_) => "python",
                _ => "npm",
            };
            let place = format!("/sources/{position}/{registry}");
            hash(
                found,
                format!("{place}/sha256"),
                "sha256",
                &package.sha256,
                PINNED,
            );
            (
                format!("{place}/files"),
                package.files.keys().map(String::as_str).collect(),
            )
        }
        Source::Folder(files) => (
            format!("/sources/{position}/folder"),
            files.keys().map(String::as_str).collect(),
        ),
        Source::Files(files) => (
            format!("/sources/{position}/files"),
            files.keys().map(String::as_str).collect(),
        ),
    };
    complete(found, &place, &given, roles);
}

/// Each file that the format needs once, and no other.
fn complete(found: &mut Findings, place: &str, given: &[&str], needed: &[&str]) {
    let missing: Vec<&str> = needed
        .iter()
        .copied()
        .filter(|role| !given.contains(role))
        .collect();
    for role in given.iter().filter(|role| !needed.contains(role)) {
        let violation = Violation::unknown(format!("{place}/{role}"), "file", role, &missing);
        found.0.push(violation.on_key());
    }
    found.require(
        missing.is_empty() || given.len() >= needed.len(),
        place,
        format!("this source has no `{}`", missing.join("`, `")),
        "one source serves all files",
    );
}

fn hash(found: &mut Findings, pointer: String, kind: &str, hash: &str, help: &str) {
    let digit = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    found.require(
        hash.len() == 64 && hash.bytes().all(digit),
        pointer,
        format!("`{hash}` is not a {kind} hash"),
        help,
    );
}
