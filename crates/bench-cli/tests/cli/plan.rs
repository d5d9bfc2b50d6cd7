//! What runs will cost and show, before any of them.

use crate::calibrate;
use crate::support::Checkout;

#[test]
fn hours_disk_and_what_can_be_seen() {
    let fresh = Checkout::new();
    let line = "plan adamw constant --workload blobs --ruleset external-tuning";
    insta::assert_snapshot!("plan-fresh", fresh.says(line));
    let known = Checkout::new().with_records();
    insta::assert_snapshot!(
        "plan-records",
        known.says("plan adamw --workload blobs --studies 10 --effect 10%")
    );
}

/// A committed calibration stands between records and what was measured in AlgoPerf: one of five seeds is later than the others.
#[test]
fn what_a_calibration_knows_is_used_and_said() {
    let mut trials = calibrate::record().trials;
    for seen in &mut trials[2].evaluations {
        seen.1.0 += 0.03;
    }
    let calibration = calibrate::of(trials);
    let checkout = Checkout::new();
    let path = "workloads/blobs.yaml";
    let workload = std::fs::read_to_string(checkout.path().join(path)).unwrap();
    let target = format!("validation: {}", calibration.finding.validation);
    let checkout = checkout
        .with(path, &workload.replace("validation: 0.1", &target))
        .with(
            "results/calibration/blobs/calibration.json",
            &calibration.text().unwrap(),
        );
    insta::assert_snapshot!(
        "plan-calibrated",
        checkout.says("plan adamw constant --workload blobs --studies 5")
    );
    // Of another target it says nothing.
    let checkout = checkout.with(path, &workload);
    let told = checkout.says("plan adamw --workload blobs");
    assert!(
        told.contains("the budget") && told.contains("AlgoPerf"),
        "{told}"
    );
}

#[test]
fn a_scheduler_gets_a_command_for_each_missing_trial() {
    let checkout = Checkout::new();
    let told = checkout.says(
        "plan adamw constant --suite smoke --ruleset external-tuning --studies 2 --seed 3 --time-budget 10s --json",
    );
    let json = told.split_once("--- stdout\n").unwrap().1;
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    insta::assert_snapshot!("plan-json", json);
    let commands = value["commands"].as_array().unwrap();
    assert_eq!(commands.len(), 2 * 2 * 2);
    let first = commands[0].as_str().unwrap();
    assert_eq!(
        first,
        "bench run adamw --suite smoke --ruleset external-tuning --studies 2 --seed 3 --time-budget 10s --only blobs/1.1"
    );
    // Each is understood, and is one trial.
    for command in commands {
        let line = command.as_str().unwrap().strip_prefix("bench ").unwrap();
        let told = checkout.says(&format!("{line} --dry-run"));
        assert_eq!(told.matches("run ").count(), 1, "{told}");
    }
}

#[test]
fn a_trial_that_is_not_among_them_is_an_error() {
    let checkout = Checkout::new();
    let lines = [
        "run adamw --workload blobs --only 2.1",
        "run adamw --workload blobs --only second",
    ];
    let told: Vec<String> = lines.iter().map(|line| checkout.says(line)).collect();
    insta::assert_snapshot!("only-errors", told.join("\n"));
}

#[test]
fn a_submission_is_not_taken_for_another_whose_name_ends_like_its() {
    let checkout = Checkout::new().with(
        "submissions/inconstant/submission.yaml",
        "extends: ../constant\nschema: 1\n",
    );
    let told = checkout.says("plan submissions/inconstant constant --workload blobs --json");
    let json = told.split_once("--- stdout\n").unwrap().1;
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    let commands = value["commands"].as_array().unwrap().iter();
    let commands: Vec<&str> = commands.map(|command| command.as_str().unwrap()).collect();
    assert!(
        commands[0].starts_with("bench run submissions/inconstant "),
        "{commands:?}"
    );
    assert!(
        commands[1].starts_with("bench run constant "),
        "{commands:?}"
    );
}
