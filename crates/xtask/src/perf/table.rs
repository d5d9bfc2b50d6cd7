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

/// A table of the page.
pub struct Table {
    /// What it is of, and how its ratios are meant.
    pub title: String,
    /// Heads of the columns.
    pub columns: Vec<&'static str>,
    /// Cells, as many a row as there are columns.
    pub rows: Vec<Vec<String>>,
}

const BEGIN: &str = "<!-- measured by `cargo xtask perf --write` -->";
const END: &str = "<!-- end of measurements -->";
const HEADING: &str = "### ";

/// Rows as tables, one a part.
pub fn of(rows: &[Row]) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for row in rows {
        let ratio = row
            .ratio
            .map_or_else(String::new, |ratio| format!("{ratio:.3}"));
        let cells = vec![row.what.clone(), row.value.clone(), row.peer.clone(), ratio];
        match tables.last_mut().filter(|table| table.title == row.part) {
            Some(table) => table.rows.push(cells),
            None => tables.push(Table {
                title: row.part.to_owned(),
                columns: vec!["what", "measured", "peer", "ratio"],
                rows: vec![cells],
            }),
        }
    }
    tables
}

/// A table as Markdown, with the machine and the day below it.
pub fn markdown(table: &Table) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let columns: Vec<String> = table.columns.iter().map(|&name| name.to_owned()).collect();
    let mut text = format!("{HEADING}{}\n\n", table.title) + &line(&columns);
    let _ = writeln!(text, "|{}", "---|".repeat(columns.len()));
    for row in &table.rows {
        text += &line(row);
    }
    let _ = write!(text, "\n{}\n", machine());
    text
}

/// Puts tables between the page's markers: in the place of those of the same titles, the others after what is there.
pub fn write(path: &Path, tables: &[Table]) -> Result<()> {
    let page = std::fs::read_to_string(path)?;
    std::fs::write(path, replaced(&page, tables)?)?;
    Ok(())
}

fn replaced(page: &str, tables: &[Table]) -> Result<String> {
    let (head, rest) = page
        .split_once(BEGIN)
        .context("the page has lost its first marker")?;
    let (old, tail) = rest
        .split_once(END)
        .context("the page has lost its last marker")?;
    let mut parts: Vec<(String, String)> = old
        .split(HEADING)
        .filter(|part| !part.trim().is_empty())
        .map(|part| {
            let title = part.lines().next().unwrap_or_default().to_owned();
            (title, format!("{HEADING}{}\n", part.trim()))
        })
        .collect();
    for table in tables {
        let text = markdown(table);
        match parts.iter_mut().find(|(title, _)| *title == table.title) {
            Some((_, part)) => *part = text,
            None => parts.push((table.title.clone(), text)),
        }
    }
    let parts: Vec<String> = parts.into_iter().map(|(_, text)| text).collect();
    Ok(format!(
        "{head}{BEGIN}\n\n{}\n{END}{tail}",
        parts.join("\n")
    ))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn table(title: &str, cell: &str) -> Table {
        Table {
            title: title.to_owned(),
            columns: vec!["what", "ms"],
            rows: vec![vec!["step".to_owned(), cell.to_owned()]],
        }
    }

    #[test]
    fn a_part_measured_again_takes_its_own_place_alone() {
        let empty = format!("before\n\n{BEGIN}\n{END}\n\nafter\n");
        let first = replaced(&empty, &[table("a", "1"), table("b", "2")]).unwrap();
        let again = replaced(&first, &[table("a", "3"), table("c", "4")]).unwrap();
        let cells: Vec<&str> = again.lines().filter(|line| line.contains("step")).collect();
        assert_eq!(cells, ["| step | 3 |", "| step | 2 |", "| step | 4 |"]);
        assert!(again.starts_with("before") && again.ends_with("after\n"));
        assert_eq!(replaced(&again, &[]).unwrap(), again);
    }
}
