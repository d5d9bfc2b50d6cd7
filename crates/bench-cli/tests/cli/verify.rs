//! Records that somebody changed: named, left out, and never published.

use crate::support::Checkout;
use std::fs;
use std::path::PathBuf;

const TRIAL: &str = "results/runs/single/heavy-ball/blobs/study-1/trial-1-002c8ed7b6ff";

fn edit(checkout: &Checkout, path: &str, from: &str, to: &str) {
    let path: PathBuf = checkout.path().join(path);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn what_is_as_it_was_written_is_sound() {
    let checkout = Checkout::new().with_records();
    assert_eq!(
        checkout.says("verify"),
        "exit 0\n--- stdout\nsound: 6 records\n"
    );
    checkout.says("leaderboard --publish board");
    assert_eq!(
        checkout.says("verify board"),
        "exit 0\n--- stdout\nsound: 1 published page\n"
    );
    edit(&checkout, "board/index.html", "adamw", "lion");
    let told = checkout.says("verify board");
    assert!(told.starts_with("exit 5"), "{told}");
    assert!(
        told.contains("not sound: board/digests.txt:1: board/index.html has"),
        "{told}"
    );
    let told = checkout.says("verify nowhere");
    assert!(
        told.starts_with("exit 2") && told.contains("cannot read nowhere"),
        "{told}"
    );
}

/// A target made easier in `run.json` alone ranked a submission first, and was published.
#[test]
fn a_changed_target_counts_nowhere() {
    let checkout = Checkout::new().with_records();
    checkout.says("leaderboard --publish board");
    let before = fs::read(checkout.path().join("board/index.html")).unwrap();
    edit(
        &checkout,
        &format!("{TRIAL}/run.json"),
        "\"validation\": 0.1",
        "\"validation\": 0.9",
    );
    for line in [
        "leaderboard",
        "status",
        "explain heavy-ball",
        "export csv",
        "plan adamw --workload blobs",
        "watch --once",
        "show heavy-ball",
        "plot curves heavy-ball --output curves.svg",
        "plot profiles --by steps --output profiles.svg",
        "leaderboard --publish board",
        "leaderboard --freeze-reference adamw",
        "verify",
        "merge results/runs --results elsewhere",
    ] {
        let told = checkout.says(line);
        assert!(told.starts_with("exit 5"), "{line}: {told}");
        assert!(
            told.contains("trial-1-002c8ed7b6ff/run.json:"),
            "{line}: {told}"
        );
        assert!(told.contains("`config-hash` is"), "{line}: {told}");
    }
    assert!(
        checkout.says("leaderboard --format csv").contains(",2,"),
        "two studies are left"
    );
    assert_eq!(
        fs::read(checkout.path().join("board/index.html")).unwrap(),
        before
    );
    assert!(!checkout.path().join("results/reference").exists());
    let told = checkout.says(&format!("show {TRIAL}"));
    assert!(
        told.starts_with("exit 5") && told.contains("1 record is left out"),
        "{told}"
    );
}

/// Times divided by a hundred in the evaluations alone gave the first rank.
#[test]
fn changed_times_are_told_with_their_line() {
    let checkout = Checkout::new().with_records();
    let path = checkout.path().join(TRIAL).join("events.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let changed: Vec<String> = text
        .lines()
        .map(|line| match line.contains("\"event\": \"evaluated\"") {
            true => line.replace("\"submission-ns\": ", "\"submission-ns\": 1"),
            false => line.to_owned(),
        })
        .collect();
    fs::write(&path, changed.join("\n") + "\n").unwrap();
    let told = checkout.says("leaderboard");
    assert!(told.starts_with("exit 5"), "{told}");
    assert!(
        told.contains("trial-1-002c8ed7b6ff/events.jsonl:5: evaluates step"),
        "{told}"
    );
    assert!(told.contains("more"), "{told}");
}

#[test]
fn a_folder_that_is_no_trial_is_named_and_ignored() {
    let checkout = Checkout::new().with_records();
    let plain = checkout.says("leaderboard");
    crate::support::copy(
        &checkout.path().join(TRIAL),
        &checkout.path().join(format!("{TRIAL}.bak")),
    );
    let told = checkout.says("leaderboard");
    assert!(told.starts_with(&plain), "{told}");
    assert!(
        told.ends_with(&format!("{TRIAL}.bak is no trial's folder: ignored\n")),
        "{told}"
    );
}

/// A page's names become folders: one that leads away is refused before anything is made.
#[test]
fn a_page_names_no_way_out() {
    let checkout = Checkout::new().with_records();
    checkout.says("leaderboard --publish board");
    let page = checkout.path().join("board/index.html");
    let text = fs::read_to_string(&page).unwrap();
    for (from, to) in [
        (
            "\"workload-name\":\"blobs\"",
            "\"workload-name\":\"../../../away\"",
        ),
        ("\"name\":\"adamw\"", "\"name\":\"/tmp/away\""),
        ("\"program\":\"adamw\"", "\"program\":\"..\""),
    ] {
        assert!(text.contains(from), "{from}");
        fs::write(&page, text.replace(from, to)).unwrap();
        let told = checkout.says("rerun board/index.html#ec7ace9a944d");
        assert!(told.starts_with("exit 2"), "{told}");
        assert!(told.contains("is no name: a name has no `/`"), "{told}");
    }
    assert!(!checkout.path().join("results/reruns").exists());
}
