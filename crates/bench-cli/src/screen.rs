//! Standard output: what a command was asked for. Everything else goes to standard error.

use crate::arguments::Format;
use crate::failure::Failure;
use bench_report::{Grid, visible};
use serde::Serialize;
use std::io::{self, Write as _};

/// Characters in a line when nobody says how wide the reader's are.
const WIDTH: usize = 120;

/// Writes results, as wide as the terminal is.
pub(crate) struct Screen {
    width: usize,
}

impl Screen {
    /// Looks at the terminal, or at `COLUMNS` where there is none.
    pub(crate) fn new() -> Screen {
        let columns = std::env::var("COLUMNS").ok().and_then(|n| n.parse().ok());
        let terminal = console::Term::stdout().size_checked();
        let terminal = terminal.map(|(_, columns)| usize::from(columns));
        Screen {
            width: terminal.or(columns).unwrap_or(WIDTH),
        }
    }

    /// Characters in a line.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Writes a text for people and ends its last line. Whatever names are in it, it steers no terminal.
    ///
    /// # Errors
    /// When standard output does not take it.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        self.data(&visible::lines(text))
    }

    /// Writes a table.
    ///
    /// # Errors
    /// When standard output does not take it.
    pub(crate) fn table(&self, format: Format, grid: &Grid) -> Result<(), Failure> {
        let drawn = format.draw(grid, self.width)?;
        match format {
            Format::Table | Format::Markdown => self.print(&drawn),
            Format::Csv | Format::Json => self.data(&drawn),
        }
    }

    /// Writes a text for programs as it is, and ends its last line.
    ///
    /// # Errors
    /// When standard output does not take it.
    pub(crate) fn data(&self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let end = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        write!(out, "{text}{end}").map_err(Failure::output)
    }

    /// Writes what a person should know but a program that reads the output must not find in it, to standard error.
    pub(crate) fn aside(&self, text: &str) {
        // Nobody listens any more: the output itself says so if it matters.
        let _ = writeln!(io::stderr().lock(), "{}", visible::lines(text));
    }

    /// Writes a value as JSON, for programs.
    ///
    /// # Errors
    /// When standard output does not take it.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).map_err(Failure::bug)?;
        self.data(&text)
    }
}
