//! Programs by `cargo build`, in the checkout's target folder and its one profile.

use super::{Builder, ProgramError, Programs, source};
use crate::home::Home;
use crate::interrupt::Interrupts;
use bench_core::run::SubmissionIdentity;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

const EVALUATOR_CRATE: &str = "bench-workloads";
const EVALUATOR: &str = "bench-evaluator";
/// How often a silent build is asked whether it should stop.
const LOOK: Duration = Duration::from_millis(100);

/// Builds with the user's cargo.
#[derive(Debug)]
pub struct CargoBuilder {
    home: Home,
    /// Submission's name to its folder, for those outside of `submissions/`.
    elsewhere: BTreeMap<String, PathBuf>,
    members: Option<Vec<Package>>,
}

/// A package as `cargo metadata` tells of it.
#[derive(Debug, Clone, Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Debug, Clone, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// A line of `--message-format=json-render-diagnostics`.
#[derive(Debug, Deserialize)]
struct Artifact {
    reason: String,
    #[serde(default)]
    executable: Option<PathBuf>,
    #[serde(default)]
    target: Option<Target>,
}

/// A line of cargo's, from one of its two outputs.
enum Said {
    Artifact(String),
    Text(String),
}

/// What came of one run of cargo.
struct Built {
    success: bool,
    executables: BTreeMap<String, PathBuf>,
    text: String,
}

impl CargoBuilder {
    /// For the submissions of a checkout, and others that lie `elsewhere`.
    pub fn new(home: Home, elsewhere: BTreeMap<String, PathBuf>) -> CargoBuilder {
        CargoBuilder {
            home,
            elsewhere,
            members: None,
        }
    }

    fn folder(&self, program: &str) -> PathBuf {
        match self.elsewhere.get(program) {
            Some(folder) => folder.clone(),
            None => self.home.root.join("submissions").join(program),
        }
    }

    /// The package of a program's folder: a member of the workspace, or one of its own.
    fn package(&mut self, submission: &SubmissionIdentity) -> Result<Package, ProgramError> {
        let manifest = self.folder(&submission.program).join("Cargo.toml");
        if !manifest.is_file() {
            return Err(ProgramError::NoCrate {
                submission: submission.name.clone(),
                manifest,
            });
        }
        if self.members.is_none() {
            let root = self.home.root.join("Cargo.toml");
            self.members = Some(self.metadata(&root, &submission.name)?);
        }
        let is_it = |package: &&Package| same_file(&package.manifest_path, &manifest);
        if let Some(member) = self.members.iter().flatten().find(is_it) {
            return Ok(member.clone());
        }
        let own = self.metadata(&manifest, &submission.name)?;
        own.iter()
            .find(is_it)
            .cloned()
            .ok_or_else(|| ProgramError::NoCrate {
                submission: submission.name.clone(),
                manifest: manifest.clone(),
            })
    }

    fn metadata(&self, manifest: &Path, submission: &str) -> Result<Vec<Package>, ProgramError> {
        let output = self
            .home
            .command("cargo")
            .args([
                "metadata",
                "--no-deps",
                "--format-version",
                "1",
                "--manifest-path",
            ])
            .arg(manifest)
            .current_dir(&self.home.root)
            .output()
            .map_err(no_cargo)?;
        let parsed = serde_json::from_slice::<Metadata>(&output.stdout);
        match parsed {
            Ok(metadata) if output.status.success() => Ok(metadata.packages),
            _ => Err(cargo_error(
                submission,
                String::from_utf8_lossy(&output.stderr).into_owned(),
            )),
        }
    }

    /// One cargo for both programs where they share a workspace, else one each.
    fn commands(&self, package: &Package, binary: &str) -> Vec<std::process::Command> {
        let member = self
            .members
            .iter()
            .flatten()
            .any(|m| m.name == package.name);
        let mut evaluator = self.build_command();
        evaluator.args(["-p", EVALUATOR_CRATE, "--bin", EVALUATOR]);
        if member {
            evaluator.args(["-p", &package.name, "--bin", binary]);
            return vec![evaluator];
        }
        let mut worker = self.build_command();
        worker
            .args(["--bin", binary, "--manifest-path"])
            .arg(&package.manifest_path);
        worker.arg("--target-dir").arg(self.home.target());
        vec![evaluator, worker]
    }

    fn build_command(&self) -> std::process::Command {
        let mut command = self.home.command("cargo");
        command.current_dir(&self.home.root).args([
            "build",
            "--locked",
            "--release",
            "--message-format=json-render-diagnostics",
        ]);
        command
    }
}

impl Builder for CargoBuilder {
    fn source_hash(&mut self, submission: &SubmissionIdentity) -> Result<String, ProgramError> {
        let package = self.package(submission)?;
        let folder = self.folder(&submission.program);
        source::hash(&self.home.root, &folder, &package.name)
    }

