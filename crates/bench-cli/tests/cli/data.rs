//! Data of one's own: added, changed, pinned again, and what is told where it cannot be.

use crate::support::Checkout;
use std::fmt::Write as _;

/// So many flowers of two kinds.
fn flowers(count: usize) -> String {
    let mut text = "petal,colour,kind\n".to_owned();
    for row in 0..count {
        let (colour, kind) = if row % 3 == 0 {
            ("red", "rose")
        } else {
            ("blue", "violet")
        };
        let _ = writeln!(text, "{}.5,{colour},{kind}", row);
    }
    text
}

fn entry(checkout: &Checkout) -> String {
    std::fs::read_to_string(checkout.path().join("workloads/datasets/flowers.yaml")).unwrap()
}

fn hashes(checkout: &Checkout) -> Vec<String> {
    let entry = entry(checkout);
    let hashes = entry.split("hash: ").skip(1);
    hashes
        .map(|rest| rest.trim_matches(['"', ' ', '}', '\n'])[..64].to_owned())
        .collect()
}

/// The workload that `bench data add` printed.
fn printed(told: &str) -> &str {
    let (_, rest) = told.split_once("\n\nschema: 1").unwrap();
    let (workload, _) = rest.split_once("\nNext:").unwrap();
    workload
}

#[test]
fn a_table_becomes_a_data_set_and_a_workload() {
    let checkout = Checkout::new().with("mine/flowers.csv", &flowers(200));
    let told = checkout.says("data add mine/flowers.csv --quiet");
    assert!(told.starts_with("exit 0"), "{told}");
    for expected in [
        "workloads/datasets/flowers.yaml: written",
        "asked for: `kind`, one of 2 classes",
        "given: 3 numbers, of `petal`, `colour`",
        "loss: cross-entropy\nmetrics: [error-rate, cross-entropy]\n",
        "bench run adamw --workload flowers-mlp",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    let checkout = checkout.with(
        "workloads/flowers-mlp.yaml",
        &format!("schema: 1{}", printed(&told)),
    );
    let told = checkout.says("spec check");
    assert!(told.starts_with("exit 0"), "{told}");
    let told = checkout.says("data verify flowers --quiet");
    assert!(
        told.contains("flowers: sound") && told.starts_with("exit 0"),
        "{told}"
    );
    let told = checkout.says("data add mine/flowers.csv --quiet");
    assert!(
        told.starts_with("exit 2") && told.contains("there is a data set called `flowers` already"),
        "{told}"
    );
}

#[test]
fn what_changed_is_told_and_read_anew() {
    let checkout = Checkout::new().with("mine/flowers.csv", &flowers(200));
    checkout.says("data add mine --name flowers --quiet");
    let (before, text) = (hashes(&checkout), entry(&checkout));
    assert_eq!(before.len(), 3);
    // Another time of the same content changes nothing.
    let checkout = checkout.with("mine/flowers.csv", &flowers(200));
    let told = checkout.says("data fetch flowers");
    assert!(
        told.starts_with("exit 0") && !told.contains("changed"),
        "{told}"
    );
    // Pinned content that is not there any more stops, and says what helps.
    let checkout = checkout.with("mine/flowers.csv", &flowers(230).replace("red", "blue"));
    let told = checkout.says("data fetch flowers");
    assert!(told.starts_with("exit 6"), "{told}");
    for expected in [
        "flowers.csv changed since it was read; it is read anew",
        "`bench data add flowers`",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    let told = checkout.says("data add flowers --quiet");
    assert!(
        told.starts_with("exit 0") && told.contains("train: hash"),
        "{told}"
    );
    assert_ne!(hashes(&checkout), before);
    assert_ne!(entry(&checkout), text);
    let told = checkout.says("data fetch flowers");
    assert!(told.starts_with("exit 0"), "{told}");
    let told = checkout.says("data add flowers --quiet");
    assert!(
        told.contains("numbers and hashes are those of what is there"),
        "{told}"
    );
    // Without hashes the new content is taken.
    let mut unpinned = entry(&checkout);
    for hash in hashes(&checkout) {
        unpinned = unpinned.replace(&hash, "unpinned");
    }
    let checkout = checkout.with("workloads/datasets/flowers.yaml", &unpinned);
    let told = checkout.says("data fetch flowers");
    assert!(
        told.contains(
            "unpinned: any content of the right shape is taken; `bench data add flowers` writes"
        ),
        "{told}"
    );
    let checkout = checkout.with(
        "mine/flowers.csv",
        &flowers(230)
            .replace("red", "blue")
            .replace("violet", "rose"),
    );
    let told = checkout.says("data fetch flowers");
    assert!(
        told.starts_with("exit 0") && told.contains("changed since it was read"),
        "{told}"
    );
}

#[test]
fn what_cannot_be_added_is_told() {
    let checkout = Checkout::new()
        .with("mine/flowers.csv", "petal,kind\n1,rose\nlong,violet,3\n")
        .with("two/train.csv", "a,b\n1,2\n")
        .with("none/read.me", "")
        .with("workloads/datasets/broken.yaml", "schema: 1\nlicence: x\nformat: { tokens: { vocabulary: 256 } }\nsources: [folder: { train: a, test: b }]\nsplits:\n  train: { from: train, count: 9, hash: … }\n  validation: { from: train, start: 9, count: 9 }\n  test: { from: test, count: 9 }\n");
    for (line, code, expected) in [
        (
            "data add mine",
            6,
            "data/flowers.csv: line 3: it has 3 entries, and the first line names 2 columns",
        ),
        (
            "data add two",
            6,
            "files that are split already are at least `train` and `test`",
        ),
        ("data add none", 6, "there is no file that ends in `.csv`"),
        (
            "data add nowhere",
            2,
            "there is no data set called `nowhere`",
        ),
        ("data add ./nowhere", 2, "cannot read ./nowhere"),
        (
            "data add mine --name .x",
            2,
            "`.x` is no name of a data set",
        ),
        ("data fetch broken", 2, "`…` is not a blake3 hash"),
        (
            "data fetch broken",
            2,
            "write `unpinned`, and `bench data add NAME` puts in",
        ),
    ] {
        let told = checkout.says(line);
        assert!(told.starts_with(&format!("exit {code}")), "{line}: {told}");
        assert!(told.contains(expected), "{line}: {told}");
    }
}
