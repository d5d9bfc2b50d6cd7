//! What a run ends with: the table, the committed reference beside it, and what to type next.

use crate::arguments::Format;
use crate::commands::leaderboard;
use crate::failure::Failure;
use crate::workspace::Workspace;
use bench_core::outcome::Outcome;
use bench_harness::session::{Action, Session, TrialReport};
use bench_harness::store;
use bench_report::{trials, units};
use bench_score::{Comparison, Leaderboard, Trial, compare};
use std::path::Path;

/// More trials than this are left to `bench status`.
const ROWS: usize = 24;
/// Committed records to compare with: `<submission>/<workload>.json`, as `bench show --format json` prints them.
const REFERENCE: &str = "results/reference/adamw";

/// All closing lines.
pub(super) fn text(
    workspace: &Workspace,
    session: &Session,
    reports: &[TrialReport],
    width: usize,
) -> Result<String, Failure> {
    if session.options.dry_run {
        return Ok(dry_run(session, reports));
    }
    let records: Vec<Trial> = reports
        .iter()
        .filter_map(|report| store::read(report.folder.as_deref()?).ok())
        .map(|stored| stored.trial)
        .collect();
    let mut parts = Vec::new();
    if !records.is_empty() && records.len() <= ROWS {
        parts.push(trials(&records).terminal(width));
    }
    if records.len() > 1 {
        parts.push(leaderboard::text(
            &Leaderboard::of(&records),
            Format::Table,
            width,
        )?);
    }
    parts.extend(reports.iter().filter_map(|report| trouble(session, report)));
    if let [record] = records.as_slice() {
        parts.extend(reference(&workspace.home.root, record));
    }
    parts.push(next(session, reports));
    Ok(parts.join("\n\n"))
}

/// One line a trial: what would be done.
fn dry_run(session: &Session, reports: &[TrialReport]) -> String {
    let lines = session.trials.iter().zip(reports).map(|(trial, report)| {
        let action = match &report.action {
            Action::Run { .. } => "run".to_owned(),
            Action::Resume { from: Some(point) } => {
                format!("go on from step {} with", units::count(point.step))
            }
            Action::Resume { from: None } => "begin again with".to_owned(),
            Action::Skip => "skip the finished".to_owned(),
            Action::Busy => "leave to another command".to_owned(),
        };
        let run = &trial.run;
        let folder = report.folder.as_deref().unwrap_or(Path::new("?"));
        format!(
            "{action} {} on {}\n    {}",
            run.submission.name,
            super::place(run),
            folder.display()
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A failed trial: what failed, where its log is, how to run it again.
fn trouble(session: &Session, report: &TrialReport) -> Option<String> {
    let outcome = report
        .summary
        .outcome
        .as_ref()
        .filter(|outcome| outcome.is_failure())?;
    let run = &session.trials[report.index].run;
    let what = match outcome {
        Outcome::Failed(failure) => failure.message.clone(),
        other => other.name().to_owned(),
    };
    let mut lines = vec![format!(
        "{} on {}: {what}",
        run.submission.name,
        super::place(run)
    )];
    if let Some(folder) = &report.folder {
        lines.push(format!("  log:   {}", folder.join("stderr.log").display()));
    }
    lines.push(format!(
        "  rerun: bench run {} --workload {} --ruleset {} --seed {} --rerun-failed",
        run.submission.name, run.workload_name, run.ruleset_name, run.seed.base
    ));
    Some(lines.join("\n"))
}

/// The committed result of the baseline beside this one. Nothing without one; the reason where the two do not compare.
fn reference(root: &Path, record: &Trial) -> Option<String> {
    let workload = &record.record.run.workload_name;
    let path = root.join(REFERENCE).join(format!("{workload}.json"));
    let text = std::fs::read_to_string(path).ok()?;
    let reference: Trial = serde_json::from_str(&text).ok()?;
    let name = &reference.record.run.submission.name;
    Some(match compare(record, &reference) {
        None => format!(
            "The committed result of {name} is of other rules or an older {workload}, so it does not compare."
        ),
        Some(comparison) => beside(name, &comparison),
    })
}

fn beside(name: &str, comparison: &Comparison) -> String {
    let (own, reference) = comparison.steps;
    let steps = |steps: Option<u64>| {
        steps.map_or("missed".to_owned(), |n| {
            format!("{} steps", units::count(n))
        })
    };
    let mut text = format!(
        "Committed result of {name}: {}; this run: {}",
        steps(reference),
        steps(own)
    );
    if let (Some(own), Some(reference)) = (own, reference) {
        text.push_str(&format!(
            " ({})",
            ratio(own as f64, reference as f64, "as many steps")
        ));
    }
    match comparison.seconds {
        Some((Some(own), Some(reference))) => text.push_str(&format!(
            ".\nOn this machine it took {}; this run {} ({}).",
            units::seconds(reference),
            units::seconds(own),
            ratio(own, reference, "as long")
        )),
        Some(_) => text.push('.'),
        None => text.push_str(".\nIts seconds are of another machine and do not compare."),
    }
    text
}

fn ratio(own: f64, reference: f64, what: &str) -> String {
    format!("{:.2} times {what}", own / reference)
}

/// What to type next.
fn next(session: &Session, reports: &[TrialReport]) -> String {
    let mut lines = vec!["Next:".to_owned()];
    let mut suggest = |command: String, why: &str| lines.push(format!("  {command:<52} {why}"));
    let skipped = reports
        .iter()
        .filter(|report| report.action == Action::Skip)
        .count();
    let submission = session
        .trials
        .first()
        .map(|trial| trial.run.submission.name.as_str());
    if reports.iter().any(|report| !is_over(report)) {
        suggest(
            "the same command again".to_owned(),
            "goes on where this one stopped",
        );
    }
    if let [report] = reports
        && let Some(folder) = report.folder.as_deref().and_then(Path::file_name)
    {
        let digits = folder.to_string_lossy();
        let digits = digits.splitn(3, '-').nth(2).unwrap_or_default().to_owned();
        suggest(format!("bench show {digits}"), "the trial in full");
    }
    if let (Some(name), 1..) = (submission, skipped) {
        suggest(
            format!("bench run {name} --fresh"),
            "finished trials are skipped: this runs them anew",
        );
    }
    match (submission, reports) {
        (Some(name), [_]) => suggest(
            format!("bench run {name} --ruleset external-tuning"),
            "tuned, with repetitions: a result to claim",
        ),
        _ => suggest(
            "bench leaderboard".to_owned(),
            "everything that ran, ranked",
        ),
    }
    lines.join("\n")
}

fn is_over(report: &TrialReport) -> bool {
    report
        .summary
        .outcome
        .as_ref()
        .is_some_and(Outcome::is_final)
}
