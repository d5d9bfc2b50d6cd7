//! `bench explain`: from a submission's scores down to the lines of the records that made them.

use super::leaderboard::algoperf::{Competition, Source};
use super::leaderboard::reference;
use crate::arguments::Results;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_core::spec::diagnostic::nearest;
use bench_harness::recorder::EVENTS_FILE;
use bench_harness::store::{self, Stored};
use bench_report::explain::{explanation, score_explanation};
use bench_report::{Ranked, explain_logs};
use bench_score::statistics::Certainty;
use bench_score::{
    Evidence, Explained, Field, FrozenReference, Leaderboard, Trial, evaluation_lines, explain,
};
use clap::{Args, ValueEnum};
use std::collections::BTreeSet;
use std::path::Path;

/// Explain a submission's scores: what each workload adds, which trial of which study counted, which line decided, and what was left out
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
    let workspace = Workspace::open()?;
    let runs = workspace.runs(arguments.results.folder.as_deref())?;
    let (stored, errors) = store::scan(&runs);
    let trials: Vec<Trial> = stored.iter().map(|stored| stored.trial.clone()).collect();
    let mut rows = explain(&trials, &arguments.submission);
    if let Some(workload) = &arguments.workload {
        rows.retain(|row| row.result.workload == *workload);
    }
    if rows.is_empty() {
        // It may be in one of these.
        Failure::left_out(errors)?;
        return Err(nothing(arguments, &trials, &runs));
    }
    let evidence = |index: usize| evidence(&runs, stored.get(index)?);
    let rows: Vec<Explained> = rows
        .into_iter()
        .map(|row| row.with_evidence(evidence))
        .collect();
    let reference = reference::read(&workspace.home)?;
    let ranked = ranked(&workspace, &stored, reference.as_ref());
    let name = arguments.submission.as_str();
    match arguments.format {
        Format::Json => {
            let scores = |one: &Ranked| {
                let credits = one.field.credits(name, reference.as_ref())?;
                Some(serde_json::json!({ "field": one.title(), "workloads": credits }))
            };
            let scores: Vec<_> = ranked.iter().filter_map(scores).collect();
            screen.json(&serde_json::json!({ "scores": scores, "rows": rows }))?;
        }
        Format::Text => {
            let scores = ranked
                .iter()
                .filter_map(|one| score_explanation(one, name, reference.as_ref(), screen.width()));
            let texts: Vec<String> = scores.chain(rows.iter().map(explanation)).collect();
            screen.print(&texts.join("\n\n"))?;
        }
    }
    Failure::left_out(errors)?;
    Ok(Exit::Ok)
}

/// The fields whose order may be claimed, as the leaderboard has them.
fn ranked(
    workspace: &Workspace,
    stored: &[Stored],
    reference: Option<&FrozenReference>,
) -> Vec<Ranked> {
    let trials: Vec<Trial> = store::latest(stored.to_vec())
        .into_iter()
        .map(|stored| stored.trial)
        .collect();
    let board = Leaderboard::of(&trials).under(&workspace.catalog);
    let against = workspace.against(reference);
    let fields = Field::all(&board).into_iter().filter(Field::decides);
    fields
        .map(|field| Ranked::of(field, against, Certainty::default()))
        .collect()
}

/// Where a record's evaluations stand; nothing where its file is gone by now.
fn evidence(runs: &Path, stored: &Stored) -> Option<Evidence> {
    let path = stored.folder.join(EVENTS_FILE);
    let text = std::fs::read_to_string(&path).ok()?;
    let file = path.strip_prefix(runs).unwrap_or(&path);
    Some(Evidence {
        file: file.display().to_string(),
        digest: blake3::hash(text.as_bytes()).to_string(),
        lines: evaluation_lines(&text),
    })
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

fn nothing(arguments: &Arguments, trials: &[Trial], runs: &Path) -> Failure {
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
