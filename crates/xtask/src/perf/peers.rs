//! The programs that bench is measured against.

use super::table::Row;
use crate::shell;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const BARE_STEPS: &str = "12000";
const TORCH: &str = "torch==2.11.0";

/// Builds the bare loop and the optimizer-step benchmark.
pub fn build() -> Result<()> {
    shell::cargo(&[
        "build",
        "--quiet",
        "--locked",
        "--release",
        "-p",
        "bench-torch",
        "--examples",
    ])
}

/// The file of the training split.
pub fn train_split(bench: &Path) -> Result<PathBuf> {
    let folder = shell::output(shell::in_root(bench).args(["data", "path", "fashion-mnist"]))?;
    Ok(Path::new(folder.trim()).join("train.safetensors"))
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

/// Steps a second of PyTorch, by variant, with the settings of memory and threads that the worker has too.
pub fn torch(python: &Path, data: &Path, threads: u32) -> Result<BTreeMap<String, f64>> {
    let mut command = Command::new(python);
    command
        .arg(shell::root().join("crates/xtask/perf/torch_mlp.py"))
        .arg("--data")
        .arg(data)
        .args([
            "--threads",
            &threads.to_string(),
            "--steps",
            "500",
            "--rounds",
            "3",
        ]);
    environment(&mut command, threads);
    command.env("GLIBC_TUNABLES", "glibc.malloc.trim_threshold=4294967296:glibc.malloc.mmap_threshold=4294967296:glibc.malloc.top_pad=67108864");
    let report = json(&mut command)?;
    let variants = report["variants"]
        .as_array()
        .context("PyTorch's script reports no variants")?;
    Ok(variants
        .iter()
        .filter_map(|variant| {
            Some((
                variant["name"].as_str()?.to_owned(),
                variant["steps-per-second"].as_f64()?,
            ))
        })
        .collect())
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

/// The optimizer's step alone: our one-pass kernels and libtorch's fused AdamW, interleaved in one process.
pub fn optimizer_step() -> Result<Vec<Row>> {
    const PART: &str =
        "The optimizer's step alone: gigabytes a second, and the ratio to the machine's triad";
    build()?;
    let mut rows = Vec::new();
    for shapes in ["large", "resnet", "mlp"] {
        for threads in [1, 2] {
            let mut command = example("optimizer_step", threads);
            command.args(["--threads", &threads.to_string(), "--shapes", shapes]);
            let report = json(&mut command)?;
            let kernels = report["kernels"]
                .as_array()
                .context("no kernels reported")?;
            let speed =
                |kernel: &Value| kernel["gigabytes-per-second"].as_f64().unwrap_or(f64::NAN);
            let triad = kernels
                .iter()
                .find(|kernel| kernel["name"] == "triad")
                .map_or(f64::NAN, speed);
            rows.extend(
                kernels
                    .iter()
                    .filter(|kernel| kernel["name"] != "triad")
                    .map(|kernel| Row {
                        part: PART,
                        what: format!(
                            "{}, {shapes}, {threads} thread(s)",
                            kernel["name"].as_str().unwrap_or("?")
                        ),
                        value: format!(
                            "{:.1} GB/s, {:.3} ms",
                            speed(kernel),
                            kernel["median-ms"].as_f64().unwrap_or(f64::NAN)
                        ),
                        peer: format!("triad: {triad:.1} GB/s"),
                        ratio: Some(speed(kernel) / triad),
                    }),
            );
        }
    }
    Ok(rows)
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
        .env("RAYON_NUM_THREADS", threads_text);
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
