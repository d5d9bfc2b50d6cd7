//! `<program> check`: whether a submission keeps what the SDK promises in its name, and whether it equals a reference implementation.
//!
//! The suite wants a resolved run on standard input for its hyperparameters: `bench spec show synthetic lion | target/release/lion check`.
//! `bench check` does that, with a line more for each other choice that the search space leaves: whether it saves and loads exactly is asked of each.

mod bits;
mod forgotten;
pub(crate) mod function;
mod golden;
pub(crate) mod kinds;
mod report;
mod rules;
mod shapes;
mod subject;
#[cfg(test)]
mod tests;

use crate::algorithm::TrainingAlgorithm;
use crate::program::Program;
use crate::training::Training;
use crate::worker::failure;
use anyhow::{Context, Result, bail, ensure};
use bench_core::protocol::Task;
use bench_core::run::DeviceKind;
use bench_torch::runtime;
pub use golden::{Comparison, reference_uniform};
use report::Report;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

/// A rule does not hold.
const FAILED: u8 = 1;
/// Arguments or input that mean nothing.
const USAGE: u8 = 2;

/// For the suite itself: goes on with a folder's snapshot in a new process.
const GO_ON: &str = "--go-on";

const HELP: &str = "usage: PROGRAM                                              speaks the referee's protocol on standard input and output
       PROGRAM check [--golden FILE]... [--format text|json]
  without --golden: the contract suite, with the hyperparameters of the run on standard input
  (bench spec show WORKLOAD SUBMISSION | PROGRAM check)
       PROGRAM time [--update model|large]
  how long steps take, or the update alone: a resolved run on standard input, then orders (`steps 20`)";

#[derive(Debug, Default)]
struct Arguments {
    goldens: Vec<PathBuf>,
    go_on: Option<PathBuf>,
    json: bool,
}

/// Runs the checks that the arguments ask for, and prints what they found.
pub(crate) fn run<A: TrainingAlgorithm>(program: &Program, arguments: &[String]) -> ExitCode {
    failure::tell_once();
    match failure::fence(|| check::<A>(program, arguments)) {
        Ok(report) if report.has_failures() => ExitCode::from(FAILED),
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}\n{HELP}");
            ExitCode::from(USAGE)
        }
    }
}

/// Says what arguments a submission's program takes.
pub(crate) fn usage() -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{HELP}");
    ExitCode::from(USAGE)
}

fn check<A: TrainingAlgorithm>(program: &Program, arguments: &[String]) -> Result<Report> {
    let arguments = parse(arguments)?;
    let checks = if arguments.goldens.is_empty() {
        let (task, choices) = read_tasks()?;
        runtime::start(settings(task.run.threads))?;
        if let Some(folder) = &arguments.go_on {
            bits::go_on::<A>(&task.run, folder)?;
            return Ok(Report::new(Vec::new()));
        }
        let mut checks = rules::suite::<A>(&task.run, &|folder| {
            in_a_new_process(program, &task, folder)
        });
        // What does not start with its defaults is told once.
        if checks.len() > 1 {
            checks.extend(choices.iter().map(|choice| {
                bits::choice::<A>(&task.run, &choice.run, &|folder| {
                    in_a_new_process(program, choice, folder)
                })
            }));
        }
        checks
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
            GO_ON => parsed.go_on = Some(value()?.into()),
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

/// Has this program go on where the rule on saving and loading saved.
fn in_a_new_process(program: &Program, task: &Task, folder: &Path) -> Result<()> {
    let mut child = program
        .again()
        .args(["check", GO_ON])
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

/// The first line, and those after it.
fn read_tasks() -> Result<(Task, Vec<Task>)> {
    let mut input = std::io::stdin().lock();
    ensure!(
        !std::io::stdin().is_terminal(),
        "the suite wants a resolved run on standard input"
    );
    let mut text = String::new();
    input.read_to_string(&mut text)?;
    let tasks = serde_json::Deserializer::from_str(&text).into_iter::<serde_json::Value>();
    let tasks = tasks.map(|value| Ok(Task::try_from(value?)?));
    let tasks = tasks.collect::<Result<Vec<Task>>>();
    let tasks = tasks.context("what is on standard input is no resolved run")?;
    let mut tasks = tasks.into_iter();
    let first = tasks.next().context("standard input is empty")?;
    Ok((first, tasks.collect()))
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
