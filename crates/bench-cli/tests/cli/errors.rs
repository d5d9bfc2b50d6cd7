//! Every mistake that can be made without libtorch, as its maker reads it.

use crate::support::Checkout;

#[test]
fn mistakes_in_specs_come_all_at_once() {
    let checkout = Checkout::new()
        .with("workloads/wrong.yaml", "schema: 1\ndataset: synthetik\nmodel: { mlp: { hiden: [16] } }\nloss: cross-entropy\nmetrics: [cross-entropy]\ntarget: { metric: error-rate, validation: .nan }\nbudget: { time: 0s, steps: 0 }\nstep-hint: 10\nstep-hint: 20\nevaluate: { every-steps: 1, batch-size: 1, train-subset: 1 }\n")
        .with("submissions/lost/submission.yaml", "schema: 1\nextends: ../adam\n");
    insta::assert_snapshot!("specs", checkout.says("spec check"));
    // Healthy ones are still there, and whoever asks for a broken one gets its mistakes.
    insta::assert_snapshot!("list-beside-mistakes", checkout.says("list submissions"));
    insta::assert_snapshot!("show-broken", checkout.says("spec show blobs lost"));
    let told = checkout.says("spec check workloads/blobs.yaml");
    assert!(told.starts_with("exit 0"), "{told}");
}

#[test]
fn a_file_that_is_no_text_hides_no_other() {
    let checkout = Checkout::new();
    let latin = b"schema: 1\nabout: caf\xe9\n";
    std::fs::write(checkout.path().join("workloads/latin.yaml"), latin).unwrap();
    insta::assert_snapshot!("not-utf-8", checkout.says("spec check"));
    assert!(checkout.says("list workloads").contains("blobs"));
}

#[test]
fn names_that_are_not_there() {
    let checkout = Checkout::new();
    let lines = [
        "run adamv --workload blobs",
        "run submissions/adamv --workload blobs",
        "run adamw --workload blob",
        "run adamw --suite smok",
        "run adamw --workload blobs --ruleset quick",
        "run adamw --workload blobs --ruleset self-tuning",
        "run adamw --workload blobs --device gpu",
        "run adamw --workload blobs --hyperparameters none.yaml",
        "run adamw --workload blobs --time-budget soon",
        "run adamw",
        "spec show blobs adamv",
        "spec check nowhere.yaml",
        "spec check results.yaml",
        "data path synthetik",
        "check adamv",
        "show 0123456789ab",
        "plot curves 0123456789ab --output x.svg",
        "plot schedule wdsd{cooldown:20%} --output x.svg",
        "leaderboard --format html",
        "frobnicate",
    ];
    let checkout = checkout.with("results.yaml", "");
    let told: Vec<String> = lines
        .iter()
        .map(|line| format!("$ bench {line}\n{}", checkout.says(line)))
        .collect();
    insta::assert_snapshot!("names", told.join("\n"));
}

#[test]
fn the_folder_one_stands_in_is_a_submission() {
    let checkout = Checkout::new();
    let by_name = checkout.says("spec show blobs constant");
    assert!(by_name.starts_with("exit 0"), "{by_name}");
    let folder = checkout.path().join("submissions/constant");
    let mut command = checkout.bench("spec show blobs .");
    let output = command.current_dir(folder).output().unwrap();
    assert_eq!(checkout.told(output), by_name);
}

#[test]
fn hyperparameters_of_ones_own() {
    let checkout = Checkout::new()
        .with("unknown.yaml", "learning-rat: 0.1\n")
        .with("nested.yaml", "learning-rate: { min: 0 }\n");
    let told = ["unknown.yaml", "nested.yaml"].map(|file| {
        checkout.says(&format!(
            "run adamw --workload blobs --hyperparameters {file} --dry-run"
        ))
    });
    insta::assert_snapshot!("hyperparameters", told.join("\n"));
}

#[test]
fn no_checkout() {
    let checkout = Checkout::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let output = checkout
        .bench("list workloads")
        .env("BENCH_HOME", elsewhere.path())
        .output()
        .unwrap();
    let told = checkout
        .told(output)
        .replace(elsewhere.path().to_str().unwrap(), "[elsewhere]");
    insta::assert_snapshot!("no-checkout", told);
}

#[test]
fn records_that_cannot_be_read() {
    let run = "results/runs/single/adamw/blobs/study-1/trial-1-ec7ace9a944d";
    let broken = Checkout::new()
        .with_records()
        .with(&format!("{run}/events.jsonl"), "nonsense\nmore\n");
    insta::assert_snapshot!("broken-events", broken.says("leaderboard"));
    let newer = Checkout::new().with(&format!("{run}/run.json"), "{\"format\": 99}");
    insta::assert_snapshot!("broken-record", newer.says("show ec7ace9a944d"));
}

#[test]
fn curves_of_nothing() {
    let checkout = Checkout::new().with_records();
    let run = "results/runs/single/adamw/blobs/study-1/trial-1-ec7ace9a944d";
    let checkout = checkout.with_lines(run, "");
    insta::assert_snapshot!(
        "no-curve",
        checkout.says("plot curves ec7ace9a944d --output x.svg")
    );
    insta::assert_snapshot!(
        "no-folder",
        checkout.says("plot curves a33d8a59bd32 --output no/x.svg")
    );
    insta::assert_snapshot!(
        "no-lineage",
        checkout.says("plot lineage a33d8a59bd32 --output x.svg")
    );
}
