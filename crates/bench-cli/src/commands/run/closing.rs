//! What a run ends with: the table, the committed reference beside it, and what to type next.

use super::{Arguments, RULESET, Selection};
use crate::arguments::Format;
use crate::command_line::{CommandLine, quoted};
use crate::commands::leaderboard;
use crate::failure::Failure;
use crate::workspace::Workspace;
use bench_core::outcome::Outcome;
use bench_core::run::RunSpec;
use bench_core::spec::submission::Value;
use bench_harness::session::{Action, Session, TrialReport};
use bench_harness::store;
use bench_harness::trial::WEIGHTS;
use bench_report::{trials, units};
use bench_score::{Best, Comparison, Leaderboard, Search, Trial, compare};
use std::path::Path;

/// More trials than this are left to `bench status`.
const ROWS: usize = 24;
/// Committed records to compare with: `<workload>.json`, as `bench show --format json` prints them.
const REFERENCE: &str = "results/reference/adamw";
/// Tuned, with repetitions: the first that a submission enters.
const TUNED: [&str; 2] = ["external-tuning", "self-tuning"];

/// A finished run.
pub(super) struct Closing<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) session: &'a Session,
    pub(super) reports: &'a [TrialReport],
    /// What was typed.
    pub(super) arguments: &'a Arguments,
    /// Names of the submissions, in the order they were typed.
    pub(super) names: &'a [String],
}

