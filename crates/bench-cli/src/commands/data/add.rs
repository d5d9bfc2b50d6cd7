//! `bench data add`: a folder's files become a data set; of one that is there, numbers and hashes are filled in.

use super::entry::{named, text};
use super::{open, select};
use crate::command_line::CommandLine;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::{Reporter, Style};
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_core::spec::columns::{Column, Columns, Rows, Values};
use bench_core::spec::edit;
use bench_harness::data::{self, Added, TargetKind};
use bench_harness::file;
use bench_report::units;
use clap::{Args, ValueEnum};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What becomes a data set
#[derive(Args)]
pub(super) struct Arguments {
    /// A folder with CSV, .npy, .npz or safetensors files, or one such file; or the name of a data set, whose numbers and hashes are then written into its file
    what: String,
    /// Name of the data set; that of the folder or file unless said
    #[arg(long)]
    name: Option<String>,
    /// Column that a model is asked for; `target`, `label`, `class`, `y` or a table's last one unless said
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    /// What that column is, where its values do not show it
    #[arg(long = "as", value_name = "KIND")]
    kind: Option<KindName>,
    /// Folder for its file, instead of the checkout's `workloads/datasets`
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum KindName {
    /// One of several classes
    Classes,
    /// A number
    Real,
    /// Yes or no
    Binary,
}

/// Where data sets lie in a checkout.
const FOLDER: &str = "workloads/datasets";

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let path = Path::new(&arguments.what);
    let is_file = arguments.what.ends_with(".yaml");
    let given = match is_file {
        true => std::slice::from_ref(&arguments.what),
        false => &[],
    };
    let workspace = open(given)?;
    let is_word = !arguments.what.contains('/');
    let is_known = |name: &str| {
        workspace
            .home
            .root
            .join(FOLDER)
            .join(format!("{name}.yaml"))
            .is_file()
    };
    match is_file || is_word && (is_known(&arguments.what) || !path.exists()) {
        true => pin(&workspace, arguments, screen),
        false => add(&workspace, arguments, path, screen),
    }
}

/// A new data set.
fn add(
    workspace: &Workspace,
    arguments: &Arguments,
    path: &Path,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let real = path.canonicalize().map_err(|error| {
        Failure::usage(format!("cannot read {}: {error}", path.display()), None)
    })?;
    let stem = real
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let stem = match real.is_file() {
        true => stem.split('.').next().unwrap_or_default().to_owned(),
        false => stem,
    };
    let name = arguments
        .name
        .clone()
        .unwrap_or_else(|| stem.to_lowercase().replace([' ', '_'], "-"));
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if name.is_empty() || name.starts_with(['.', '-']) || !name.chars().all(is_plain) {
        let help = "`--name` gives another one, of letters, digits and `-`".to_owned();
        return Err(Failure::usage(
            format!("`{name}` is no name of a data set"),
            help,
        ));
    }
    let folder = match &arguments.to {
        Some(folder) => folder.canonicalize().map_err(|error| {
            Failure::usage(format!("cannot read {}: {error}", folder.display()), None)
        })?,
        None => workspace.home.root.join(FOLDER),
    };
    let entry = folder.join(format!("{name}.yaml"));
    if entry.exists() || workspace.catalog.datasets.contains_key(&name) {
        let again = CommandLine::new("data add").word(&name);
        let help = format!(
            "`{again}` writes its numbers and hashes anew; `--name` gives the new one another name"
        );
        return Err(Failure::usage(
            format!("there is a data set called `{name}` already"),
            help,
        ));
    }
    let asked = (
        arguments.target.as_deref(),
        arguments.kind.map(|kind| match kind {
            KindName::Classes => TargetKind::Classes,
            KindName::Real => TargetKind::Real,
            KindName::Binary => TargetKind::Binary,
        }),
    );
    let reporter = Reporter::start(Style::of(arguments.quiet));
    let mut listener = |progress| reporter.work(progress);
    let added = data::add(&workspace.home, &name, &real, &folder, asked, &mut listener)?;
    drop(reporter);
    let about = format!("{stem}, of your own");
    write(&entry, &text(&about, &added.dataset))?;
    let told = entry.strip_prefix(&workspace.home.root).unwrap_or(&entry);
    let place = match &arguments.to {
        Some(folder) => folder.clone(),
        None => PathBuf::from("workloads"),
    };
    let is_here = arguments.to.is_none();
    screen.print(&report(told, &name, &place, is_here, &added))?;
    Ok(Exit::Ok)
}

