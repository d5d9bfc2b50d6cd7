//! The programs that bench is measured against.

use crate::shell;
use anyhow::{Context, Result, bail};
use bench_harness::launch::Launch;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// The variable that glibc reads before `main`.
pub const TUNABLES: &str = "GLIBC_TUNABLES";
/// As the referee sets it.
const HUGE_PAGES: &str = "glibc.malloc.hugetlb=1";
/// For Python, what our programs set by `mallopt`.
const KEPT_MEMORY: &str = "glibc.malloc.trim_threshold=4294967296:glibc.malloc.mmap_threshold=4294967296:glibc.malloc.top_pad=67108864";

const BARE_STEPS: &str = "12000";
const TORCH: &str = "torch==2.11.0";

/// Builds the bare loop.
pub fn build() -> Result<()> {
    shell::build(&["-p", "bench-torch", "--example", "bare_mlp"])
}

/// The file of the training split, which is so small that it has one.
pub fn train_split(bench: &Path) -> Result<PathBuf> {
    let folder = shell::output(shell::in_root(bench).args(["data", "path", "fashion-mnist"]))?;
    Ok(Path::new(folder.trim()).join("train/00000.safetensors"))
}

/// Steps a second of the bare loop.
pub fn bare(data: &Path, threads: u32) -> Result<f64> {
    let mut command = example("bare_mlp", threads);
    command.arg("--data").arg(data).args([
        "--threads",
        &threads.to_string(),
        "--steps",
        BARE_STEPS,
    ]);
    let report = json(&mut command)?;
    report["steps-per-second"]
        .as_f64()
        .context("the bare loop reports no speed")
}

/// A Python with torch, made when none is given.
pub fn python(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let folder = shell::root().join("target/perf/venv");
    let python = folder.join("bin/python");
    if !python.exists() {
        shell::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        shell::run(Command::new(&python).args(["-m", "pip", "install", "--quiet", TORCH]))?;
    }
    Ok(python)
}

/// One of the scripts in `crates/xtask/perf`, with the settings of memory and threads that the worker has too.
pub fn script(python: &Path, name: &str, threads: u32) -> Command {
    let mut command = Command::new(python);
    command.arg(shell::root().join("crates/xtask/perf").join(name));
    environment(&mut command, threads);
    command
        .env("PYTHONWARNINGS", "ignore")
        .env(
            "TORCHINDUCTOR_CACHE_DIR",
            shell::root().join("target/perf/inductor"),
        )
        .env(TUNABLES, format!("{KEPT_MEMORY}:{HUGE_PAGES}"));
    command
}

/// A submission's program, told to time itself: started as the referee starts it.
pub fn submission(name: &str, arguments: &[&str], threads: u32) -> Result<Command> {
    static BUILT: Mutex<BTreeMap<String, Launch>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let launch = match built.get(name) {
        Some(launch) => launch,
        None => {
            let launch = shell::programs(name)?.worker.launch;
            built.entry(name.to_owned()).or_insert(launch)
        }
    };
    let launch = launch.clone().with(["time"]).with(arguments);
    Ok(launch.command(threads)?)
}

/// A resolved run of a submission, as one line, with so many threads and these hyperparameters.
pub fn run_of(
    bench: &Path,
    workload: &str,
    submission: &str,
    threads: u32,
    with: &[(&str, &str)],
) -> Result<String> {
    let text = shell::output(shell::in_root(bench).args(["spec", "show", workload, submission]))?;
    let mut task: Value = serde_json::from_str(text.trim())?;
    task["run"]["threads"] = threads.into();
    for (name, value) in with {
        task["run"]["hyperparameters"][*name] = match value.parse::<f64>() {
            Ok(number) => number.into(),
            Err(_) => (*value).into(),
        };
    }
    Ok(task.to_string())
}

/// "1 thread", "2 threads".
pub fn threads_of(threads: u32) -> String {
    format!("{threads} thread{}", if threads == 1 { "" } else { "s" })
}

fn example(name: &str, threads: u32) -> Command {
    let mut command = Command::new(shell::root().join("target/release/examples").join(name));
    environment(&mut command, threads);
    command
}

fn environment(command: &mut Command, threads: u32) {
    let threads_text = threads.to_string();
    command
        .env("OMP_NUM_THREADS", &threads_text)
        .env("MKL_NUM_THREADS", &threads_text)
        .env("RAYON_NUM_THREADS", threads_text)
        .env(TUNABLES, HUGE_PAGES);
    if threads > 1 {
        command.env("OMP_WAIT_POLICY", "passive");
    }
}

fn json(command: &mut Command) -> Result<Value> {
    let text = shell::output(command)?;
    let line = text.lines().rev().find(|line| line.starts_with('{'));
    match line {
        Some(line) => Ok(serde_json::from_str(line)?),
        None => bail!("{command:?} printed no JSON"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_set_as_by_the_referee() {
        let referee = shell::root().join("crates/bench-harness/src/launch/environment.rs");
        let referee = std::fs::read_to_string(referee).unwrap();
        let set = format!("set(\"{TUNABLES}\", \"{HUGE_PAGES}\".as_ref())");
        assert!(referee.contains(&set), "{set}");
    }
}
