//! A whole trial under the referee, beside the same loop bare.

use super::median;
use super::peers;
use super::table::Row;
use crate::shell;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const WORKLOAD: &str = "fashion-mnist-mlp";

/// What one trial's record says, and what was seen of the referee from outside.
struct Trial {
    steps_per_second: f64,
    seconds_to_first_step: f64,
    referee_megabytes: f64,
    evaluation_milliseconds: f64,
    snapshot_milliseconds: f64,
    snapshot_megabytes: f64,
}

/// Steps a second: referee and bare loop take turns.
pub fn measure(bench: &Path, repeats: usize) -> Result<Vec<Row>> {
    peers::build()?;
    let data = peers::train_split(bench)?;
    let mut rows = Vec::new();
    for threads in [1, 2] {
        let (mut trials, mut bare) = (Vec::new(), Vec::new());
        for turn in 0..repeats {
            eprintln!("threads {threads}, turn {} of {repeats}", turn + 1);
            trials.push(trial(bench, threads)?);
            bare.push(peers::bare(&data, threads)?);
        }
        rows.push(summary(threads, &trials, &bare));
        if threads == 1 {
            rows.extend(costs(&trials));
        }
    }
    rows.sort_by_key(|row| row.part);
    Ok(rows)
}

fn summary(threads: u32, trials: &[Trial], bare: &[f64]) -> Row {
    let ours: Vec<f64> = trials.iter().map(|trial| trial.steps_per_second).collect();
    let ratios = ours.iter().zip(bare).map(|(ours, bare)| ours / bare);
    Row {
        part: "Training steps of `fashion-mnist-mlp` under the referee: steps a second, and the ratio to the peer (above 1: faster than it)",
        what: format!("`adamw`, {}", peers::threads_of(threads)),
        ratio: Some(median(ratios.collect())),
        value: format!("{:.0} /s", median(ours)),
        peer: format!("the same loop bare: {:.0} /s", median(bare.to_vec())),
    }
}

fn costs(trials: &[Trial]) -> Vec<Row> {
    let row = |what: &str, value: String| Row {
        part: "What surrounds training",
        what: what.to_owned(),
        value,
        peer: String::new(),
        ratio: None,
    };
    let middle = |of: fn(&Trial) -> f64| median(trials.iter().map(of).collect());
    vec![
        row(
            "from the command to the first step, built and fetched",
            format!("{:.2} s", middle(|trial| trial.seconds_to_first_step)),
        ),
        row(
            "memory of the referee itself",
            format!("{:.1} MB", middle(|trial| trial.referee_megabytes)),
        ),
        row(
            "an evaluation",
            format!("{:.0} ms", middle(|trial| trial.evaluation_milliseconds)),
        ),
        row(
            "a snapshot",
            format!(
                "{:.1} ms for {:.1} MB",
                middle(|trial| trial.snapshot_milliseconds),
                middle(|trial| trial.snapshot_megabytes)
            ),
        ),
    ]
}

/// One trial to the end of its budget, into a folder of its own.
fn trial(bench: &Path, threads: u32) -> Result<Trial> {
    let results = shell::root().join("target/perf/results");
    if results.exists() {
        std::fs::remove_dir_all(&results)?;
    }
    let start = Instant::now();
    let mut child = Command::new(bench)
        .current_dir(shell::root())
        .args([
            "run",
            "adamw",
            "--workload",
            WORKLOAD,
            "--threads",
            &threads.to_string(),
            "--to-budget",
            "--format",
            "json",
            "--results",
        ])
        .arg(&results)
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start bench")?;
    let (mut first_step, mut memory) = (None, 0.0_f64);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        memory = memory.max(shell::peak_megabytes(child.id()).unwrap_or(0.0));
        if first_step.is_none() && find(&results, "events.jsonl").is_some_and(|path| ready(&path)) {
            first_step = Some(start.elapsed().as_secs_f64());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    if !status.success() {
        bail!("bench run ended with {status}");
    }
    let events = find(&results, "events.jsonl").context("the run left no events")?;
    summarise(&events, first_step.unwrap_or(f64::NAN), memory)
}

fn summarise(events: &Path, seconds_to_first_step: f64, referee_megabytes: f64) -> Result<Trial> {
    let (mut steps, mut training) = (0.0, 0.0);
    let (mut evaluations, mut snapshots, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    for line in std::fs::read_to_string(events)?.lines() {
        let event: Value =
            serde_json::from_str(line).context("a line of events.jsonl is no JSON")?;
        let number = |key: &str| event[key].as_f64().unwrap_or(f64::NAN);
        match event["event"].as_str() {
            Some("trained") => (steps, training) = (number("step"), number("submission-ns") / 1e9),
            Some("evaluated") => evaluations.push(number("evaluation-ns") / 1e6),
            Some("snapshotted") => {
                snapshots.push(number("snapshot-ns") / 1e6);
                bytes.push(number("bytes") / 1e6);
            }
            _ => {}
        }
    }
    Ok(Trial {
        steps_per_second: steps / training,
        seconds_to_first_step,
        referee_megabytes,
        evaluation_milliseconds: median(evaluations),
        snapshot_milliseconds: median(snapshots),
        snapshot_megabytes: median(bytes),
    })
}

fn ready(events: &Path) -> bool {
    std::fs::read_to_string(events).is_ok_and(|text| text.contains("\"event\":\"ready\""))
}

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if let Some(found) = find(&path, name) {
                return Some(found);
            }
        } else if path.file_name().is_some_and(|file| file == name) {
            return Some(path);
        }
    }
    None
}
