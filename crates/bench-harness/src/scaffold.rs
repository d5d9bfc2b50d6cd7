//! A new submission: a folder that compiles, trains and keeps the contract, to be changed into an algorithm.
//!
//! In a checkout's `submissions/` it becomes a member of the workspace. Anywhere else it is a workspace of its own that depends on the
//! checkout by path, with the checkout's locked versions and profile, so that it trains as fast there as here and what is from a registry is built once.

mod manifest;
mod name;
mod profile;
mod source;

pub use name::NameError;

use crate::home::Home;
use crate::program::ProgramError;
use source::Source;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What is to be made.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Its name: that of the folder, the crate and the entrant.
    pub name: String,
    /// Where it will lie, absolute.
    pub folder: PathBuf,
    /// The folder of a submission to copy; none for a plain first algorithm.
    pub from: Option<PathBuf>,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Files, relative to the folder.
    pub files: Vec<PathBuf>,
    /// Whether it has a crate of its own; else it is a variant of another's program.
    pub has_crate: bool,
    /// Whether it belongs to the checkout.
    pub is_member: bool,
}

/// A submission cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// The name will not do.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Something is there.
    #[error("{} is there already", folder.display())]
    Exists {
        /// Where it was to lie.
        folder: PathBuf,
    },
    /// A variant finds what it extends by a path inside of the checkout.
    #[error("`{from}` has no crate of its own but extends another submission, so a copy of it can only lie in {}", submissions.display())]
    Variant {
        /// What was to be copied.
        from: String,
        /// The checkout's folder of submissions.
        submissions: PathBuf,
    },
    /// A manifest is written in another way than ours.
    #[error("{}: {what}", path.display())]
    Manifest {
        /// Which.
        path: PathBuf,
        /// What cannot be done with it.
        what: String,
    },
    /// A file failed.
    #[error("{what}: {cause}")]
    Io {
        /// What was tried, on what.
        what: String,
        /// Why.
        cause: io::Error,
    },
    /// Cargo does not take what was made, which has been removed again.
    #[error(transparent)]
    Cargo(ProgramError),
}

/// Makes a submission.
///
/// # Errors
/// When the name will not do or is taken, or a file cannot be written. Nothing is left behind then.
pub fn create(home: &Home, plan: &Plan) -> Result<Made, ScaffoldError> {
    let root_lock = read(&home.root.join("Cargo.lock"))?;
    name::check(&plan.name, &root_lock)?;
    if plan.folder.exists() {
        return Err(ScaffoldError::Exists {
            folder: plan.folder.clone(),
        });
    }
    let submissions = home.root.join("submissions");
    let is_member = plan
        .folder
        .parent()
        .is_some_and(|parent| parent == submissions);
    let source = match &plan.from {
        Some(folder) => Source::read(folder)?,
        None => Source::starter(),
    };
    if !source.has_crate() && !is_member {
        return Err(ScaffoldError::Variant {
            from: source.name,
            submissions,
        });
    }
    let mut files = source.renamed(&plan.name);
    let root_manifest = home.root.join("Cargo.toml");
    let before = read(&root_manifest)?;
    let mut listed = None;
    if !is_member {
        files = manifest::detached(files, (&before, &root_lock), home, plan.from.as_deref())?;
        files.push((PathBuf::from("Cargo.lock"), root_lock.clone().into_bytes()));
    } else if source.has_crate() {
        listed = Some(manifest::with_member(&root_manifest, &before, &plan.name)?);
    }
    let made = Made {
        files: files.iter().map(|(path, _)| path.clone()).collect(),
        has_crate: source.has_crate(),
        is_member,
    };
    let undo = Undo {
        folder: &plan.folder,
        restore: listed.is_some().then(|| {
            vec![
                (root_manifest.clone(), before),
                (home.root.join("Cargo.lock"), root_lock),
            ]
        }),
    };
    let written = write_all(&plan.folder, &files)
        .and_then(|()| listed.map_or(Ok(()), |text| write(&root_manifest, text.as_bytes())))
        .and_then(|()| match made.has_crate {
            true => manifest::lock(home, &plan.name, &lock_of(home, plan, is_member)),
            false => Ok(()),
        });
    match written {
        Ok(()) => Ok(made),
        Err(error) => {
            undo.run();
            Err(error)
        }
    }
}

/// The manifest whose lock file has to know the new crate.
fn lock_of(home: &Home, plan: &Plan, is_member: bool) -> PathBuf {
    match is_member {
        true => home.root.join("Cargo.toml"),
        false => plan.folder.join("Cargo.toml"),
    }
}

/// What takes a half-made submission away.
struct Undo<'a> {
    folder: &'a Path,
    restore: Option<Vec<(PathBuf, String)>>,
}

impl Undo<'_> {
    /// As far as it goes: the error that led here is the one worth telling.
    fn run(self) {
        let _ = fs::remove_dir_all(self.folder);
        for (path, text) in self.restore.into_iter().flatten() {
            let _ = fs::write(path, text);
        }
    }
}

fn write_all(folder: &Path, files: &[(PathBuf, Vec<u8>)]) -> Result<(), ScaffoldError> {
    for (path, bytes) in files {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(failed("cannot make", parent))?;
        write(&path, bytes)?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), ScaffoldError> {
    fs::write(path, bytes).map_err(failed("cannot write", path))
}

fn read(path: &Path) -> Result<String, ScaffoldError> {
    fs::read_to_string(path).map_err(failed("cannot read", path))
}

fn failed(what: &str, path: &Path) -> impl Fn(io::Error) -> ScaffoldError {
    let what = format!("{what} {}", path.display());
    move |cause| ScaffoldError::Io {
        what: what.clone(),
        cause,
    }
}
