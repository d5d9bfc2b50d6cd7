//! `<program> check`: whether a submission keeps what the SDK promises in its name, and whether it equals a reference implementation.
//!
//! The suite wants a resolved run on standard input for its hyperparameters: `bench spec show synthetic lion | target/release/lion check`.
//! `bench check` does that.

pub(crate) mod function;
mod golden;
mod kinds;
mod report;
mod rules;
mod shapes;
mod subject;
#[cfg(test)]
mod tests;

use crate::algorithm::TrainingAlgorithm;
use crate::training::Training;
use anyhow::{Context, Result, bail, ensure};
use bench_core::protocol::Task;
use bench_core::run::DeviceKind;
use bench_torch::runtime;
pub use golden::Comparison;
use report::Report;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// A rule does not hold.
const FAILED: u8 = 1;
/// Arguments or input that mean nothing.
const USAGE: u8 = 2;

/// For the suite itself: what goes on with a folder's snapshot in a new process.
const SECOND_HALF: &str = "--second-half";

const HELP: &str = "usage: PROGRAM                                              speaks the referee's protocol on standard input and output
       PROGRAM check [--golden FILE]... [--format text|json]
  without --golden: the contract suite, with the hyperparameters of the run on standard input
  (bench spec show WORKLOAD SUBMISSION | PROGRAM check)
       PROGRAM time [--update model|large]
  how long steps take, or the update alone: a resolved run on standard input, then orders (`steps 20`)";

#[derive(Debug, Default)]
struct Arguments {
    goldens: Vec<PathBuf>,
    second_half: Option<PathBuf>,
    json: bool,
}

/// Runs the checks that the arguments ask for, and prints what they found.
pub(crate) fn run<A: TrainingAlgorithm>(arguments: &[String]) -> ExitCode {
    match check::<A>(arguments) {
        Ok(report) if report.has_failures() => ExitCode::from(FAILED),
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}\n{HELP}");
            ExitCode::from(USAGE)
        }
    }
}

/// Says what arguments a submission's program takes.
pub(crate) fn usage() -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{HELP}");
    ExitCode::from(USAGE)
}

fn check<A: TrainingAlgorithm>(arguments: &[String]) -> Result<Report> {
    let arguments = parse(arguments)?;
    let checks = if arguments.goldens.is_empty() {
        let task = read_task()?;
        runtime::start(settings(task.run.threads))?;
        if let Some(folder) = &arguments.second_half {
            rules::second_half::<A>(&task.run, folder)?;
            return Ok(Report::new(Vec::new()));
        }
        rules::suite::<A>(&task.run, &|folder| in_a_new_process(&task, folder))
    } else {
        runtime::start(settings(1))?;
        arguments
            .goldens
            .iter()
            .flat_map(|path| golden::compare::<A>(path))
            .collect()
    };
    let report = Report::new(checks);
    let mut out = std::io::stdout().lock();
    match arguments.json {
        true => writeln!(out, "{}", serde_json::to_string(&report)?)?,
        false => write!(out, "{report}")?,
    }
    Ok(report)
}

fn parse(arguments: &[String]) -> Result<Arguments> {
    let mut parsed = Arguments::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || {
            rest.next()
                .with_context(|| format!("{argument} wants a value"))
        };
        match argument.as_str() {
            "--golden" => parsed.goldens.push(value()?.into()),
            SECOND_HALF => parsed.second_half = Some(value()?.into()),
            "--format" => match value()?.as_str() {
                "json" => parsed.json = true,
                "text" => parsed.json = false,
                other => bail!("`{other}` is neither text nor json"),
            },
            other => bail!("`{other}` is no argument"),
        }
    }
    Ok(parsed)
}

/// Has this program do the second half of the rule on saving and loading.
fn in_a_new_process(task: &Task, folder: &Path) -> Result<()> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["check", SECOND_HALF])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(serde_json::to_string(task)?.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "in a new process: {}",
        told.lines().next().unwrap_or("it died")
    );
    Ok(())
}

fn read_task() -> Result<Task> {
    let mut input = std::io::stdin().lock();
    ensure!(
        !std::io::stdin().is_terminal(),
        "the suite wants a resolved run on standard input"
    );
    let mut text = String::new();
    input.read_to_string(&mut text)?;
    serde_json::from_str(text.trim()).context("what is on standard input is no resolved run")
}

fn settings(threads: u32) -> runtime::Settings {
    runtime::Settings {
        threads,
        device: DeviceKind::Cpu,
        device_index: 0,
    }
}

/// Takes some steps.
fn run_steps<A: TrainingAlgorithm>(
    training: &mut Training,
    algorithm: &mut A,
    steps: u64,
) -> Result<()> {
    for _ in 0..steps {
        algorithm.step(training)?;
        training.advance();
    }
    Ok(())
}
