//! `bench leaderboard`: who is faster.

pub(super) mod algoperf;
mod publish;

use crate::arguments::{Format, Results};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_harness::store;
use bench_report::{leaderboard, leaderboard_rows};
use bench_score::{Leaderboard, Trial};
use clap::Args;
use std::path::PathBuf;

/// Rank everything that ran: median time and steps to target, a table for each set of comparable records
#[derive(Args)]
#[command(after_help = "Examples:
  bench leaderboard
  bench leaderboard --format markdown
  bench leaderboard --publish board
  bench leaderboard --results /data/runs --format csv > board.csv
  bench leaderboard --from algoperf logs/self_tuning --targets workload_targets.json --ruleset self-tuning")]
pub(crate) struct Arguments {
    #[command(flatten)]
    results: Results,
    /// How to write it
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Also write the page, its tables as CSV and all digests into this folder
    #[arg(long, value_name = "DIR")]
    publish: Option<PathBuf>,
    #[command(flatten)]
    algoperf: algoperf::Logs,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    if arguments.algoperf.source.from.is_some() {
        let publish = arguments.publish.as_deref();
        return algoperf::execute(&arguments.algoperf, publish, arguments.format, screen);
    }
    let runs = Workspace::open()?.runs(arguments.results.folder.as_deref())?;
    let (stored, mut errors) = store::scan(&runs);
    let stored = store::latest(stored);
    let trials: Vec<Trial> = stored.iter().map(|stored| stored.trial.clone()).collect();
    let board = Leaderboard::of(&trials);
    if let Some(folder) = &arguments.publish {
        publish::records(&runs, &stored, &trials, &board, folder, screen)?;
    }
    match arguments.format {
        Format::Json => screen.json(&board)?,
        Format::Csv => screen.print(&Format::Csv.draw(&leaderboard_rows(&board), 0)?)?,
        Format::Table | Format::Markdown if board.tables.is_empty() => {
            screen.print(&format!(
                "no records in {}; `bench run` makes some",
                runs.display()
            ))?;
        }
        format => screen.print(&text(&board, format, screen.width())?)?,
    }
    match errors.pop() {
        Some(error) => Err(error.into()),
        None => Ok(Exit::Ok),
    }
}

/// All tables, each under its title.
pub(super) fn text(board: &Leaderboard, format: Format, width: usize) -> Result<String, Failure> {
    let mut tables = Vec::new();
    for table in leaderboard(board) {
        let mut lines = match format {
            Format::Markdown => vec![format!("### {}\n", table.title)],
            _ => vec![table.title.clone()],
        };
        lines.push(format.draw(&table.grid, width)?);
        lines.extend(table.remarks.iter().map(|remark| format!("  {remark}")));
        tables.push(lines.join("\n"));
    }
    Ok(tables.join("\n\n"))
}
