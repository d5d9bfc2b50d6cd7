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
    let json: serde_json::Value =
        serde_json::from_str(json.split_once("--- stdout\n").unwrap().1).unwrap();
    let ranking = &json["rankings"][0];
    assert_eq!(ranking["by"], "steps");
    assert_eq!(ranking["submissions"][0]["tie-group"], 1);
    assert!(ranking["sensitivity"].as_array().unwrap().len() >= 4);
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

#[test]
fn a_row_is_explained_down_to_its_evaluations() {
    let checkout = Checkout::new().with_records();
    insta::assert_snapshot!("explain", checkout.says("explain adamw"));
    insta::assert_snapshot!(
        "explain-missed",
        checkout.says("explain heavy-ball -w blobs")
    );
    insta::assert_snapshot!("explain-unknown", checkout.says("explain adam"));
    let json = checkout.says("explain adamw --format json");
    let rows: serde_json::Value =
        serde_json::from_str(json.split_once("--- stdout\n").unwrap().1).unwrap();
    assert_eq!(rows["rows"][0]["studies"].as_array().unwrap().len(), 3);
    assert_eq!(rows["scores"][0]["workloads"][0]["points"], 1.0);
}

/// A line that an explanation names holds the evaluation that it names.
#[test]
fn explained_lines_are_there() {
    let checkout = Checkout::new().with_records();
    let told = checkout.says("explain adamw --format json");
    let json = told.split_once("--- stdout\n").unwrap().1;
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    for study in json["rows"][0]["studies"].as_array().unwrap() {
        let trial = &study["trials"][0];
        let (evidence, at) = (&trial["evidence"], &trial["passage"]["at"]);
        let step = at["step"].to_string();
        let line = evidence["lines"][&step].as_u64().unwrap() as usize;
        let file = evidence["file"].as_str().unwrap();
        let text =
            std::fs::read_to_string(checkout.path().join("results/runs").join(file)).unwrap();
        let line = text.lines().nth(line - 1).unwrap();
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&line["event"], &line["step"]),
            (&"evaluated".into(), &at["step"])
        );
        let digest = blake3::hash(text.as_bytes()).to_string();
        assert_eq!(evidence["digest"], digest.as_str());
    }
}

#[test]
fn records_are_exported_as_flat_tables() {
    let checkout = Checkout::new().with_records();
    insta::assert_snapshot!("export-csv", checkout.says("export csv"));
    let told = checkout.says("export csv --table evaluations --output evaluations.csv");
    insta::assert_snapshot!("export-evaluations", told);
    let text = std::fs::read_to_string(checkout.path().join("evaluations.csv")).unwrap();
    let width = |line: &str| line.split(',').count();
    assert!(text.lines().all(|line| width(line) == 18), "{text}");
}

#[test]
fn record_folders_are_joined_and_conflicts_listed() {
    let (here, there) = (Checkout::new(), Checkout::new().with_records());
    let elsewhere = there.path().join("results/runs");
    let merge = format!("merge {}", elsewhere.display());
    let told = |checkout: &Checkout| {
        let said = checkout.says(&merge);
        said.replace(there.path().to_str().unwrap(), "[elsewhere]")
    };
    insta::assert_snapshot!("merge", told(&here));
    assert_eq!(here.says("leaderboard"), there.says("leaderboard"));
    // Again: nothing new. An event more: a conflict. Another machine's name: both stand.
    insta::assert_snapshot!("merge-again", told(&here));
    let trial = |study: u32| {
        let study = elsewhere.join(format!("single/adamw/blobs/study-{study}"));
        let mut entries = std::fs::read_dir(study).unwrap();
        entries.next().unwrap().unwrap().path()
    };
    let events = trial(1).join("events.jsonl");
    let text = std::fs::read_to_string(&events).unwrap();
    let more = text.clone() + "{\"t\":99.0,\"event\":\"warned\",\"message\":\"more\"}\n";
    std::fs::write(&events, more).unwrap();
    let run = trial(2).join("run.json");
    let text = std::fs::read_to_string(&run).unwrap();
    let record: bench_core::record::RunRecord = serde_json::from_str(&text).unwrap();
    let other = text.replace(&record.machine.fingerprint, "another-machine");
    std::fs::write(&run, other).unwrap();
    insta::assert_snapshot!("merge-conflict", told(&here));
    let aside = here.path().join("results/runs/single@another-machine");
    assert!(aside.join("adamw/blobs/study-2").is_dir());
}

#[test]
fn scores_are_set_against_a_frozen_reference() {
    let checkout = Checkout::new().with_records();
    insta::assert_snapshot!(
        "freeze",
        checkout.says("leaderboard --freeze-reference adamw")
    );
    insta::assert_snapshot!(
        "freeze-again",
        checkout.says("leaderboard --freeze-reference adamw")
    );
    insta::assert_snapshot!(
        "freeze-nothing",
        checkout.says("leaderboard --freeze-reference lion")
    );
    insta::assert_snapshot!("leaderboard-frozen", checkout.says("leaderboard"));
    insta::assert_snapshot!("explain-frozen", checkout.says("explain heavy-ball"));
}

#[test]
fn every_record_that_cannot_be_read_is_told() {
    let checkout = Checkout::new()
        .with(
            "results/runs/single/a/blobs/study-1/trial-1-000000000001/run.json",
            "{",
        )
        .with(
            "results/runs/single/a/blobs/study-1/trial-2-000000000002/run.json",
            "{",
        );
    for line in [
        "leaderboard",
        "status",
        "explain a",
        "export csv",
        "plan adamw --workload blobs",
        "watch --once",
        "plot profiles --output profiles.svg",
    ] {
        let told = checkout.says(line);
        assert!(told.contains("2 records are left out"), "{line}: {told}");
        for record in ["trial-1-000000000001", "trial-2-000000000002"] {
            assert!(told.contains(record), "{line}: {told}");
        }
    }
}
