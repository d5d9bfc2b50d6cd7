//! `cargo xtask test`: everything a change must pass, cheapest first.

use crate::{entrants, goldens, shell};
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
    shell::step("a cluster of two nodes", || {
        shell::cargo(&[
            "test",
            "--locked",
            "--test",
            "cluster",
            "--",
            "--ignored",
            "--nocapture",
        ])
    })?;
    if options.torch_free {
        return Ok(());
    }
    shell::step("set-up: libtorch, Python and data", || {
        shell::run(shell::bench()?.args(["setup", "--python"]))?;
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
            "--test",
            "python",
            "--",
            "--ignored",
            "--test-threads=1",
        ])
    })
}

/// One profile for all of it, so that the binding of libtorch compiles once; one test at a time, since libtorch's state is the process'.
fn torch_half() -> Result<()> {
    let submissions = entrants::names()?;
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
        "-p",
        "bench-entrants",
    ];
    for name in &submissions {
        arguments.extend(["-p", name]);
    }
    arguments.extend(["--", "--test-threads=1"]);
    shell::cargo(&arguments)?;
    for name in entrants::all()? {
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
    for name in entrants::names()? {
        for golden in entrants::goldens(&name, &shared) {
            shell::run(
                shell::bench()?
                    .arg("check")
                    .arg(format!("submissions/{name}"))
                    .arg("--golden")
                    .arg(shared.join("goldens").join(golden)),
            )?;
        }
    }
    Ok(())
}
