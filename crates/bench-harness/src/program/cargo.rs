//! Programs by `cargo build`, in the checkout's target folder and its one profile.

use super::keep::Kept;
use super::packages::{Package, Packages};
use super::source::Source;
use super::{
    BuildProgress, Builder, Listener, Program, ProgramError, Programs, fresh, lockfile, output,
    settings,
};
use crate::home::Home;
use crate::interrupt::Interrupts;
use crate::lock::Lock;
use crate::setup;
use bench_core::run::SubmissionIdentity;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

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
    /// Submission's name to its folder, for those outside of `submissions/`.
    elsewhere: BTreeMap<String, PathBuf>,
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
    /// For the submissions of a checkout, and others that lie `elsewhere`.
    pub fn new(home: Home, elsewhere: BTreeMap<String, PathBuf>) -> CargoBuilder {
        let root = home.root.clone();
        CargoBuilder::of_revision(home, root, elsewhere)
    }

    /// For a revision of the checkout that lies in `root`. All revisions share a target folder of their own, so that what they depend on is compiled once,
    /// and the checkout's libtorch. What was built from a revision is not built again: nobody edits it.
    pub fn of_revision(
        home: Home,
        root: PathBuf,
        elsewhere: BTreeMap<String, PathBuf>,
    ) -> CargoBuilder {
        CargoBuilder {
            packages: Packages::of(home.clone(), root.clone()),
            kept: Kept::new(home.programs()),
            notes: Vec::new(),
            root,
            home,
            elsewhere,
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
        let folder = match self.elsewhere.get(&submission.program) {
            Some(folder) => folder.clone(),
            None => self.root.join("submissions").join(&submission.program),
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

    /// What a submission's program and the evaluator are made of.
    fn source(&mut self, submission: &SubmissionIdentity) -> Result<Source, ProgramError> {
        let worker = self.package(submission)?;
        let evaluator = self.root.join("crates").join(EVALUATOR_CRATE);
        let evaluator = self.packages.at(&evaluator, &submission.name)?;
        let mut source = Source::default();
        for package in [worker, evaluator] {
            let workspace = self.packages.add(&mut source, &package, &submission.name)?;
            settings::add_manifest(&mut source, &workspace)?;
        }
        settings::add_surroundings(&mut source, &self.home, &self.root)?;
        Ok(source)
    }

    /// Nobody else builds into this target folder until the lock is gone: what cargo made is what is copied.
    fn alone(&self, interrupts: &Interrupts) -> Result<Lock, ProgramError> {
        let path = self.target().join("bench-build.lock");
        loop {
            if interrupts.requested() {
                return Err(ProgramError::Interrupted);
            }
            match Lock::try_now(&path) {
                Ok(Some(lock)) => return Ok(lock),
                Ok(None) => thread::sleep(RETRY),
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
        Ok(self.source(submission)?.hash())
    }

    fn build(
        &mut self,
        submission: &SubmissionIdentity,
        interrupts: &Interrupts,
        listener: &mut Listener<'_>,
    ) -> Result<Programs, ProgramError> {
        let _alone = self.alone(interrupts)?;
        self.packages.forget();
        let mut source = self.source(submission)?;
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
                    let after = self.source(submission)?;
                    if after.hash() != source_hash {
                        source = after;
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
                worker: self.launchable(worker),
                evaluator: self.launchable(evaluator),
                source_hash,
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
