//! `bench calibrate`: a workload's target, from tuned baselines and several seeds.

mod check;
mod runs;
mod write;

use crate::arguments::Results;
use crate::command_line::CommandLine;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::{Reporter, Style};
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_core::spec::search::Point;
use bench_report::calibration::standings;
use bench_report::units;
use bench_score::calibration::{CalibrationRecord, Chosen, best_points, find};
pub(super) use check::read as record;
use clap::Args;
use runs::{Collected, Runs};
pub(super) use write::record_path;

/// Set a workload's target and time budget, from tuned baselines and several seeds
///
/// Tunes each baseline over its search space, to the step hint and without a time limit that a busy machine could reach; runs each one's
/// best point on seeds of their own; and takes the best baseline's median validation value at a share of the step hint. Target, time
/// budget and where they come from go into the workload's file, a record of all trials and a picture into results/calibration. The same
/// command again goes on where it stopped.
#[derive(Args)]
#[command(after_help = "Examples:
  bench calibrate fashion-mnist-mlp
  bench calibrate fashion-mnist-mlp --check
  bench calibrate fashion-mnist-mlp --redo
  bench calibrate my-variant --from fashion-mnist-mlp")]
pub(crate) struct Arguments {
    /// The workload
    #[arg(value_name = "WORKLOAD")]
    workload: String,
    /// Baselines
    #[arg(
        long,
        value_name = "S,…",
        value_delimiter = ',',
        default_value = "adamw,nadamw,sgd-nesterov"
    )]
    submissions: Vec<String>,
    /// Points of each search space that are tried
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    points: u32,
    /// Seeds of each best point
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    seeds: u32,
    /// Where the target is taken, as a share of the step hint [default: that of the committed record, else 75%]
    #[arg(long, value_name = "SHARE", value_parser = percent)]
    at: Option<f64>,
    /// Tune nothing: take the point of the first baseline that the calibration of this workload chose
    #[arg(long, value_name = "WORKLOAD", conflicts_with = "points")]
    from: Option<String>,
    /// Where random draws begin [default: 0; 1 with --redo]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Run nothing: say whether the workload's file agrees with the committed record
    #[arg(long, conflicts_with = "redo")]
    check: bool,
    /// Run nothing: write what the committed record found into the workload's file again
    #[arg(long, conflicts_with_all = ["redo", "check", "from"])]
    restore: bool,
    /// Write nothing: run the committed winner on other seeds, and say whether the target comes out within its spread
    #[arg(long, conflicts_with = "from")]
    redo: bool,
    #[command(flatten)]
    results: Results,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

