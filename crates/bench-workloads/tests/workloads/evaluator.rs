//! The evaluator as a program: its protocol, its counts, its errors.

use crate::fixture::{dataset, model, run_spec, workload, write_split};
use bench_core::number::Measured;
use bench_core::outcome::FailureKind;
use bench_core::protocol::{Command, Event, Message, Task};
use bench_core::run::{Local, SplitName};
use bench_torch::snapshot;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use tch::{Kind, Tensor};

struct Evaluator {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Evaluator {
    fn start(task: &Task) -> Evaluator {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_bench-evaluator"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (
            child.stdin.take(),
            BufReader::new(child.stdout.take().unwrap()),
        );
        let mut evaluator = Evaluator {
            child,
            input,
            output,
        };
        evaluator.say(&serde_json::to_string(task).unwrap());
        evaluator
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    fn command(&mut self, command: &Command) -> Event {
        self.say(&serde_json::to_string(command).unwrap());
        self.event()
    }

    fn event(&mut self) -> Event {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str::<Message>(&line)
            .unwrap_or_else(|error| panic!("{error}: {line:?}"))
            .event
    }

    fn exit_code(mut self) -> i32 {
        drop(self.input.take());
        self.child.wait().unwrap().code().unwrap()
    }
}

/// Three splits of 9, 6 and 5 examples, of which the train metrics see 7.
fn task(folder: &Path) -> Task {
    let mut data = BTreeMap::new();
    for (split, examples) in SplitName::ALL.into_iter().zip([9, 6, 5]) {
        let path = folder.join(split.name());
        write_split(&path, examples);
        data.insert(split, path);
    }
    let workload = workload(json!({ "resnet": { "stages": [1], "filters": 4 } }));
    Task {
        run: run_spec(workload, dataset([9, 6, 5])),
        local: Local {
            data,
            scratch: folder.to_owned(),
            device_index: 0,
            resume: None,
        },
    }
}

/// A snapshot of a model that says class 2 to everything.
fn snapshot_of_class_2(task: &Task, folder: &Path) -> PathBuf {
    let model = model(&task.run.workload, Kind::Float, 1);
    let _guard = tch::no_grad_guard();
    for parameter in model.parameters() {
        let _ = parameter.tensor.shallow_clone().fill_(0.0);
    }
    let bias = &model.parameters().last().unwrap().tensor;
    bias.shallow_clone()
        .copy_(&Tensor::from_slice(&[0.0_f32, 0.0, 9.0, 0.0, 0.0]));
    let path = folder.join("eval.safetensors");
    snapshot::save(
        &path,
        &bench_workloads::model::state(model.as_ref()),
        &Default::default(),
    )
    .unwrap();
    path
}

#[test]
fn every_example_is_scored_exactly_once() {
    let folder = tempfile::tempdir().unwrap();
    let task = task(folder.path());
    let snapshot = snapshot_of_class_2(&task, folder.path());
    let mut evaluator = Evaluator::start(&task);
    assert_eq!(evaluator.event(), Event::Loaded);
    let Event::Ready {
        parameters, device, ..
    } = evaluator.event()
    else {
        panic!()
    };
    assert_eq!(
        (parameters, device.threads, device.device.as_str()),
        (4 * 9 + 8 + 2 * (4 * 4 * 9 + 8) + 4 * 16 * 5 + 5, 1, "cpu")
    );
    let evaluate = Command::Evaluate {
        snapshot,
        splits: SplitName::ALL.to_vec(),
    };
    let first = evaluator.command(&evaluate);
    let Event::Evaluated { metrics, examples } = &first else {
        panic!("{first:?}")
    };
    assert_eq!(
        examples,
        &BTreeMap::from([
            (SplitName::Train, 7),
            (SplitName::Validation, 6),
            (SplitName::Test, 5)
        ])
    );
    // Label 2 is one of the first 7, 6 and 5 each.
    for (split, right) in [
        (SplitName::Train, 1.0 / 7.0),
        (SplitName::Validation, 1.0 / 6.0),
        (SplitName::Test, 1.0 / 5.0),
    ] {
        let Measured(accuracy) = metrics[&split]["accuracy"];
        let Measured(error_rate) = metrics[&split]["error-rate"];
        assert!((accuracy - right).abs() < 1e-12 && (error_rate - (1.0 - right)).abs() < 1e-12);
        let Measured(nats) = metrics[&split]["cross-entropy"];
        let (hit, miss) = (
            (1.0 + 4.0 * (-9.0_f64).exp()).ln(),
            (9.0_f64.exp() + 4.0).ln(),
        );
        assert!(
            (nats - (right * hit + (1.0 - right) * miss)).abs() < 1e-5,
            "{nats}"
        );
    }
    assert_eq!(evaluator.command(&evaluate), first);
    assert!(matches!(
        evaluator.command(&Command::Stop),
        Event::Stopped { .. }
    ));
    assert_eq!(evaluator.exit_code(), 0);
}

#[test]
fn the_end_of_input_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut evaluator = Evaluator::start(&task(folder.path()));
    assert_eq!(evaluator.event(), Event::Loaded);
    assert_eq!(evaluator.exit_code(), 0);
}

fn assert_fails(task: &Task, line: Option<&str>, kind: FailureKind, text: &str) {
    let mut evaluator = Evaluator::start(task);
    if let Some(line) = line {
        assert_eq!(evaluator.event(), Event::Loaded);
        assert!(matches!(evaluator.event(), Event::Ready { .. }));
        evaluator.say(line);
    }
    let event = evaluator.event();
    let Event::Failed {
        kind: found,
        message,
        ..
    } = &event
    else {
        panic!("{event:?}")
    };
    assert_eq!(*found, kind, "{message}");
    assert!(
        message.contains(text) && !message.contains('\n'),
        "{message}"
    );
    assert_ne!(evaluator.exit_code(), 0);
}

#[test]
fn what_goes_wrong_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let good = task(folder.path());
    assert_fails(
        &good,
        Some("{\"command\":\"dance\"}"),
        FailureKind::Evaluator,
        "dance",
    );
    assert_fails(
        &good,
        Some("{\"command\":\"snapshot\",\"folder\":\"/\"}"),
        FailureKind::Evaluator,
        "not `snapshot`",
    );
    let absent = "{\"command\":\"evaluate\",\"snapshot\":\"/absent\",\"splits\":[\"test\"]}";
    assert_fails(&good, Some(absent), FailureKind::Evaluator, "/absent");

    let mut wrong_count = good.clone();
    wrong_count.run.dataset = dataset([9, 7, 5]);
    assert_fails(
        &wrong_count,
        None,
        FailureKind::Environment,
        "6 examples where 7 were expected",
    );

    let mut missing = good.clone();
    missing
        .local
        .data
        .insert(SplitName::Test, "/absent/test.safetensors".into());
    assert_fails(
        &missing,
        None,
        FailureKind::Environment,
        "/absent/test.safetensors",
    );

    let snapshot = snapshot_of_class_2(&good, folder.path());
    let mut other_model = good;
    other_model.run.workload = workload(json!({ "mlp": { "hidden": [4] } }));
    let evaluate = json!({ "command": "evaluate", "snapshot": snapshot, "splits": ["test"] });
    assert_fails(
        &other_model,
        Some(&evaluate.to_string()),
        FailureKind::Evaluator,
        "net.layer1",
    );
}
