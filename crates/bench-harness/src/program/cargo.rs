//! Programs by `cargo build`, in the checkout's target folder and its one profile.

use super::{Builder, ProgramError, Programs, fresh, output, source};
use crate::home::Home;
use crate::interrupt::Interrupts;
use crate::lock::Lock;
use crate::progress::silent;
use bench_core::run::SubmissionIdentity;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

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

    /// For a revision of the checkout that lies in `root`. All revisions share a target folder of their own, so that what they depend on is compiled once,
    /// and the checkout's libtorch.
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

    /// Where things are.
    pub fn home(&self) -> &Home {
        &self.home
    }

    fn is_revision(&self) -> bool {
        self.root != self.home.root
    }

    /// Where cargo puts what it builds.
    fn target(&self) -> PathBuf {
        match self.is_revision() {
            true => self.home.revisions().join("target"),
            false => self.home.target(),
        }
    }

    /// One cargo for both programs where they share a workspace, else one each.
    fn commands(&self, package: &Package, binary: &str) -> Result<Vec<Command>, ProgramError> {
        let is_it = |member: &Package| same_file(&member.manifest_path, &package.manifest_path);
        let mut evaluator = self.build_command();
        evaluator.args(["-p", EVALUATOR_CRATE, "--bin", EVALUATOR]);
        if self.members.iter().flatten().any(is_it) {
            evaluator.args(["-p", &package.name, "--bin", binary]);
            return Ok(vec![evaluator]);
        }
        let folder = package.manifest_path.parent().unwrap_or(&self.root);
        if fresh::claim(&self.target(), &package.name, folder)? {
            self.forget(package)?;
        }
        let mut worker = self.build_command();
        worker
            .args(["--bin", binary, "--manifest-path"])
            .arg(&package.manifest_path);
        if !self.is_revision() {
            worker.arg("--target-dir").arg(self.target());
        }
        Ok(vec![evaluator, worker])
    }

    /// Removes what a package of the same name left in the target folder.
    fn forget(&self, package: &Package) -> Result<(), ProgramError> {
        let cleaned = self
            .home
            .command("cargo")
            .current_dir(&self.root)
            .args(["clean", "--release", "-p", &package.name, "--manifest-path"])
            .arg(&package.manifest_path)
            .arg("--target-dir")
            .arg(self.target())
            .output()
            .map_err(output::no_cargo)?;
        match cleaned.status.success() {
            true => Ok(()),
            false => Err(output::cargo_error(
                &package.name,
                String::from_utf8_lossy(&cleaned.stderr).into_owned(),
            )),
        }
    }

    /// Nobody else builds another revision until the lock is gone.
    fn prepare_revision(&self) -> Result<Lock, ProgramError> {
        let lock = self.home.revisions().join("target.lock");
        let lock = Lock::wait(&lock, "another build", &mut silent);
        let lock = lock.map_err(|error| ProgramError::Io {
            what: format!("cannot lock {}", error.path.display()),
            cause: error.source,
        })?;
        fresh::touch(&self.root)?;
        Ok(lock)
    }

    fn build_command(&self) -> Command {
        let mut command = self.home.command("cargo");
        command.current_dir(&self.root).args([
            "build",
            "--locked",
            "--release",
            "--message-format=json-render-diagnostics",
        ]);
        if self.is_revision() {
            command.arg("--target-dir").arg(self.target());
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
        let folder_of = |package: &Package| {
            let folder = package.manifest_path.parent()?.to_owned();
            Some((package.name.clone(), folder))
        };
        let members: Vec<_> = self
            .members
            .iter()
            .flatten()
            .filter_map(folder_of)
            .collect();
        source::hash(&self.root, &folder, &package.name, &members)
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
        let _alone = match self.is_revision() {
            true => Some(self.prepare_revision()?),
            false => None,
        };
        for command in self.commands(&package, &binary.name)? {
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
