//! `bench docs`: the documentation that is generated from the SDK's comments.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::{Reporter, Style};
use crate::screen::Screen;
use bench_harness::home::Home;
use bench_harness::program;
use bench_harness::setup;
use clap::Args;

/// Build the documentation of what a submission may use, and say where it is
#[derive(Args)]
#[command(after_help = "Examples:
  bench docs
  bench docs --open")]
pub(crate) struct Arguments {
    /// Open it in a browser
    #[arg(long)]
    open: bool,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let home = Home::find()?;
    let reporter = Reporter::start(Style::of(arguments.quiet));
    // What is documented is compiled as far as its types, and libtorch's binding with it.
    setup::ensure(&home, Default::default(), &mut |progress| {
        reporter.work(progress);
    })?;
    let interrupts = super::interrupts()?;
    let page = program::document(&home, arguments.open, &interrupts, &mut |progress| {
        reporter.build(progress);
    })?;
    drop(reporter);
    screen.print(&page.display().to_string())?;
    Ok(Exit::Ok)
}
