//! Programs by `cargo build`, in the checkout's target folder and its one profile.

use super::keep::Kept;
use super::packages::{Package, Packages};
use super::source::Source;
use super::{
    BuildProgress, Builder, Listener, Origin, Program, ProgramError, Programs, fresh, lockfile,
    output, python, settings,
};
use crate::home::Home;
use crate::interrupt::Interrupts;
use crate::lock::{self, Lock, Patience};
use crate::setup;
use bench_core::run::SubmissionIdentity;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const EVALUATOR_CRATE: &str = "bench-workloads";
const EVALUATOR: &str = "bench-evaluator";
/// How often something is built that somebody edits meanwhile.
const BUILDS: u32 = 2;
/// How often another build's lock is tried again.
const RETRY: Duration = Duration::from_millis(100);

/// Builds with the user's cargo.
#[derive(Debug)]
pub struct CargoBuilder {
    home: Home,
    /// What is built: the checkout, or a revision of it.
    root: PathBuf,
    /// What programs are made from, for those that are no crate of `submissions/`.
    origins: BTreeMap<String, Origin>,
    packages: Packages,
    kept: Kept,
    /// What was done that a person should know, until a build tells it.
    notes: Vec<String>,
    title: Option<String>,
}

/// What cargo made: files that the next build replaces.
struct Built {
    worker: PathBuf,
    evaluator: PathBuf,
}

impl CargoBuilder {
    /// For the submissions of a checkout, and others of these `origins`.
    pub fn new(home: Home, origins: BTreeMap<String, Origin>) -> CargoBuilder {
        let root = home.root.clone();
        CargoBuilder::of_revision(home, root, origins)
    }

    /// For a revision of the checkout that lies in `root`. All revisions share a target folder of their own, so that what they depend on is compiled once,
    /// and the checkout's libtorch. What was built from a revision is not built again: nobody edits it.
    pub fn of_revision(
        home: Home,
        root: PathBuf,
        origins: BTreeMap<String, Origin>,
    ) -> CargoBuilder {
        CargoBuilder {
            packages: Packages::of(home.clone(), root.clone()),
            kept: Kept::new(home.programs()),
            notes: Vec::new(),
            root,
            home,
            origins,
            title: None,
        }
    }

    /// Names what it builds, in place of the submission's program: that of a revision, for one.
    pub fn called(mut self, title: &str) -> CargoBuilder {
        self.title = Some(title.to_owned());
        self
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

    fn package(&mut self, submission: &SubmissionIdentity) -> Result<Package, ProgramError> {
        let folder = match self.origins.get(&submission.program) {
            Some(Origin::Crate(folder)) => folder.clone(),
            _ => self.root.join("submissions").join(&submission.program),
        };
        let package = self.packages.at(&folder, &submission.name)?;
        self.lock(&package)?;
        Ok(package)
    }

    /// Lets the lock file of a package's workspace follow its dependencies, before its source is hashed. Nothing that was locked moves.
    fn lock(&mut self, package: &Package) -> Result<(), ProgramError> {
        let workspace = self.packages.workspace(package).to_owned();
        let path = workspace.join("Cargo.lock");
        // Cargo itself says what is wrong with a file that is not there or cannot be read.
        let known = std::fs::read_to_string(&path).map_or(true, |text| {
            lockfile::knows(&text, &package.name, &package.needs())
        });
        if known || self.is_revision() {
            return Ok(());
        }
        let added = lockfile::update(&self.home, &package.name, &workspace.join("Cargo.toml"))?;
        self.notes.push(match added.is_empty() {
            true => format!("{} follows {}'s dependencies", path.display(), package.name),
            false => format!("{}: added {}", path.display(), added.join(", ")),
        });
        Ok(())
    }

    /// Where what is built lies.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    fn python(&self, submission: &SubmissionIdentity) -> Option<crate::python::Entrant> {
        match self.origins.get(&submission.program) {
            Some(Origin::Python(entrant)) => Some(entrant.clone()),
            _ => None,
        }
    }

    /// Crates of the checkout, and the evaluator.
    pub(super) fn checkout_source(
        &mut self,
        crates: &[&str],
        submission: &str,
    ) -> Result<Source, ProgramError> {
        let mut source = Source::default();
        for name in crates.iter().chain(&[EVALUATOR_CRATE]) {
            let folder = self.root.join("crates").join(name);
            let package = self.packages.at(&folder, submission)?;
            let workspace = self.packages.add(&mut source, &package, submission)?;
            settings::add_manifest(&mut source, &workspace)?;
        }
        Ok(source)
    }