impl Arguments {
    /// A redo has other seeds than a calibration unless somebody asks for the same.
    fn base_seed(&self) -> u64 {
        self.seed.unwrap_or(u64::from(self.redo))
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').and_then(|text| text.parse().ok());
    number
        .filter(|share| *share > 0.0 && *share <= 100.0)
        .ok_or_else(|| "write a share of the step hint, such as 75%".to_owned())
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let workspace = Workspace::open()?;
    if arguments.check {
        return check::agreement(&workspace, arguments, screen);
    }
    if arguments.restore {
        return check::restore(&workspace, arguments, screen);
    }
    let reporter = Reporter::start(Style::of(arguments.quiet));
    let mut runs = Runs::new(&workspace, arguments, &reporter)?;
    if arguments.redo {
        return check::redo(&workspace, arguments, &mut runs, screen);
    }
    let chosen = chosen(&workspace, arguments)?;
    let best = match &arguments.from {
        Some(base) => brought(&workspace, base, arguments)?,
        None => {
            if let Collected::Stopped(exit) = runs.tune(&workspace, arguments)? {
                return Ok(exit);
            }
            let best = best_points(&runs.trials, chosen);
            let point = |(name, number): (&str, u32)| {
                let is_it = |trial: &&bench_score::calibration::CalibrationTrial| {
                    trial.tunes() && trial.submission == name && trial.number == number
                };
                let point = runs.trials.iter().find(is_it)?.point.clone();
                Some((name.to_owned(), number, point))
            };
            best.into_iter().filter_map(point).collect()
        }
    };
    if let Collected::Stopped(exit) = runs.seeds(&workspace, arguments, &best)? {
        return Ok(exit);
    }
    let finding =
        find(&runs.trials, chosen).map_err(|error| Failure::new(Exit::RunFailed, error, None))?;
    let record = CalibrationRecord {
        format: bench_score::calibration::FORMAT,
        workload: arguments.workload.clone(),
        command: CommandLine::typed().to_string(),
        machine: runs.session.machine.clone(),
        metric: workspace.catalog.workloads[&arguments.workload]
            .target
            .metric,
        step_hint: chosen.step_hint,
        budget_steps: chosen.budget_steps,
        at: chosen.at,
        comparability_key: runs.comparability_key()?,
        digest: CalibrationRecord::digest(&runs.trials)?,
        finding,
        trials: runs.trials.clone(),
    };
    drop(runs);
    drop(reporter);
    let files = write::all(&workspace, &record)?;
    screen.print(&format!(
        "{}\n\n{}\n{files}",
        standings(&record).terminal(screen.width()),
        told(&record)
    ))?;
    Ok(Exit::Ok)
}

/// AlgoPerf's share of the step hint.
const AT: f64 = 75.0;

/// Where the committed target was taken, so that the plain command makes the same one again.
fn committed_share(workspace: &Workspace, workload: &str) -> Result<Option<f64>, Failure> {
    match write::record_path(workspace, workload).exists() {
        true => Ok(Some(check::read(workspace, workload)?.at)),
        false => Ok(None),
    }
}

/// What the rule needs to know.
fn chosen(workspace: &Workspace, arguments: &Arguments) -> Result<Chosen, Failure> {
    let workload = workspace
        .catalog
        .workload(&arguments.workload)
        .map_err(|error| workspace.unresolved(error))?;
    Ok(Chosen {
        direction: workload.target.metric.direction(),
        step_hint: workload.step_hint,
        budget_steps: workload.budget.steps,
        at: match arguments.at {
            Some(at) => at,
            None => committed_share(workspace, &arguments.workload)?.unwrap_or(AT),
        },
    })
}

/// The first baseline's point out of another workload's record.
fn brought(
    workspace: &Workspace,
    base: &str,
    arguments: &Arguments,
) -> Result<Vec<(String, u32, Point)>, Failure> {
    let record = check::read(workspace, base)?;
    let wanted = arguments.submissions.first();
    let rows = &record.finding.standings;
    let row = rows.iter().find(|row| Some(&row.submission) == wanted);
    let row = row.ok_or_else(|| {
        let known: Vec<&str> = rows.iter().map(|row| row.submission.as_str()).collect();
        let help = format!("it has {}: name one with --submissions", known.join(", "));
        Failure::usage(
            format!("the calibration of `{base}` has no such baseline"),
            help,
        )
    })?;
    Ok(vec![(
        row.submission.clone(),
        row.number,
        row.point.clone(),
    )])
}

/// The target in words, and what a person should know.
fn told(record: &CalibrationRecord) -> String {
    let finding = &record.finding;
    let mut lines = vec![format!(
        "target: validation {} {}, test {} ({} at step {} of {}; its seeds lie between {} and {})",
        record.metric.name(),
        finding.validation,
        finding.test,
        finding.winner,
        units::count(finding.at_step),
        units::count(record.step_hint),
        units::significant(finding.spread.0),
        units::significant(finding.spread.1),
    )];
    lines.push(format!(
        "time budget: {}",
        units::roughly(finding.budget_seconds)
    ));
    lines.extend(
        finding
            .warnings
            .iter()
            .map(|warning| format!("warning: {warning}")),
    );
    lines.join("\n")
}
