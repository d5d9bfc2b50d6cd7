//! `bench setup`: libtorch, and the tools that building takes.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::{Reporter, Style};
use crate::screen::Screen;
use bench_harness::home::Home;
use bench_harness::python;
use bench_harness::setup::{self, Options, VERSION};
use clap::Args;

/// Fetch libtorch, unless it is there; other commands call this where they need it
#[derive(Args)]
#[command(after_help = "Examples:
  bench setup
  bench setup --cuda
  bench setup --python
  LIBTORCH=/opt/libtorch bench setup   (checks your own)")]
pub(crate) struct Arguments {
    /// Also the CUDA half: 2.5 GB more to download, 3.3 GB to keep
    #[arg(long)]
    cuda: bool,
    /// Also Python with torch for the processor alone, for Python entrants: 0.6 GB to download, 0.9 GB to keep
    #[arg(long)]
    python: bool,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let home = Home::find()?;
    let reporter = Reporter::start(Style::of(arguments.quiet));
    let options = Options {
        cuda: arguments.cuda,
    };
    let libtorch = setup::ensure(&home, options, &mut |progress| reporter.work(progress))?;
    let python = match arguments.python {
        true => Some(python::ensure(&home, &mut |progress| {
            reporter.work(progress)
        })?),
        false => None,
    };
    drop(reporter);
    let whose = if libtorch.own { "yours, " } else { "" };
    let cuda = match &libtorch.cuda {
        Some(_) => "with CUDA",
        None => "without CUDA",
    };
    let root = libtorch.root.display();
    screen.print(&format!("libtorch {VERSION} {cuda}: {whose}{root}"))?;
    if let Some(python) = python {
        let whose = if python.own { "yours, " } else { "" };
        screen.print(&format!(
            "Python {} with torch {}: {whose}{}",
            python.version,
            python.torch,
            python.interpreter.display()
        ))?;
    }
    Ok(Exit::Ok)
}
