//! Scores and leaderboards from many files: seconds and memory of a new process, page cache warm.

mod generate;

use super::median;
use super::table::Row;
use crate::shell;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PART: &str = "Scores: seconds of a new process with its files in memory, peak memory, and the ratio to pandas reading the same files";
/// Trials of our own in the largest table.
const TRIALS: usize = 10_000;
const RESAMPLES: &str = "1000";

/// Seconds and peak megabytes of one process.
#[derive(Clone, Copy)]
struct Cost {
    seconds: f64,
    megabytes: f64,
}

/// One command that is timed, in turns with its peer.
struct Task {
    what: String,
    command: Vec<String>,
    /// Folder of logs that pandas reads.
    logs: Option<PathBuf>,
}

/// Real logs where there are any, then generated ones, then records of our own.
pub fn measure(bench: &Path, repeats: usize) -> Result<Vec<Row>> {
    let folder = shell::root().join("target/perf/scorer");
    let logs = generate::logs(&folder.join("logs"))?;
    let runs = generate::records(&folder.join("runs"), TRIALS)?;
    let mut tasks = Vec::new();
    if let Some(shared) = shell::shared() {
        let real = shared.join("algoperf/logs/v05/self_tuning");
        let targets = shared.join("algoperf/targets/workload_targets_v05.json");
        let set = Set {
            name: "AlgoPerf 0.5's self-tuning logs",
            logs: &real,
            targets: &targets,
            ruleset: "self-tuning",
        };
        tasks.extend([set.task("0"), set.task(RESAMPLES)]);
    } else {
        eprintln!("SKIPPED: no shared folder, so AlgoPerf's own logs are not scored");
    }
    let set = Set {
        name: "generated logs",
        logs: &logs.folder,
        targets: &logs.targets,
        ruleset: "external-tuning",
    };
    tasks.extend([set.task("0"), set.task(RESAMPLES)]);
    tasks.push(Task {
        what: format!("leaderboard of {TRIALS} trials of our own, with all that is below it"),
        command: words(&["leaderboard", "--results", &text(&runs)]),
        logs: None,
    });
    let page = text(&folder.join("board"));
    tasks.push(Task {
        what: format!("the same and `--publish`: page, tables and digests of {TRIALS} trials"),
        command: words(&["leaderboard", "--results", &text(&runs), "--publish", &page]),
        logs: None,
    });
    let turn = |task| row(bench, task, repeats);
    tasks.iter().map(turn).collect()
}

/// Logs of one kind.
struct Set<'a> {
    name: &'static str,
    logs: &'a Path,
    targets: &'a Path,
    ruleset: &'static str,
}

impl Set<'_> {
    fn task(&self, resamples: &str) -> Task {
        let (files, bytes) = size(self.logs);
        let (logs, targets) = (text(self.logs), text(self.targets));
        let command = words(&[
            "leaderboard",
            "--from",
            "algoperf",
            &logs,
            "--targets",
            &targets,
            "--ruleset",
            self.ruleset,
            "--scoring",
            "algoperf-v05",
            "--resamples",
            resamples,
        ]);
        let certainty = match resamples {
            "0" => String::new(),
            n => format!(", intervals from {n} resamples"),
        };
        Task {
            what: format!(
                "{}, {files} files, {:.0} MB{certainty}",
                self.name,
                bytes as f64 / 1e6
            ),
            command,
            logs: (resamples == "0").then(|| self.logs.to_owned()),
        }
    }
}

fn row(bench: &Path, task: &Task, repeats: usize) -> Result<Row> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // The first turn warms the page cache.
    for turn in 0..=repeats {
        let cost = run(Command::new(bench).args(&task.command))?;
        let peer = task.logs.as_deref().map(pandas).transpose()?.flatten();
        if turn > 0 {
            ours.push(cost);
            theirs.extend(peer);
        }
    }
    let seconds = |costs: &[Cost]| median(costs.iter().map(|cost| cost.seconds).collect());
    let memory = |costs: &[Cost]| median(costs.iter().map(|cost| cost.megabytes).collect());
    let show = |costs: &[Cost]| format!("{:.3} s, {:.0} MB", seconds(costs), memory(costs));
    let is_compared = !theirs.is_empty();
    Ok(Row {
        part: PART,
        what: task.what.clone(),
        value: show(&ours),
        peer: match is_compared {
            true => format!("pandas: {}", show(&theirs)),
            false => String::new(),
        },
        ratio: is_compared.then(|| seconds(&ours) / seconds(&theirs)),
    })
}

/// What every scorer in Python does first: a data frame a file. Nothing where there is no pandas.
fn pandas(logs: &Path) -> Result<Option<Cost>> {
    const SCRIPT: &str = "import sys, pathlib, pandas\nfor file in sorted(pathlib.Path(sys.argv[1]).rglob('*.csv')): pandas.read_csv(file)";
    let python = std::env::var_os("BENCH_PANDAS").unwrap_or_else(|| "python3".into());
    let has = Command::new(&python)
        .args(["-c", "import pandas"])
        .stderr(Stdio::null())
        .status();
    if !has.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    run(Command::new(&python).args(["-c", SCRIPT]).arg(logs)).map(Some)
}

fn run(command: &mut Command) -> Result<Cost> {
    command
        .current_dir(shell::root())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let start = Instant::now();
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let mut megabytes = 0.0_f64;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        megabytes = megabytes.max(shell::peak_megabytes(child.id()).unwrap_or(0.0));
        std::thread::sleep(Duration::from_millis(1));
    };
    let seconds = start.elapsed().as_secs_f64();
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(Cost { seconds, megabytes })
}

/// Files below a folder, and their bytes.
fn size(folder: &Path) -> (usize, u64) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.fold((0, 0), |(files, bytes), entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => {
            let below = size(&entry.path());
            (files + below.0, bytes + below.1)
        }
        Ok(metadata) => (files + 1, bytes + metadata.len()),
        Err(_) => (files, bytes),
    })
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
