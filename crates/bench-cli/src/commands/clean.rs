//! `bench clean`: what bench made outside of results, and its removal.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use bench_harness::clean::{self, Part};
use bench_harness::home::Home;
use bench_report::{Cell, Column, Grid, units};
use clap::{Args, ValueEnum};

/// Show what bench made and can make again (caches, builds, scratch), and remove what is named
#[derive(Args)]
#[command(after_help = "Examples:
  bench clean                  (only shows)
  bench clean data builds
  bench clean libtorch data builds scratch

Results are never touched.")]
pub(crate) struct Arguments {
    /// What to remove
    #[arg(value_enum)]
    parts: Vec<PartName>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PartName {
    /// libtorch in the cache, and the checkout's link to it
    Libtorch,
    /// Decoded data sets in the cache
    Data,
    /// The checkout's target folder, bench's own build included
    Builds,
    /// What killed trials left behind
    Scratch,
}

impl PartName {
    fn part(self) -> Part {
        match self {
            PartName::Libtorch => Part::Libtorch,
            PartName::Data => Part::Data,
            PartName::Builds => Part::Builds,
            PartName::Scratch => Part::Scratch,
        }
    }
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let home = Home::find()?;
    if arguments.parts.is_empty() {
        screen.print(&survey(&home).terminal(screen.width()))?;
        screen.print("nothing removed; `bench clean data builds` removes what it names")?;
    }
    for part in &arguments.parts {
        let part = part.part();
        let freed = clean::remove(&home, part)?;
        screen.print(&format!(
            "removed {}: {}",
            part.describe(),
            units::bytes(freed)
        ))?;
    }
    Ok(Exit::Ok)
}

fn survey(home: &Home) -> Grid {
    let rows = clean::survey(home).into_iter().map(|holding| {
        let paths: Vec<_> = holding
            .paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        vec![
            Cell::plain(holding.part.describe()),
            Cell::new(units::bytes(holding.bytes), holding.bytes),
            Cell::plain(paths.join("\n")),
        ]
    });
    Grid {
        columns: vec![
            Column::words("what", "part", 0),
            Column::numbers("size", "bytes", 0),
            Column::words("where", "paths", 1),
        ],
        rows: rows.collect(),
    }
}
