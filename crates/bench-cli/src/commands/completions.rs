//! `bench completions`: for the shell.

use crate::arguments;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

/// Print a shell's completion script
#[derive(Args)]
#[command(after_help = "Examples:
  bench completions bash > ~/.local/share/bash-completion/completions/bench
  bench completions zsh > ~/.zfunc/_bench
  bench completions fish > ~/.config/fish/completions/bench.fish")]
pub(crate) struct Arguments {
    /// Which shell
    shell: Shell,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    let mut command = arguments::Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "bench", &mut script);
    screen.data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Ok)
}