    /// What a submission's program and the evaluator are made of.
    fn source(
        &mut self,
        submission: &SubmissionIdentity,
        parts: Option<&python::Parts>,
    ) -> Result<Source, ProgramError> {
        if let Some(parts) = parts {
            return self.python_source(submission, parts);
        }
        let worker = self.package(submission)?;
        let mut source = self.checkout_source(&[], &submission.name)?;
        let workspace = self.packages.add(&mut source, &worker, &submission.name)?;
        settings::add_manifest(&mut source, &workspace)?;
        settings::add_surroundings(&mut source, &self.home, &self.root)?;
        Ok(source)
    }

    /// What a Python entrant is made of beside a crate; nothing for others.
    fn parts(
        &self,
        submission: &SubmissionIdentity,
        listener: &mut Listener<'_>,
    ) -> Result<Option<python::Parts>, ProgramError> {
        let entrant = self.python(submission);
        let parts = entrant.map(|entrant| self.python_parts(&entrant, listener));
        parts.transpose()
    }

    /// Nobody else builds into this target folder until the lock is gone: what cargo made is what is copied.
    fn alone(
        &self,
        interrupts: &Interrupts,
        listener: &mut Listener<'_>,
    ) -> Result<Lock, ProgramError> {
        let path = self.target().join("bench-build.lock");
        let mut patience = Patience::default();
        loop {
            if interrupts.requested() {
                return Err(ProgramError::Interrupted);
            }
            match Lock::try_now(&path) {
                Ok(Some(lock)) => return Ok(lock),
                Ok(None) => {
                    if patience.is_due(Instant::now()) {
                        let holder = lock::holder(&path);
                        let holder = holder.map(|holder| format!(" ({holder})"));
                        let holder = holder.unwrap_or_default();
                        listener(BuildProgress::Noted(&format!(
                            "waiting for another build{holder}"
                        )));
                    }
                    thread::sleep(RETRY);
                }
                Err(error) => {
                    return Err(ProgramError::Io {
                        what: format!("cannot lock {}", error.path.display()),
                        cause: error.source,
                    });
                }
            }
        }
    }

    fn compile(
        &mut self,
        submission: &SubmissionIdentity,
        interrupts: &Interrupts,
        listener: &mut Listener<'_>,
    ) -> Result<Built, ProgramError> {
        if self.python(submission).is_some() {
            return self.compile_library(submission, interrupts, listener);
        }
        let package = self.package(submission)?;
        let no_binary = || ProgramError::NoBinary {
            submission: submission.name.clone(),
            folder: package.folder().to_owned(),
        };
        let mut programs = package.targets.iter().filter(|target| target.is_program());
        let binary = programs.next().ok_or_else(no_binary)?;
        if self.is_revision() {
            fresh::touch(&self.root)?;
        }
        let mut executables = BTreeMap::new();
        for command in self.commands(&package, &binary.name)? {
            let built = output::run(command, interrupts, listener)?;
            if !built.success {
                return Err(built.error(&submission.name));
            }
            executables.extend(built.executables);
        }
        Ok(Built {
            worker: executables.remove(&binary.name).ok_or_else(no_binary)?,
            evaluator: executables.remove(EVALUATOR).ok_or_else(no_binary)?,
        })
    }

    /// The library that a Python process loads, and the evaluator.
    fn compile_library(
        &mut self,
        submission: &SubmissionIdentity,
        interrupts: &Interrupts,
        listener: &mut Listener<'_>,
    ) -> Result<Built, ProgramError> {
        if self.is_revision() {
            fresh::touch(&self.root)?;
        }
        // One command, so that what both are built on is compiled once.
        let mut command = self.build_command();
        command.args(["-p", EVALUATOR_CRATE, "--bin", EVALUATOR]);
        command.args(["-p", python::CRATE, "--lib"]);
        let built = output::run(command, interrupts, listener)?;
        if !built.success {
            return Err(built.error(&submission.name));
        }
        let mut library = built.files.iter();
        let library = library.rfind(|file| file.ends_with(python::LIBRARY));
        let library = library.cloned();
        let mut executables = built.executables;
        let no_binary = || ProgramError::NoBinary {
            submission: submission.name.clone(),
            folder: self.root.join("crates").join(python::CRATE),
        };
        Ok(Built {
            worker: library.ok_or_else(no_binary)?,
            evaluator: executables.remove(EVALUATOR).ok_or_else(no_binary)?,
        })
    }

