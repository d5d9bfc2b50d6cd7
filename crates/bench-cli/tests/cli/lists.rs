//! Lists, specs and schemas of a sound checkout.

use crate::support::Checkout;
use std::io::Read as _;
use std::process::Stdio;

#[test]
fn lists() {
    let checkout = Checkout::new();
    for what in ["workloads", "submissions", "suites", "datasets", "rulesets"] {
        insta::assert_snapshot!(
            format!("list-{what}"),
            checkout.says(&format!("list {what}"))
        );
    }
    insta::assert_snapshot!("list-json", checkout.says("list suites --format json"));
    assert_eq!(checkout.says("data list"), checkout.says("list datasets"));
}

#[test]
fn lists_follow_the_terminal() {
    let long = "schema: 1\nextends: ../adamw\nabout: AdamW at a constant learning rate, with a description that is longer than a terminal of eighty columns\n";
    let checkout = Checkout::new().with("submissions/constant/submission.yaml", long);
    for columns in [80, 120, 200] {
        let mut command = checkout.bench("list submissions");
        let told = checkout.told(
            command
                .env("COLUMNS", columns.to_string())
                .output()
                .unwrap(),
        );
        assert!(
            told.lines().all(|line| line.chars().count() <= columns),
            "{told}"
        );
        insta::assert_snapshot!(format!("list-submissions-{columns}"), told);
    }
}

#[test]
fn specs_are_checked() {
    let elsewhere = Checkout::new();
    let own = std::fs::read_to_string(elsewhere.path().join("submissions/adamw/submission.yaml"));
    let elsewhere = elsewhere
        .with("mine/submission.yaml", &own.unwrap())
        .with("mine/Cargo.toml", "");
    let checkout = Checkout::new();
    for line in [
        "spec check",
        "spec check workloads/blobs.yaml submissions/adamw",
        "spec check submissions/constant/submission.yaml",
    ] {
        let told = checkout.says(line);
        assert!(told.starts_with("exit 0"), "{told}");
    }
    let path = elsewhere.path().join("mine");
    let told = checkout.says(&format!("spec check {}", path.display()));
    assert!(told.starts_with("exit 0"), "{told}");
    // Two of one name would fight for one folder of records.
    let path = elsewhere.path().join("submissions/adamw");
    let told = checkout.says(&format!("spec check {}", path.display()));
    assert!(
        told.contains("a second submission called `adamw`"),
        "{told}"
    );
}

#[test]
fn what_a_worker_is_given_is_one_line_that_parses() {
    let checkout = Checkout::new();
    let told = checkout
        .says("spec show blobs constant --ruleset external-tuning --study 2 --trial 2 --seed 7");
    let line = told.lines().nth(2).unwrap();
    let task: bench_core::protocol::Task = serde_json::from_str(line).unwrap();
    assert_eq!(
        (
            task.run.submission.name.as_str(),
            task.run.submission.program.as_str()
        ),
        ("constant", "adamw")
    );
    assert_eq!(
        (task.run.seed.base, task.run.seed.study, task.run.seed.trial),
        (7, 2, 2)
    );
    assert_eq!(
        task.local.data.len(),
        1,
        "a worker is given the training split alone"
    );
    assert_eq!(told.lines().count(), 3);
    let again = checkout
        .says("spec show blobs constant --ruleset external-tuning --study 2 --trial 2 --seed 7");
    assert_eq!(told, again);
}

#[test]
fn schemas_are_json() {
    for kind in ["workload", "dataset", "submission", "harness"] {
        let told = Checkout::new().says(&format!("schema {kind}"));
        let json = told.split_once("--- stdout\n").unwrap().1;
        assert!(
            serde_json::from_str::<serde_json::Value>(json)
                .unwrap()
                .is_object()
        );
    }
}

#[test]
fn a_reader_may_leave_early() {
    let checkout = Checkout::new();
    let mut child = checkout
        .bench("schema workload")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}
