//! `bench doctor`: what runs depend on, and what to do about it.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_harness::doctor::{self, Check, Status};
use clap::{Args, ValueEnum};
use console::Style;

/// Look at everything that runs depend on: libtorch, processors, clock, memory, disk, data
#[derive(Args)]
#[command(after_help = "Examples:
  bench doctor
  bench doctor --format json")]
pub(crate) struct Arguments {
    /// How to write it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let workspace = Workspace::open()?;
    let checks = doctor::examine(&workspace.home, &workspace.catalog);
    match arguments.format {
        Format::Json => screen.json(&checks)?,
        Format::Text => {
            let lines: Vec<String> = checks.iter().map(line).collect();
            screen.print(&lines.join("\n"))?;
        }
    }
    Ok(
        match checks.iter().any(|check| check.status == Status::Failed) {
            true => Exit::Environment,
            false => Exit::Ok,
        },
    )
}

fn line(check: &Check) -> String {
    let (word, style) = match check.status {
        Status::Ok => ("ok", Style::new().green()),
        Status::Warning => ("look", Style::new().yellow()),
        Status::Failed => ("FAILED", Style::new().red().bold()),
    };
    let mark = style.apply_to(format!("{word:<6}"));
    let mut text = format!("{mark}  {}: {}", check.name, check.found);
    if let Some(advice) = &check.advice {
        text.push_str(&format!("\n        help: {advice}"));
    }
    text
}
