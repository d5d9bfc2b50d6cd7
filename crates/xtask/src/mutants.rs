//! `cargo xtask mutants`: faults put into the submissions, one at a time, and what catches each.
//!
//! The compiler is handed the changed source directly, beside the built dependencies, so no file of the checkout is touched and a mutant
//! takes seconds.

use crate::shell;
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

mod list;

use list::{MUTANTS, Mutant};

/// What to mutate.
#[derive(Args)]
pub struct Options {
    /// Only these submissions.
    submissions: Vec<String>,
    /// Write the table into submissions/MUTANTS.md.
    #[arg(long)]
    write: bool,
}

/// Builds and checks every mutant; one that nothing catches is an error.
pub fn run(options: &Options) -> Result<()> {
    let shared =
        shell::shared().context("mutants are caught by reference material: set BENCH_SHARED")?;
    let wanted = |mutant: &&Mutant| {
        options.submissions.is_empty()
            || options
                .submissions
                .iter()
                .any(|name| name == mutant.submission)
    };
    let built = Built::new()?;
    let mut table = "# Mutants\n\nMade by `cargo xtask mutants --write`: each fault was put into a submission by itself, and these checks failed.\n\n| submission | fault | caught by |\n|---|---|---|\n".to_owned();
    let mut missed = Vec::new();
    for mutant in MUTANTS.iter().filter(wanted) {
        let program = built
            .mutant(mutant)
            .with_context(|| format!("mutant `{}` of {}", mutant.fault, mutant.submission))?;
        let caught = caught_by(mutant, &program, &shared)?;
        eprintln!("{:12} {:45} {caught}", mutant.submission, mutant.fault);
        writeln!(
            table,
            "| `{}` | {} | {caught} |",
            mutant.submission, mutant.fault
        )?;
        if caught == NOTHING {
            missed.push(format!("{}: {}", mutant.submission, mutant.fault));
        }
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

const NOTHING: &str = "NOTHING";

/// The golden files first, then the contract suite.
fn caught_by(mutant: &Mutant, program: &Path, shared: &Path) -> Result<String> {
    for file in mutant.goldens {
        let path = shared.join("goldens").join(file);
        let failed = failed(Command::new(program).arg("check").arg("--golden").arg(path))?;
        if let Some(first) = failed.first() {
            return Ok(format!("`{file}`, {} cases, first `{first}`", failed.len()));
        }
    }
    let task = shell::output(shell::bench()?.args([
        "spec",
        "show",
        "fashion-mnist-mlp",
        mutant.submission,
    ]))?;
    let path = program.with_extension("task");
    std::fs::write(&path, task)?;
    let input = std::fs::File::open(&path)?;
    let failed = failed(Command::new(program).arg("check").stdin(input))?;
    Ok(match failed.is_empty() {
        true => NOTHING.to_owned(),
        false => format!("contract suite: `{}`", failed.join("`, `")),
    })
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

/// What a submission is compiled against.
struct Built {
    sdk: PathBuf,
    dependencies: PathBuf,
    native: BTreeSet<String>,
}

impl Built {
    /// Builds the SDK, and reads from cargo's messages where it and the native libraries are.
    fn new() -> Result<Built> {
        let text = shell::output(Command::new("cargo").args([
            "build",
            "--quiet",
            "--locked",
            "--release",
            "-p",
            "bench-sdk",
            "--message-format=json",
        ]))?;
        let (mut sdk, mut native) = (None, BTreeSet::new());
        for line in text.lines() {
            let message: Value = serde_json::from_str(line)?;
            if message["reason"] == "build-script-executed" {
                let paths = message["linked_paths"].as_array().into_iter().flatten();
                native.extend(paths.filter_map(|path| path.as_str().map(str::to_owned)));
            }
            if message["reason"] == "compiler-artifact" && message["target"]["name"] == "bench_sdk"
            {
                let files = message["filenames"].as_array().into_iter().flatten();
                sdk = files
                    .filter_map(Value::as_str)
                    .find(|file| file.ends_with(".rlib"))
                    .map(PathBuf::from);
            }
        }
        let sdk = sdk.context("cargo names no library of bench-sdk")?;
        let root = shell::root().join("target/release/deps");
        Ok(Built {
            sdk,
            dependencies: root,
            native,
        })
    }

    /// Compiles a submission with a fault.
    fn mutant(&self, mutant: &Mutant) -> Result<PathBuf> {
        let name = mutant.submission.replace('-', "_");
        let source = shell::root()
            .join("submissions")
            .join(mutant.submission)
            .join("src");
        let folder = shell::root().join("target/mutants").join(mutant.submission);
        std::fs::create_dir_all(&folder)?;
        let mut text = std::fs::read_to_string(source.join("lib.rs"))?;
        for (from, to) in mutant.edits {
            ensure!(text.contains(from), "the source has no `{from}`");
            text = text.replace(from, to);
        }
        let library = folder.join("lib.rs");
        std::fs::write(&library, text)?;
        let extern_sdk = format!("bench_sdk={}", self.sdk.display());
        let rlib = folder.join(format!("lib{name}.rlib"));
        self.compile(
            &library,
            &[
                "--crate-type",
                "rlib",
                "--crate-name",
                &name,
                "--extern",
                &extern_sdk,
            ],
            &rlib,
        )?;
        let program = folder.join("program");
        let extern_rule = format!("{name}={}", rlib.display());
        self.compile(
            &source.join("main.rs"),
            &["--extern", &extern_sdk, "--extern", &extern_rule],
            &program,
        )?;
        Ok(program)
    }

    fn compile(&self, source: &Path, arguments: &[&str], output: &Path) -> Result<()> {
        let mut command = Command::new("rustc");
        command.args([
            "--edition",
            "2024",
            "--cap-lints",
            "allow",
            "-C",
            "opt-level=1",
        ]);
        command
            .arg("-L")
            .arg(format!("dependency={}", self.dependencies.display()));
        for path in &self.native {
            command.arg("-L").arg(path);
        }
        command.args(arguments).arg("-o").arg(output).arg(source);
        let done = command
            .current_dir(shell::root())
            .output()
            .context("cannot start rustc")?;
        if !done.status.success() {
            bail!(
                "it does not compile: {}",
                String::from_utf8_lossy(&done.stderr)
            );
        }
        Ok(())
    }
}
