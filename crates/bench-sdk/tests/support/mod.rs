//! A worker program at the other end of pipes, on a small generated training split.
#![expect(clippy::unwrap_used, reason = "what fails here fails a test")]
#![allow(dead_code, reason = "each program of tests uses a part")]

use bench_core::number::Measured;
use bench_core::protocol::{Command, Evaluation, Event, Message, Task};
use bench_core::run::SplitName;
use bench_torch::random::{Key, Stream};
use bench_torch::snapshot;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use tch::{Kind, Tensor};

const EXAMPLES: i64 = 512;
const CLASSES: i64 = 4;

/// The program of `examples/misbehave.rs`, which cargo builds beside the tests.
pub(crate) fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    profile.join("examples/misbehave")
}

/// A folder with a training split of four clusters.
pub(crate) fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut stream = Stream::new(&Key::new(1, "clusters")).unwrap();
    let labels = stream.integers(&[EXAMPLES], 0, CLASSES).unwrap();
    let centres = stream
        .uniform(&[CLASSES, 4, 4], 0.0, 200.0, Kind::Float)
        .unwrap();
    let noise = stream
        .uniform(&[EXAMPLES, 4, 4], 0.0, 55.0, Kind::Float)
        .unwrap();
    let images = (centres.index_select(0, &labels) + noise).to_kind(Kind::Uint8);
    let labels = labels.to_kind(Kind::Uint8);
    let split = folder.path().join("train");
    std::fs::create_dir(&split).unwrap();
    let images = images.unsqueeze(1);
    let tensors: [(&str, &Tensor); 2] = [("images", &images), ("labels", &labels)];
    let path = split.join("00000.safetensors");
    snapshot::save(&path, &tensors, &BTreeMap::new()).unwrap();
    folder
}

/// A run of 40 steps with an evaluation every 10.
pub(crate) fn task(folder: &Path, fault: &str) -> Task {
    let task: Value = json!({
        "run": {
            "protocol": bench_core::run::PROTOCOL,
            "workload-name": "clusters",
            "workload": {
                "schema": 1, "dataset": "clusters",
                "model": { "mlp": { "hidden": [8] } }, "loss": "cross-entropy",
                "metrics": ["error-rate"],
                "target": { "metric": "error-rate", "validation": 0.1 },
                "budget": { "time": "10s", "steps": 40 }, "step-hint": 40,
                "evaluate": { "every-steps": 10, "batch-size": 64, "train-subset": 64 },
            },
            "dataset": {
                "name": "clusters",
                "columns": {
                    "images": { "number": "u8", "shape": [1, 4, 4] },
                    "labels": { "number": "u8", "values": { "classes": CLASSES }, "target": true },
                },
                "splits": { "train": { "examples": EXAMPLES, "hash": "" } },
            },
            "submission": {
                "name": "misbehave", "program": "misbehave",
                "schedule": { "warmup-cosine": { "warmup": "10%" } },
                "batch-size": 32, "gradient-clipping": { "global-norm": 1.0 }, "groups": [],
            },
            "hyperparameters": { "learning-rate": 0.2, "fault": fault, "never-read": 1.0 },
            "ruleset-name": "quick",
            "ruleset": { "tuning": "external-tuning", "studies": 1, "trials": 1 },
            "seed": { "purpose": "scoring", "base": 0, "study": 1, "trial": 1, "value": 7 },
            "threads": 1,
            "device": "cpu",
        },
        "local": {
            "data": { "train": folder.join("train") },
            "scratch": folder,
        },
    });
    serde_json::from_value(task).unwrap()
}

/// A worker process.
pub(crate) struct Worker {
    pub(crate) child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts the program and gives it the task.
    pub(crate) fn start(task: &Task) -> Worker {
        let mut child = std::process::Command::new(program())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut worker = Worker {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        };
        worker.write(&serde_json::to_string(task).unwrap());
        worker
    }

    /// The same, once it is ready.
    pub(crate) fn ready(task: &Task) -> Worker {
        let mut worker = Worker::start(task);
        assert!(worker.weights().is_some());
        worker
    }

    /// Hears it get ready; gives the digest of its weights.
    pub(crate) fn weights(&mut self) -> Option<String> {
        assert_eq!(self.event(), Event::Initialising);
        assert_eq!(self.event(), Event::Loaded);
        match self.event() {
            Event::Ready {
                parameters: 172,
                weights,
                ..
            } => weights,
            other => panic!("{other:?}"),
        }
    }

    fn write(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Sends a command.
    pub(crate) fn send(&mut self, command: &Command) {
        self.write(&serde_json::to_string(command).unwrap());
    }

    /// Ends its input.
    pub(crate) fn hang_up(&mut self) {
        self.input = None;
    }

    /// Its next event.
    pub(crate) fn event(&mut self) -> Event {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        parse(&line)
    }

    /// Trains to the next evaluation; gives its step. Logged values come after it.
    pub(crate) fn train(&mut self, evaluation: Option<Evaluation>) -> u64 {
        self.send(&Command::Train {
            evaluation,
            submission_seconds: 0.0,
        });
        loop {
            match self.event() {
                Event::EvalDue { step, .. } => return step,
                Event::Logged { .. } | Event::Stepped { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Writes a snapshot; gives the bytes of both files.
    pub(crate) fn snapshot(&mut self, folder: &Path) -> [Vec<u8>; 2] {
        std::fs::create_dir_all(folder).unwrap();
        self.send(&Command::Snapshot {
            folder: folder.to_owned(),
        });
        let bytes = loop {
            match self.event() {
                Event::SnapshotWritten { bytes } => break bytes,
                Event::Logged { .. } => {}
                other => panic!("{other:?}"),
            }
        };
        let files = ["eval.safetensors", "state.safetensors"];
        let files = files.map(|name| std::fs::read(folder.join(name)).unwrap());
        assert_eq!(files.iter().map(Vec::len).sum::<usize>() as u64, bytes);
        files
    }

    /// All events that are left.
    pub(crate) fn rest(&mut self) -> Vec<Event> {
        let lines = (&mut self.output).lines();
        lines.map(|line| parse(&line.unwrap())).collect()
    }
}

fn parse(line: &str) -> Event {
    let message = serde_json::from_str::<Message>(line);
    message
        .unwrap_or_else(|error| panic!("`{line}`: {error}"))
        .event
}

/// An official evaluation with this error rate.
pub(crate) fn evaluation(step: u64, value: f64) -> Evaluation {
    let metrics = BTreeMap::from([("error-rate".to_owned(), Measured(value))]);
    Evaluation {
        step,
        submission_seconds: 0.5,
        metrics: BTreeMap::from([(SplitName::Validation, metrics)]),
    }
}
