//! `cargo xtask test`: everything a change must pass, cheapest first.

use crate::{goldens, shell};
use anyhow::Result;
use clap::Args;

/// What to leave out.
#[derive(Args)]
pub struct Options {
    /// Only what needs no libtorch.
    #[arg(long)]
    torch_free: bool,
}

/// Runs all tests.
pub fn run(options: &Options) -> Result<()> {
    if shell::shared().is_none() {
        eprintln!(
            "NOTE: no reference material beside this checkout (BENCH_SHARED): golden checks are skipped"
        );
    }
    shell::step("torch-free tests", || {
        shell::cargo(&["test", "--locked"])?;
        shell::cargo(&["test", "--locked", "-p", "xtask"])
    })?;
    shell::step("the gate on simulated studies", || {
        shell::cargo(&[
            "test",
            "--locked",
            "--release",
            "-p",
            "bench-score",
            "--test",
            "gate_simulation",
            "--",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
    })?;
    if options.torch_free {
        return Ok(());
    }
    shell::step("set-up: libtorch and data", || {
        shell::run(shell::bench()?.arg("setup"))?;
        shell::run(shell::bench()?.args(["data", "fetch", "synthetic", "fashion-mnist"]))
    })?;
    shell::step("tests of the torch half", torch_half)?;
    shell::step("golden checks", golden_checks)?;
    shell::step("whole programs", || {
        shell::cargo(&[
            "test",
            "--locked",
            "-p",
            "bench-tests",
            "--test",
            "end_to_end",
            "--test",
            "guide",
            "--",
            "--ignored",
            "--test-threads=1",
        ])
    })
}

/// One profile for all of it, so that the binding of libtorch compiles once; one test at a time, since libtorch's state is the process'.
fn torch_half() -> Result<()> {
    let submissions = submissions()?;
    let mut arguments = vec![
        "test",
        "--locked",
        "--release",
        "-p",
        "bench-torch",
        "-p",
        "bench-workloads",
        "-p",
        "bench-sdk",
    ];
    for name in &submissions {
        arguments.extend(["-p", name]);
    }
    arguments.extend(["--", "--test-threads=1"]);
    shell::cargo(&arguments)?;
    for name in &submissions {
        shell::run(shell::bench()?.args(["check", &format!("submissions/{name}")]))?;
    }
    Ok(())
}

fn golden_checks() -> Result<()> {
    let Some(shared) = shell::shared() else {
        eprintln!("SKIPPED: golden checks need reference material (BENCH_SHARED)");
        return Ok(());
    };
    goldens::models(Vec::new())?;
    goldens::metrics(None)?;
    goldens::statistics(None)?;
    goldens::schedules(None)?;
    for name in submissions()? {
        let stem = name.replace('-', "_");
        let files = match name.as_str() {
            // Decisions, not trajectories: the crate's own tests read it.
            "pbt" => Vec::new(),
            // Its estimator has a file of its own.
            "sophia-g" => vec![stem, "sophia_gnb".to_owned()],
            "schedule-free-adamw" => vec![stem.clone(), format!("{stem}_paper")],
            _ => vec![stem],
        };
        let files = files
            .iter()
            .map(|stem| shared.join(format!("goldens/{stem}.json")));
        for golden in files.filter(|file| file.is_file()) {
            shell::run(
                shell::bench()?
                    .arg("check")
                    .arg(format!("submissions/{name}"))
                    .arg("--golden")
                    .arg(golden),
            )?;
        }
    }
    Ok(())
}

/// Names of the submissions with a crate of their own.
fn submissions() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(shell::root().join("submissions"))? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}
