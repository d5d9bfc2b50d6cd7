//! `bench spec`: mistakes in specs, and what a worker is told.

use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::screen::Screen;
use crate::workspace::{self, Workspace, spec_name};
use bench_core::protocol::Task;
use bench_core::run::{Local, Purpose, SplitName, device};
use bench_core::spec::diagnostic::Diagnostic;
use bench_core::spec::resolve::Request;
use bench_core::spec::schema::Kind;
use bench_harness::{data, scratch};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// What a submission's own spec is called.
const FILE: &str = "submission.yaml";

/// Check specs, or show exactly what a worker is given
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Check(Check),
    Show(Show),
}

/// Find every mistake in specs at once, each with its line and the nearest valid name
#[derive(Args)]
#[command(after_help = "Examples:
  bench spec check
  bench spec check workloads/fashion-mnist-mlp.yaml
  bench spec check ../my-optimizer")]
struct Check {
    /// Files, or folders of submissions, wherever they lie; everything in the checkout when none is given
    paths: Vec<PathBuf>,
}

/// Print the line that a worker gets; piped into the worker it replays the trial without a referee
#[derive(Args)]
#[command(after_help = "Examples:
  bench spec show fashion-mnist-mlp adamw
  bench spec show fashion-mnist-mlp adamw | target/release/adamw
  bench spec show fashion-mnist-mlp adamw --ruleset external-tuning --study 2 --trial 3")]
struct Show {
    /// Name of a workload
    workload: String,
    /// Name or folder of a submission
    submission: String,
    /// Name of a ruleset
    #[arg(long, default_value = super::run::RULESET)]
    ruleset: String,
    /// Which study, from 1
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    study: u32,
    /// Which trial of the study, from 1
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    trial: u32,
    /// Where random draws begin
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    match &arguments.verb {
        Verb::Check(arguments) => check(&arguments.paths, screen),
        Verb::Show(arguments) => show(arguments, screen),
    }
}

fn check(paths: &[PathBuf], screen: &Screen) -> Result<Exit, Failure> {
    let folders: Vec<String> = paths
        .iter()
        .filter_map(|path| submission(path))
        .map(|folder| folder.display().to_string())
        .collect();
    let (workspace, _) = Workspace::with(&folders, &specs(paths))?;
    let catalog = &workspace.catalog;
    let wanted = paths
        .iter()
        .map(|path| spec(&workspace, path))
        .collect::<Result<Vec<PathBuf>, Failure>>()?;
    let of_wanted = wanted.iter().flat_map(|path| catalog.mistakes_in(path));
    let of_wanted: Vec<&Diagnostic> = of_wanted.collect();
    let is_wanted = |mistake: &&Diagnostic| wanted.is_empty() || of_wanted.contains(mistake);
    let mistakes: Vec<Diagnostic> = catalog
        .diagnostics
        .iter()
        .filter(is_wanted)
        .cloned()
        .collect();
    if !mistakes.is_empty() {
        return Err(Failure::Specs(mistakes));
    }
    let remarks: Vec<Diagnostic> = match wanted.is_empty() {
        true => catalog.remarks.clone(),
        false => {
            let of_wanted = wanted.iter().flat_map(|path| catalog.remarks_in(path));
            of_wanted.cloned().collect()
        }
    };
    failure::remark(&remarks);
    let checked = match wanted.len() {
        0 => format!(
            "{} workloads, {} data sets, {} submissions and harness.yaml",
            catalog.workloads.len(),
            catalog.datasets.len(),
            catalog.submissions.len()
        ),
        1 => "1 file".to_owned(),
        n => format!("{n} files"),
    };
    screen.print(&match remarks.len() {
        0 => format!("no mistakes in {checked}"),
        1 => format!("no mistakes in {checked}; 1 remark"),
        n => format!("no mistakes in {checked}; {n} remarks"),
    })?;
    Ok(Exit::Ok)
}

/// The folder of a submission, given as such or by its file.
fn submission(path: &Path) -> Option<PathBuf> {
    let folder = match path.ends_with(FILE) && path.is_file() {
        true => path.canonicalize().ok()?.parent()?.to_owned(),
        false => path.canonicalize().ok()?,
    };
    folder.join(FILE).is_file().then_some(folder)
}

