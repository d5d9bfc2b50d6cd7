//! One file a verb.

pub(crate) mod calibrate;
pub(crate) mod cancel;
pub(crate) mod check;
pub(crate) mod clean;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod data;
pub(crate) mod docs;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod leaderboard;
pub(crate) mod list;
pub(crate) mod merge;
pub(crate) mod new;
pub(crate) mod plan;
pub(crate) mod plot;
mod queue;
pub(crate) mod rerun;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod setup;
pub(crate) mod show;
pub(crate) mod spec;
pub(crate) mod status;
pub(crate) mod task;
mod trials;
pub(crate) mod verify;
pub(crate) mod watch;

use crate::arguments::Command;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use bench_harness::interrupt::Interrupts;

/// Does what was typed.
///
/// # Errors
/// Whatever kept it from being done.
pub(crate) fn execute(command: Command, screen: &Screen) -> Result<Exit, Failure> {
    match command {
        Command::Run(arguments) => run::execute(&arguments, screen),
        Command::List(arguments) => list::execute(&arguments, screen),
        Command::Show(arguments) => show::execute(&arguments, screen),
        Command::Status(arguments) => status::execute(&arguments, screen),
        Command::Watch(arguments) => watch::execute(&arguments, screen),
        Command::Cancel(arguments) => cancel::execute(&arguments, screen),
        Command::Task(arguments) => task::execute(&arguments, screen),
        Command::Rerun(arguments) => rerun::execute(&arguments, screen),
        Command::Verify(arguments) => verify::execute(&arguments, screen),
        Command::Calibrate(arguments) => calibrate::execute(&arguments, screen),
        Command::Compare(arguments) => compare::execute(&arguments, screen),
        Command::Leaderboard(arguments) => leaderboard::execute(&arguments, screen),
        Command::Explain(arguments) => explain::execute(&arguments, screen),
        Command::Export(arguments) => export::execute(&arguments, screen),
        Command::Merge(arguments) => merge::execute(&arguments, screen),
        Command::Plan(arguments) => plan::execute(&arguments, screen),
        Command::Plot(arguments) => plot::execute(&arguments, screen),
        Command::Spec(arguments) => spec::execute(&arguments, screen),
        Command::Schema(arguments) => schema::execute(&arguments, screen),
        Command::New(arguments) => new::execute(&arguments, screen),
        Command::Check(arguments) => check::execute(&arguments),
        Command::Docs(arguments) => docs::execute(&arguments, screen),
        Command::Data(arguments) => data::execute(&arguments, screen),
        Command::Setup(arguments) => setup::execute(&arguments, screen),
        Command::Doctor(arguments) => doctor::execute(&arguments, screen),
        Command::Clean(arguments) => clean::execute(&arguments, screen),
        Command::Completions(arguments) => completions::execute(&arguments, screen),
    }
}

/// Ctrl-C, counted from now on.
fn interrupts() -> Result<Interrupts, Failure> {
    Interrupts::install().map_err(|error| {
        let message = format!("cannot listen for Ctrl-C: {error}");
        Failure::new(Exit::Environment, message, None)
    })
}
