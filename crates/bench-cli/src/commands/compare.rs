//! `bench compare`: did my change make it better?

mod baseline;
mod pair;
mod runs;
mod short;
mod side;
mod trajectory;
mod tuning;

use crate::arguments::Results;
use crate::command_line::CommandLine;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::{Reporter, Style};
use crate::screen::Screen;
use crate::workspace::{self, Workspace};
use bench_core::run::RunSpec;
use bench_harness::home::Home;
use bench_report::gate::{comparison_text, headline};
use bench_score::Trial;
use bench_score::gate::{By, Judgement, Rule, judge};
use bench_score::statistics::Verdict;
use clap::{ArgAction, Args, ValueEnum};
use serde::Serialize;

/// Say whether CANDIDATE is better than BASE, worse, equivalent, or not known
///
/// Runs what is missing, base and candidate in turns: as many studies as seeds, at default hyperparameters, without tuning. Each side is
/// a submission (a name, or a folder with a submission.yaml), a submission at a revision (NAME@REVISION: built by this command), a file of
/// hyperparameters (.yaml or .json) of the other side's submission, or a folder of records.
#[derive(Args)]
#[command(after_help = "Examples:
  bench compare adamw@HEAD~3 adamw
  bench compare lion ../my-lion --suite quick --studies 10
  bench compare low.yaml high.yaml --submission adamw
  bench compare results/baselines/adamw adamw --accept   (makes that baseline, or moves it)
  bench compare results/baselines/adamw adamw
  bench compare adamw@main adamw --expect none
  bench compare adamw@main adamw --trajectory --steps 500

Exit codes: 0 faster, equivalent or identical; 10 slower, reaches its target less often, or a bit that differs where
none was to; 11 faster on one workload and slower on another; 12 these runs cannot tell. Other codes are those of every command.")]
pub(crate) struct Arguments {
    /// What was
    #[arg(value_name = "BASE")]
    base: String,
    /// What is to be judged
    #[arg(value_name = "CANDIDATE")]
    candidate: String,
    /// A workload by its name, or its file, as often as you like
    #[arg(long = "workload", short, value_name = "W", conflicts_with = "suite")]
    workloads: Vec<String>,
    /// All workloads of a suite [default: quick, or those of the records]
    #[arg(long, value_name = "S")]
    suite: Option<String>,
    /// Studies of each side on each workload; fixed beforehand, or the level is not what it says
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    studies: u32,
    /// Where random draws begin; both sides have the same seeds
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Other seeds for the candidate: to compare a submission with itself
    #[arg(long, value_name = "S")]
    candidate_seed: Option<u64>,
    /// The submission of two files of hyperparameters
    #[arg(long, value_name = "NAME")]
    submission: Option<String>,
    /// What is compared [default: time where all ran on machines that harness.yaml calls pinned, else steps]
    #[arg(long, value_enum)]
    by: Option<ByName>,
    /// A difference that does not matter, such as 5% or 0.05
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = share, allow_hyphen_values = true)]
    margin: f64,
    /// Look at the records that are there and run nothing
    #[arg(long)]
    read_only: bool,
    /// What the change is to do to the numbers, which a shortened run of both programs shows first [default: change]
    #[arg(long, value_enum, value_name = "WHAT", conflicts_with_all = ["accept", "read_only", "trajectory"])]
    expect: Option<Expect>,
    /// Put the candidate's records in place of BASE, which is a folder in results/baselines; twice, where they are worse or another submission's
    #[arg(long, action = ArgAction::Count)]
    accept: u8,
    /// Run both sides step by step on one seed instead, and say which bit of a loss or weight differs first, and how that grows
    #[arg(long, conflicts_with_all = ["accept", "read_only", "by", "studies"])]
    trajectory: bool,
    /// How far --trajectory goes
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,
    #[command(flatten)]
    results: Results,
    /// `cpu` or `cuda:0`, in place of harness.yaml's
    #[arg(long)]
    device: Option<String>,
    /// Run failed trials again
    #[arg(long)]
    rerun_failed: bool,
    /// For programs: everything as JSON
    #[arg(long)]
    json: bool,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ByName {
    /// Steps to target: the same on every machine
    Steps,
    /// Seconds to target: only within one machine
    Time,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Expect {
    /// Nothing, as a refactoring: a first bit that differs ends the comparison with 10
    None,
    /// Something: where a bit differs both sides are measured
    Change,
}

/// What `--json` prints.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Document<'a> {
    base: &'a str,
    candidate: &'a str,
    headline: String,
    /// Of the shortened run before, where there was one.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    shortened: &'a [trajectory::Answer],
    #[serde(flatten)]
    judgement: &'a Judgement,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let home = Home::find()?;
    let reporter = Reporter::start(Style::of(arguments.quiet));
    let [base, candidate] = side::both(&home, arguments, &reporter)?;
    if arguments.trajectory {
        return trajectory::execute(arguments, &base, &candidate, reporter, screen);
    }
    if arguments.accept > 0 {
        baseline::check(&home, &base)?;
    }
    let look = short::look(arguments, &base, &candidate, &reporter)?;
    if look.decides(arguments.expect) {
        drop(reporter);
        return look.answer(arguments, screen);
    }
    look.tell(&reporter);
    let records = runs::collect(arguments, &base, &candidate, &reporter)?;
    drop(reporter);
    if let Some(exit) = records.stopped {
        screen.aside(&records.trouble.join("\n"));
        return Ok(exit);
    }
    if arguments.accept == 0 {
        something(arguments, &records)?;
    }
    let trials = |stored: &[bench_harness::store::Stored]| -> Vec<Trial> {
        stored.iter().map(|stored| stored.trial.clone()).collect()
    };
    let (a, b) = (trials(&records.base), trials(&records.candidate));
    let (workspace, _) = Workspace::with(&[], &workspace::workloads(&arguments.workloads))?;
    let is_pinned = is_pinned(&workspace, a.iter().chain(&b));
    let rule = rule(arguments, is_pinned);
    let runs: Vec<&RunSpec> = a.iter().map(|trial| &*trial.record.run).collect();
    let calibrations = super::plan::calibrations(&workspace, &runs)?;
    let judgement = judge(&a, &b, rule).knowing(&a, &calibrations);
    // Of a baseline that is being made nothing is compared.
    let compared = !(arguments.accept > 0 && records.base.is_empty());
    if arguments.json {
        screen.json(&Document {
            base: &arguments.base,
            candidate: &arguments.candidate,
            headline: headline(&judgement),
            shortened: &look.answers,
            judgement: &judgement,
        })?;
    } else if compared {
        screen.print(&comparison_text(&judgement, screen.width()))?;
    }
    if rule.by == By::Time && !is_pinned {
        screen.aside(
            "note: harness.yaml does not call the machine of these runs pinned: its seconds may follow its load",
        );
    }
    if let Some(note) = tuning::note([(&base, &a), (&candidate, &b)]).filter(|_| compared) {
        screen.aside(&note);
    }
    if !records.trouble.is_empty() {
        screen.aside(&records.trouble.join("\n"));
    }
    if arguments.accept > 0 {
        if arguments.accept == 1 {
            baseline::is_welcome(&records, &judgement)?;
        }
        let told = baseline::accept(&home, &base, &records)?;
        screen.aside(&told);
        return Ok(Exit::Ok);
    }
    Ok(exit(&judgement))
}

