//! This checkout's own files: sound, and named to the editor.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use bench_core::record::FORMAT;
use bench_core::spec::catalog::{Catalog, File};
use bench_core::spec::diagnostic::Source;
use bench_core::spec::harness::QUICK_START;
use bench_core::spec::resolve::Request;
use bench_core::spec::schema::Kind;
use bench_core::spec::search::ALGOPERF_FILE;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn listing(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut names: Vec<PathBuf> = entries
        .map(|entry| Path::new(folder).join(entry.unwrap().file_name()))
        .collect();
    names.sort();
    names
}

fn source(path: &Path) -> Source {
    Source {
        path: path.to_owned(),
        text: fs::read_to_string(root().join(path)).unwrap(),
    }
}

fn files() -> Vec<File> {
    let mut paths = vec![(Kind::Harness, PathBuf::from("harness.yaml"))];
    for (kind, folder) in [
        (Kind::Dataset, "workloads/datasets"),
        (Kind::Workload, "workloads"),
    ] {
        let yaml = |path: &PathBuf| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        };
        paths.extend(
            listing(folder)
                .into_iter()
                .filter(yaml)
                .map(|path| (kind, path)),
        );
    }
    for folder in listing("submissions") {
        let path = folder.join("submission.yaml");
        if root().join(&path).is_file() {
            paths.push((Kind::Submission, path));
        }
    }
    let file = |(kind, path): (Kind, PathBuf)| File {
        kind,
        source: source(&path),
        folder: path.parent().unwrap().to_owned(),
        base: common::base(kind, path.parent().unwrap(), &source(&path).text),
        has_crate: kind == Kind::Submission
            && root().join(path.with_file_name("Cargo.toml")).is_file(),
        search_space: Some(path.with_file_name(ALGOPERF_FILE))
            .filter(|beside| root().join(beside).is_file())
            .map(|beside| source(&beside)),
        norms: Vec::new(),
    };
    paths.into_iter().map(file).collect()
}

fn quick_start<'a>(workload: &'a str, submission: &'a str) -> Request<'a> {
    Request {
        workload,
        submission,
        ruleset: QUICK_START,
        ..common::request()
    }
}

#[test]
fn no_file_has_a_mistake() {
    let catalog = Catalog::parse(files());
    let told: Vec<String> = catalog
        .diagnostics
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(told.is_empty(), "{told:#?}");
    assert!(catalog.harness.is_some());
}

#[test]
fn every_submission_meets_every_workload_in_a_quick_start() {
    let catalog = Catalog::parse(files());
    for workload in catalog.workloads.keys() {
        for submission in catalog.submissions.keys() {
            let request = quick_start(workload, submission);
            let run = catalog.resolve(&request).unwrap();
            assert_eq!(run.config_hash().unwrap().len(), 64);
        }
    }
}

/// Otherwise a quick start would say that its own reference does not compare.
#[test]
fn references_of_the_quick_start_are_of_todays_rules() {
    let catalog = Catalog::parse(files());
    let references = listing("results/reference/adamw");
    let is_record = |path: &&PathBuf| path.extension().is_some_and(|end| end == "json");
    let mut compared = Vec::new();
    for path in references.iter().filter(is_record) {
        let text = fs::read_to_string(root().join(path)).unwrap();
        let trial: serde_json::Value = serde_json::from_str(&text).unwrap();
        let workload = path.file_stem().unwrap().to_str().unwrap();
        let request = quick_start(workload, "adamw");
        let key = catalog.resolve(&request).unwrap().comparability_key();
        compared.push(workload.to_owned());
        if trial["record"]["format"].as_u64() < Some(u64::from(FORMAT)) {
            // It says so itself where it is shown.
            continue;
        }
        assert_eq!(
            trial["record"]["comparability-key"],
            key.unwrap(),
            "{workload}"
        );
    }
    let mut quick = catalog.harness.as_ref().unwrap().suites["quick"].clone();
    quick.sort();
    assert_eq!(compared, quick);
}

#[test]
fn every_file_tells_the_editor_its_schema() {
    for file in files() {
        let first = file.source.text.lines().next().unwrap_or_default();
        let path = first.strip_prefix("# yaml-language-server: $schema=");
        let path =
            path.unwrap_or_else(|| panic!("{} does not begin with it", file.source.path.display()));
        let folder = file.source.path.parent().unwrap_or(Path::new(""));
        let schema = root().join(folder).join(path).canonicalize().unwrap();
        assert!(
            schema.ends_with(format!("bench-core/schema/{}.json", file.kind.name())),
            "{path}"
        );
    }
}

