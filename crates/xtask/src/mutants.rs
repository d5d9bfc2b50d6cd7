//! `cargo xtask mutants`: faults put into submissions and into what they share, one at a time, and what catches each.
//!
//! The compiler is handed the changed source directly, beside the built dependencies, so no file of the checkout is touched and a mutant
//! takes seconds.

use crate::shell;
use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};

mod build;
mod list;

use build::Built;
use list::{MUTANTS, Mutant, Witness};

/// What to mutate.
#[derive(Args)]
pub struct Options {
    /// Only these crates: submissions, bench-sdk, bench-core.
    crates: Vec<String>,
    /// Write the table into submissions/MUTANTS.md.
    #[arg(long)]
    write: bool,
}

const HEAD: &str = "# Mutants

Made by `cargo xtask mutants --write`: each fault was put into a submission, or into what all of them share, by itself, and these checks failed.

| crate | fault | caught by |
|---|---|---|
";

/// Builds and checks every mutant; one that nothing catches is an error.
pub fn run(options: &Options) -> Result<()> {
    let shared =
        shell::shared().context("mutants are caught by reference material: set BENCH_SHARED")?;
    let wanted = |mutant: &&Mutant| {
        let named = |name: &String| name == mutant.package();
        options.crates.is_empty() || options.crates.iter().any(named)
    };
    ensure!(
        options.crates.is_empty() || !options.write,
        "--write writes the whole table: leave out the names, or --write"
    );
    let chosen: Vec<&Mutant> = MUTANTS.iter().filter(wanted).collect();
    ensure!(
        !chosen.is_empty(),
        "no mutant is of {}",
        options.crates.join(", ")
    );
    let built = Built::new()?;
    let (mut table, mut missed) = (HEAD.to_owned(), Vec::new());
    for mutant in chosen {
        let (package, fault) = (mutant.package(), mutant.fault);
        let program = built
            .mutant(mutant)
            .with_context(|| format!("mutant `{fault}` of {package}"))?;
        let caught = caught_by(mutant, &program, &shared)?;
        let caught = caught.unwrap_or_else(|| {
            missed.push(format!("{package}: {fault}"));
            "NOTHING".to_owned()
        });
        eprintln!("{package:20} {fault:45} {caught}");
        writeln!(table, "| `{package}` | {fault} | {caught} |")?;
    }
    println!("{table}");
    if options.write {
        let path = shell::root().join("submissions/MUTANTS.md");
        std::fs::write(&path, &table)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    ensure!(missed.is_empty(), "not caught: {}", missed.join("; "));
    Ok(())
}

/// The golden files first, then the contract suite of a submission. Clipping has numbers of its own.
fn caught_by(mutant: &Mutant, program: &Path, shared: &Path) -> Result<Option<String>> {
    if let Witness::Clipping = mutant.witness {
        let failed = differing(&mut Command::new(program))?;
        let first = failed.first();
        return Ok(first
            .map(|first| format!("`clip_grad_norm_`, {} cases, first `{first}`", failed.len())));
    }
    for file in mutant.goldens {
        let path = shared.join("goldens").join(file);
        let failed = match mutant.witness {
            Witness::Submission(_) => {
                failed(Command::new(program).arg("check").arg("--golden").arg(path))?
            }
            Witness::Schedules | Witness::Clipping => differing(Command::new(program).arg(path))?,
        };
        if let Some(first) = failed.first() {
            return Ok(Some(format!(
                "`{file}`, {} cases, first `{first}`",
                failed.len()
            )));
        }
    }
    let Witness::Submission(submission) = mutant.witness else {
        return Ok(None);
    };
    let task =
        shell::output(shell::bench()?.args(["spec", "show", "fashion-mnist-mlp", submission]))?;
    let path = program.with_extension("task");
    std::fs::write(&path, task)?;
    let input = std::fs::File::open(&path)?;
    let failed = failed(Command::new(program).arg("check").stdin(input))?;
    let rules = failed.join("`, `");
    Ok((!failed.is_empty()).then(|| format!("contract suite: `{rules}`")))
}

/// Names of the rules that do not hold.
fn failed(command: &mut Command) -> Result<Vec<String>> {
    let output = command
        .args(["--format", "json"])
        .env("LD_LIBRARY_PATH", shell::root().join(".libtorch/lib"))
        .stderr(Stdio::null())
        .output()?;
    let report: Value =
        serde_json::from_slice(&output.stdout).context("the check printed no report")?;
    let checks = report["checks"]
        .as_array()
        .context("the report has no checks")?;
    let failed = checks.iter().filter(|check| check["verdict"] == "failed");
    Ok(failed
        .filter_map(|check| Some(check["rule"].as_str()?.to_owned()))
        .collect())
}

/// Names of what differs, as a witness of its own prints them.
fn differing(command: &mut Command) -> Result<Vec<String>> {
    let output = command
        .env("LD_LIBRARY_PATH", shell::root().join(".libtorch/lib"))
        .output()?;
    ensure!(output.status.success(), "nothing was compared");
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_table_has_every_fault() {
        let table = std::fs::read_to_string(shell::root().join("submissions/MUTANTS.md")).unwrap();
        let listed = table.lines().filter(|line| line.starts_with("| `"));
        let listed: Vec<String> = listed
            .map(|line| {
                line.rsplit_once(" | ")
                    .map_or(line, |(row, _)| row)
                    .to_owned()
            })
            .collect();
        let expected = MUTANTS
            .iter()
            .map(|m| format!("| `{}` | {}", m.package(), m.fault));
        assert_eq!(listed, expected.collect::<Vec<_>>());
    }

    #[test]
    fn every_fault_still_finds_its_place() {
        for mutant in MUTANTS {
            let path = shell::root().join(mutant.path);
            let mut text = std::fs::read_to_string(&path).unwrap();
            for (from, to) in mutant.edits {
                assert!(
                    text.contains(from),
                    "`{}`: {} has no `{from}`",
                    mutant.fault,
                    mutant.path
                );
                text = text.replace(from, to);
            }
        }
    }
}
