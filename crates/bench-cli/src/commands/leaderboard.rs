//! `bench leaderboard`: who is faster.

pub(super) mod algoperf;
mod publish;
pub(super) mod reference;

use crate::arguments::{Format, Results};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_harness::store;
use bench_report::{
    Ranked, Titled, aggregates, folded, leaderboard, leaderboard_json, leaderboard_rows, units,
    wrapped,
};
use bench_score::statistics::Certainty;
use bench_score::{Field, Leaderboard, Trial};
use clap::Args;
use std::path::PathBuf;

/// Rank everything that ran: median time and steps to target, a table for each set of comparable records
#[derive(Args)]
#[command(after_help = "Examples:
  bench leaderboard
  bench leaderboard --format markdown
  bench leaderboard --publish board
  bench leaderboard --freeze-reference adamw
  bench leaderboard --results /data/runs --format csv > board.csv
  bench leaderboard --from algoperf logs/self_tuning --targets workload_targets.json --ruleset self-tuning")]
pub(crate) struct Arguments {
    #[command(flatten)]
    results: Results,
    /// How to write it
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Write this submission's times as the reference that frozen scores are set against, and nothing else (with --from: into --reference's file)
    #[arg(long, value_name = "SUBMISSION", conflicts_with = "publish")]
    freeze_reference: Option<String>,
    /// Also write the page, its tables as CSV and Parquet and all digests into this folder
    #[arg(long, value_name = "DIR")]
    publish: Option<PathBuf>,
    /// Fail when a study, trial or workload that a ruleset asks for is not there
    #[arg(long)]
    require_complete: bool,
    #[command(flatten)]
    algoperf: algoperf::Logs,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    if arguments.algoperf.source.from.is_some() {
        let publish = arguments.publish.as_deref();
        if let Some(submission) = &arguments.freeze_reference {
            return algoperf::freeze(&arguments.algoperf.source, submission, screen);
        }
        let complete = arguments.require_complete;
        return algoperf::execute(
            &arguments.algoperf,
            publish,
            complete,
            arguments.format,
            screen,
        );
    }
    let workspace = Workspace::open()?;
    let runs = workspace.runs(arguments.results.folder.as_deref())?;
    let (stored, mut errors) = store::scan(&runs);
    let stored = store::latest(stored).into_iter();
    let (folders, trials): (Vec<PathBuf>, Vec<Trial>) =
        stored.map(|stored| (stored.folder, stored.trial)).unzip();
    let pinned = workspace.pinned();
    let board = Leaderboard::of(&trials).under(&workspace.catalog);
    if arguments.freeze_reference.is_some() || arguments.publish.is_some() {
        // What others will rely on is made from all records or not at all.
        Failure::left_out(std::mem::take(&mut errors))?;
    }
    if let Some(submission) = &arguments.freeze_reference {
        let results = &arguments.results;
        return reference::freeze(&workspace.home, &board, submission, results, screen);
    }
    let reference = reference::read(&workspace.home)?;
    let against = workspace.against(reference.as_ref());
    let fields = Field::all(&board).into_iter();
    // A page shows the others too, below those that decide.
    let fields = fields.filter(|field| field.decides() || arguments.publish.is_some());
    let ranked: Vec<Ranked> = fields
        .map(|field| Ranked::of(field, against, Certainty::default()))
        .collect();
    if let Some(folder) = &arguments.publish {
        let records = publish::Records {
            runs: &runs,
            folders: &folders,
            trials: &trials,
            pinned,
        };
        publish::records(&records, &board, &ranked, folder, screen)?;
    }
    match arguments.format {
        Format::Json => {
            let json = leaderboard_json(&board, &ranked).map_err(Failure::bug)?;
            screen.json(&json)?;
        }
        Format::Csv => {
            let rows = leaderboard_rows(&board, &ranked);
            screen.table(Format::Csv, &rows)?;
        }
        Format::Table | Format::Markdown if board.tables.is_empty() => {
            let place = runs.display();
            screen.print(&match trials.len() {
                0 => format!("no records in {place}; `{}` makes some", arguments.results.maker()),
                n => format!(
                    "none of the {} in {place} is for a score: comparisons and calibrations are not ranked; `bench status` lists them",
                    units::counted(n as u64, "record")
                ),
            })?;
        }
        format => {
            let tables = leaderboard(&board).into_iter().chain(aggregates(&ranked));
            screen.print(&titled(tables, format, screen.width())?)?;
        }
    }
    Failure::left_out(errors)?;
    match arguments.require_complete {
        true => complete(&board),
        false => Ok(Exit::Ok),
    }
}

/// Fails where the rulesets ask for more than was observed.
fn complete(board: &Leaderboard) -> Result<Exit, Failure> {
    let gaps = board.gaps();
    let message = match gaps.as_slice() {
        [] if board.tables.is_empty() => "there are no scored trials".to_owned(),
        [] => return Ok(Exit::Ok),
        gaps => format!(
            "{} lack what their rulesets ask for:\n  {}",
            units::counted(gaps.len() as u64, "row"),
            gaps.join("\n  ")
        ),
    };
    let help = "`bench run` with the same words runs what is missing; without --require-complete the rest is ranked";
    Err(Failure::new(Exit::Results, message, help.to_owned()))
}

/// All tables, each under its title.
pub(super) fn text(board: &Leaderboard, format: Format, width: usize) -> Result<String, Failure> {
    titled(leaderboard(board), format, width)
}

fn titled(
    all: impl IntoIterator<Item = Titled>,
    format: Format,
    width: usize,
) -> Result<String, Failure> {
    let mut tables = Vec::new();
    for table in all {
        let mut lines = match format {
            Format::Markdown => vec![format!("### {}\n", table.title)],
            _ => vec![folded(&table.title, width, ["", "  "])],
        };
        lines.push(format.draw(&table.grid, width)?);
        match format {
            Format::Markdown if !table.remarks.is_empty() => {
                lines.push(String::new());
                lines.extend(table.remarks.iter().map(|remark| format!("- {remark}")));
            }
            _ => lines.extend(table.remarks.iter().map(|remark| wrapped(remark, width))),
        }
        tables.push(lines.join("\n"));
    }
    Ok(tables.join("\n\n"))
}
