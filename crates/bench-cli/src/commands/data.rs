//! `bench data`: data sets in the cache.

mod add;
mod entry;

use crate::command_line::CommandLine;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::{Reporter, Style};
use crate::screen::Screen;
use crate::workspace::{Workspace, spec_name};
use bench_core::spec::dataset::{Dataset, Split};
use bench_core::spec::diagnostic::nearest;
use bench_core::spec::schema::Kind;
use bench_harness::data::{self, Report};
use bench_report::units;
use clap::{Args, Subcommand};

/// Fetch, verify and find data sets
#[derive(Args)]
#[command(after_help = "Examples:
  bench data list
  bench data fetch fashion-mnist
  bench data verify
  bench data add ~/flowers                          (CSV, .npy, .npz or safetensors files become a data set)
  bench data add my-text                            (its numbers and hashes are written into its file)
  BENCH_DATA=/data bench data fetch fashion-mnist   (files of your own in /data/fashion-mnist)")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// List data sets and whether they are fetched
    List,
    /// Fetch data sets from the first source that serves them
    Fetch(Names),
    /// Make a data set of your files, or fill in the hashes of one that is there
    Add(add::Arguments),
    /// Check again what the cache holds: hashes, duplicates, disjoint splits
    Verify(Names),
    /// Print the folder of a data set
    Path {
        /// Its name
        name: String,
    },
}

#[derive(Args)]
struct Names {
    /// Which, by name or file; all when none is named
    names: Vec<String>,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    match &arguments.verb {
        Verb::List => super::list::datasets_table(screen),
        Verb::Fetch(names) => fetch(names, screen),
        Verb::Add(arguments) => add::execute(arguments, screen),
        Verb::Verify(names) => verify(names, screen),
        Verb::Path { name } => path(name, screen),
    }
}

fn fetch(names: &Names, screen: &Screen) -> Result<Exit, Failure> {
    let workspace = open(&names.names)?;
    for (name, dataset) in select(&workspace, &names.names)? {
        let reporter = Reporter::start(Style::of(names.quiet));
        let mut listener = |progress| reporter.work(progress);
        let prepared = data::fetch(&workspace.home, name, dataset, &mut listener)?;
        drop(reporter);
        screen.print(&format!("{name}: {}", prepared.folder.display()))?;
        if is_unpinned(dataset) {
            let add = CommandLine::new("data add").word(name);
            screen.print(&format!(
                "  unpinned: any content of the right shape is taken; `{add}` writes the hashes of this one into its file"
            ))?;
        }
    }
    Ok(Exit::Ok)
}

/// Whether any content of some split is taken.
fn is_unpinned(dataset: &Dataset) -> bool {
    let splits = &dataset.splits;
    [&splits.train, &splits.validation, &splits.test]
        .iter()
        .any(|split| split.is_unpinned())
}

fn verify(names: &Names, screen: &Screen) -> Result<Exit, Failure> {
    let workspace = open(&names.names)?;
    let mut sound = true;
    for (name, dataset) in select(&workspace, &names.names)? {
        let fetched = data::find(&workspace.home, name, dataset)?.is_some();
        if !fetched && names.names.is_empty() {
            screen.print(&format!("{name}: not fetched"))?;
            continue;
        }
        let reporter = Reporter::start(Style::of(names.quiet));
        let mut listener = |progress| reporter.work(progress);
        let report = data::verify(&workspace.home, name, dataset, &mut listener)?;
        drop(reporter);
        sound &= report.ok();
        screen.print(&described(name, &report))?;
    }
    match sound {
        true => Ok(Exit::Ok),
        false => Err(Failure::new(
            Exit::Environment,
            "the cache does not hold what the specs pin",
            "remove the folders named above and run `bench data fetch`".to_owned(),
        )),
    }
}

fn described(name: &str, report: &Report) -> String {
    let verdict = if report.ok() { "sound" } else { "DAMAGED" };
    let mut text = format!("{name}: {verdict}, {}\n", report.folder.display());
    for (split, found) in &report.splits {
        let hash = match found.hash == found.expected {
            true => format!("hash {}", found.hash),
            false if found.expected == Split::UNPINNED => {
                format!(
                    "hash {}, unpinned: `{}` writes it down",
                    found.hash,
                    CommandLine::new("data add").word(name)
                )
            }
            false => format!("hash {}, expected {}", found.hash, found.expected),
        };
        let examples = units::count(found.examples);
        text.push_str(&format!(
            "  {:<10} {examples:>7} examples, {hash}\n",
            split.name()
        ));
    }
    for (split, copies) in report
        .census
        .duplicates
        .iter()
        .filter(|(_, copies)| **copies > 0)
    {
        text.push_str(&format!(
            "  {copies} examples of {} occur twice in it\n",
            split.name()
        ));
    }
    for overlap in &report.census.overlaps {
        text.push_str(&format!(
            "  {} and {} share {} examples\n",
            overlap.first.name(),
            overlap.second.name(),
            overlap.examples
        ));
    }
    text
}

fn path(name: &str, screen: &Screen) -> Result<Exit, Failure> {
    let names = [name.to_owned()];
    let workspace = open(&names)?;
    for (name, dataset) in select(&workspace, &names)? {
        let folder = data::place(&workspace.home, name, dataset)?;
        screen.print(&folder.display().to_string())?;
    }
    Ok(Exit::Ok)
}

/// The checkout with data sets that are given by their files.
fn open(names: &[String]) -> Result<Workspace, Failure> {
    let given = names.iter().map(|name| (Kind::Dataset, name.clone()));
    let (workspace, _) = Workspace::with(&[], &given.collect::<Vec<_>>())?;
    Ok(workspace)
}

/// The named data sets, or all.
fn select<'a>(
    workspace: &'a Workspace,
    names: &[String],
) -> Result<Vec<(&'a String, &'a Dataset)>, Failure> {
    let all = &workspace.catalog.datasets;
    if names.is_empty() {
        return Ok(all.iter().collect());
    }
    let find = |given: &String| {
        let name = &spec_name(given);
        all.get_key_value(name).ok_or_else(|| {
            let mistakes = workspace.catalog.mistakes_of(Kind::Dataset, name);
            if !mistakes.is_empty() {
                return Failure::Specs(mistakes.into_iter().cloned().collect());
            }
            let near = nearest(name, all.keys().map(String::as_str));
            let help = near.map(|near| format!("did you mean `{near}`?"));
            Failure::usage(format!("there is no data set called `{name}`"), help)
        })
    };
    names.iter().map(find).collect()
}
