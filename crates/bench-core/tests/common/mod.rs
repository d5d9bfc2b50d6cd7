//! A small sound checkout, whose files tests change.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use bench_core::run::{Purpose, RunSpec};
use bench_core::spec::catalog::{Catalog, File, extended};
use bench_core::spec::diagnostic::Source;
use bench_core::spec::resolve::Request;
use bench_core::spec::schema::Kind;
use std::path::{Component, Path, PathBuf};

pub const HARNESS: &str = "\
schema: 1
results: results/runs
threads: 2
device: cpu
suites:
  smoke: [tiny]
rulesets:
  quick-start: { tuning: external-tuning, studies: 1, trials: 1, points: defaults }
  external-tuning: { tuning: external-tuning, studies: 3, trials: 5 }
  self-tuning: { tuning: self-tuning, studies: 3, trials: 1, budget-factor: 1.5 }
limits:
  start-up: 2m
  warm-up: 1m
  stall: 1m
  snapshot: 1m
  evaluation: 5m
  shut-down: 10s
tolerances:
  claim: 0.05
  claim-at-least: 100ms
  wall: 0.01
";

pub const WORKLOAD: &str = "\
schema: 1
about: a small one
dataset: dots
input: { pixels: unit, mean: [0.5], std: [0.25] }
model: { mlp: { hidden: [16, 8], activation: relu } }
loss: cross-entropy
metrics: [error-rate, cross-entropy]
target: { metric: error-rate, validation: 0.1, test: 0.12, source: provisional }
budget: { time: 60s, steps: 400 }
step-hint: 300
evaluate: { every-steps: 50, batch-size: 100, train-subset: 100 }
";

pub const DATASET: &str = "\
schema: 1
licence: MIT
format:
  idx-images: { height: 8, width: 8, channels: 1, classes: 10 }
sources:
  - folder:
      train-images: a
      train-labels: b
      test-images: c
      test-labels: d
splits:
  train: { from: train, count: 200, hash: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa }
  validation: { from: train, start: 200, count: 50, hash: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb }
  test: { from: test, count: 50, hash: cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc }
";

pub const SUBMISSION: &str = "\
schema: 1
about: a plain one
rulesets: [external-tuning]
schedule: { warmup-cosine: { warmup: 5% } }
batch-size: { default: 32, workloads: { tiny: 16 } }
gradient-clipping: { global-norm: 1.0 }
groups:
  - { roles: [bias], hyperparameters: { weight-decay: 0.0 } }
search-space:
  learning-rate: { min: 1e-4, max: 1e-2, scale: log, default: 1e-3 }
  momentum: { values: [0.0, 0.9, 0.99], default: 0.9 }
  weight-decay: { min: 0.0, max: 0.5, default: 0.1 }
  nesterov: true
";

/// A file of the checkout; `name` is a workload's, data set's or submission's.
pub fn file(kind: Kind, name: &str, text: &str) -> File {
    let path = match kind {
        Kind::Harness => "harness.yaml".to_owned(),
        Kind::Workload => format!("workloads/{name}.yaml"),
        Kind::Dataset => format!("workloads/datasets/{name}.yaml"),
        Kind::Submission => format!("submissions/{name}/submission.yaml"),
    };
    File {
        kind,
        source: source(&path, text),
        folder: folder(&path),
        base: base(kind, &folder(&path), text),
        has_crate: kind == Kind::Submission && !text.contains("extends:"),
        search_space: None,
        norms: Vec::new(),
    }
}

/// The folder of a file.
pub fn folder(path: &str) -> PathBuf {
    Path::new(path).parent().unwrap().to_owned()
}

/// Where a submission's base lies, if anywhere.
pub fn base(kind: Kind, folder: &Path, text: &str) -> Option<PathBuf> {
    let written = extended(text).filter(|_| kind == Kind::Submission)?;
    let mut base = PathBuf::new();
    for part in folder.join(written).components() {
        match part {
            Component::ParentDir => drop(base.pop()),
            part => base.push(part),
        }
    }
    Some(base)
}

pub fn source(path: &str, text: &str) -> Source {
    Source {
        path: path.into(),
        text: text.to_owned(),
    }
}

/// The sound checkout, with one file of a kind replaced.
pub fn files_with(kind: Kind, text: &str) -> Vec<File> {
    let all = [
        (Kind::Harness, "harness", HARNESS),
        (Kind::Dataset, "dots", DATASET),
        (Kind::Workload, "tiny", WORKLOAD),
        (Kind::Submission, "plain", SUBMISSION),
    ];
    let chosen = |(its, name, sound)| file(its, name, if its == kind { text } else { sound });
    all.into_iter().map(chosen).collect()
}

/// The sound text of a kind.
pub fn sound(kind: Kind) -> &'static str {
    match kind {
        Kind::Harness => HARNESS,
        Kind::Workload => WORKLOAD,
        Kind::Dataset => DATASET,
        Kind::Submission => SUBMISSION,
    }
}

/// The checkout with another text for a kind, which has to be sound.
pub fn catalog_with(kind: Kind, text: &str) -> Catalog {
    let catalog = Catalog::parse(files_with(kind, text));
    let told: Vec<String> = catalog
        .diagnostics
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(told.is_empty(), "{told:#?}\n{text}");
    catalog
}

pub fn request() -> Request<'static> {
    Request {
        workload: "tiny",
        submission: "plain",
        ruleset: "external-tuning",
        purpose: Purpose::Scoring,
        base_seed: 0,
        study: 1,
        trial: 1,
        trials: None,
        hyperparameters: None,
        threads: None,
        device: None,
    }
}

/// Trial 1 of study 1 under external tuning.
pub fn run_with(kind: Kind, text: &str) -> RunSpec {
    catalog_with(kind, text).resolve(&request()).unwrap()
}
