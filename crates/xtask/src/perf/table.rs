//! Rows of measurements, and the page they go to.

use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::path::Path;

/// One measured quantity, with what it is compared to.
pub struct Row {
    /// Which table.
    pub part: &'static str,
    /// What was measured.
    pub what: String,
    /// Its value with unit.
    pub value: String,
    /// The peer and its value.
    pub peer: String,
    /// Value to peer's value, pair by pair where they took turns; its meaning stands in the table's title.
    pub ratio: Option<f64>,
}

const BEGIN: &str = "<!-- measured by `cargo xtask perf --write` -->";
const END: &str = "<!-- end of measurements -->";

/// All rows as Markdown, a table a part.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = String::new();
    let mut part = "";
    for row in rows {
        if row.part != part {
            part = row.part;
            let _ = write!(
                text,
                "\n### {part}\n\n| what | measured | peer | ratio |\n|---|---|---|---|\n"
            );
        }
        let ratio = row
            .ratio
            .map_or_else(String::new, |ratio| format!("{ratio:.3}"));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {ratio} |",
            row.what, row.value, row.peer
        );
    }
    let _ = write!(text, "\n{}\n", machine());
    text
}

/// Puts the tables between the page's markers.
pub fn write(path: &Path, tables: &str) -> Result<()> {
    let page = std::fs::read_to_string(path)?;
    let (head, rest) = page
        .split_once(BEGIN)
        .context("the page has lost its first marker")?;
    let (_, tail) = rest
        .split_once(END)
        .context("the page has lost its last marker")?;
    std::fs::write(path, format!("{head}{BEGIN}\n{tables}\n{END}{tail}"))?;
    Ok(())
}

/// Where and when: figures mean nothing without it.
fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let date = std::process::Command::new("date")
        .arg("+%Y-%m-%d")
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default();
    format!(
        "{name}, {cores} processors, Linux {}, {date}.",
        kernel.trim()
    )
}
