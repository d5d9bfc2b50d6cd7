//! From a submission's folder to programs that can be spawned, and the hash of what they were built from.

mod cargo;
mod docs;
mod fresh;
mod keep;
mod lockfile;
mod output;
mod packages;
mod python;
mod settings;
mod source;

pub use cargo::CargoBuilder;
pub use docs::document;
pub(crate) use lockfile::{closure, name as locked_name, update};
pub(crate) use python::python_variables;
pub use source::Source;

use crate::channel;
use crate::interrupt::Interrupts;
use crate::launch::Launch;
use crate::python::{Entrant, PythonError};
use bench_core::record::{ProgramDigests, PythonFacts};
use bench_core::run::SubmissionIdentity;
use std::io;
use std::path::PathBuf;

/// A program that stays what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// How it is started, whatever for.
    pub launch: Launch,
    /// blake3 of its file, as 64 hexadecimal digits.
    pub digest: String,
}

/// What the program of a submission is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A crate in this folder.
    Crate(PathBuf),
    /// A class in Python.
    Python(Entrant),
}

/// A trial's two programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// The submission's.
    pub worker: Program,
    /// Scores snapshots; the same for every submission.
    pub evaluator: Program,
    /// Of what they were built from: before the build and after it.
    pub source_hash: String,
    /// What a Python entrant runs in.
    pub python: Option<PythonFacts>,
}

impl Programs {
    /// One of the two.
    pub fn of(&self, source: channel::Source) -> &Program {
        match source {
            channel::Source::Worker => &self.worker,
            channel::Source::Evaluator => &self.evaluator,
        }
    }

    /// As records name them.
    pub fn digests(&self) -> ProgramDigests {
        ProgramDigests {
            worker: self.worker.digest.clone(),
            evaluator: self.evaluator.digest.clone(),
            python: self.python.clone(),
        }
    }
}

/// Programs cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The submission does not compile.
    #[error("submission `{submission}` does not compile: {first}")]
    Compile {
        /// Its name.
        submission: String,
        /// The first error in one line.
        first: String,
        /// All that the compiler said, in its colours.
        diagnostics: String,
    },
    /// Cargo stopped before it compiled anything: a manifest, the lock file, a missing crate.
    #[error("cargo cannot build submission `{submission}`: {first}")]
    Cargo {
        /// Its name.
        submission: String,
        /// The first error in one line.
        first: String,
        /// All that cargo said.
        diagnostics: String,
    },
    /// The build made no such program.
    #[error("submission `{submission}` has no program: its crate {} makes no binary", folder.display())]
    NoBinary {
        /// Its name.
        submission: String,
        /// The crate's folder.
        folder: PathBuf,
    },
    /// There is no crate where one should be.
    #[error("submission `{submission}` has no crate: {} is missing", manifest.display())]
    NoCrate {
        /// Its name.
        submission: String,
        /// The manifest that should be there.
        manifest: PathBuf,
    },
    /// Somebody edits what is being built.
    #[error(
        "the source of submission `{submission}` changed while it was built, and again while it was built once more"
    )]
    Changing {
        /// Its name.
        submission: String,
    },
    /// It is compiled from a file that no hash of its source covers.
    #[error("submission `{submission}` is compiled from {}, which lies in none of its packages", file.display())]
    Outside {
        /// Its name.
        submission: String,
        /// The file.
        file: PathBuf,
    },
    /// A file or process failed.
    #[error("{what}: {cause}")]
    Io {
        /// What was tried, on what.
        what: String,
        /// Why.
        cause: io::Error,
    },
    /// There is no Python to run it in, or no such class.
    #[error(transparent)]
    Python(#[from] PythonError),
    /// Somebody stopped the command.
    #[error("the build was interrupted")]
    Interrupted,
}

impl ProgramError {
    /// All that the compiler said, where it said anything, without colours.
    pub fn diagnostics(&self) -> String {
        output::plain(self.coloured())
    }

    /// All that the compiler said, where it said anything, as a terminal shows it.
    pub fn coloured(&self) -> &str {
        match self {
            ProgramError::Compile { diagnostics, .. } | ProgramError::Cargo { diagnostics, .. } => {
                diagnostics
            }
            _ => "",
        }
    }
}

/// How a build goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildProgress<'a> {
    /// It got to a crate.
    Compiling {
        /// Name, version and place, as cargo writes them.
        krate: &'a str,
        /// How many units of work are done, and how many there are, as far as cargo has said.
        count: Option<(usize, usize)>,
    },
    /// Something else that a person should know.
    Noted(&'a str),
}

/// Is told how a build goes on.
pub type Listener<'a> = dyn FnMut(BuildProgress<'_>) + 'a;

/// Makes the programs of submissions: [`CargoBuilder`], or something that has them already. They stay what and where they are as long as their builder lives.
pub trait Builder {
    /// What a person calls the program of a submission.
    fn title(&self, submission: &SubmissionIdentity) -> String {
        submission.program.clone()
    }

    /// Hash of everything that a submission's program is built from, without building it.
    ///
    /// # Errors
    /// When its sources cannot be read.
    fn source_hash(&mut self, submission: &SubmissionIdentity) -> Result<String, ProgramError>;

    /// Builds a submission's program and the evaluator. `listener` is told how far it is.
    ///
    /// What is built is told by its own [`Programs::source_hash`]: between [`Builder::source_hash`] and this, somebody may have edited it.
    ///
    /// # Errors
    /// When the submission does not compile, for one.
    fn build(
        &mut self,
        submission: &SubmissionIdentity,
        interrupts: &Interrupts,
        listener: &mut Listener<'_>,
    ) -> Result<Programs, ProgramError>;
}
