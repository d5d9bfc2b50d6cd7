//! `cargo xtask perf`: what bench costs, as ratios against named peers that take turns with it in one run.

mod commands;
mod peers;
mod referee;
mod scorer;
mod table;

use crate::shell;
use anyhow::{Context, Result};
use clap::Args;
use std::path::PathBuf;
use table::Row;

/// What to measure.
#[derive(Args)]
pub struct Options {
    /// Turns of each program; medians are reported.
    #[arg(long, default_value_t = 5)]
    repeats: usize,
    /// Only these parts: commands, scorer, referee, torch, optimizer.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "commands,scorer,referee,torch,optimizer"
    )]
    only: Vec<String>,
    /// A Python with torch 2.11.0; made under target/perf when none is given (5 GB).
    #[arg(long)]
    python: Option<PathBuf>,
    /// Write the tables into results/performance/README.md.
    #[arg(long)]
    write: bool,
}

/// Measures, prints the tables, and writes them where asked.
pub fn run(options: &Options) -> Result<()> {
    let wants = |part: &str| options.only.iter().any(|name| name == part);
    let mut rows: Vec<Row> = Vec::new();
    let bench = shell::bench()?;
    let program = PathBuf::from(bench.get_program());
    if wants("commands") {
        rows.extend(commands::measure(&program, options.repeats.max(20))?);
    }
    if wants("scorer") {
        rows.extend(scorer::measure(&program, options.repeats)?);
    }
    if wants("referee") || wants("torch") || wants("optimizer") {
        shell::run(shell::bench()?.args(["setup", "--quiet"]))?;
        shell::run(shell::bench()?.args(["data", "fetch", "fashion-mnist"]))?;
    }
    if wants("referee") || wants("torch") {
        let python = if wants("torch") {
            Some(peers::python(options.python.as_deref())?)
        } else {
            None
        };
        rows.extend(referee::measure(
            &program,
            python.as_deref(),
            options.repeats,
        )?);
    }
    if wants("optimizer") {
        rows.extend(peers::optimizer_step()?);
    }
    let text = table::markdown(&rows);
    println!("{text}");
    if options.write {
        let path = shell::root().join("results/performance/README.md");
        table::write(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
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
