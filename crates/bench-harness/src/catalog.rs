//! Reading what people wrote: the checkout's YAML files, and submissions elsewhere, for bench-core to judge.

use crate::home::Home;
use bench_core::spec::catalog::{Catalog, File, beside, extended, paths, python_name};
use bench_core::spec::diagnostic::Source;
use bench_core::spec::scheduled::NORMS;
use bench_core::spec::schema::Kind;
use bench_core::spec::search::ALGOPERF_FILE;
use std::path::{Component, Path, PathBuf};

/// A file or folder cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {source}", path.display())]
pub struct CatalogError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub source: std::io::Error,
}

/// Name of a submission's file in its folder.
const SUBMISSION: &str = "submission.yaml";

/// A Python file by itself, with the settings that are assumed of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alone {
    /// The file.
    pub path: PathBuf,
    /// What a `submission.yaml` would say.
    pub settings: String,
    /// AlgoPerf's search space, where one belongs to it.
    pub search_space: Option<PathBuf>,
}

impl Alone {
    /// Its name: [`python_name`].
    pub fn name(&self) -> String {
        python_name(&self.path).unwrap_or_default()
    }

    /// The folder that it lies in.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    fn file(&self, root: &Path) -> Result<File, CatalogError> {
        let space = self.search_space.iter();
        Ok(File {
            kind: Kind::Submission,
            source: Source::of(self.path.clone(), self.settings.as_bytes()),
            folder: self.folder().to_owned(),
            base: None,
            has_crate: false,
            search_space: space.map(|path| source(root, path)).next().transpose()?,
            norms: Vec::new(),
        })
    }
}

/// All specs of the checkout, the submissions in these other folders, Python files by themselves, and these workloads and data sets with what they name by paths. Mistakes in files are in the catalogue.
///
/// # Errors
/// When something cannot be read, such as a folder of `others` without a `submission.yaml`.
pub fn load(
    home: &Home,
    others: &[PathBuf],
    alone: &[Alone],
    specs: &[(Kind, PathBuf)],
) -> Result<Catalog, CatalogError> {
    let mut files = files(home, &home.root, others)?;
    for alone in alone {
        files.push(alone.file(&home.root)?);
    }
    add_bases(&home.root, &mut files)?;
    add_specs(&home.root, &mut files, specs)?;
    Ok(Catalog::parse(files))
}

/// The same with the submissions of another checkout, a revision of this one for example, under this one's workloads and rules. A folder of `others`
/// stands in for the submission of its name.
///
/// # Errors
/// As [`load`].
pub fn load_from(
    home: &Home,
    submissions: &Path,
    others: &[PathBuf],
    alone: &[Alone],
    specs: &[(Kind, PathBuf)],
) -> Result<Catalog, CatalogError> {
    let mut files = files(home, submissions, others)?;
    let named: Vec<PathBuf> = others.iter().map(|folder| real(folder)).collect();
    files.retain(|file| {
        let own = real(&file.folder);
        let stands_in = |other: &PathBuf| other.file_name() == own.file_name() && *other != own;
        file.kind != Kind::Submission || !named.iter().any(stands_in)
    });
    for alone in alone {
        files.push(alone.file(&home.root)?);
    }
    add_bases(&home.root, &mut files)?;
    add_specs(&home.root, &mut files, specs)?;
    Ok(Catalog::parse(files))
}

fn files(home: &Home, submissions: &Path, others: &[PathBuf]) -> Result<Vec<File>, CatalogError> {
    let root = &home.root;
    let mut files = vec![file(root, Kind::Harness, &root.join("harness.yaml"))?];
    for (kind, folder) in [
        (Kind::Dataset, root.join("workloads/datasets")),
        (Kind::Workload, root.join("workloads")),
    ] {
        for path in listing(&folder)? {
            if path
                .extension()
                .is_some_and(|extension| extension == "yaml")
            {
                files.push(file(root, kind, &path)?);
            }
        }
    }
    for folder in listing(&submissions.join("submissions"))? {
        let path = folder.join(SUBMISSION);
        if path.is_file() {
            files.push(file(root, Kind::Submission, &path)?);
        }
    }
    for folder in others {
        let path = folder.join(SUBMISSION);
        let path = path.canonicalize().map_err(failed(&path))?;
        let real = real(folder);
        // A link in the checkout is another name for it.
        let known =
            |file: &File| lies_in(file, &real) && file.folder.file_name() == real.file_name();
        if !files.iter().any(known) {
            files.push(file(root, Kind::Submission, &path)?);
        }
    }
    Ok(files)
}