impl Closing<'_> {
    /// All closing lines.
    pub(super) fn text(&self, width: usize) -> Result<String, Failure> {
        if self.session.options.dry_run {
            let lines: Vec<String> = self.reports.iter().map(|report| self.dry(report)).collect();
            return Ok(lines.join("\n"));
        }
        let folders = self
            .reports
            .iter()
            .filter_map(|report| report.folder.as_deref());
        let records: Vec<Trial> = folders
            .filter_map(|folder| store::read(folder).ok())
            .map(|stored| stored.trial)
            .collect();
        let mut parts = Vec::new();
        if !records.is_empty() && records.len() <= ROWS {
            parts.push(trials(&records).terminal(width));
        }
        if records.len() > 1 {
            let board = Leaderboard::of(&records).under(&self.workspace.catalog);
            parts.push(leaderboard::text(&board, Format::Table, width)?);
        }
        let searches = Search::all(&records);
        parts.extend(searches.iter().map(|search| self.searched(search)));
        parts.extend(
            self.reports
                .iter()
                .filter_map(|report| self.trouble(report)),
        );
        parts.extend(self.weights());
        parts.extend(references(&self.workspace.home.root, &records));
        parts.push(self.next(&searches));
        Ok(parts.join("\n\n"))
    }

    fn run(&self, report: &TrialReport) -> &RunSpec {
        &self.session.trials[report.index].run
    }

    /// What would be done, and where.
    fn dry(&self, report: &TrialReport) -> String {
        let action = match &report.action {
            Action::Run { .. } => "run".to_owned(),
            Action::Resume {
                from: Some(point), ..
            } => {
                format!("go on from step {} with", units::count(point.step))
            }
            Action::Resume { from: None, .. } => "begin again with".to_owned(),
            Action::Skip => "skip the finished".to_owned(),
            Action::Busy => "leave to another command".to_owned(),
        };
        let run = self.run(report);
        let folder = report
            .folder
            .as_deref()
            .unwrap_or(Path::new("no folder: its sources cannot be read"));
        format!("{action} {}\n    {}", title(run), folder.display())
    }

    /// What a search of one submission on one workload found.
    fn searched(&self, search: &Search) -> String {
        let Search {
            run,
            points,
            reached,
            ..
        } = search;
        let what = format!("{} on {}", run.submission.name, run.workload_name);
        let Some(Best { trial, steps }) = &search.best else {
            return format!("Search of {what}: none of {points} points reached the target");
        };
        let seed = &trial.record.run.seed;
        let space = self.workspace.catalog.submissions.get(&run.submission.name);
        let names = space.map(|entrant| entrant.space.names());
        let values = trial.record.run.hyperparameters.iter();
        let values = values.filter(|(name, _)| {
            let names = names.as_ref();
            names.is_none_or(|names| names.contains(&name.as_str()))
        });
        let values: Vec<String> = values.map(|(name, value)| shown(name, value)).collect();
        format!(
            "Search of {what}: {reached} of {points} points reached the target, the best of them in {} steps (study {}, trial {})\n  {}",
            units::count(*steps as u64),
            seed.study,
            seed.trial,
            values.join(", ")
        )
    }

    /// Where weights were kept.
    fn weights(&self) -> Option<String> {
        let folders = self
            .reports
            .iter()
            .filter_map(|report| report.folder.as_ref());
        let folders = folders
            .map(|folder| folder.join(WEIGHTS))
            .filter(|f| f.is_dir());
        let lines: Vec<String> = folders
            .map(|folder| format!("  {}", folder.display()))
            .collect();
        let kept = self.session.options.keep_weights && !lines.is_empty();
        kept.then(|| format!("Weights:\n{}", lines.join("\n")))
    }

    /// The command that makes a variant of what a search found.
    fn variant(&self, search: &Search, all: &[Search]) -> String {
        let run = search.run;
        let typed = self.arguments.selection.only(self.names, run).submissions;
        let differ = |search: &Search| search.run.workload_name != run.workload_name;
        let workload = all.iter().any(differ).then_some(&run.workload_name);
        let line = CommandLine::new("new").word("NAME");
        let line = line.option("best-of", typed.first());
        let line = line.option("workload", workload);
        self.arguments.selection.results.on(line).to_string()
    }

    /// A failed trial: what failed, where its log is, how to run it again.
    fn trouble(&self, report: &TrialReport) -> Option<String> {
        let outcome = report.summary.outcome.as_ref();
        let what = match outcome.filter(|outcome| outcome.is_failure())? {
            Outcome::Failed(failure) => failure.message.clone(),
            other => other.name().to_owned(),
        };
        let run = self.run(report);
        let mut lines = vec![format!("{}: {what}", title(run))];
        if let Some(folder) = &report.folder {
            lines.push(format!("  log:   {}", folder.join("stderr.log").display()));
        }
        lines.push(format!("  rerun: {}", self.again(run)));
        Some(lines.join("\n"))
    }

    /// The command that runs a failed trial again, and no other.
    fn again(&self, run: &RunSpec) -> CommandLine {
        let selection = &self.arguments.selection;
        let only = selection.only(self.names, run);
        let only = match self.session.trials.len() {
            1 => selection.clone(),
            _ => only,
        };
        let line = self.arguments.command(&only).without("fresh");
        line.without("rerun-failed").flag("rerun-failed", true)
    }

    /// The command that makes a result to claim: nothing where the values are given, or the submission enters nothing that is tuned.
    fn tuned(&self, run: &RunSpec) -> Option<CommandLine> {
        let selection = &self.arguments.selection;
        let given = selection.hyperparameters.is_some() || !selection.set.is_empty();
        let is_quick = run.ruleset_name == RULESET && !given;
        let entered = self.workspace.entered(&run.submission.name);
        let ruleset = TUNED.into_iter().find(|name| entered.contains(name))?;
        let tuned = Selection {
            ruleset: ruleset.to_owned(),
            only: None,
            ..selection.clone()
        };
        let line = self.arguments.command(&tuned).without("fresh");
        is_quick.then(|| line.without("rerun-failed"))
    }

    /// What to type next.
    fn next(&self, searches: &[Search]) -> String {
        let Some(report) = self.reports.first() else {
            return String::new();
        };
        let run = self.run(report);
        let mut lines: Vec<(String, &str)> = Vec::new();
        if self.reports.iter().any(|report| !is_over(report)) {
            // Typed again, a fresh one would begin everything anew once more.
            let same = self.arguments.command(&self.arguments.selection);
            lines.push((
                same.without("fresh").to_string(),
                "goes on where this one stopped",
            ));
        }
        if self
            .reports
            .iter()
            .any(|report| report.action == Action::Skip)
        {
            let command = self.arguments.command(&self.arguments.selection);
            let command = command.flag("fresh", true).to_string();
            lines.push((command, "runs anew what was finished before"));
        }
        if let Some(search) = searches.iter().find(|search| search.best.is_some()) {
            let command = self.variant(search, searches);
            lines.push((command, "its best point as the defaults of a variant"));
        }
        if let ([_], Some(name)) = (self.reports, self.short(report)) {
            lines.push((format!("bench show {}", quoted(&name)), "the trial in full"));
        }
        lines.push(match (self.reports, self.tuned(run)) {
            ([_], Some(command)) => (
                command.to_string(),
                "tuned, with repetitions: a result to claim",
            ),
            _ => {
                let results = &self.arguments.selection.results;
                let command = results.on(CommandLine::new("leaderboard"));
                (command.to_string(), "everything that ran, ranked")
            }
        });
        let width = lines
            .iter()
            .map(|(command, _)| command.len())
            .max()
            .unwrap_or(0);
        let lines = lines
            .iter()
            .map(|(command, why)| format!("\n  {command:<width$}   {why}"));
        format!("Next:{}", lines.collect::<String>())
    }

    /// What `bench show` finds a trial by: its digits, or its folder where records are not in their usual place. None where nothing ran.
    fn short(&self, report: &TrialReport) -> Option<String> {
        report.summary.outcome.as_ref()?;
        let folder = report.folder.as_deref()?;
        let usual = self.workspace.runs(None).ok()?;
        if !folder.starts_with(usual) {
            return Some(folder.display().to_string());
        }
        let name = folder.file_name()?.to_string_lossy();
        name.splitn(3, '-').nth(2).map(str::to_owned)
    }
}