/// Whether both sides have anything to be compared by.
fn something(arguments: &Arguments, records: &runs::Records) -> Result<(), Failure> {
    let sides = [
        (&arguments.base, &records.base),
        (&arguments.candidate, &records.candidate),
    ];
    let empty = sides.iter().filter(|(_, stored)| stored.is_empty());
    let empty: Vec<&str> = empty.map(|(name, _)| name.as_str()).collect();
    if empty.is_empty() {
        return Ok(());
    }
    let makes = CommandLine::typed().without("read-only");
    let help = format!("`{makes}` makes them");
    let message = format!(
        "there is no record of {} to compare",
        empty.join(", nor of ")
    );
    Err(Failure::new(Exit::Results, message, help))
}

fn rule(arguments: &Arguments, is_pinned: bool) -> Rule {
    let by = match arguments.by {
        Some(ByName::Steps) => By::Steps,
        Some(ByName::Time) => By::Time,
        None if is_pinned => By::Time,
        None => By::Steps,
    };
    Rule {
        by,
        margin: arguments.margin,
        ..Rule::default()
    }
}

/// Whether all of these ran where time is measured well, as far as this checkout says.
fn is_pinned<'a>(workspace: &Workspace, mut trials: impl Iterator<Item = &'a Trial>) -> bool {
    let pinned = workspace.pinned();
    !pinned.is_empty() && trials.all(|trial| pinned.contains(&trial.record.machine.fingerprint))
}

/// Equal bits are no regression, however few they are; equal bits may still take longer.
fn exit(judgement: &Judgement) -> Exit {
    if judgement.identical && judgement.rule.by == By::Steps {
        return Exit::Ok;
    }
    match judgement.verdict {
        Verdict::Equivalent | Verdict::Faster => Exit::Ok,
        Verdict::Regression | Verdict::ReachRateFell => Exit::Worse,
        Verdict::Mixed => Exit::Mixed,
        Verdict::Inconclusive | Verdict::ReachInDoubt => Exit::Inconclusive,
    }
}

/// `5%` or `0.05`.
pub(in crate::commands) fn share(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.strip_suffix('%') {
        Some(number) => (number.trim(), 100.0),
        None => (text, 1.0),
    };
    match number.parse::<f64>() {
        Ok(value) if value > 0.0 && value / unit < 1.0 => Ok(value / unit),
        _ => Err("write a share between 0 and 1, such as 5% or 0.05".to_owned()),
    }
}
