//! The bench command: arguments, progress, diagnostics, exit codes.

mod arguments;
mod bug;
mod command_line;
mod commands;
mod exit;
mod failure;
mod progress;
mod screen;
mod workspace;

use exit::Exit;
use screen::Screen;
use std::panic;
use std::process::ExitCode;

fn main() -> ExitCode {
    bug::install_hook();
    let arguments = arguments::parse();
    let ended = panic::catch_unwind(|| {
        commands::execute(arguments.command, &Screen::new())
            .unwrap_or_else(failure::Failure::report)
    });
    ended.unwrap_or(Exit::Bug).into()
}
