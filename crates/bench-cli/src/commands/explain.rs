//! `bench explain`: from a row of the leaderboard down to the evaluations that made it.

use super::leaderboard::algoperf::{Competition, Source};
use crate::arguments::Results;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_core::spec::diagnostic::nearest;
use bench_harness::store;
use bench_report::explain::explanation;
use bench_report::explain_logs;
use bench_score::{Trial, explain};
use clap::{Args, ValueEnum};
use std::collections::BTreeSet;
use std::path::Path;

/// Explain a submission's rows: which trial of which study counted, which evaluation decided, and what was left out
#[derive(Args)]
#[command(after_help = "Examples:
  bench explain adamw
  bench explain adamw --workload fashion-mnist-mlp
  bench explain lion --format json
  bench explain shampoo --from algoperf logs/external_tuning --targets workload_targets.json --ruleset external-tuning")]
pub(crate) struct Arguments {
    /// Its name in the records
    #[arg(value_name = "SUBMISSION")]
    submission: String,
    /// Only this workload
    #[arg(long, short, value_name = "W")]
    workload: Option<String>,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    results: Results,
    /// How to write it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs: everything
    Json,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    if arguments.source.from.is_some() {
        return competition(arguments, screen);
    }
    let runs = Workspace::open()?.runs(arguments.results.folder.as_deref())?;
    let (stored, errors) = store::scan(&runs);
    let trials: Vec<Trial> = stored.into_iter().map(|stored| stored.trial).collect();
    let mut rows = explain(&trials, &arguments.submission);
    if let Some(workload) = &arguments.workload {
        rows.retain(|row| row.result.workload == *workload);
    }
    if rows.is_empty() {
        // It may be in one of these.
        Failure::unreadable(errors)?;
        return Err(nothing(arguments, &trials, &runs));
    }
    match arguments.format {
        Format::Json => screen.json(&rows)?,
        Format::Text => {
            let texts: Vec<String> = rows.iter().map(explanation).collect();
            screen.print(&texts.join("\n\n"))?;
        }
    }
    Failure::unreadable(errors)?;
    Ok(Exit::Ok)
}

/// Explains a score from another program's logs.
fn competition(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let name = arguments.submission.as_str();
    if Path::new(name).is_dir() {
        let help =
            "bench explain SUBMISSION --from algoperf LOGS --targets FILE --ruleset self-tuning";
        let message = format!("`{name}` is a folder; the submission comes first");
        return Err(Failure::usage(message, help.to_owned()));
    }
    let Competition {
        board,
        logs,
        targets,
        folder,
        ..
    } = arguments.source.read()?;
    let Some(explained) = board.explain(&logs, &targets, name) else {
        let names: Vec<&str> = board
            .rows
            .iter()
            .map(|row| row.submission.as_str())
            .collect();
        let message = format!("no logs of `{name}` in {}", folder.display());
        return Err(Failure::usage(message, unknown(name, &names)));
    };
    let workload = arguments.workload.as_deref();
    if let Some(workload) = workload
        && !board.workloads.iter().any(|name| name == workload)
    {
        let names: Vec<&str> = board.workloads.iter().map(String::as_str).collect();
        let message = format!("`{workload}` is not scored");
        return Err(Failure::usage(message, unknown(workload, &names)));
    }
    match arguments.format {
        Format::Json => screen.json(&explain_logs::json(&explained, workload))?,
        Format::Text => screen.print(&explain_logs::explanation(&explained, workload))?,
    }
    Ok(Exit::Ok)
}

fn unknown(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", known.join(", ")),
    }
}

fn nothing(arguments: &Arguments, trials: &[Trial], runs: &std::path::Path) -> Failure {
    let names: BTreeSet<&str> = trials
        .iter()
        .map(|trial| trial.record.run.submission.name.as_str())
        .collect();
    let on = match &arguments.workload {
        Some(workload) => format!(" on `{workload}`"),
        None => String::new(),
    };
    let name = &arguments.submission;
    let message = format!("no scored trial of `{name}`{on} in {}", runs.display());
    let help = match nearest(name, names.iter().copied()) {
        Some(near) if near != name => format!("did you mean `{near}`?"),
        _ => "`bench status` lists what ran".to_owned(),
    };
    Failure::new(Exit::Results, message, help)
}