/// A key with a letter too few, or too many where it is short.
fn misspelt(key: &str) -> String {
    match key.len() {
        0..4 => format!("{key}{}", &key[key.len() - 1..]),
        n => format!("{}{}", &key[..n - 2], &key[n - 1..]),
    }
}

/// Where keys stand in a YAML text: byte and name. Nothing in comments or in quotes.
fn keys(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut line_start = 0;
    for line in text.split_inclusive('\n') {
        let code = line.split(" #").next().unwrap_or_default();
        let is_plain = !code.starts_with('#') && !code.contains('"');
        for (colon, _) in code.match_indices(':').filter(|_| is_plain) {
            let ends = code[colon + 1..]
                .chars()
                .next()
                .is_none_or(char::is_whitespace);
            let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
            let start = code[..colon]
                .rfind(|letter| !is_word(letter))
                .map_or(0, |at| at + 1);
            let before = code[..start].trim_end().chars().last();
            let begins = matches!(before, None | Some('{' | ',' | '-'));
            if ends && begins && start < colon {
                found.push((line_start + start, &code[start..colon]));
            }
        }
        line_start += line.len();
    }
    found
}

/// The field of the file that holds what stands at a byte.
fn top_level(text: &str, at: usize) -> &str {
    let is_field = |line: &&str| line.starts_with(|letter: char| letter.is_ascii_lowercase());
    let before = text[..at].lines().rev().find(is_field).unwrap_or_default();
    before.split(':').next().unwrap_or_default()
}

/// Every name of a field in a schema.
fn fields(schema: &serde_json::Value, into: &mut BTreeSet<String>) {
    if let Some(properties) = schema.get("properties").and_then(|p| p.as_object()) {
        into.extend(properties.keys().cloned());
    }
    let below: Vec<&serde_json::Value> = match schema {
        serde_json::Value::Object(map) => map.values().collect(),
        serde_json::Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    below.into_iter().for_each(|schema| fields(schema, into));
}

/// Of every key of every file: written with a wrong letter, it is what is told, at its place, with the right one as help, and nothing else is.
#[test]
fn every_misspelt_key_is_told_as_itself() {
    let all = files();
    let (mut tried, mut failed) = (0, Vec::new());
    for (index, file) in all.iter().enumerate() {
        let mut known = BTreeSet::new();
        fields(
            &bench_core::spec::schema::json_schema(file.kind),
            &mut known,
        );
        let is_variant = file
            .source
            .text
            .lines()
            .any(|line| line.starts_with("extends:"));
        let told = |text: &str| {
            let mut file = file.clone();
            file.source.text = text.to_owned();
            let others = all.iter().enumerate();
            let bases =
                others.filter(|(at, other)| is_variant && *at != index && other.kind == file.kind);
            let mut files: Vec<File> = bases.map(|(_, file)| file.clone()).collect();
            files.push(file.clone());
            let own = Catalog::parse(files).diagnostics.into_iter();
            own.filter(|mistake| mistake.source.path == file.source.path)
                .collect::<Vec<_>>()
        };
        let text = &file.source.text;
        let before: BTreeSet<String> = told(text)
            .iter()
            .map(|mistake| mistake.message.clone())
            .collect();
        for (at, key) in keys(text)
            .into_iter()
            .filter(|(_, key)| known.contains(*key))
        {
            let wrong = misspelt(key);
            let changed = format!("{}{wrong}{}", &text[..at], &text[at + key.len()..]);
            let mistakes = told(&changed);
            let new: Vec<_> = mistakes
                .iter()
                .filter(|mistake| !before.contains(&mistake.message))
                .collect();
            // A hyperparameter may be called as a field is.
            let is_free = new.is_empty() && top_level(text, at) == "search-space";
            if is_free {
                continue;
            }
            tried += 1;
            let right = match new.as_slice() {
                [mistake] => {
                    let help = mistake.help.as_deref().unwrap_or_default();
                    (mistake.span.start, mistake.span.length) == (at, wrong.len())
                        && mistake.message.contains(&wrong)
                        && help.contains(&format!("`{key}`"))
                }
                _ => false,
            };
            if !right {
                let new: Vec<String> = new
                    .iter()
                    .map(|mistake| format!("{mistake} ({:?})", mistake.help))
                    .collect();
                failed.push(format!(
                    "{}: `{key}` as `{wrong}`: {new:#?}",
                    file.source.path.display()
                ));
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {tried}: {}",
        failed.len(),
        failed.join("\n")
    );
    assert!(tried > 300, "{tried}");
}
