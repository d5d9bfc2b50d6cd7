//! Programs by `cargo build`, in the checkout's target folder and its one profile.

use super::{Builder, ProgramError, Programs, output, source};
use crate::home::Home;
use crate::interrupt::Interrupts;
use bench_core::run::SubmissionIdentity;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const EVALUATOR_CRATE: &str = "bench-workloads";
const EVALUATOR: &str = "bench-evaluator";

/// Builds with the user's cargo.
#[derive(Debug)]
pub struct CargoBuilder {
    home: Home,
    /// What is built: the checkout, or a revision of it.
    root: PathBuf,
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

/// One of a package's programs or libraries.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Target {
    pub(super) name: String,
    kind: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

impl CargoBuilder {
    /// For the submissions of a checkout, and others that lie `elsewhere`.
    pub fn new(home: Home, elsewhere: BTreeMap<String, PathBuf>) -> CargoBuilder {
        CargoBuilder {
            root: home.root.clone(),
            home,
            elsewhere,
            members: None,
        }
    }

    /// For a revision of the checkout that lies in `root`. It is built in the checkout's own target folder, with its libtorch: what the two have in
    /// common is compiled once.
    pub fn of_revision(
        home: Home,
        root: PathBuf,
        elsewhere: BTreeMap<String, PathBuf>,
    ) -> CargoBuilder {
        CargoBuilder {
            root,
            home,
            elsewhere,
            members: None,
        }
    }

    fn folder(&self, program: &str) -> PathBuf {
        match self.elsewhere.get(program) {
            Some(folder) => folder.clone(),
            None => self.root.join("submissions").join(program),
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
            let root = self.root.join("Cargo.toml");
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
            .current_dir(&self.root)
            .output()
            .map_err(output::no_cargo)?;
        let parsed = serde_json::from_slice::<Metadata>(&output.stdout);
        match parsed {
            Ok(metadata) if output.status.success() => Ok(metadata.packages),
            _ => Err(output::cargo_error(
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
        if self.root == self.home.root {
            worker.arg("--target-dir").arg(self.home.target());
        }
        vec![evaluator, worker]
    }

    fn build_command(&self) -> std::process::Command {
        let mut command = self.home.command("cargo");
        command.current_dir(&self.root).args([
            "build",
            "--locked",
            "--release",
            "--message-format=json-render-diagnostics",
        ]);
        if self.root != self.home.root {
            command.arg("--target-dir").arg(self.home.target());
            if self.home.user_libtorch.is_none() {
                command.env("LIBTORCH", self.home.libtorch_link());
            }
        }
        command
    }
}

impl Builder for CargoBuilder {
    fn source_hash(&mut self, submission: &SubmissionIdentity) -> Result<String, ProgramError> {
        let package = self.package(submission)?;
        let folder = self.folder(&submission.program);
        source::hash(&self.root, &folder, &package.name)
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
            let built = output::run(command, interrupts, listener)?;
            if !built.success {
                return Err(output::build_error(&submission.name, built.text));
            }
            executables.extend(built.executables);
        }
        Ok(Programs {
            worker: executables.remove(&binary.name).ok_or_else(no_binary)?,
            evaluator: executables.remove(EVALUATOR).ok_or_else(no_binary)?,
        })
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}
