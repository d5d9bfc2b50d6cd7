//! Python entrants: the interpreter with torch, packages of a submission's own, and what a file by itself leaves to be assumed.

mod assumed;
mod environment;
mod files;
mod packages;

pub use assumed::{Assumed, file_of, imports};
pub use environment::{Environment, ensure, find};
pub(crate) use files::{Files, listing};
pub(crate) use packages::{LOCK, Overlay, locked, overlay};

use crate::download::DownloadError;
use crate::lock::LockError;
use bench_core::spec::submission::{ArgumentNames, Python};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The versions of Python that torch's wheels are pinned for.
const VERSIONS: std::ops::RangeInclusive<u32> = 10..=13;

/// A Python entrant's program, as its settings name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrant {
    /// The author's folder.
    pub folder: PathBuf,
    /// The class, and the file or the package that defines it.
    pub python: Python,
    /// Which of its arguments takes which hyperparameters.
    pub parameter_names: BTreeMap<String, ArgumentNames>,
    /// Whether the file was given by itself: it and what it imports from its folder, and nothing else there.
    pub alone: bool,
}

/// There is no Python to run an entrant in, or no such class.
#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    /// No interpreter of a version that torch is pinned for.
    #[error("a Python entrant needs CPython 3.10 to 3.13, and {found}")]
    Version {
        /// What there is.
        found: String,
    },
    /// The user's own interpreter has no such torch.
    #[error("{}, which {variable} names, {reason}, and only torch {} fits", interpreter.display(), crate::setup::VERSION)]
    Own {
        /// It.
        interpreter: PathBuf,
        /// What named it.
        variable: &'static str,
        /// What it has in torch's place.
        reason: String,
    },
    /// None was set up yet.
    #[error("there is no Python environment yet")]
    Missing,
    /// A program that sets one up failed.
    #[error("cannot {doing}: {said}")]
    Failed {
        /// What was tried.
        doing: String,
        /// Its last words.
        said: String,
    },
    /// An author's file cannot be used.
    #[error("{}: {said}", file.display())]
    File {
        /// It.
        file: PathBuf,
        /// Why not.
        said: String,
    },
    /// pip failed.
    #[error("cannot download Python's packages: {0}")]
    Download(#[from] DownloadError),
    /// The file system says no.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The lock cannot be taken.
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl PythonError {
    /// What to do next.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            PythonError::Version { .. } => Some(
                "install one, or let BENCH_PYTHON name the interpreter of an environment with torch 2.11.0",
            ),
            PythonError::Own { .. } => {
                Some("`pip install torch==2.11.0` there, or unset the variable to have one set up")
            }
            PythonError::Missing => Some("`bench setup --python` makes one"),
            PythonError::File { said, .. } if said.contains("No module named") => Some(
                "packages come from a `requirements.lock`, pip's with hashes, beside a `submission.yaml`: `bench new NAME --python` makes such a folder",
            ),
            PythonError::Download(_) => Some("check the network and run the same command again"),
            _ => None,
        }
    }
}

fn io<'a>(
    doing: &'static str,
    path: &'a std::path::Path,
) -> impl Fn(std::io::Error) -> PythonError + 'a {
    move |source| PythonError::Io {
        doing,
        path: path.to_owned(),
        source,
    }
}

/// The last lines of what a program said, for a message.
fn last_words(bytes: &[u8]) -> String {
    last_lines(bytes, 3)
}

/// The last of them alone.
fn last_line(bytes: &[u8]) -> String {
    last_lines(bytes, 1)
}

fn last_lines(bytes: &[u8], most: usize) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(most)..].join("\n")
}
