//! `cargo xtask perf`: what bench costs, as ratios against named peers that take turns with it in one run.

mod commands;
mod pages;
mod partner;
mod peers;
mod referee;
mod scorer;
mod steps;
mod table;
mod updates;

use crate::shell;
use anyhow::{Context, Result};
use clap::Args;
use std::path::PathBuf;
use table::Table;

/// What is measured on its own, in this order.
const PARTS: [&str; 6] = [
    "commands",
    "scorer",
    "referee",
    "torch",
    "pages",
    "optimizer",
];

/// What to measure.
#[derive(Args)]
pub struct Options {
    /// Turns of each program (new processes in `optimizer` and `pages`); medians are reported.
    #[arg(long, default_value_t = 5)]
    repeats: usize,
    /// Only these parts.
    #[arg(
        long,
        value_delimiter = ',',
        value_parser = PARTS,
        default_values = PARTS
    )]
    only: Vec<String>,
    /// A Python with torch 2.11.0; made under target/perf when none is given (5 GB).
    #[arg(long)]
    python: Option<PathBuf>,
    /// Write the tables into results/performance/README.md, in the place of those measured before.
    #[arg(long)]
    write: bool,
}

/// Measures, prints the tables, and writes them where asked.
pub fn run(options: &Options) -> Result<()> {
    let wants = |part: &str| options.only.iter().any(|name| name == part);
    let mut tables: Vec<Table> = Vec::new();
    let bench = shell::bench()?;
    let (program, repeats) = (PathBuf::from(bench.get_program()), options.repeats);
    let python = || peers::python(options.python.as_deref());
    if wants("commands") {
        let rows = commands::measure(&program, repeats.max(20))?;
        tables.extend(table::of(&rows));
    }
    if wants("scorer") {
        tables.extend(table::of(&scorer::measure(&program, repeats)?));
    }
    if ["referee", "torch", "pages", "optimizer"]
        .into_iter()
        .any(wants)
    {
        shell::run(shell::bench()?.args(["setup", "--quiet"]))?;
        shell::run(shell::bench()?.args(["data", "fetch", "fashion-mnist", "brown"]))?;
    }
    if wants("referee") {
        tables.extend(table::of(&referee::measure(&program, repeats)?));
    }
    if wants("torch") {
        tables.push(steps::measure(&program, &python()?, repeats)?);
    }
    if wants("pages") {
        tables.extend(pages::measure(&program, repeats)?);
    }
    if wants("optimizer") {
        tables.extend(updates::measure(&program, &python()?, repeats)?);
    }
    for table in &tables {
        println!("{}", table::markdown(table));
    }
    if options.write {
        let path = shell::root().join("results/performance/README.md");
        table::write(&path, &tables).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The middle of some measurements.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}
