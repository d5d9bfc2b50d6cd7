//! `bench new`: a submission to begin with.

mod best;

use crate::arguments::Results;
use crate::command_line::CommandLine;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::{Reporter, Style};
use crate::screen::Screen;
use crate::workspace::{Workspace, assume};
use bench_core::spec::search::ALGOPERF_FILE;
use bench_harness::home::Home;
use bench_harness::progress::Progress;
use bench_harness::python::{self, Assumed};
use bench_harness::scaffold::{self, Begin, Made, Plan};
use clap::Args;
use std::path::{Component, Path, PathBuf};

/// Make a submission that compiles, trains and keeps the contract, to be changed into yours
///
/// A name makes a folder in the checkout's submissions/ and lists it in the workspace. A path makes a crate there, which depends on the
/// checkout and shares its builds; `bench run PATH` runs it.
#[derive(Args)]
#[command(after_help = "Examples:
  bench new my-algo
  bench new my-algo --from lion
  bench new my-algo --wide
  bench new my-algo --python
  bench new my-algo --python --from my_optimizer.py
  bench new my-soap --python --from pytorch_optimizer:SOAP
  bench new ../elsewhere/my-algo
  bench new ../elsewhere/my-variant --from adamw-wsd
  bench new lion-tuned --best-of lion --workload fashion-mnist-mlp")]
pub(crate) struct Arguments {
    /// Name, or path of a folder that is not there yet
    name: String,
    /// Begin with a copy of this submission, a name or a folder, in place of gradient descent with momentum
    #[arg(long, value_name = "SUBMISSION")]
    from: Option<String>,
    /// Begin as a whole training algorithm, whose step is written out: for second passes, populations, batches of one's own
    #[arg(long, conflicts_with_all = ["from", "best_of"])]
    wide: bool,
    /// Begin as a `torch.optim.Optimizer` in Python; with `--from FILE.py` as a copy of that, with `--from torch.optim.AdamW` or `--from pytorch_optimizer:SOAP` as a package's class
    #[arg(long, conflicts_with_all = ["wide", "best_of"])]
    python: bool,
    /// Begin as a variant of this submission whose defaults are the best point that a search of it found
    #[arg(long, value_name = "SUBMISSION", conflicts_with = "from")]
    best_of: Option<String>,
    /// Where it was searched, when that was on several workloads
    #[arg(long, short, value_name = "W", requires = "best_of")]
    workload: Option<String>,
    #[command(flatten)]
    results: Results,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let base = arguments.from.as_ref().or(arguments.best_of.as_ref());
    let (workspace, begin) = match base {
        Some(from) if arguments.python => {
            let workspace = Workspace::open()?;
            let files = match python::file_of(from) {
                Some(_) => copied(&workspace.home, from)?,
                None => packaged(&workspace.home, from)?,
            };
            (workspace, Begin::Python(files))
        }
        None if arguments.python => (Workspace::open()?, Begin::Optimizer),
        Some(base) => {
            let (workspace, names) = Workspace::with_submissions(std::slice::from_ref(base))?;
            let name = names.first().unwrap_or(base);
            let entrant = workspace.catalog.submissions.get(name);
            let entrant = entrant.ok_or_else(|| workspace.no_submission(name))?;
            let folder = workspace.home.root.join(&entrant.folder);
            let begin = match arguments.best_of {
                Some(_) => best::variant(&workspace, name, entrant, folder, arguments)?,
                None => Begin::Copy(folder),
            };
            (workspace, begin)
        }
        None if arguments.wide => (Workspace::open()?, Begin::Wide),
        None => (Workspace::open()?, Begin::Rule),
    };
    let plan = plan(&workspace.home, &arguments.name, begin)?;
    if workspace.catalog.submissions.contains_key(&plan.name) && !plan.folder.exists() {
        let message = format!("there is a submission `{}` in the checkout", plan.name);
        let help = "records and tables tell submissions apart by name: take another";
        return Err(Failure::usage(message, help.to_owned()));
    }
    let made = scaffold::create(&workspace.home, &plan)?;
    screen.print(&told(&arguments.name, &plan, &made))?;
    Ok(Exit::Ok)
}

