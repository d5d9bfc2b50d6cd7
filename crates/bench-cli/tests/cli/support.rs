//! A checkout in a temporary folder, and the command run inside of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A small checkout: two submissions, one workload, one data set, and records of six trials.
pub(crate) struct Checkout {
    folder: tempfile::TempDir,
}

const HARNESS: &str = "schema: 1
results: results/runs
threads: 2
device: cpu
suites:
  smoke: [blobs]
rulesets:
  quick-start: { tuning: external-tuning, studies: 1, trials: 1, points: defaults }
  external-tuning: { tuning: external-tuning, studies: 3, trials: 2 }
  self-tuning: { tuning: self-tuning, studies: 3, trials: 1, budget-factor: 1.5 }
limits: { start-up: 2m, warm-up: 1m, stall: 1m, snapshot: 1m, evaluation: 5m, shut-down: 10s }
tolerances: { claim: 0.05, claim-at-least: 100ms, wall: 0.01 }
";

const WORKLOAD: &str = "schema: 1
about: Gaussian clusters, for tests
dataset: synthetic
model: { mlp: { hidden: [16] } }
loss: cross-entropy
metrics: [error-rate, cross-entropy]
target: { metric: error-rate, validation: 0.1, source: provisional }
budget: { time: 20s, steps: 2000 }
step-hint: 1500
evaluate: { every-steps: 250, batch-size: 500, train-subset: 500 }
";

const DATASET: &str = "schema: 1
about: Gaussian clusters
licence: none needed, it is generated
format:
  generated: { image: { height: 8, width: 8, channels: 1, classes: 4 }, train: 2500, test: 500, seed: 1, noise: 0.5 }
splits:
  train: { from: train, start: 0, count: 2000, hash: a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 }
  validation: { from: train, start: 2000, count: 500, hash: b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2 }
  test: { from: test, start: 0, count: 500, hash: c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3 }
";

const ADAMW: &str = "schema: 1
about: AdamW with warm-up and cosine
paper: arXiv:1711.05101
rulesets: [external-tuning]
schedule: { warmup-cosine: { warmup: 5% } }
batch-size: { default: 32 }
search-space:
  learning-rate: { min: 1e-4, max: 1e-2, scale: log, default: 1e-3 }
  beta1: 0.9
";

const VARIANT: &str = "schema: 1
extends: ../adamw
about: AdamW at a constant learning rate
schedule: constant
";

impl Checkout {
    pub(crate) fn new() -> Checkout {
        let checkout = Checkout {
            folder: tempfile::tempdir().unwrap(),
        };
        checkout
            .with("crates/bench-core/README.md", "")
            .with("harness.yaml", HARNESS)
            .with("workloads/blobs.yaml", WORKLOAD)
            .with("workloads/datasets/synthetic.yaml", DATASET)
            .with("submissions/adamw/submission.yaml", ADAMW)
            .with("submissions/adamw/Cargo.toml", "")
            .with("submissions/constant/submission.yaml", VARIANT)
    }

    /// With the committed records.
    pub(crate) fn with_records(self) -> Checkout {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        copy(&fixtures.join("runs"), &self.path().join("results/runs"));
        self
    }

    /// With one file more, or in place of the one that is there.
    pub(crate) fn with(self, path: &str, text: &str) -> Checkout {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// With other lines in a trial's record, which is not over then: no digest is of them.
    pub(crate) fn with_lines(self, trial: &str, events: &str) -> Checkout {
        let run = format!("{trial}/run.json");
        let text = std::fs::read_to_string(self.path().join(&run)).unwrap();
        let mut record: serde_json::Value = serde_json::from_str(&text).unwrap();
        for key in ["ended", "outcome", "events-digest"] {
            record.as_object_mut().unwrap().remove(key);
        }
        let text = serde_json::to_string_pretty(&record).unwrap();
        self.with(&run, &text)
            .with(&format!("{trial}/events.jsonl"), events)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    /// The command, as typed at the checkout's root.
    pub(crate) fn bench(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
        command
            .args(line.split_whitespace())
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .env("PATH", "/usr/bin:/bin")
            .env("BENCH_HOME", self.path())
            .env("BENCH_CACHE", self.path().join("cache"))
            .env("NO_COLOR", "1");
        command
    }

    /// Exit code, standard output and standard error, with this run's own paths and times taken out.
    pub(crate) fn says(&self, line: &str) -> String {
        self.told(self.bench(line).output().unwrap())
    }

    pub(crate) fn told(&self, output: Output) -> String {
        let clean = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            text.replace(self.path().to_str().unwrap(), "[checkout]")
        };
        let (out, err) = (clean(&output.stdout), clean(&output.stderr));
        let code = output
            .status
            .code()
            .map_or("signal".to_owned(), |code| code.to_string());
        let mut told = format!("exit {code}\n");
        for (name, text) in [("stdout", out), ("stderr", err)] {
            if !text.is_empty() {
                told.push_str(&format!("--- {name}\n{text}"));
            }
        }
        told
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}
