//! What is committed under `results/` is what its inputs give today.

use crate::support::{Checkout, copy};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A published competition, as `results/algoperf/README.md` says it was made.
struct Board {
    folder: &'static str,
    logs: &'static str,
    targets: &'static str,
    ruleset: &'static str,
    scoring: &'static str,
}

const BOARDS: [Board; 3] = [
    Board {
        folder: "v05-self-tuning",
        logs: "v05/self_tuning",
        targets: "workload_targets_v05.json",
        ruleset: "self-tuning",
        scoring: "algoperf-v05",
    },
    Board {
        folder: "v06-external-tuning",
        logs: "v06/external_tuning",
        targets: "workload_targets_v06_without_lm.json",
        ruleset: "external-tuning",
        scoring: "algoperf-v06",
    },
    Board {
        folder: "v06-self-tuning",
        logs: "v06/self_tuning",
        targets: "workload_targets_v06_without_lm.json",
        ruleset: "self-tuning",
        scoring: "algoperf-v06",
    },
];

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap()
}

/// The competition's logs, or a loud word that the test is skipped.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn shared() -> Option<PathBuf> {
    let beside = || root().join("../shared");
    let folder = std::env::var_os("BENCH_SHARED").map_or_else(beside, PathBuf::from);
    let folder = folder.join("algoperf");
    if !folder.is_dir() {
        eprintln!("SKIPPED: set BENCH_SHARED to the folder that holds algoperf/logs");
        return None;
    }
    Some(folder)
}

/// Two folders hold the same bytes under the same names.
fn assert_current(committed: &Path, fresh: &Path) {
    for entry in fs::read_dir(committed).unwrap() {
        let name = entry.unwrap().file_name();
        // The reference that the scores are set against is an input.
        if name == "frozen.json" {
            continue;
        }
        let read = |folder: &Path| fs::read(folder.join(&name)).unwrap_or_default();
        assert!(
            read(committed) == read(fresh),
            "{} is not what its inputs give today: publish it anew, as results/algoperf/README.md says",
            committed.join(&name).display()
        );
    }
}

#[test]
fn published_competitions_are_current() {
    let Some(shared) = shared() else {
        return;
    };
    for board in BOARDS {
        let committed = root().join("results/algoperf").join(board.folder);
        let fresh = tempfile::tempdir().unwrap();
        let bench = |words: &[&str], output: &Path| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
            command.args(words).arg(output);
            command.args(["--from", "algoperf"]);
            command.arg(shared.join("logs").join(board.logs));
            command.arg("--targets");
            command.arg(shared.join("targets").join(board.targets));
            command.args(["--ruleset", board.ruleset, "--scoring", board.scoring]);
            command
        };
        let frozen = committed.join("frozen.json");
        let mut publish = bench(&["leaderboard", "--publish"], fresh.path());
        if frozen.is_file() {
            publish.arg("--reference").arg(&frozen);
        }
        let mut commands = vec![publish];
        for picture in ["profiles", "pairs"] {
            let name = format!("{picture}.svg");
            if committed.join(&name).is_file() {
                commands.push(bench(
                    &["plot", picture, "--output"],
                    &fresh.path().join(name),
                ));
            }
        }
        for mut command in commands {
            let output = command.env("BENCH_HOME", root()).output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
        assert_current(&committed, fresh.path());
    }
}

#[test]
fn the_frozen_reference_is_what_its_records_give() {
    let committed = root().join("results/reference");
    let checkout = Checkout::new();
    copy(
        &committed.join("runs"),
        &checkout.path().join("results/runs"),
    );
    // A workload that is in no suite enters no reference.
    copy(
        &root().join("workloads"),
        &checkout.path().join("workloads"),
    );
    copy(
        &root().join("submissions/adamw"),
        &checkout.path().join("submissions/adamw"),
    );
    fs::copy(
        root().join("harness.yaml"),
        checkout.path().join("harness.yaml"),
    )
    .unwrap();
    let told = checkout.says("leaderboard --freeze-reference adamw");
    assert!(told.starts_with("exit 0"), "{told}");
    let read = |path: PathBuf| fs::read_to_string(path).unwrap();
    let fresh = read(checkout.path().join("results/reference/frozen.json"));
    assert_eq!(fresh, read(committed.join("frozen.json")));
}

/// One number, one place: what documents say of the example that everybody runs is what its committed trials say.
#[test]
fn documents_say_the_steps_of_adamw_that_are_committed() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let [mlp, resnet, lm] = ["fashion-mnist-mlp", "fashion-mnist-resnet", "brown-lm"].map(|name| {
        let trial = read(&format!("results/reference/adamw/{name}.json"));
        let trial: serde_json::Value = serde_json::from_str(&trial).unwrap();
        let step = trial["summary"]["passage"]["at"]["step"].as_u64().unwrap();
        bench_steps(step)
    });
    for (path, words) in [
        (
            "README.md",
            format!("Committed result of adamw: {mlp} steps."),
        ),
        (
            "workloads/README.md",
            format!("({mlp}, {resnet} and {lm} steps:"),
        ),
        (
            "submissions/README.md",
            format!("| `adamw` | {mlp} steps | {resnet} steps | {lm} steps"),
        ),
    ] {
        assert!(read(path).contains(&words), "{path} does not say `{words}`");
    }
}

/// With a comma for thousands.
fn bench_steps(steps: u64) -> String {
    match steps {
        ..1_000 => steps.to_string(),
        _ => format!("{},{:03}", steps / 1_000, steps % 1_000),
    }
}
