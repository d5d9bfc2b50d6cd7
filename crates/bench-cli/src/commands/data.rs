//! `bench data`: data sets in the cache.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::{Reporter, Style};
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_core::spec::dataset::Dataset;
use bench_core::spec::diagnostic::nearest;
use bench_harness::data::{self, Report};
use bench_report::units;
use clap::{Args, Subcommand};

/// Fetch, verify and find data sets
#[derive(Args)]
#[command(after_help = "Examples:
  bench data list
  bench data fetch fashion-mnist
  bench data verify
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
    /// Which; all when none is named
    names: Vec<String>,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    match &arguments.verb {
        Verb::List => super::list::datasets_table(screen),
        Verb::Fetch(names) => fetch(names, screen),
        Verb::Verify(names) => verify(names, screen),
        Verb::Path { name } => path(name, screen),
    }
}

fn fetch(names: &Names, screen: &Screen) -> Result<Exit, Failure> {
    let workspace = Workspace::open()?;
    for (name, dataset) in select(&workspace, &names.names)? {
        let reporter = Reporter::start(Style::of(names.quiet));
        let mut listener = |progress| reporter.work(progress);
        let prepared = data::fetch(&workspace.home, name, dataset, &mut listener)?;
        drop(reporter);
        screen.print(&format!("{name}: {}", prepared.folder.display()))?;
    }
    Ok(Exit::Ok)
}

fn verify(names: &Names, screen: &Screen) -> Result<Exit, Failure> {
    let workspace = Workspace::open()?;
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
    let workspace = Workspace::open()?;
    let names = [name.to_owned()];
    for (name, dataset) in select(&workspace, &names)? {
        let folder = data::place(&workspace.home, name, dataset)?;
        screen.print(&folder.display().to_string())?;
    }
    Ok(Exit::Ok)
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
    let find = |name: &String| {
        all.get_key_value(name).ok_or_else(|| {
            let near = nearest(name, all.keys().map(String::as_str));
            let help = near.map(|near| format!("did you mean `{near}`?"));
            Failure::usage(format!("there is no data set called `{name}`"), help)
        })
    };
    names.iter().map(find).collect()
}
