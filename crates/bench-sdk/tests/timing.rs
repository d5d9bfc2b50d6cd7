//! `<program> time`: orders and answers.
#![expect(clippy::unwrap_used, reason = "what fails here fails a test")]

mod support;

use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use support::{folder, program, task};

/// What the program says to these orders, after the task.
fn obey(folder: &Path, arguments: &[&str], orders: &str) -> Output {
    let mut child = Command::new(program())
        .arg("time")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let task = serde_json::to_string(&task(folder, "none")).unwrap();
    // A program that refuses its arguments reads nothing.
    let _ = write!(child.stdin.take().unwrap(), "{task}\n{orders}");
    child.wait_with_output().unwrap()
}

fn answers(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    let values = value.as_array().unwrap();
    values
        .iter()
        .map(|number| number.as_f64().unwrap())
        .collect()
}

#[test]
fn steps_are_timed_and_saved() {
    let folder = folder();
    let file = folder.path().join("saved.safetensors");
    let orders = format!("save {}\nsteps 3\nsteps 2\n", file.display());
    let output = obey(folder.path(), &[], &orders);
    assert!(output.status.success());
    let [described, saved, three, two] = &answers(&output)[..] else {
        panic!("{output:?}");
    };
    assert_eq!(
        described["parameters"][0]["shape"],
        serde_json::json!([8, 16])
    );
    assert_eq!(described["parameters"][0]["role"], "weight");
    let (steps, updates) = (numbers(&three["step-ms"]), numbers(&three["update-ms"]));
    assert_eq!((steps.len(), numbers(&two["step-ms"]).len()), (3, 2));
    assert!(
        steps
            .iter()
            .zip(&updates)
            .all(|(step, update)| update <= step)
    );

    let saved_loss = saved["loss"].as_f64().unwrap();
    let snapshot = bench_torch::snapshot::Snapshot::open(&file).unwrap();
    let tensor = |name: &str| snapshot.tensor(name).unwrap().unwrap();
    assert_eq!(tensor("loss").double_value(&[]), saved_loss);
    assert_eq!(tensor("inputs").size()[0], 32);
    assert_eq!(tensor("gradients/net.layer1.weight").size(), [8, 16]);
}

#[test]
fn an_update_is_timed_without_a_model() {
    let folder = folder();
    let output = obey(
        folder.path(),
        &["--update", "model"],
        "steps 2\nmemory 3\ntriad 4\n",
    );
    assert!(output.status.success());
    let [described, steps, memory, triad] = &answers(&output)[..] else {
        panic!("{output:?}");
    };
    assert_eq!(described["parameters"].as_array().unwrap().len(), 4);
    assert_eq!(numbers(&steps["update-ms"]).len(), 2);
    assert_eq!(numbers(&triad["triad-ms"]).len(), 4);
    // An average of the weights; no gradient is clipped in place, and two products are one tensor large.
    assert_eq!(memory["state"], 172);
    assert!(memory["state-bytes"].as_u64().unwrap() >= 4 * 172);
    assert!(memory["temporary-bytes"].as_u64().unwrap() < 1 << 20);
}

#[test]
fn what_it_does_not_know_it_names() {
    let folder = folder();
    let said = |arguments: &[&str], orders: &str| {
        let output = obey(folder.path(), arguments, orders);
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let small = said(&["--update", "small"], "");
    assert!(
        small.contains("`time --update small` means nothing"),
        "{small}"
    );
    let jump = said(&[], "jump 3\n");
    assert!(jump.contains("`jump 3` is no order"), "{jump}");
    let many = said(&[], "steps many\n");
    assert!(
        many.contains("`many` in `steps many` is no number"),
        "{many}"
    );
}