    fn build(
        &mut self,
        submission: &SubmissionIdentity,
        interrupts: &Interrupts,
        listener: &mut dyn FnMut(&str),
    ) -> Result<Programs, ProgramError> {
        let package = self.package(submission)?;
        let no_binary = || ProgramError::NoBinary {
            submission: submission.name.clone(),
            folder: self.folder(&submission.program),
        };
        let is_binary = |target: &&Target| target.kind.iter().any(|kind| kind == "bin");
        let binary = package
            .targets
            .iter()
            .find(is_binary)
            .ok_or_else(no_binary)?;
        let mut executables = BTreeMap::new();
        for command in self.commands(&package, &binary.name) {
            let built = run_cargo(command, interrupts, listener)?;
            if !built.success {
                return Err(build_error(&submission.name, built.text));
            }
            executables.extend(built.executables);
        }
        Ok(Programs {
            worker: executables.remove(&binary.name).ok_or_else(no_binary)?,
            evaluator: executables.remove(EVALUATOR).ok_or_else(no_binary)?,
        })
    }
}

/// Runs cargo in a process group of its own, so that an interrupt ends the compilers too.
fn run_cargo(
    mut command: std::process::Command,
    interrupts: &Interrupts,
    listener: &mut dyn FnMut(&str),
) -> Result<Built, ProgramError> {
    let mut cargo = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(no_cargo)?;
    let group = Pid::from_child(&cargo);
    let (sender, said) = channel();
    follow(cargo.stdout.take(), Said::Artifact, sender.clone())?;
    follow(cargo.stderr.take(), Said::Text, sender)?;
    let mut built = Built {
        success: false,
        executables: BTreeMap::new(),
        text: String::new(),
    };
    loop {
        match said.recv_timeout(LOOK) {
            Ok(Said::Artifact(line)) => built.note_artifact(&line),
            Ok(Said::Text(line)) => built.note_text(&line, listener),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if interrupts.requested() {
            let _ = kill_process_group(group, Signal::TERM);
            let _ = cargo.wait();
            return Err(ProgramError::Interrupted);
        }
    }
    built.success = cargo.wait().map_err(no_cargo)?.success();
    Ok(built)
}

impl Built {
    fn note_artifact(&mut self, line: &str) {
        if let Ok(Artifact {
            reason,
            executable: Some(executable),
            target: Some(target),
        }) = serde_json::from_str(line)
            && reason == "compiler-artifact"
        {
            self.executables.insert(target.name, executable);
        }
    }

    /// `   Compiling lion v0.1.0 (…)` is progress, all else is for the person who reads the error.
    fn note_text(&mut self, line: &str, listener: &mut dyn FnMut(&str)) {
        match line.trim_start().strip_prefix("Compiling ") {
            Some(krate) => listener(krate),
            None => {
                self.text.push_str(line);
                self.text.push('\n');
            }
        }
    }
}

fn follow(
    output: Option<impl Read + Send + 'static>,
    wrap: fn(String) -> Said,
    sender: Sender<Said>,
) -> Result<(), ProgramError> {
    let Some(output) = output else { return Ok(()) };
    thread::Builder::new()
        .name("cargo output".to_owned())
        .spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            // Nobody listens any more once the build was interrupted.
            let _ = lines.map(wrap).try_for_each(|said| sender.send(said));
        })
        .map(drop)
        .map_err(no_cargo)
}

fn build_error(submission: &str, text: String) -> ProgramError {
    match text
        .lines()
        .any(|line| line.starts_with("error: could not compile"))
    {
        true => ProgramError::Compile {
            submission: submission.to_owned(),
            first: first_error(&text),
            diagnostics: text,
        },
        false => cargo_error(submission, text),
    }
}

fn cargo_error(submission: &str, text: String) -> ProgramError {
    ProgramError::Cargo {
        submission: submission.to_owned(),
        first: first_error(&text),
        diagnostics: text,
    }
}

/// The first error with its place: "mismatched types, at src/lib.rs:3:5".
fn first_error(text: &str) -> String {
    let mut lines = text.lines().map(str::trim);
    let Some(error) = lines.find(|line| line.starts_with("error")) else {
        return "it gave no reason".to_owned();
    };
    let message = error.split_once(": ").map_or(error, |(_, message)| message);
    match lines.next().and_then(|line| line.strip_prefix("--> ")) {
        Some(place) => format!("{message}, at {place}"),
        None => message.to_owned(),
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

fn no_cargo(cause: io::Error) -> ProgramError {
    ProgramError::Io {
        what: "cannot run cargo".to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_is_told_in_one_line() {
        let rustc = "warning: unused\n  --> src/lib.rs:1:1\nerror[E0308]: mismatched types\n --> submissions/lion/src/lib.rs:3:5\n  |\nerror: could not compile `lion` (lib) due to 1 previous error\n";
        let error = build_error("lion", rustc.to_owned());
        assert_eq!(
            error.to_string(),
            "submission `lion` does not compile: mismatched types, at submissions/lion/src/lib.rs:3:5"
        );
        let cargo = "error: failed to parse manifest at `/x/Cargo.toml`\n\nCaused by:\n  no name\n";
        assert_eq!(
            build_error("lion", cargo.to_owned()).to_string(),
            "cargo cannot build submission `lion`: failed to parse manifest at `/x/Cargo.toml`"
        );
    }
}
