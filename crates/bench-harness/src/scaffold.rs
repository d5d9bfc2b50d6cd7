//! A new submission: a folder that compiles, trains and keeps the contract, to be changed into an algorithm.
//!
//! In a checkout's `submissions/` it becomes a member of the workspace. Anywhere else it is a workspace of its own that depends on the
//! checkout by path, with the checkout's locked versions and profile, so that it trains as fast there as here and what is from a registry is built once.
//! A variant is its settings alone, and extends by a path that leads to its base from wherever it lies.

mod alone;
mod dependency;
mod manifest;
mod members;
mod name;
mod profile;
mod rename;
mod settings;
mod source;

pub use name::NameError;

use crate::home::Home;
use crate::program::{self, ProgramError};
use source::{File, Source};
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
    /// What it begins as.
    pub begin: Begin,
}

/// What a submission begins as.
#[derive(Debug, Clone)]
pub enum Begin {
    /// Gradient descent with momentum.
    Rule,
    /// The same as a whole training algorithm, whose step is written out.
    Wide,
    /// An optimizer in Python.
    Optimizer,
    /// These files in Python, and their settings.
    Python(Vec<(PathBuf, Vec<u8>)>),
    /// A copy of the submission in a folder.
    Copy(PathBuf),
    /// A variant of the submission in a folder: settings that extend it.
    Variant {
        /// The base's folder.
        of: PathBuf,
        /// All lines of its `submission.yaml` but the schema's and `extends`.
        settings: String,
    },
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Files, relative to the folder.
    pub files: Vec<PathBuf>,
    /// Whether it has a crate of its own; else it is Python, or a variant of another's program.
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
    /// A manifest, or a file of settings, is written in another way than ours.
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

/// Where a submission is to lie, and what it is a copy of.
#[derive(Clone, Copy)]
struct Place<'a> {
    home: &'a Home,
    folder: &'a Path,
    from: Option<&'a Path>,
    /// Whether it belongs to the checkout.
    is_member: bool,
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
    let place = Place {
        home,
        folder: &plan.folder,
        from: match &plan.begin {
            Begin::Rule | Begin::Wide | Begin::Optimizer | Begin::Python(_) => None,
            Begin::Copy(folder) | Begin::Variant { of: folder, .. } => Some(folder),
        },
        is_member: plan.folder.parent() == Some(&submissions),
    };
    let source = match &plan.begin {
        Begin::Rule => Source::rule(),
        Begin::Wide => Source::wide(),
        Begin::Optimizer => Source::optimizer(),
        Begin::Python(files) => Source::python(&plan.name, files.clone()),
        Begin::Copy(folder) => Source::read(folder)?,
        Begin::Variant { of, settings } => Source::variant(&plan.name, of, settings),
    };
    let root_manifest = home.root.join("Cargo.toml");
    let before = read(&root_manifest)?;
    let files = settled(&source, &plan.name, (&before, &root_lock), &place)?;
    let listed = match place.is_member && source.has_crate() {
        true => Some(members::with_member(&root_manifest, &before, &plan.name)?),
        false => None,
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
        .and_then(|()| match source.has_crate() {
            true => program::update(home, &plan.name, &lock_of(home, plan, place.is_member))
                .map(drop)
                .map_err(ScaffoldError::Cargo),
            false => Ok(()),
        });
    match written {
        Ok(()) => Ok(Made {
            files: files.into_iter().map(|(path, _)| path).collect(),
            has_crate: source.has_crate(),
            is_member: place.is_member,
        }),
        Err(error) => {
            undo.run();
            Err(error)
        }
    }
}

/// The files of a copy, which speak of where it lies, given the checkout's manifest and lock file.
fn settled(
    source: &Source,
    name: &str,
    root: (&str, &str),
    place: &Place,
) -> Result<Vec<File>, ScaffoldError> {
    let mut files = source.renamed(name, place.is_member);
    for (path, bytes) in &mut files {
        let text = match (path.to_str(), std::str::from_utf8(bytes)) {
            (Some("Cargo.toml"), Ok(text)) => manifest::settled(text, root, place)?,
            (Some("submission.yaml"), Ok(text)) => settings::settled(text, place)?,
            _ => continue,
        };
        *bytes = text.into_bytes();
    }
    if source.has_crate() && !place.is_member {
        files.push((PathBuf::from("Cargo.lock"), root.1.as_bytes().to_vec()));
        files.extend(alone::files(place.home)?);
    }
    Ok(files)
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
