//! `bench run`: from names to trials, from trials to a table.

mod closing;
mod plan;

use crate::arguments::Results;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::{Reporter, Style};
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_core::outcome::{FailureKind, Outcome};
use bench_core::run::DeviceKind;
use bench_harness::program::CargoBuilder;
use bench_harness::session::{self, KEEP_EVERY, PlannedTrial, Session, TrialReport};
use bench_harness::{data, machine, scratch, setup};
use clap::{Args, ValueEnum};
use closing::Closing;
use std::path::PathBuf;

/// Where nothing else is said: one trial with the defaults.
pub(crate) const RULESET: &str = "quick-start";
/// Where nothing else is said.
const WORKLOAD: &str = "fashion-mnist-mlp";

/// Train submissions under the referee and measure their time to target
///
/// With nothing else said, a quick start: one trial of fashion-mnist-mlp with the defaults. The same command again skips finished
/// trials and resumes interrupted ones, clock included.
#[derive(Args)]
#[command(after_help = "Examples:
  bench run submissions/adamw
  bench run adamw lion --suite quick --ruleset external-tuning
  bench run adamw --workload fashion-mnist-mlp --seed 1
  bench run ../my-optimizer --hyperparameters mine.yaml --to-budget
  bench run adamw --dry-run")]
pub(crate) struct Arguments {
    /// Names, or folders with a submission.yaml
    #[arg(required = true, value_name = "SUBMISSION")]
    submissions: Vec<String>,
    /// A workload, as often as you like [default: fashion-mnist-mlp]
    #[arg(long = "workload", short, value_name = "W", conflicts_with = "suite")]
    workloads: Vec<String>,
    /// All workloads of a suite
    #[arg(long, value_name = "S")]
    suite: Option<String>,
    /// Rules of tuning and counting
    #[arg(long, value_name = "R", default_value = RULESET)]
    ruleset: String,
    /// Independent repetitions, in place of the ruleset's number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    studies: Option<u32>,
    /// Points of the search space in each study, in place of the ruleset's number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    trials: Option<u32>,
    /// Where random draws begin
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    results: Results,
    /// Your own values (YAML or JSON, name to value) over the defaults
    #[arg(long, value_name = "FILE")]
    hyperparameters: Option<PathBuf>,
    /// `cpu` or `cuda:0`, in place of harness.yaml's
    #[arg(long)]
    device: Option<String>,
    /// Threads of worker and evaluator, in place of harness.yaml's and the workload's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    threads: Option<u32>,
    /// Go on after the target, to the end of the budget
    #[arg(long)]
    to_budget: bool,
    /// Run failed trials again
    #[arg(long)]
    rerun_failed: bool,
    /// Run everything again, beside the old records
    #[arg(long)]
    fresh: bool,
    /// Only tell what would be run
    #[arg(long)]
    dry_run: bool,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
    /// How progress and results are written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Exit with 1 when a trial misses its target
    #[arg(long)]
    require_target: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON line an event
    Json,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let (workspace, submissions) = Workspace::with_submissions(&arguments.submissions)?;
    let plan = plan::plan(arguments, &workspace, &submissions)?;
    let reporter = Reporter::start(match arguments.format {
        Format::Json => Style::Json,
        Format::Text => Style::of(arguments.quiet),
    });
    let session = prepare(arguments, &workspace, plan, &reporter)?;
    // Only now: until here Ctrl-C may simply kill, since set-up and fetches leave nothing half-done behind.
    let interrupts = super::interrupts()?;
    let mut builder = CargoBuilder::new(workspace.home.clone(), workspace.programs());
    let reports = session::run(&session, &mut builder, &interrupts, &mut |event| {
        reporter.session(event);
    })?;
    drop(reporter);
    if arguments.format == Format::Text {
        let closing = Closing {
            workspace: &workspace,
            session: &session,
            reports: &reports,
            typed: &arguments.submissions,
        };
        screen.print(&closing.text(screen.width())?)?;
    }
    Ok(match interrupts.requested() {
        true => Exit::Interrupted,
        false => exit(&reports, arguments),
    })
}

/// Fetches what the trials need, unless it is there.
fn prepare(
    arguments: &Arguments,
    workspace: &Workspace,
    plan: plan::Plan,
    reporter: &Reporter,
) -> Result<Session, Failure> {
    let home = &workspace.home;
    let harness = workspace.harness()?;
    let machine = machine::describe();
    let cuda = plan.device == DeviceKind::Cuda;
    if cuda && machine.gpus.len() <= plan.device_index as usize {
        return Err(no_card(plan.device_index, &machine.gpus));
    }
    let mut listener = |progress| reporter.work(progress);
    let libtorch = match arguments.dry_run {
        true => None,
        false => Some(setup::ensure(home, setup::Options { cuda }, &mut listener)?),
    };
    let mut trials = Vec::new();
    for run in plan.runs {
        let data = match arguments.dry_run {
            true => Default::default(),
            false => {
                let dataset = &workspace.catalog.datasets[&run.dataset.name];
                data::fetch(home, &run.dataset.name, dataset, &mut listener)?.splits
            }
        };
        trials.push(PlannedTrial {
            suite: plan.suite.clone(),
            run,
            data,
            device_index: plan.device_index,
        });
    }
    Ok(Session {
        trials,
        runs: workspace.runs(arguments.results.folder.as_deref())?,
        machine,
        environment: Vec::new(),
        libtorch: libtorch
            .map(|libtorch| libtorch.library_folders())
            .unwrap_or_default(),
        limits: harness.limits,
        tolerances: harness.tolerances,
        options: session::Options {
            to_budget: arguments.to_budget,
            rerun_failed: arguments.rerun_failed,
            fresh: arguments.fresh,
            dry_run: arguments.dry_run,
        },
        lock: scratch::machine_lock(),
        keep_every: KEEP_EVERY,
    })
}

fn no_card(index: u32, gpus: &[String]) -> Failure {
    let message = match gpus {
        [] => format!("device cuda:{index} was asked for, but the driver shows no NVIDIA card"),
        gpus => format!(
            "device cuda:{index} was asked for, but there is only {}",
            gpus.join(", ")
        ),
    };
    let help = "`--device cpu` runs on the processor; `nvidia-smi` shows what the driver sees";
    Failure::new(Exit::Environment, message, help.to_owned())
}

/// The worst that happened decides.
fn exit(reports: &[TrialReport], arguments: &Arguments) -> Exit {
    let failure = |report: &TrialReport| match &report.summary.outcome {
        Some(Outcome::Failed(failure)) => Some(failure.kind),
        _ => None,
    };
    let kinds: Vec<FailureKind> = reports.iter().filter_map(failure).collect();
    let any = |wanted: &[FailureKind]| kinds.iter().any(|kind| wanted.contains(kind));
    let outcomes = || {
        reports
            .iter()
            .filter_map(|report| report.summary.outcome.as_ref())
    };
    let ran = !arguments.dry_run;
    let missed = reports.iter().any(|report| report.summary.hit().is_none());
    match () {
        () if any(&[FailureKind::Record]) => Exit::Results,
        () if any(&[FailureKind::Environment]) => Exit::Environment,
        () if any(&[FailureKind::Build]) => Exit::BuildFailed,
        () if any(&[
            FailureKind::Signal,
            FailureKind::Exit,
            FailureKind::OutOfMemory,
        ]) =>
        {
            Exit::WorkerDied
        }
        () if outcomes().any(Outcome::is_failure) => Exit::RunFailed,
        () if ran && arguments.require_target && missed => Exit::RunFailed,
        () => Exit::Ok,
    }
}