/// Looks up what submissions extend. A base that lies elsewhere is read too, and what that one extends.
fn add_bases(root: &Path, files: &mut Vec<File>) -> Result<(), CatalogError> {
    let mut at = 0;
    while let Some(variant) = files.get(at) {
        let is_submission = variant.kind == Kind::Submission;
        let base = is_submission.then(|| base(&variant.folder, &variant.source.text));
        if let Some(base) = base.flatten() {
            let known = files.iter().find(|file| lies_in(file, &base));
            let folder = known.map(|file| file.folder.clone());
            if folder.is_none() {
                files.push(file(root, Kind::Submission, &base.join(SUBMISSION))?);
            }
            files[at].base = Some(folder.unwrap_or(base));
        }
        at += 1;
    }
    Ok(())
}

/// Reads workloads and data sets at any place, and what workloads name by paths, theirs and the checkout's. What is read already, or is not there, is left out.
fn add_specs(
    root: &Path,
    files: &mut Vec<File>,
    specs: &[(Kind, PathBuf)],
) -> Result<(), CatalogError> {
    let of = |file: &File| {
        let named = paths(&file.source.text).into_iter();
        let named = named.map(|(kind, path)| (kind, beside(&file.folder, &path)));
        named.collect::<Vec<_>>()
    };
    let is_workload = |file: &&File| file.kind == Kind::Workload;
    let mut left: Vec<(Kind, PathBuf)> = files.iter().filter(is_workload).flat_map(of).collect();
    left.extend(specs.iter().cloned());
    while let Some((kind, path)) = left.pop() {
        let name = path.file_name();
        let is_it = |file: &File| {
            let its = file.source.path.file_name();
            file.kind == kind && its == name && path.parent().map(real) == Some(real(&file.folder))
        };
        if !files.iter().any(is_it) && path.is_file() {
            let found = file(root, kind, &path)?;
            if kind == Kind::Workload {
                left.extend(of(&found));
            }
            files.push(found);
        }
    }
    Ok(())
}

/// The folder that a submission with this text extends, where there is one in it: as it is written, else by way of links.
pub(crate) fn base(folder: &Path, text: &str) -> Option<PathBuf> {
    let linked = folder.join(extended(text)?);
    let mut plain = PathBuf::new();
    for part in linked.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    [plain, linked]
        .into_iter()
        .find(|folder| folder.join(SUBMISSION).is_file())
        .map(|folder| real(&folder))
}

/// Whether a file is the submission of that folder, whose links are resolved.
fn lies_in(file: &File, folder: &Path) -> bool {
    file.kind == Kind::Submission && real(&file.folder) == folder
}

/// With links resolved, where it is there.
fn real(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

fn file(root: &Path, kind: Kind, path: &Path) -> Result<File, CatalogError> {
    let beside = |name: &str| {
        let beside = path.with_file_name(name);
        (kind == Kind::Submission && beside.is_file()).then_some(beside)
    };
    let search_space = beside(ALGOPERF_FILE).map(|path| source(root, &path));
    let is_norms = |path: &PathBuf| {
        let ending = path.extension();
        kind == Kind::Submission && ending.is_some_and(|ending| ending == NORMS)
    };
    let folder = path.parent().unwrap_or(root);
    let norms = listing(folder)?.into_iter().filter(is_norms);
    Ok(File {
        kind,
        source: source(root, path)?,
        folder: folder.to_owned(),
        base: None,
        has_crate: beside("Cargo.toml").is_some(),
        search_space: search_space.transpose()?,
        norms: norms
            .map(|path| source(root, &path))
            .collect::<Result<_, _>>()?,
    })
}

fn source(root: &Path, path: &Path) -> Result<Source, CatalogError> {
    let bytes = std::fs::read(path).map_err(failed(path))?;
    // One that is not UTF-8 does not hide the others: the catalogue tells of it.
    Ok(Source::of(
        path.strip_prefix(root).unwrap_or(path).to_owned(),
        &bytes,
    ))
}

/// The entries of a folder in the order of their names; none when there is no such folder.
fn listing(folder: &Path) -> Result<Vec<PathBuf>, CatalogError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder).map_err(failed(folder))?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(failed(folder))?;
    paths.sort();
    Ok(paths)
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> CatalogError {
    move |source| CatalogError {
        path: path.to_owned(),
        source,
    }
}
