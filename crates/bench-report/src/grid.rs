//! A table before it is decided where it will be read.

use crate::visible;
use crate::wrap::{folded, wrapped};
use serde_json::Value;
use std::borrow::Cow;
use std::io;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

/// A table's contents. Drawing it decides the rest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Grid {
    /// From left to right.
    pub columns: Vec<Column>,
    /// From top to bottom, each with a cell a column.
    pub rows: Vec<Vec<Cell>>,
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// For people.
    pub name: Cow<'static, str>,
    /// For programs, the unit in it: `median-seconds`.
    pub key: Cow<'static, str>,
    /// What it holds.
    pub kind: Kind,
    /// 0 stays at any width; the highest goes first where the table is too wide.
    pub priority: u8,
    /// Whether its words are told below a table that has no room for it: marks that must not vanish.
    pub noted: bool,
}

/// What a column holds, for programs that want types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Words,
    /// Whole numbers, none below zero.
    Whole,
    /// Numbers.
    Real,
    /// `true` or `false`.
    Flag,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cell {
    /// For people: rounded, with its unit.
    pub text: String,
    /// For programs: full precision, no unit.
    pub raw: String,
}

impl Column {
    /// A column of words.
    pub const fn words(name: &'static str, key: &'static str, priority: u8) -> Column {
        Column::of(name, key, Kind::Words, priority)
    }

    /// A column of numbers.
    pub const fn numbers(name: &'static str, key: &'static str, priority: u8) -> Column {
        Column::of(name, key, Kind::Real, priority)
    }

    /// A column of whole numbers, none below zero.
    pub const fn counts(name: &'static str, key: &'static str, priority: u8) -> Column {
        Column::of(name, key, Kind::Whole, priority)
    }

    /// A column of yes and no.
    pub const fn flags(name: &'static str, key: &'static str, priority: u8) -> Column {
        Column::of(name, key, Kind::Flag, priority)
    }

    const fn of(name: &'static str, key: &'static str, kind: Kind, priority: u8) -> Column {
        Column {
            name: Cow::Borrowed(name),
            key: Cow::Borrowed(key),
            kind,
            priority,
            noted: false,
        }
    }

    /// Told below the table where it has no room.
    pub const fn noted(mut self) -> Column {
        self.noted = true;
        self
    }

    /// Whether it holds numbers, which align to the right.
    pub fn is_number(&self) -> bool {
        matches!(self.kind, Kind::Whole | Kind::Real)
    }
}

impl Cell {
    /// The same for people and programs.
    pub fn plain(text: impl ToString) -> Cell {
        Cell::new(text.to_string(), text)
    }

    /// For people, and for programs.
    pub fn new(text: impl Into<String>, raw: impl ToString) -> Cell {
        Cell {
            text: text.into(),
            raw: raw.to_string(),
        }
    }

    /// A value that may be missing: a dash for people, nothing for programs.
    pub fn optional<T: ToString>(value: Option<T>, text: impl FnOnce(T) -> String) -> Cell {
        match value {
            Some(value) => {
                let raw = value.to_string();
                Cell {
                    text: text(value),
                    raw,
                }
            }
            None => Cell::new("-", ""),
        }
    }
}

impl Grid {
    /// Without these columns (by key).
    pub fn without(mut self, keys: &[&str]) -> Grid {
        for index in (0..self.columns.len()).rev() {
            if keys.contains(&self.columns[index].key.as_ref()) {
                self.columns.remove(index);
                for row in &mut self.rows {
                    row.remove(index);
                }
            }
        }
        self
    }

    /// Without those of these columns (by key) that hold nothing.
    pub fn without_empty(self, keys: &[&str]) -> Grid {
        let holds = |key: &str| {
            let index = self.columns.iter().position(|column| column.key == key);
            index.is_some_and(|index| self.rows.iter().any(|row| !row[index].raw.is_empty()))
        };
        let empty: Vec<&str> = keys.iter().copied().filter(|key| !holds(key)).collect();
        self.without(&empty)
    }

    /// With the columns of another table of as many rows to the right.
    pub fn beside(mut self, other: Grid) -> Grid {
        self.columns.extend(other.columns);
        for (row, more) in self.rows.iter_mut().zip(other.rows) {
            row.extend(more);
        }
        self
    }