/// `learning-rate 0.003162`.
fn shown(name: &str, value: &Value) -> String {
    match value {
        Value::Number(number) => format!("{name} {}", units::significant(*number)),
        other => format!("{name} {other}"),
    }
}

/// A trial for messages.
pub(in crate::commands) fn title(run: &RunSpec) -> String {
    let seed = &run.seed;
    format!(
        "{} on {}, study {}, trial {}",
        run.submission.name, run.workload_name, seed.study, seed.trial
    )
}

fn is_over(report: &TrialReport) -> bool {
    let outcome = report.summary.outcome.as_ref();
    outcome.is_some_and(Outcome::is_final)
}

/// The baseline's committed results beside this run's, where it has one trial a workload: of several, the table says more.
fn references(root: &Path, records: &[Trial]) -> Option<String> {
    let name = |record: &Trial| record.record.run.workload_name.clone();
    let mut names: Vec<String> = records.iter().map(name).collect();
    names.sort();
    names.dedup();
    if names.len() < records.len() {
        return None;
    }
    let beside = |record| {
        let text = reference(root, record)?;
        Some(match records.len() {
            1 => text,
            _ => format!("{}\n{text}", name(record)),
        })
    };
    let parts: Vec<String> = records.iter().filter_map(beside).collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}

/// The committed result of the baseline beside this one. Nothing without one; the reason where the two do not compare.
fn reference(root: &Path, record: &Trial) -> Option<String> {
    let workload = &record.record.run.workload_name;
    let path = root.join(REFERENCE).join(format!("{workload}.json"));
    let text = bench_harness::file::read_text(&path).ok()?;
    let reference: Trial = serde_json::from_str(&text).ok()?;
    let name = &reference.record.run.submission.name;
    Some(match compare(record, &reference) {
        Some(comparison) => beside(name, &comparison, record),
        None => format!(
            "The committed result of {name} is of other rules or another version of {workload}: it does not compare."
        ),
    })
}

fn beside(name: &str, comparison: &Comparison, record: &Trial) -> String {
    let (own, reference) = comparison.steps;
    let steps = |n: u64| format!("{} steps", units::count(n));
    let mut text = format!(
        "Committed result of {name}: {}. This run: {}",
        reference.map_or("missed".to_owned(), steps),
        own.map_or_else(|| without_passage(record).to_owned(), steps)
    );
    if let (Some(own), Some(reference)) = (own, reference) {
        text.push_str(&ratio(own as f64, reference as f64));
    }
    text.push_str(match comparison.seconds {
        Some((Some(own), Some(reference))) => {
            let seconds = format!(
                ".\nOn this machine it took {}, this run {}{}.",
                units::seconds(reference),
                units::seconds(own),
                ratio(own, reference)
            );
            return text + &seconds;
        }
        Some(_) => ".",
        None => ".\nIts seconds are of another machine and do not compare.",
    });
    text
}

/// What a trial came to that shows no passage: a miss only where its training was seen to its end.
fn without_passage(record: &Trial) -> &'static str {
    match &record.summary.outcome {
        None | Some(Outcome::Interrupted) => "not over",
        Some(Outcome::TimingSuspect) => "timing-suspect, which counts as missed",
        Some(Outcome::Failed(_)) if record.summary.is_unobserved() => "no observation",
        Some(Outcome::Failed(_)) => "failed",
        Some(Outcome::TimedOut { .. }) => "timed out",
        Some(Outcome::Diverged) => "diverged",
        Some(Outcome::TargetReached | Outcome::BudgetExhausted | Outcome::Stopped) => "missed",
    }
}

fn ratio(own: f64, reference: f64) -> String {
    format!(" ({:.2} x)", own / reference)
}