    /// One cargo for both programs where they share a workspace, else one each.
    fn commands(&self, package: &Package, binary: &str) -> Result<Vec<Command>, ProgramError> {
        let mut evaluator = self.build_command();
        evaluator.args(["-p", EVALUATOR_CRATE, "--bin", EVALUATOR]);
        if self.packages.is_member(package) {
            evaluator.args(["-p", &package.name, "--bin", binary]);
            return Ok(vec![evaluator]);
        }
        if fresh::claim(&self.target(), &package.name, package.folder())? {
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

    fn build_command(&self) -> Command {
        let mut command = self.home.command("cargo");
        command
            .current_dir(&self.root)
            .args(["build", "--locked", "--release"]);
        if self.is_revision() {
            command.arg("--target-dir").arg(self.target());
            if self.home.user_libtorch.is_none() {
                command.env("LIBTORCH", self.home.libtorch_link());
            }
        }
        command
    }

    /// A program as it is started, with the libtorch that it needs: its rpath may lead nowhere from where it is kept.
    fn launchable(&self, mut program: Program) -> Program {
        // Without one, a program that needs it says so.
        let libtorch = setup::find(&self.home).ok().flatten();
        let folders = libtorch.map(|libtorch| libtorch.library_folders());
        program.launch = program.launch.with_libraries(&folders.unwrap_or_default());
        program
    }
}

impl Builder for CargoBuilder {
    fn title(&self, submission: &SubmissionIdentity) -> String {
        let title = self.title.clone();
        title.unwrap_or_else(|| submission.program.clone())
    }

    fn source_hash(&mut self, submission: &SubmissionIdentity) -> Result<String, ProgramError> {
        let parts = self.parts(submission, &mut |_| {})?;
        Ok(self.source(submission, parts.as_ref())?.hash())
    }

    fn build(
        &mut self,
        submission: &SubmissionIdentity,
        interrupts: &Interrupts,
        listener: &mut Listener<'_>,
    ) -> Result<Programs, ProgramError> {
        let _alone = self.alone(interrupts, listener)?;
        self.packages.forget();
        let mut parts = self.parts(submission, listener)?;
        let mut source = self.source(submission, parts.as_ref())?;
        for note in self.notes.drain(..) {
            listener(BuildProgress::Noted(&note));
        }
        for _ in 0..BUILDS {
            let source_hash = source.hash();
            let known = self
                .is_revision()
                .then(|| self.kept.built_from(&source_hash));
            let [worker, evaluator] = match known.flatten() {
                Some(programs) => programs,
                None => {
                    let built = self.compile(submission, interrupts, listener)?;
                    let programs = [
                        self.kept.keep(&built.worker)?,
                        self.kept.keep(&built.evaluator)?,
                    ];
                    self.packages.forget();
                    let edited = self.parts(submission, listener)?;
                    let after = self.source(submission, edited.as_ref())?;
                    if after.hash() != source_hash {
                        (source, parts) = (after, edited);
                        continue;
                    }
                    covers(&source, &built.worker, &submission.name)?;
                    covers(&source, &built.evaluator, &submission.name)?;
                    if self.is_revision() {
                        self.kept.note(&source_hash, [&programs[0], &programs[1]]);
                    }
                    programs
                }
            };
            return Ok(Programs {
                worker: match &parts {
                    // torch in the process brings its own libtorch.
                    Some(parts) => self.python_program(worker, parts)?,
                    None => self.launchable(worker),
                },
                evaluator: self.launchable(evaluator),
                source_hash,
                python: parts.as_ref().map(python::Parts::facts),
            });
        }
        Err(ProgramError::Changing {
            submission: submission.name.clone(),
        })
    }
}

/// Whether all that cargo says a program was compiled from is in its source, but for what the build itself made.
fn covers(source: &Source, program: &Path, submission: &str) -> Result<(), ProgramError> {
    let files = output::compiled_from(program);
    let built = program.parent().unwrap_or(program);
    let files: Vec<PathBuf> = files
        .into_iter()
        .filter(|file| !file.starts_with(built))
        .collect();
    match source.first_outside(&files) {
        None => Ok(()),
        Some(file) => Err(ProgramError::Outside {
            submission: submission.to_owned(),
            file: file.clone(),
        }),
    }
}
