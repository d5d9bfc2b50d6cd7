//! From a submission's folder to programs that can be spawned, and the hash of what they were built from.

mod cargo;
mod fresh;
mod keep;
mod lockfile;
mod output;
mod source;

pub use cargo::CargoBuilder;
pub use keep::KeepingBuilder;
pub(crate) use lockfile::closure;
pub(crate) use output::cargo_error;

use crate::interrupt::Interrupts;
use bench_core::run::SubmissionIdentity;
use std::io;
use std::path::PathBuf;

/// A trial's two programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// The submission's.
    pub worker: PathBuf,
    /// Scores snapshots; the same for every submission.
    pub evaluator: PathBuf,
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
        /// All that the compiler said.
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
    /// A file or process failed.
    #[error("{what}: {cause}")]
    Io {
        /// What was tried, on what.
        what: String,
        /// Why.
        cause: io::Error,
    },
    /// Somebody stopped the command.
    #[error("the build was interrupted")]
    Interrupted,
}

impl ProgramError {
    /// All that the compiler said, where it said anything.
    pub fn diagnostics(&self) -> &str {
        match self {
            ProgramError::Compile { diagnostics, .. } | ProgramError::Cargo { diagnostics, .. } => {
                diagnostics
            }
            _ => "",
        }
    }
}

/// Makes the programs of submissions: [`CargoBuilder`], or something that has them already.
pub trait Builder {
    /// Hash of everything that a submission's program is built from, without building it.
    ///
    /// # Errors
    /// When its sources cannot be read.
    fn source_hash(&mut self, submission: &SubmissionIdentity) -> Result<String, ProgramError>;

    /// Builds a submission's program and the evaluator. `listener` is told each crate that is compiled.
    ///
    /// # Errors
    /// When the submission does not compile, for one.
    fn build(
        &mut self,
        submission: &SubmissionIdentity,
        interrupts: &Interrupts,
        listener: &mut dyn FnMut(&str),
    ) -> Result<Programs, ProgramError>;
}