/// The path of a spec as diagnostics name it.
fn spec(workspace: &Workspace, path: &Path) -> Result<PathBuf, Failure> {
    if let Some(folder) = submission(path) {
        return Ok(workspace.spec_path(&folder));
    }
    let full = path.canonicalize().map_err(|error| {
        Failure::usage(format!("cannot read {}: {error}", path.display()), None)
    })?;
    match full.strip_prefix(&workspace.home.root) {
        Ok(inside) if is_spec(inside) => Ok(inside.to_owned()),
        // Of workloads and data sets elsewhere.
        found if kind(&full).is_some() => Ok(found.map_or(full.clone(), Path::to_owned)),
        _ => {
            let message = format!("{} is no spec of this checkout", path.display());
            let help = "specs are YAML files of workloads and data sets, harness.yaml, and any submission.yaml or a folder with one";
            Err(Failure::usage(message, help.to_owned()))
        }
    }
}

/// Workloads and data sets that are given by their files.
fn specs(paths: &[PathBuf]) -> Vec<(Kind, String)> {
    let given = paths.iter().filter(|path| submission(path).is_none());
    let kinds = given.filter_map(|path| Some((kind(path)?, path.to_str()?.to_owned())));
    kinds.collect()
}

/// What a YAML file by itself is, by a key that no other kind has.
fn kind(path: &Path) -> Option<Kind> {
    let is_yaml = path.extension().is_some_and(|ending| ending == "yaml");
    let is_other = path.ends_with("harness.yaml") || path.ends_with(FILE);
    let text = std::fs::read_to_string(path);
    let text = text.ok().filter(|_| is_yaml && !is_other)?;
    let has = |key: &str| text.lines().any(|line| line.starts_with(key));
    match (
        has("format:"),
        ["dataset:", "extends:", "model:"].into_iter().any(has),
    ) {
        (true, _) => Some(Kind::Dataset),
        (false, true) => Some(Kind::Workload),
        (false, false) => None,
    }
}

/// Whether a path inside of the checkout is one of its own specs, submissions apart.
fn is_spec(path: &Path) -> bool {
    let yaml = path
        .extension()
        .is_some_and(|extension| extension == "yaml");
    match path.parent().and_then(Path::to_str) {
        Some("") => path == Path::new("harness.yaml"),
        Some("workloads" | "workloads/datasets") => yaml,
        _ => false,
    }
}

fn show(arguments: &Show, screen: &Screen) -> Result<Exit, Failure> {
    let given = [arguments.submission.clone()];
    let workload = spec_name(&arguments.workload);
    let given_workload = workspace::workloads(std::slice::from_ref(&arguments.workload));
    let (workspace, names) = Workspace::with(&given, &given_workload)?;
    let request = Request {
        workload: &workload,
        submission: names.first().map_or(&arguments.submission, |name| name),
        ruleset: &arguments.ruleset,
        purpose: Purpose::Scoring,
        base_seed: arguments.seed,
        study: arguments.study,
        trial: arguments.trial,
        trials: None,
        hyperparameters: None,
        threads: None,
        device: None,
    };
    let resolved = workspace.catalog.resolve(&request);
    let mut run = resolved.map_err(|error| workspace.unresolved(error))?;
    workspace.identify(&mut run.dataset)?;
    let name = &run.dataset.name;
    let dataset = &workspace.catalog.datasets[name];
    let folder = data::place(&workspace.home, name, dataset)?;
    let train = data::split_folder(&folder, SplitName::Train);
    let (_, device_index) = device(&workspace.harness()?.device).unwrap_or((run.device, 0));
    let task = Task {
        run,
        local: Local {
            data: [(SplitName::Train, train)].into(),
            scratch: scratch::folder(),
            device_index,
            resume: None,
        },
    };
    let line = serde_json::to_string(&task).map_err(Failure::bug)?;
    screen.data(&line)?;
    Ok(Exit::Ok)
}
