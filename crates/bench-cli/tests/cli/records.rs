//! Records read back: the committed ones of six trials.

use crate::support::Checkout;

#[test]
fn what_ran() {
    let checkout = Checkout::new().with_records();
    insta::assert_snapshot!("status", checkout.says("status"));
    insta::assert_snapshot!("status-none", Checkout::new().says("status"));
}

#[test]
fn one_trial_by_its_digits_and_by_its_folder() {
    let checkout = Checkout::new().with_records();
    let told = checkout.says("show a33d8a59bd32");
    insta::assert_snapshot!("show", told);
    let folder = "results/runs/single/adamw/blobs/study-3";
    let by_folder = checkout.says(&format!("show {folder}"));
    assert_eq!(
        told.replace("[checkout]/", ""),
        by_folder.replace("[checkout]/", "")
    );
    insta::assert_snapshot!("show-many", checkout.says("show heavy-ball"));
}

#[test]
fn a_trial_as_json_is_what_references_are_made_of() {
    let told = Checkout::new()
        .with_records()
        .says("show a33d8a59bd32 --format json");
    let json = told.split_once("--- stdout\n").unwrap().1;
    let trial: bench_score::Trial = serde_json::from_str(json).unwrap();
    assert_eq!(trial.summary.hit().unwrap().at.step, 1000);
}

#[test]
fn the_leaderboard() {
    let checkout = Checkout::new().with_records();
    for format in ["table", "markdown", "csv"] {
        let told = checkout.says(&format!("leaderboard --format {format}"));
        insta::assert_snapshot!(format!("leaderboard-{format}"), told);
    }
    let json = checkout.says("leaderboard --format json");
    let board: bench_score::Leaderboard =
        serde_json::from_str(json.split_once("--- stdout\n").unwrap().1).unwrap();
    assert_eq!(board.tables[0].rows.len(), 2);
}

#[test]
fn tables_follow_the_terminal() {
    let checkout = Checkout::new().with_records();
    for columns in [80, 200] {
        let output = checkout
            .bench("leaderboard")
            .env("COLUMNS", columns.to_string())
            .output()
            .unwrap();
        let told = checkout.told(output);
        assert!(
            told.lines().all(|line| line.chars().count() <= columns),
            "{told}"
        );
    }
}

#[test]
fn curves_are_drawn() {
    let checkout = Checkout::new().with_records();
    let told = checkout.says("plot curves adamw heavy-ball/blobs/study-1 --output curves.svg");
    insta::assert_snapshot!("plot", told);
    let svg = std::fs::read_to_string(checkout.path().join("curves.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("heavy-ball, study 1, trial 1"));
}
