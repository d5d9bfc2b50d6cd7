//! The two sides of a comparison, from what was typed.

use super::Arguments;
use crate::command_line::CommandLine;
use crate::commands::trials::own_point;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Reporter;
use crate::workspace::{Workspace, assume, elsewhere, submission_folder, workloads};
use bench_core::spec::diagnostic::nearest;
use bench_core::spec::schema::Kind;
use bench_core::spec::search::Point;
use bench_harness::catalog;
use bench_harness::home::Home;
use bench_harness::program::CargoBuilder;
use bench_harness::python;
use bench_harness::revision;
use std::path::{Path, PathBuf};

/// One side.
pub(super) enum Side {
    /// To be run.
    Submission(Box<Entry>),
    /// Only read.
    Records(PathBuf),
}

/// A submission with its settings and where it is built from.
pub(super) struct Entry {
    /// The checkout's rules and workloads, with this side's submissions.
    pub(super) workspace: Workspace,
    /// The submission's name.
    pub(super) name: String,
    /// What a person calls it: its name, and its revision where it is of one.
    pub(super) title: String,
    /// Values over the defaults.
    pub(super) point: Option<Point>,
    /// What is built: the checkout, or a revision of it.
    root: PathBuf,
}

impl Entry {
    /// Makes this side's programs.
    pub(super) fn builder(&self) -> CargoBuilder {
        let home = self.workspace.home.clone();
        let builder = CargoBuilder::of_revision(home, self.root.clone(), self.workspace.programs());
        builder.called(&self.title)
    }

    /// Whether this is of another revision than the checkout as it stands.
    pub(super) fn is_revision(&self) -> bool {
        self.root != self.workspace.home.root
    }

    /// Whether the two are one submission with the same settings, built from two trees.
    pub(super) fn is_other_program_of(&self, other: &Entry) -> bool {
        self.name == other.name && self.point == other.point && self.root != other.root
    }
}

/// What a side is, before anything is read.
enum Typed<'a> {
    Name(&'a str),
    Folder(PathBuf),
    Python(String),
    Revision { name: &'a str, revision: &'a str },
    File(&'a Path),
    Records(PathBuf),
}

/// Both sides. A file of hyperparameters takes its submission from the other side, or from `--submission`.
pub(super) fn both(
    home: &Home,
    arguments: &Arguments,
    reporter: &Reporter,
) -> Result<[Side; 2], Failure> {
    let base = typed(home, &arguments.base, arguments.accept > 0)?;
    let candidate = typed(home, &arguments.candidate, arguments.accept > 0)?;
    let named = arguments.submission.as_deref();
    let named = named.map(|given| typed(home, given, false)).transpose()?;
    let specs = elsewhere(&workloads(&arguments.workloads))?;
    let side = |own: &Typed, other: &Typed| match own {
        Typed::Records(folder) => Ok(Side::Records(folder.clone())),
        Typed::File(file) => {
            let of = named.as_ref().unwrap_or(other);
            entry(home, of, Some(file), &specs, reporter)
                .map(|entry| Side::Submission(Box::new(entry)))
        }
        of => {
            entry(home, of, None, &specs, reporter).map(|entry| Side::Submission(Box::new(entry)))
        }
    };
    Ok([side(&base, &candidate)?, side(&candidate, &base)?])
}

fn typed<'a>(home: &Home, given: &'a str, accept: bool) -> Result<Typed<'a>, Failure> {
    if python::file_of(given).is_some() {
        return Ok(Typed::Python(given.to_owned()));
    }
    let path = Path::new(given);
    let is_file_of_values = path
        .extension()
        .is_some_and(|e| ["yaml", "yml", "json"].iter().any(|known| e == *known));
    if is_file_of_values {
        return match path.is_file() {
            true => Ok(Typed::File(path)),
            false => Err(no_file(path)),
        };
    }
    let own = home.root.join("submissions").join(given);
    let is_name = !given.contains('/') && own.is_dir();
    if !is_name && path.is_dir() && !path.join("submission.yaml").is_file() {
        return Ok(Typed::Records(path.to_owned()));
    }
    if !path.exists()
        && let Some((name, revision)) = given.rsplit_once('@')
    {
        let name = name
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or(name);
        return Ok(Typed::Revision { name, revision });
    }
    if !path.exists() && super::baseline::is_one(home, path) {
        return match accept {
            true => Ok(Typed::Records(path.to_owned())),
            false => Err(Failure::new(
                Exit::Results,
                format!("there is no baseline {given}"),
                format!("`{}` makes it", CommandLine::typed().flag("accept", true)),
            )),
        };
    }
    Ok(match submission_folder(home, given)? {
        Some(folder) => Typed::Folder(folder),
        None => Typed::Name(given),
    })
}

/// A file that was typed wrong, or something else that was taken for a file.
fn no_file(path: &Path) -> Failure {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let wanted = path.file_name().unwrap_or_default().to_string_lossy();
    let help = match nearest(&wanted, names.iter().map(String::as_str)) {
        Some(name) => format!("did you mean `{}`?", path.with_file_name(name).display()),
        None => "a file of hyperparameters has one value a line, such as `learning-rate: 1e-3`; a submission is named without an ending".to_owned(),
    };
    Failure::usage(format!("there is no file {}", path.display()), help)
}

/// A submission's specs, read; its revision, checked out.
fn entry(
    home: &Home,
    typed: &Typed,
    values: Option<&Path>,
    specs: &[(Kind, PathBuf)],
    reporter: &Reporter,
) -> Result<Entry, Failure> {
    let mut title = None;
    let mut alone = Vec::new();
    let (name, root, folders) = match typed {
        Typed::Python(given) => {
            let file = assume(home, given)?;
            let name = file.name();
            alone.push(file);
            (name, home.root.clone(), Vec::new())
        }
        Typed::Name(name) => ((*name).to_owned(), home.root.clone(), Vec::new()),
        Typed::Folder(folder) => {
            let name = folder
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            (name, home.root.clone(), vec![folder.clone()])
        }
        Typed::Revision { name, revision } => {
            title = Some(format!("{name}@{revision}"));
            let revision =
                revision::checkout(home, revision, &mut |progress| reporter.work(progress))?;
            ((*name).to_owned(), revision.folder, Vec::new())
        }
        Typed::File(_) | Typed::Records(_) => {
            let help = "name it with --submission";
            return Err(Failure::usage(
                "no submission is named for the file of hyperparameters",
                help.to_owned(),
            ));
        }
    };
    let catalog = catalog::load_from(home, &root, &folders, &alone, specs)?;
    let workspace = Workspace {
        home: home.clone(),
        catalog,
    };
    let Some(entrant) = workspace.catalog.submissions.get(&name) else {
        return Err(workspace.no_submission(&name));
    };
    let point = own_point(values, &[], &[&entrant.submission.search_space])?;
    workspace.ensure_python(std::iter::once(name.as_str()), &mut |progress| {
        reporter.work(progress);
    })?;
    Ok(Entry {
        workspace,
        title: title.unwrap_or_else(|| name.clone()),
        name,
        point,
        root,
    })
}