    /// Drawn for a terminal of this many characters. Columns that matter less are left out until it fits, and lines below name them, or say what is noted in
    /// them. Where what is left is still too wide, words are cut, and at last every row is a paragraph.
    pub fn terminal(&self, width: usize) -> String {
        self.visible().fitted(width)
    }

    /// With nothing in it that steers a terminal or breaks a row.
    fn visible(&self) -> Grid {
        let column = |column: &Column| Column {
            name: visible::line(&column.name).into_owned().into(),
            ..column.clone()
        };
        let cell = |cell: &Cell| Cell::new(visible::line(&cell.text), &cell.raw);
        let row = |row: &Vec<Cell>| row.iter().map(cell).collect();
        Grid {
            columns: self.columns.iter().map(column).collect(),
            rows: self.rows.iter().map(row).collect(),
        }
    }

    fn fitted(&self, width: usize) -> String {
        let all: Vec<usize> = (0..self.columns.len()).collect();
        let mut shown = self.fitting(all.clone(), width);
        if all
            .iter()
            .any(|index| !shown.contains(index) && self.columns[*index].noted)
        {
            // They go below anyhow: others may have their room.
            let rest = all.iter().filter(|&&index| !self.columns[index].noted);
            shown = self.fitting(rest.copied().collect(), width);
        }
        let mut drawn = self.cut(&shown, width).drawn(&shown);
        if widest(&drawn) > width && !self.rows.is_empty() {
            drawn = self.stacked(&shown, width);
        }
        let (noted, hidden): (Vec<usize>, Vec<usize>) = (0..self.columns.len())
            .filter(|index| !shown.contains(index))
            .partition(|&index| self.columns[index].noted);
        let hidden: Vec<&str> = hidden
            .iter()
            .map(|&index| self.columns[index].name.as_ref())
            .collect();
        if !hidden.is_empty() {
            let hidden = format!("(a wider terminal shows {})", hidden.join(", "));
            drawn = format!("{drawn}\n{}", folded(&hidden, width, ["", " "]));
        }
        for note in noted.iter().flat_map(|&column| self.notes(column)) {
            drawn.push('\n');
            drawn.push_str(&wrapped(&note, width));
        }
        drawn
    }

    /// A paragraph a row, a line a column: what fits everywhere.
    fn stacked(&self, shown: &[usize], width: usize) -> String {
        let line = |row: &[Cell], position: usize, index: usize| {
            let (name, text) = (&self.columns[index].name, &row[index].text);
            match position {
                0 => folded(text, width, ["", "  "]),
                _ if name.is_empty() => wrapped(text, width),
                _ => wrapped(&format!("{name}: {text}"), width),
            }
        };
        let paragraph = |row: &Vec<Cell>| {
            let lines = shown.iter().enumerate();
            let lines: Vec<String> = lines
                .map(|(position, &index)| line(row, position, index))
                .collect();
            lines.join("\n")
        };
        let paragraphs: Vec<String> = self.rows.iter().map(paragraph).collect();
        paragraphs.join("\n")
    }

    /// Those of these columns that fit, or that stay at any width.
    fn fitting(&self, mut shown: Vec<usize>, width: usize) -> Vec<usize> {
        let priority = |&index: &usize| self.columns[index].priority;
        while widest(&self.drawn(&shown)) > width {
            match shown.iter().copied().max_by_key(priority) {
                Some(last) if priority(&last) > 0 => shown.retain(|&index| index != last),
                _ => break,
            }
        }
        shown
    }

    /// What a column says, a line for each row that it says something of.
    fn notes(&self, column: usize) -> Vec<String> {
        let subject = self.columns.iter().position(|column| !column.is_number());
        let note = |row: &Vec<Cell>| {
            let text = &row[column].text;
            (!text.is_empty()).then(|| format!("{}: {text}", row[subject.unwrap_or(0)].text))
        };
        self.rows.iter().filter_map(note).collect()
    }

