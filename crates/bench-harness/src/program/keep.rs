//! Programs that stay what they are: copies, for comparisons in which one file name is built from two sources.

use super::{Builder, ProgramError, Programs};
use crate::interrupt::Interrupts;
use bench_core::run::SubmissionIdentity;
use std::fs;
use std::path::{Path, PathBuf};

/// Builds with another builder and copies what it made to a folder named by the source, where no later build replaces it.
pub struct KeepingBuilder<B> {
    inner: B,
    folder: PathBuf,
}

impl<B: Builder> KeepingBuilder<B> {
    /// Copies go below `folder`.
    pub fn new(inner: B, folder: PathBuf) -> KeepingBuilder<B> {
        KeepingBuilder { inner, folder }
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
        let built = self.inner.build(submission, interrupts, listener)?;
        // Two sources of one submission differ in their hash, and so does everything below their folders.
        let folder = self.folder.join(hash.get(..16).unwrap_or(&hash));
        Ok(Programs {
            worker: keep(&built.worker, &folder)?,
            evaluator: keep(&built.evaluator, &folder)?,
        })
    }
}

/// By rename, so that a program which runs now keeps its file.
fn keep(program: &Path, folder: &Path) -> Result<PathBuf, ProgramError> {
    let name = program.file_name().unwrap_or_default();
    let (kept, partial) = (
        folder.join(name),
        folder.join(format!("{}.partial", name.to_string_lossy())),
    );
    let failed = |cause| ProgramError::Io {
        what: format!("cannot copy {} to {}", program.display(), folder.display()),
        cause,
    };
    fs::create_dir_all(folder).map_err(failed)?;
    fs::copy(program, &partial).map_err(failed)?;
    fs::rename(&partial, &kept).map_err(failed)?;
    Ok(kept)
}
