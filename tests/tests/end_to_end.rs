//! The real program on real workloads: needs libtorch, so `cargo xtask test` runs it and plain `cargo test` does not.

#![expect(clippy::expect_used, reason = "a test says what it needs by failing")]

use bench_core::outcome::Outcome;
use bench_core::protocol::Metrics;
use bench_core::record::{Line, TrialEvent};
use bench_core::run::SplitName;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const NEEDS_TORCH: &str = "needs libtorch: cargo xtask test";

#[test]
#[ignore = "needs libtorch: cargo xtask test"]
fn adamw_reaches_the_target_once_and_the_same_numbers_again() {
    let results = TempDir::new().expect(NEEDS_TORCH);
    let arguments = ["run", "submissions/adamw", "--workload", "synthetic"];
    let first = bench(&arguments, results.path());
    assert!(first.status.success(), "{first:?}");
    assert_eq!(outcomes(results.path()), [Outcome::TargetReached]);
    let before = evaluations(results.path());

    let skipped = bench(&arguments, results.path());
    assert!(skipped.status.success(), "{skipped:?}");
    assert_eq!(
        events_files(results.path()).len(),
        1,
        "a finished trial runs once"
    );

    let fresh = bench(&[&arguments[..], &["--fresh"]].concat(), results.path());
    assert!(fresh.status.success(), "{fresh:?}");
    assert_eq!(
        evaluations(results.path()),
        before,
        "same seed, same numbers"
    );

    let board = bench(&["leaderboard", "--format", "csv"], results.path());
    let text = String::from_utf8_lossy(&board.stdout).into_owned();
    assert!(
        text.contains("adamw") && text.contains("synthetic"),
        "{text}"
    );
}

#[test]
#[ignore = "needs libtorch: cargo xtask test"]
fn a_submission_compared_with_itself_is_identical_and_a_changed_default_is_found() {
    let results = TempDir::new().expect(NEEDS_TORCH);
    let on = ["--workload", "synthetic", "--quiet"];
    let compare = |sides: [&str; 2], more: &[&str]| {
        let output = bench(
            &[&["compare"], &sides[..], &on, more].concat(),
            results.path(),
        );
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text)
    };
    let (code, text) = compare(["adamw", "adamw"], &["--studies", "2"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("identical"), "{text}");
    let (code, text) = compare(["adamw", "adamw"], &["--trajectory", "--steps", "20"]);
    assert_eq!(code, Some(0), "{text}");
    let values = results.path().join("values.yaml");
    std::fs::write(&values, "learning-rate: 0.0123\n").expect(NEEDS_TORCH);
    let values = values.display().to_string();
    let (code, text) = compare(["adamw", &values], &["--trajectory", "--steps", "20"]);
    assert_eq!(code, Some(10), "{text}");
    assert!(text.contains("in the weights after step"), "{text}");
    let other_seeds = ["--studies", "2", "--candidate-seed", "9"];
    let (_, text) = compare(["adamw", "adamw"], &other_seeds);
    assert!(!text.contains("identical"), "{text}");
}

#[test]
#[ignore = "needs libtorch: cargo xtask test"]
fn a_trial_stopped_twice_equals_one_that_never_stopped() {
    let (whole, parts) = (
        TempDir::new().expect(NEEDS_TORCH),
        TempDir::new().expect(NEEDS_TORCH),
    );
    let arguments = [
        "run",
        "adamw",
        "--workload",
        "fashion-mnist-mlp",
        "--to-budget",
    ];
    assert!(bench(&arguments, whole.path()).status.success());

    // Once politely, once not at all.
    let mut child = start(&arguments, parts.path());
    wait_for_evaluations(parts.path(), 3);
    signal(&child, "INT");
    assert_eq!(child.wait().expect("bench ends").code(), Some(130));
    assert_eq!(outcomes(parts.path()), [Outcome::Interrupted]);

    let mut child = start(&arguments, parts.path());
    wait_for_evaluations(parts.path(), 6);
    signal(&child, "KILL");
    let _ = child.wait();

    assert!(bench(&arguments, parts.path()).status.success());
    assert_eq!(outcomes(parts.path()), outcomes(whole.path()));
    assert_eq!(evaluations(parts.path()), evaluations(whole.path()));
}

#[test]
#[ignore = "needs libtorch: cargo xtask test"]
fn what_spec_show_prints_trains_a_worker_by_hand() {
    let results = TempDir::new().expect(NEEDS_TORCH);
    let shown = bench(&["spec", "show", "synthetic", "adamw"], results.path());
    assert!(shown.status.success(), "{shown:?}");
    let task = results.path().join("task.json");
    std::fs::write(&task, &shown.stdout).expect("the task is written");
    let worker = Command::new(root().join("target/release/adamw"))
        .stdin(std::fs::File::open(&task).expect("the task is there"))
        .output()
        .expect("the worker starts");
    let text = String::from_utf8_lossy(&worker.stdout).into_owned();
    assert!(worker.status.success(), "{worker:?}");
    assert!(text.contains("\"event\":\"eval-due\""), "{text}");
    assert!(text.contains("\"step\":400"), "to the step budget: {text}");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ has a parent")
}

fn command(arguments: &[&str], results: &Path) -> Command {
    let mut command = Command::new(root().join("target/release/bench"));
    command.current_dir(root()).args(arguments);
    if matches!(arguments[0], "run" | "leaderboard") {
        command.arg("--results").arg(results);
    }
    command
}

fn bench(arguments: &[&str], results: &Path) -> Output {
    command(arguments, results)
        .output()
        .expect("bench is built: cargo build --release")
}

fn start(arguments: &[&str], results: &Path) -> Child {
    command(arguments, results)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("bench is built: cargo build --release")
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status();
    assert!(status.is_ok_and(|status| status.success()), "kill -{name}");
}

fn events_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(events_files(&path));
        } else if path.file_name().is_some_and(|name| name == "events.jsonl") {
            found.push(path);
        }
    }
    found
}

fn lines(results: &Path) -> Vec<Line> {
    events_files(results)
        .iter()
        .flat_map(|path| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            text.lines()
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect::<Vec<Line>>()
        })
        .collect()
}

/// How the newest part of the only trial ended.
fn outcomes(results: &Path) -> Vec<Outcome> {
    let mut ended: Vec<Outcome> = lines(results)
        .into_iter()
        .filter_map(|line| match line.event {
            TrialEvent::Ended { outcome, .. } => Some(outcome),
            _ => None,
        })
        .collect();
    ended.split_off(ended.len().saturating_sub(1))
}

/// Metrics by step; where a part was repeated after a resume, the later line stands.
fn evaluations(results: &Path) -> BTreeMap<u64, BTreeMap<SplitName, Metrics>> {
    lines(results)
        .into_iter()
        .filter_map(|line| match line.event {
            TrialEvent::Evaluated { step, metrics, .. } => Some((step, metrics)),
            _ => None,
        })
        .collect()
}

fn wait_for_evaluations(results: &Path, count: usize) {
    let deadline = Instant::now() + Duration::from_secs(300);
    while evaluations(results).len() < count {
        assert!(
            Instant::now() < deadline,
            "{count} evaluations within five minutes"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
