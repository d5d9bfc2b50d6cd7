//! Comparisons of records that are there, and what can be typed wrong.

use crate::calibrate;
use crate::support::Checkout;

const SIDES: &str = "results/runs/single/adamw results/runs/single/heavy-ball";

#[test]
fn two_folders_of_records() {
    let checkout = Checkout::new().with_records();
    insta::assert_snapshot!("compare", checkout.says(&format!("compare {SIDES}")));
    let same = "results/runs/single/adamw results/runs/single/adamw";
    insta::assert_snapshot!(
        "compare-identical",
        checkout.says(&format!("compare {same}"))
    );
    let by_time = checkout.says(&format!("compare {SIDES} --by time --margin 20%"));
    insta::assert_snapshot!("compare-by-time", by_time);
}

/// Two single studies show no spread between studies; the five seeds of a committed calibration do.
#[test]
fn what_a_calibration_knows_of_noise_is_used_and_said() {
    let mut trials = calibrate::record().trials;
    for seen in &mut trials[2].evaluations {
        seen.1.0 += 0.03;
    }
    let mut calibration = calibrate::of(trials);
    let sides = "compare results/runs/single/adamw/blobs/study-1 results/runs/single/heavy-ball/blobs/study-1";
    let seen = |checkout: &Checkout| {
        let told = checkout.says(sides);
        let line = told.lines().find(|line| line.contains("noise between"));
        line.unwrap().trim().to_owned()
    };
    let checkout = Checkout::new().with_records();
    insta::assert_snapshot!(seen(&checkout), @"noise between studies: blobs 11.8 % (assumed, as measured in AlgoPerf)");
    calibration.finding.validation = 0.1;
    let checkout = checkout.with(
        "results/calibration/blobs/calibration.json",
        &calibration.text().unwrap(),
    );
    insta::assert_snapshot!(seen(&checkout), @"noise between studies: blobs 12.2 % (assumed, as between the seeds of its calibration)");
}

#[test]
fn the_table_follows_the_terminal() {
    let checkout = Checkout::new().with_records();
    let output = checkout
        .bench(&format!("compare {SIDES}"))
        .env("COLUMNS", "80")
        .output();
    let told = checkout.told(output.unwrap());
    let table = told.lines().filter(|line| line.contains(['│', '─']));
    for line in table {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn json_has_the_verdict_and_everything_else() {
    let checkout = Checkout::new().with_records();
    let told = checkout.says(&format!("compare {SIDES} --json"));
    let json = told.split_once("--- stdout\n").unwrap().1;
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    insta::assert_snapshot!("compare-json", json);
    assert_eq!(value["candidate"], "results/runs/single/heavy-ball");
    assert_eq!(value["rule"]["by"], "steps");
    for key in [
        "verdict",
        "headline",
        "p-fell",
        "workloads",
        "sight",
        "confidence",
    ] {
        assert!(!value[key].is_null(), "{key}");
    }
}

#[test]
fn a_baseline_is_made_and_changed_by_accept_alone() {
    let checkout = Checkout::new().with_records();
    let baseline = "results/baselines/board";
    let missing = checkout.says(&format!("compare {baseline} results/runs/single/adamw"));
    let made = checkout.says(&format!(
        "compare {baseline} results/runs/single/adamw --accept"
    ));
    let same = checkout.says(&format!("compare {baseline} results/runs/single/adamw"));
    let other = checkout.says(&format!(
        "compare {baseline} results/runs/single/heavy-ball"
    ));
    let unchanged = checkout.says(&format!(
        "compare {baseline} results/runs/single/adamw --json"
    ));
    assert!(
        same.contains("identical") && unchanged.contains("\"identical\": true"),
        "{same}"
    );
    assert!(!other.contains("identical"), "{other}");
    let elsewhere = checkout.says(&format!("compare {SIDES} --accept"));
    insta::assert_snapshot!("compare-accept", [missing, made, elsewhere].join("\n"));
}

#[test]
fn what_can_be_typed_wrong() {
    let checkout = Checkout::new()
        .with_records()
        .with("low.yaml", "learning-rate: 1e-4\n")
        .with("wrong.yaml", "learning-rat: 1e-4\n")
        .with("nothing/README.md", "");
    let lines = [
        "compare adamw adamv",
        "compare low.yaml low.yaml",
        "compare wrong.yaml adamw",
        "compare adamw results/runs",
        "compare adamw constant --margin 7",
        "compare adamw constant --suite big",
        "compare lwo.yaml low.yaml --submission adamw",
        "compare elsewhere/fast.yaml adamw",
        "compare adamw constant --workload blobs --read-only --quiet",
        "compare adamw nothing",
    ];
    let told: Vec<String> = lines
        .iter()
        .map(|line| format!("$ bench {line}\n{}", checkout.says(line)))
        .collect();
    insta::assert_snapshot!("compare-errors", told.join("\n"));
    // Git's own words differ with the place of the temporary folder.
    let revision = checkout.says("compare adamw@no-such-revision adamw");
    assert!(
        revision.starts_with("exit 2") && revision.contains("`no-such-revision`"),
        "{revision}"
    );
}

#[test]
fn a_margin_is_a_share_above_0() {
    let checkout = Checkout::new();
    for margin in ["-5%", "-0.05", "0", "100%", "five"] {
        let told = checkout.says(&format!("compare adamw constant --margin {margin}"));
        let expected = format!(
            "invalid value '{margin}' for '--margin <SHARE>': write a share between 0 and 1, such as 5% or 0.05"
        );
        assert!(
            told.starts_with("exit 2") && told.contains(&expected),
            "{told}"
        );
        // No other option is meant, and `--` would not help.
        assert!(!told.contains("tip:"), "{told}");
    }
}
