//! A competition scored from its own logs.

use crate::support::Checkout;

const TARGETS: &str = r#"{"benchmark_version": "0.6", "base_workloads": ["ogbg", "wmt"], "held_out_workloads": [], "workloads": {
    "ogbg": {"target_metric_name": "mean_average_precision", "validation_target_value": 0.28},
    "wmt": {"target_metric_name": "bleu", "validation_target_value": 30}}}"#;

/// Two submissions of three studies; the second is slower, and its logs are damaged.
fn competition() -> Checkout {
    let mut checkout = Checkout::new().with("targets.json", TARGETS);
    for study in 0..3 {
        let ogbg = format!(
            "global_step,score,validation/mean_average_precision\n1,1{study},0.1\n2,2{study},0.3\n"
        );
        let wmt = format!("global_step,score,validation/bleu\n1,4{study},29\n2,9{study},30\n");
        checkout = checkout
            .with(&log("fast", study, "ogbg_jax"), &ogbg)
            .with(&log("fast", study, "wmt_jax"), &wmt)
            .with(
                &log("slow", study, "ogbg_pytorch"),
                &ogbg.replace(",2", ",3"),
            );
    }
    checkout
        .with(
            &log("slow", 0, "wmt_pytorch"),
            "global_step,score,validation/bleu\n1,4,nan\n2,x,31",
        )
        .with(&log("slow", 1, "wmt_pytorch"), "")
        .with("logs/slow/notes.txt", "")
}

fn log(submission: &str, study: u32, workload: &str) -> String {
    format!("logs/{submission}/study_{study}/{workload}/trial_1/eval_measurements.csv")
}

const LINE: &str = "leaderboard --from algoperf logs --targets targets.json --ruleset self-tuning";

#[test]
fn scores_times_and_findings() {
    insta::assert_snapshot!(competition().says(LINE));
}

#[test]
fn scores_for_programs_begin_with_submission_and_score() {
    insta::assert_snapshot!(competition().says(&format!("{LINE} --format csv --resamples 0")));
}

#[test]
fn programs_get_sensitivity_and_frozen_scores_as_numbers() {
    let checkout = competition();
    checkout.says(&format!(
        "{LINE} --freeze-reference fast --reference frozen.json"
    ));
    let told = checkout.says(&format!(
        "{LINE} --resamples 0 --reference frozen.json --format json"
    ));
    let json: serde_json::Value =
        serde_json::from_str(told.split_once("--- stdout\n").unwrap().1).unwrap();
    let slow = &json["submissions"][1];
    let ends = slow["frozen"]["interval"].as_array().unwrap();
    assert!(ends[0].as_f64().unwrap() < slow["frozen"]["score"].as_f64().unwrap());
    assert_eq!(json["reference"]["submission"], "fast");
    let changes: Vec<&str> = json["sensitivity"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["change"].as_str().unwrap())
        .collect();
    insta::assert_snapshot!(changes.join("\n"));
}

#[test]
fn an_incomplete_set_can_be_refused() {
    let told = competition().says(&format!(
        "{LINE} --resamples 0 --require-complete --format csv"
    ));
    assert!(told.starts_with("exit 5"), "{told}");
    assert!(
        told.contains("error: the logs lack 2 things that the ruleset asks for"),
        "{told}"
    );
}

#[test]
fn the_official_tables_are_written() {
    let checkout = competition();
    let told = checkout.says(&format!(
        "{LINE} --resamples 0 --format json --tables tables"
    ));
    assert!(told.starts_with("exit 0"), "{told}");
    let read =
        |name: &str| std::fs::read_to_string(checkout.path().join("tables").join(name)).unwrap();
    assert_eq!(
        read("scores.csv"),
        "submission,score\nfast,1\nslow,0.4217171717171717\n"
    );
    assert_eq!(
        read("time_to_targets.csv"),
        "submission,ogbg,wmt\nfast,21,91\nslow,31,inf\n"
    );
    assert!(
        read("performance_profile_score.csv").starts_with("submission,1.0,1.0303030303030303,")
    );
    assert!(
        read("findings.txt").contains("logs/slow/notes.txt")
            || read("findings.txt").contains("slow/notes.txt")
    );
}

#[test]
fn a_score_is_explained_down_to_the_lines_of_the_logs() {
    let checkout = competition();
    let logs = LINE.trim_start_matches("leaderboard ");
    insta::assert_snapshot!("explain", checkout.says(&format!("explain slow {logs}")));
    insta::assert_snapshot!(
        "explain-unknown",
        checkout.says(&format!("explain slwo {logs}"))
    );
}

#[test]
fn a_frozen_reference_stands_beside_the_competitions_own_score() {
    let checkout = competition();
    let frozen = checkout.says(&format!(
        "{LINE} --freeze-reference fast --reference frozen.json"
    ));
    assert!(frozen.contains("version 1 of the reference: fast on 2 workloads"));
    let told = checkout.says(&format!(
        "{LINE} --resamples 0 --reference frozen.json --format csv"
    ));
    insta::assert_snapshot!(told);
}