    /// With words cut, the longest first, until it fits; a few characters of each always stay.
    fn cut(&self, shown: &[usize], width: usize) -> Grid {
        const LEAST: usize = 12;
        let mut shorter = self.clone();
        loop {
            let excess = widest(&shorter.drawn(shown)).saturating_sub(width);
            let length = |&index: &usize| {
                let cells = shorter.rows.iter();
                let longest = cells.map(|row| row[index].text.chars().count()).max();
                longest.unwrap_or(0)
            };
            let words = shown
                .iter()
                .copied()
                .filter(|&index| !self.columns[index].is_number());
            let Some(column) = words.max_by_key(length) else {
                return shorter;
            };
            let longest = length(&column);
            if excess == 0 || longest <= LEAST {
                return shorter;
            }
            let room = longest.saturating_sub(excess).max(LEAST);
            for row in &mut shorter.rows {
                let text = &mut row[column].text;
                if text.chars().count() > room {
                    let kept: String = text.chars().take(room - 1).collect();
                    *text = format!("{}…", kept.trim_end());
                }
            }
        }
    }

    /// As a Markdown table.
    pub fn markdown(&self) -> String {
        let all: Vec<usize> = (0..self.columns.len()).collect();
        let mut grid = self.visible();
        // A bar ends a cell there, wherever it stands.
        let barred = |text: &str| text.replace('|', "\\|");
        for cell in grid.rows.iter_mut().flatten() {
            cell.text = barred(&cell.text);
        }
        for column in &mut grid.columns {
            column.name = barred(&column.name).into();
        }
        let mut table = grid.table(&all);
        table.with(Style::markdown());
        table.to_string()
    }

    /// As CSV: keys in the first line, full precision.
    ///
    /// # Errors
    /// Never in practice: it is written to memory.
    pub fn csv(&self) -> io::Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.columns.iter().map(|column| column.key.as_ref()))?;
        for row in &self.rows {
            writer.write_record(row.iter().map(|cell| &cell.raw))?;
        }
        let bytes = writer.into_inner().map_err(|error| error.into_error())?;
        String::from_utf8(bytes).map_err(io::Error::other)
    }

    /// As a JSON array of one object a row. Numbers are numbers; what is missing is null.
    pub fn json(&self) -> String {
        let value = |(column, cell): (&Column, &Cell)| {
            let number = column
                .is_number()
                .then(|| serde_json::from_str(&cell.raw).ok())
                .flatten();
            let value = match cell.raw.as_str() {
                "" => Value::Null,
                raw => number.unwrap_or_else(|| Value::from(raw)),
            };
            (column.key.clone().into_owned(), value)
        };
        let rows = self
            .rows
            .iter()
            .map(|row| Value::Object(self.columns.iter().zip(row).map(value).collect()));
        format!("{:#}\n", Value::Array(rows.collect()))
    }

    fn drawn(&self, shown: &[usize]) -> String {
        let mut table = self.table(shown);
        table.with(Style::rounded());
        table.to_string()
    }

    fn table(&self, shown: &[usize]) -> tabled::Table {
        let mut builder = Builder::default();
        builder.push_record(shown.iter().map(|&index| self.columns[index].name.as_ref()));
        for row in &self.rows {
            builder.push_record(shown.iter().map(|&index| row[index].text.as_str()));
        }
        let mut table = builder.build();
        for (position, &index) in shown.iter().enumerate() {
            if self.columns[index].is_number() {
                table.modify(Columns::one(position), Alignment::right());
            }
        }
        table
    }
}