/// A Python file and what it imports from beside it, and the settings that are assumed of it.
fn copied(home: &Home, given: &str) -> Result<Vec<(PathBuf, Vec<u8>)>, Failure> {
    let alone = assume(home, given)?;
    let names = python::imports(home, &alone.path)?;
    let read = |(name, path): (PathBuf, PathBuf)| {
        let content = std::fs::read(&path).map_err(|error| {
            Failure::usage(format!("cannot read {}: {error}", path.display()), None)
        });
        Ok((name, content?))
    };
    let beside = names.into_iter().map(|name| {
        let path = alone.folder().join(&name);
        (name, path)
    });
    let space = alone.search_space.iter();
    let space = space.map(|path| (PathBuf::from(ALGOPERF_FILE), path.clone()));
    let files = beside.chain(space).map(read);
    let mut files = files.collect::<Result<Vec<_>, Failure>>()?;
    files.push(("submission.yaml".into(), alone.settings.into_bytes()));
    Ok(files)
}

/// A package's class as a submission: settings, and packages pinned with hashes. `torch.optim.AdamW` and `pytorch_optimizer:SOAP` are two ways to write one.
fn packaged(home: &Home, given: &str) -> Result<Vec<(PathBuf, Vec<u8>)>, Failure> {
    let parts = given.split_once(':').or_else(|| given.rsplit_once('.'));
    let Some((package, class)) =
        parts.filter(|(package, class)| !package.is_empty() && !class.is_empty())
    else {
        let message = format!("`{given}` is neither a Python file nor a package's class");
        let help = "write `my_optimizer.py`, `torch.optim.AdamW` or `pytorch_optimizer:SOAP`";
        return Err(Failure::usage(message, help.to_owned()));
    };
    let reporter = Reporter::start(Style::Human);
    let mut listener = |progress| reporter.work(progress);
    let environment = python::ensure(home, &mut listener)?;
    let (assumed, lock) =
        Assumed::ask_package(home, &environment, (package, class), &mut listener)?;
    listener(Progress::Noted {
        message: format!("{given}: {}", assumed.told()),
    });
    let settings = ("submission.yaml".into(), assumed.settings().into_bytes());
    let lock = lock.map(|text| ("requirements.lock".into(), text.into_bytes()));
    Ok(std::iter::once(settings).chain(lock).collect())
}

/// Where it will lie: a plain name in `submissions/`, a path where it says.
fn plan(home: &Home, given: &str, begin: Begin) -> Result<Plan, Failure> {
    let submissions = home.root.join("submissions");
    let folder = match given.contains('/') {
        false => submissions.join(given),
        true => {
            let absolute = std::path::absolute(given);
            let absolute = absolute
                .map_err(|error| Failure::usage(format!("`{given}` is no path: {error}"), None))?;
            placed(&normal(&absolute))
        }
    };
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    Ok(Plan {
        name: name.into_owned(),
        folder,
        begin,
    })
}

/// Without `.` and `..`, which a folder that is not there yet cannot resolve.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

/// With links resolved in the part that is there, so that `submissions/x` is known by whatever way it is given.
fn placed(folder: &Path) -> PathBuf {
    let parent = folder
        .parent()
        .and_then(|parent| parent.canonicalize().ok());
    match (parent, folder.file_name()) {
        (Some(parent), Some(name)) => parent.join(name),
        _ => folder.to_owned(),
    }
}

fn told(given: &str, plan: &Plan, made: &Made) -> String {
    let files: Vec<String> = made
        .files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    let mut lines = vec![format!(
        "made {}: {}",
        plan.folder.display(),
        files.join(", ")
    )];
    if made.is_member && made.has_crate {
        lines.push("listed it in the checkout's Cargo.toml and Cargo.lock".to_owned());
    }
    let check = CommandLine::new("check").word(given);
    let run = CommandLine::new("run").word(given);
    let run = run.option("workload", Some("synthetic"));
    lines.push(format!("\nnext:\n  {check}\n  {run}"));
    lines.join("\n")
}
