//! Programs that stay what they are: copies, for comparisons in which one file name is built from two sources.

use super::{Builder, ProgramError, Programs};
use crate::interrupt::Interrupts;
use bench_core::run::SubmissionIdentity;
use std::fs;
use std::path::{Path, PathBuf};

/// Names of the copies.
const WORKER: &str = "worker";
const EVALUATOR: &str = "evaluator";

/// Builds with another builder and copies what it made to a folder named by the source, where no later build replaces it.
pub struct KeepingBuilder<B> {
    inner: B,
    folder: PathBuf,
    once: bool,
}

impl<B: Builder> KeepingBuilder<B> {
    /// Copies go below `folder`. `once`: what was built before is taken as it is, which a revision's sources allow: nobody edits them.
    pub fn new(inner: B, folder: PathBuf, once: bool) -> KeepingBuilder<B> {
        KeepingBuilder {
            inner,
            folder,
            once,
        }
    }
}

impl<B: Builder> Builder for KeepingBuilder<B> {
    fn source_hash(&mut self, submission: &SubmissionIdentity) -> Result<String, ProgramError> {
        self.inner.source_hash(submission)
    }

    fn build(
        &mut self,
        submission: &SubmissionIdentity,
        interrupts: &Interrupts,
        listener: &mut dyn FnMut(&str),
    ) -> Result<Programs, ProgramError> {
        let hash = self.source_hash(submission)?;
        // Two sources of one submission differ in their hash, and so does everything below their folders.
        let folder = self.folder.join(hash.get(..16).unwrap_or(&hash));
        let kept = Programs {
            worker: folder.join(WORKER),
            evaluator: folder.join(EVALUATOR),
        };
        if !(self.once && kept.worker.is_file() && kept.evaluator.is_file()) {
            let built = self.inner.build(submission, interrupts, listener)?;
            keep(&built.worker, &kept.worker)?;
            keep(&built.evaluator, &kept.evaluator)?;
        }
        Ok(kept)
    }
}

/// By rename, so that a program which runs now keeps its file, and half a copy never has the name.
fn keep(program: &Path, kept: &Path) -> Result<(), ProgramError> {
    let failed = |cause| ProgramError::Io {
        what: format!("cannot copy {} to {}", program.display(), kept.display()),
        cause,
    };
    let partial = kept.with_extension(format!("partial-{}", std::process::id()));
    fs::create_dir_all(kept.parent().unwrap_or(kept)).map_err(failed)?;
    fs::copy(program, &partial).map_err(failed)?;
    fs::rename(&partial, kept).map_err(failed)
}