fn widest(text: &str) -> usize {
    text.lines()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grid() -> Grid {
        Grid {
            columns: vec![
                Column::words("submission", "submission", 0),
                Column::numbers("time", "seconds", 0),
                Column::numbers("memory", "bytes", 2),
                Column::words("machine", "machine", 1),
            ],
            rows: vec![vec![
                Cell::plain("adamw, tuned"),
                Cell::new("6.12 s", 6.123456789),
                Cell::optional(Some(3u64), |n| format!("{n} B")),
                Cell::optional(None::<u64>, |n| n.to_string()),
            ]],
        }
    }

    #[test]
    fn columns_go_by_priority() {
        let drawn = |width| grid().terminal(width);
        assert!(drawn(80).contains("memory") && !drawn(80).contains("wider"));
        insta::assert_snapshot!(drawn(40), @r"
        ╭──────────────┬────────┬─────────╮
        │ submission   │   time │ machine │
        ├──────────────┼────────┼─────────┤
        │ adamw, tuned │ 6.12 s │ -       │
        ╰──────────────┴────────┴─────────╯
        (a wider terminal shows memory)
        ");
        assert!(drawn(18).contains("time: 6.12 s"));
    }

    #[test]
    fn what_must_not_vanish_is_told_below() {
        let mut grid = grid();
        grid.columns[3].noted = true;
        grid.rows[0][3] = Cell::plain("one that was held up");
        let drawn = grid.terminal(30);
        assert!(
            drawn.ends_with("\n  adamw, tuned: one that was\n    held up"),
            "{drawn}"
        );
        assert!(!grid.terminal(80).contains("adamw, tuned:"));
    }

    #[test]
    fn the_longest_words_are_cut_last() {
        let mut grid = grid();
        grid.rows[0][0] = Cell::plain("a name that goes on for longer than anybody can see");
        insta::assert_snapshot!(grid.terminal(40), @r"
        ╭─────────────────────────────┬────────╮
        │ submission                  │   time │
        ├─────────────────────────────┼────────┤
        │ a name that goes on for lo… │ 6.12 s │
        ╰─────────────────────────────┴────────╯
        (a wider terminal shows memory, machine)
        ");
    }

    #[test]
    fn names_steer_no_terminal_and_break_no_row() {
        let mut grid = grid();
        grid.rows[0][0] = Cell::plain("a\u{1b}[31m\nb|c\u{202e}");
        insta::assert_snapshot!(grid.terminal(80), @r"
        ╭──────────────────────────┬────────┬────────┬─────────╮
        │ submission               │   time │ memory │ machine │
        ├──────────────────────────┼────────┼────────┼─────────┤
        │ a\u{1b}[31m\nb|c\u{202e} │ 6.12 s │    3 B │ -       │
        ╰──────────────────────────┴────────┴────────┴─────────╯
        ");
        insta::assert_snapshot!(grid.markdown(), @r"
        | submission                |   time | memory | machine |
        |---------------------------|--------|--------|---------|
        | a\u{1b}[31m\nb\|c\u{202e} | 6.12 s |    3 B | -       |
        ");
        // Programs get what it is.
        assert!(grid.csv().unwrap().contains("\"a\u{1b}[31m\nb|c\u{202e}\""));
    }

    #[test]
    fn a_row_is_a_paragraph_where_no_table_fits() {
        let mut grid = grid();
        grid.columns[2].priority = 0;
        grid.columns[3].priority = 0;
        grid.rows.push(grid.rows[0].clone());
        grid.rows[1][3] = Cell::plain("a machine with a name of its own");
        insta::assert_snapshot!(grid.terminal(30), @r"
        adamw, tuned
          time: 6.12 s
          memory: 3 B
          machine: -
        adamw, tuned
          time: 6.12 s
          memory: 3 B
          machine: a machine with a
            name of its own
        ");
    }

    proptest! {
        #[test]
        fn every_table_fits_and_keeps_what_matters(
            cells in proptest::collection::vec(("[a-z]{1,30}", "[a-z ]{0,30}", 0u64..1_000_000), 1..4),
            priorities in proptest::array::uniform3(0u8..3),
            width in 20usize..100,
        ) {
            let column = |(index, priority): (usize, u8)| match index {
                2 => Column::counts("steps", "steps", priority),
                1 => Column::words("workload", "workload", priority),
                _ => Column::words("submission", "submission", priority),
            };
            let row = |(a, b, n): &(String, String, u64)| vec![Cell::plain(a), Cell::plain(b), Cell::plain(n)];
            let grid = Grid {
                columns: priorities.into_iter().enumerate().map(column).collect(),
                rows: cells.iter().map(row).collect(),
            };
            let drawn = grid.terminal(width);
            for line in drawn.lines() {
                prop_assert!(line.chars().count() <= width, "{line}");
            }
            if priorities[2] == 0 {
                for (.., steps) in &cells {
                    prop_assert!(drawn.contains(&steps.to_string()), "{drawn}");
                }
            }
        }
    }

    #[test]
    fn programs_get_full_precision() {
        let csv = grid().csv().unwrap();
        assert_eq!(
            csv,
            "submission,seconds,bytes,machine\n\"adamw, tuned\",6.123456789,3,\n"
        );
    }

    #[test]
    fn markdown_keeps_every_column() {
        insta::assert_snapshot!(grid().markdown(), @r"
        | submission   |   time | memory | machine |
        |--------------|--------|--------|---------|
        | adamw, tuned | 6.12 s |    3 B | -       |
        ");
    }
}
