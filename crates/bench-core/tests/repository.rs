//! This checkout's own files: sound, and named to the editor.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use bench_core::spec::catalog::{Catalog, File};
use bench_core::spec::diagnostic::Source;
use bench_core::spec::harness::QUICK_START;
use bench_core::spec::resolve::Request;
use bench_core::spec::schema::Kind;
use bench_core::spec::search::ALGOPERF_FILE;
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
        assert_eq!(
            trial["record"]["comparability-key"],
            key.unwrap(),
            "{workload}"
        );
        compared.push(workload.to_owned());
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
