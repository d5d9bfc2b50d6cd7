//! What can be typed.

use crate::command_line::CommandLine;
use crate::commands::{
    calibrate, cancel, check, clean, compare, completions, data, docs, doctor, explain, export,
    leaderboard, list, merge, new, plan, plot, rerun, run, schema, setup, show, spec, status, task,
    verify, watch,
};
use crate::exit::Exit;
use crate::failure::Failure;
use bench_core::spec::diagnostic::nearest;
use bench_report::Grid;
use clap::error::{ContextKind, ContextValue};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};

/// A referee for training algorithms: measures their time to target on fixed workloads, with a clock that is not theirs.
#[derive(Parser)]
#[command(name = "bench", version, max_term_width = 100, after_help = Exit::table())]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Run(run::Arguments),
    List(list::Arguments),
    Show(show::Arguments),
    Status(status::Arguments),
    Watch(watch::Arguments),
    Cancel(cancel::Arguments),
    Rerun(rerun::Arguments),
    Verify(verify::Arguments),
    Calibrate(calibrate::Arguments),
    Compare(compare::Arguments),
    Leaderboard(leaderboard::Arguments),
    Explain(explain::Arguments),
    Export(export::Arguments),
    Merge(merge::Arguments),
    Plan(plan::Arguments),
    Plot(plot::Arguments),
    Spec(spec::Arguments),
    Schema(schema::Arguments),
    New(new::Arguments),
    Check(check::Arguments),
    Docs(docs::Arguments),
    Data(data::Arguments),
    Setup(setup::Arguments),
    Doctor(doctor::Arguments),
    Clean(clean::Arguments),
    // For batch systems.
    #[command(hide = true)]
    Task(task::Arguments),
    Completions(completions::Arguments),
}

/// What was typed. Wrong usage ends the program, as `clap` does it.
pub(crate) fn parse() -> Arguments {
    Arguments::try_parse().unwrap_or_else(|error| sensible(error).exit())
}

/// Without suggestions that nobody meant: `clap` goes by the letters that two words share, in whatever order.
fn sensible(mut error: clap::Error) -> clap::Error {
    for (wrong, suggested) in [
        (ContextKind::InvalidArg, ContextKind::SuggestedArg),
        (
            ContextKind::InvalidSubcommand,
            ContextKind::SuggestedSubcommand,
        ),
        (ContextKind::InvalidValue, ContextKind::SuggestedValue),
    ] {
        let Some(ContextValue::String(typed)) = error.get(wrong) else {
            continue;
        };
        let near = |name: &String| nearest(word(typed), [word(name)]).is_some();
        let kept = match error.get(suggested) {
            Some(ContextValue::String(name)) => near(name),
            Some(ContextValue::Strings(names)) => names.iter().all(near),
            _ => true,
        };
        if !kept {
            error.remove(suggested);
        }
    }
    error
}

/// `--name <VALUE>` and `--name=value` by its name.
fn word(argument: &str) -> &str {
    let bare = argument.trim_start_matches('-');
    bare.split([' ', '=']).next().unwrap_or(bare)
}

/// Where records are.
#[derive(Debug, Clone, PartialEq, Args)]
pub(crate) struct Results {
    /// Folder of records instead of harness.yaml's
    #[arg(long = "results", value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

impl Results {
    /// As it was typed, for a command to be printed.
    pub(crate) fn on(&self, line: CommandLine) -> CommandLine {
        let Results { folder } = self;
        line.option("results", folder.as_deref().map(Path::display))
    }

    /// A command that makes records where these are.
    pub(crate) fn maker(&self) -> CommandLine {
        self.on(CommandLine::new("run").word("adamw"))
    }
}

/// How a table is written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For the terminal, as wide as it is
    Table,
    /// For documents
    Markdown,
    /// For programs: all columns, full precision
    Csv,
    /// For programs: everything
    Json,
}

impl Format {
    /// Draws a table that has no richer JSON than its cells.
    ///
    /// # Errors
    /// When it cannot be written as CSV.
    pub(crate) fn draw(self, grid: &Grid, width: usize) -> Result<String, Failure> {
        Ok(match self {
            Format::Table => grid.terminal(width),
            Format::Markdown => grid.markdown(),
            Format::Csv => grid.csv().map_err(Failure::bug)?,
            Format::Json => grid.json(),
        })
    }
}
