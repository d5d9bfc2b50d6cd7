//! What is put before others: the page, its pictures, and what becomes of a page that was changed.

use crate::support::Checkout;
use std::fs;

#[test]
fn a_board_is_published_with_the_same_bytes_every_time() {
    let checkout = Checkout::new().with_records();
    let told = checkout.says("leaderboard --publish one");
    assert!(told.starts_with("exit 0"), "{told}");
    assert!(told.contains("published one/index.html"), "{told}");
    checkout.says("leaderboard --publish two");
    for name in [
        "index.html",
        "leaderboard.csv",
        "leaderboard.parquet",
        "scores.csv",
        "scores.parquet",
        "trials.csv",
        "trials.parquet",
        "digests.txt",
    ] {
        let read = |folder: &str| fs::read(checkout.path().join(folder).join(name)).unwrap();
        assert_eq!(read("one"), read("two"), "{name}");
    }
    let digests = fs::read_to_string(checkout.path().join("one/digests.txt")).unwrap();
    assert_eq!(digests.lines().count(), 7 + 2 * 6, "{digests}");
    let page = fs::read_to_string(checkout.path().join("one/index.html")).unwrap();
    for part in [
        "Performance profiles",
        "Pairs",
        "Learning curves of blobs",
        "aria-label",
    ] {
        assert!(page.contains(part), "no {part}");
    }
}

#[test]
fn a_field_is_drawn() {
    let checkout = Checkout::new().with_records();
    for picture in ["profiles", "pairs"] {
        let told = checkout.says(&format!("plot {picture} --by steps --output {picture}.svg"));
        assert_eq!(
            told,
            format!("exit 0\n--- stdout\n{picture} in {picture}.svg\n")
        );
        let svg = fs::read_to_string(checkout.path().join(format!("{picture}.svg"))).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("heavy-ball"));
    }
    let told = Checkout::new().says("plot profiles --output none.svg");
    assert!(told.contains("nothing to compare"), "{told}");
}

#[test]
fn what_cannot_be_run_again_is_said() {
    let checkout = Checkout::new().with_records();
    checkout.says("leaderboard --publish board");
    let told = checkout.says("rerun board/index.html#ec7ace9a944c");
    assert!(told.contains("did you mean `ec7ace9a944d`?"), "{told}");
    let page = checkout.path().join("board/index.html");
    let text = fs::read_to_string(&page).unwrap();
    fs::write(&page, text.replace("\"threads\":2", "\"threads\":3")).unwrap();
    let told = checkout.says("rerun board/index.html#ec7ace9a944d");
    assert!(
        told.starts_with("exit 2") && told.contains("it was changed"),
        "{told}"
    );
    let told = checkout.says("rerun harness.yaml");
    assert!(told.contains("harness.yaml is no trial"), "{told}");
}

#[test]
fn nothing_runs() {
    let told = Checkout::new().with_records().says("watch --once");
    insta::assert_snapshot!(told, @r"
    exit 0
    --- stdout
    0 running, 6 over (4 reached their target), 0 interrupted
    ");
}

/// Own records are complete where each row has the studies and trials that its ruleset asks for.
#[test]
fn rows_that_lack_trials_are_told() {
    let checkout = Checkout::new().with_records();
    let line = "leaderboard --require-complete --format csv";
    let told = checkout.says(line);
    assert!(told.starts_with("exit 0"), "{told}");
    let study = checkout
        .path()
        .join("results/runs/single/adamw/blobs/study-2");
    std::fs::remove_dir_all(study).unwrap();
    let told = checkout.says(line);
    assert!(told.starts_with("exit 5"), "{told}");
    for expected in [
        "adamw on blobs, external-tuning, test always, trials 1: 2 of 3 studies, 2 of 3 trials",
        "without --require-complete the rest is ranked",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    assert!(
        checkout
            .says("leaderboard --format csv")
            .starts_with("exit 0")
    );
    let told = checkout.says("leaderboard --results results/none --require-complete");
    assert!(
        told.starts_with("exit 5") && told.contains("there are no scored trials"),
        "{told}"
    );
}