/// Numbers and hashes of a data set that is there.
fn pin(workspace: &Workspace, arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let names = [arguments.what.clone()];
    for (name, dataset) in select(workspace, &names)? {
        let reporter = Reporter::start(Style::of(arguments.quiet));
        let mut listener = |progress| reporter.work(progress);
        let hashed = data::hashed(&workspace.home, name, dataset, &mut listener)?;
        drop(reporter);
        let entry = dataset.folder.join(format!("{name}.yaml"));
        let mut text = std::fs::read_to_string(&entry).map_err(|error| {
            Failure::new(
                Exit::Results,
                format!("cannot read {}: {error}", entry.display()),
                None,
            )
        })?;
        let mut changes = Vec::new();
        let pairs = named(&dataset.splits)
            .into_iter()
            .zip(named(&hashed.dataset.splits));
        for ((split, before), (_, after)) in pairs {
            for (key, before, after) in [
                ("count", before.count.to_string(), after.count.to_string()),
                ("hash", before.hash.clone(), after.hash.clone()),
            ] {
                if before != after {
                    text = edit::set_below(&text, &["splits", split], key, &after)
                        .map_err(|error| Failure::new(Exit::Results, error, None))?;
                    changes.push(format!("  {split}: {key} {after}, where {before} was"));
                }
            }
        }
        write(&entry, &text)?;
        let told = entry.strip_prefix(&workspace.home.root).unwrap_or(&entry);
        screen.print(&match changes.is_empty() {
            true => format!(
                "{}: numbers and hashes are those of what is there",
                told.display()
            ),
            false => format!("{}:\n{}", told.display(), changes.join("\n")),
        })?;
    }
    Ok(Exit::Ok)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    file::write_whole(path, text.as_bytes()).map_err(|error| {
        Failure::new(
            Exit::Results,
            format!("cannot write {}: {error}", path.display()),
            None,
        )
    })
}

/// What was made, and what to do with it.
fn report(entry: &Path, name: &str, place: &Path, is_here: bool, added: &Added) -> String {
    let mut text = format!("{}: written\n", entry.display());
    for note in &added.notes {
        let _ = writeln!(text, "  {note}");
    }
    let counts = named(&added.dataset.splits)
        .map(|(split, own)| format!("{split} {}", units::count(own.count)));
    let _ = writeln!(text, "  examples: {}", counts.join(", "));
    // A file elsewhere is named by its path, and names its data set so.
    let dataset = match is_here {
        true => name.to_owned(),
        false => format!("./{name}.yaml"),
    };
    let (model, workload) = workload(&dataset, added);
    let file = place.join(format!("{name}-{model}.yaml"));
    let typed = match is_here {
        true => format!("{name}-{model}"),
        false => file.display().to_string(),
    };
    let _ = write!(
        text,
        "\nA workload on it, as {}; sizes, budget and target are yours to choose:\n\n{workload}\nNext:\n  {}\n  {}\n",
        file.display(),
        CommandLine::new("spec check").word(file.display()),
        CommandLine::new("run")
            .word("adamw")
            .option("workload", Some(typed)),
    );
    text
}

/// A workload to begin with, and its kind of model.
fn workload(name: &str, added: &Added) -> (&'static str, String) {
    let columns = added.dataset.format.columns();
    let (model, sizes) = model(&columns);
    let meaning = columns.target().map(|(_, target)| target.values);
    let (loss, metrics, target) = match meaning {
        Some(Values::Real) => (
            "mean-squared-error",
            "r2, mean-squared-error",
            "r2, validation: 0.5",
        ),
        Some(Values::Binary) => (
            "binary-cross-entropy",
            "auc, cross-entropy",
            "auc, validation: 0.8",
        ),
        Some(Values::Tokens(_)) => ("cross-entropy", "perplexity", "perplexity, validation: 10"),
        _ => (
            "cross-entropy",
            "error-rate, cross-entropy",
            "error-rate, validation: 0.1",
        ),
    };
    let input = match columns.running() {
        Some(_) => "input: { sequence-length: 32 }\n".to_owned(),
        None if added.statistics.is_empty() => String::new(),
        None => {
            let listed = |part: fn(&(f64, f64)) -> f64| {
                let numbers = added.statistics.iter().map(part).map(rounded);
                numbers.collect::<Vec<_>>().join(", ")
            };
            format!(
                "input: {{ mean: [{}], std: [{}] }}\n",
                listed(|pair| pair.0),
                listed(|pair| pair.1)
            )
        }
    };
    let subset = added.dataset.splits.train.count.min(500);
    let text = format!(
        "schema: 1\ndataset: {name}\n{input}model: {{ {model}: {sizes} }}\nloss: {loss}\nmetrics: [{metrics}]\ntarget: {{ metric: {target}, source: provisional }}\nbudget: {{ time: 60s, steps: 1000 }}\nstep-hint: 500\nevaluate: {{ every-steps: 50, batch-size: 500, train-subset: {subset} }}\n"
    );
    (model, text)
}

/// A small model that reads such data.
fn model(columns: &Columns) -> (&'static str, &'static str) {
    const SMALLEST: u64 = 8;
    let is_image = |column: &Column| {
        column.rows == Rows::One
            && column.shape.len() == 3
            && column.shape[1..].iter().all(|&side| side >= SMALLEST)
    };
    match columns.inputs().any(|(_, column)| is_image(column)) {
        _ if columns.running().is_some() => {
            ("decoder", "{ width: 32, layers: 2, heads: 2, hidden: 64 }")
        }
        true => ("resnet", "{ stages: [1, 1], filters: 8 }"),
        false => ("mlp", "{ hidden: [64, 64] }"),
    }
}

/// To four digits.
fn rounded(number: f64) -> String {
    let short = format!("{number:.3e}").parse().unwrap_or(number);
    short.to_string()
}
