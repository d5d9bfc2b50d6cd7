//! `bench run`: from names to trials, from trials to a table.

mod closing;
mod elsewhere;
mod plan;

use crate::command_line::CommandLine;
use crate::commands::trials;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::{Reporter, Style};
use crate::screen::Screen;
use bench_harness::program::CargoBuilder;
use bench_harness::session::{self, Session};
use clap::{Args, ValueEnum};
use closing::Closing;
pub(super) use closing::title;
use elsewhere::{Elsewhere, Place};
pub(super) use plan::{Selection, plan};

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
  bench run adamw --workload ./mine.yaml
  bench run adamw --dry-run
  bench run adamw lion --suite quick --ruleset external-tuning --on slurm
  bench run adamw lion --suite quick --on 'command: qsub -b y {task}'")]
pub(crate) struct Arguments {
    #[command(flatten)]
    selection: Selection,
    /// Go on after the target, to the end of the budget
    #[arg(long)]
    to_budget: bool,
    /// Run failed trials again
    #[arg(long)]
    rerun_failed: bool,
    /// Run everything again, beside the old records
    #[arg(long)]
    fresh: bool,
    /// Take trials over from whoever is at them, such as a bench that was stopped or sits on a machine that is out of reach
    #[arg(long)]
    take_over: bool,
    /// Keep beside each record what `bench` otherwise removes: `weights` keeps those of the best and of the last evaluation, as safetensors
    #[arg(long, value_enum, value_name = "WHAT")]
    keep: Option<Keep>,
    /// Where trials run: `local`, `slurm`, or "command: … {task}", which is typed once a trial
    #[arg(long, value_name = "WHERE", value_parser = Place::parse, default_value = "local")]
    on: Place,
    /// With `--on slurm`: follow what was submitted until it is over
    #[arg(long)]
    wait: bool,
    /// Only tell what would be run, or submitted
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

impl Arguments {
    /// Whether what was typed beside `--on` means anything there.
    fn go_together(&self) -> Result<(), Failure> {
        let is_elsewhere = self.on != Place::Local;
        let odd = [
            ("wait", self.wait && self.on != Place::Slurm),
            ("take-over", self.take_over && is_elsewhere),
            ("require-target", self.require_target && is_elsewhere),
            ("format json", self.format == Format::Json && is_elsewhere),
        ];
        match odd.iter().find(|(_, is_odd)| *is_odd) {
            None => Ok(()),
            Some((name, _)) => Err(Failure::usage(
                format!("`--{name}` does not go with `--on {}`", self.on),
                match *name {
                    "wait" => "`--wait` follows what `--on slurm` submitted".to_owned(),
                    _ => "it is of trials that run here".to_owned(),
                },
            )),
        }
    }

    /// As it was typed, with these trials.
    fn command(&self, selection: &Selection) -> CommandLine {
        // All fields by name, so that a new option is not forgotten here.
        let Arguments {
            selection: _,
            to_budget,
            rerun_failed,
            fresh,
            take_over,
            keep,
            on,
            wait,
            dry_run,
            quiet,
            format,
            require_target,
        } = self;
        let keep = keep.map(|Keep::Weights| "weights");
        let format = (*format == Format::Json).then_some("json");
        selection
            .command("run")
            .flag("to-budget", *to_budget)
            .flag("rerun-failed", *rerun_failed)
            .flag("fresh", *fresh)
            .flag("take-over", *take_over)
            .option("keep", keep)
            .option("on", (*on != Place::Local).then_some(on))
            .flag("wait", *wait)
            .flag("dry-run", *dry_run)
            .flag("quiet", *quiet)
            .option("format", format)
            .flag("require-target", *require_target)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Keep {
    /// The model's weights
    Weights,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON line an event
    Json,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let (workspace, submissions) = arguments.selection.open()?;
    let plan = plan(&arguments.selection, &workspace, &submissions)?;
    let reporter = Reporter::start(match arguments.format {
        Format::Json => Style::Json,
        Format::Text => Style::of(arguments.quiet),
    });
    let options = session::Options {
        to_budget: arguments.to_budget,
        rerun_failed: arguments.rerun_failed,
        fresh: arguments.fresh,
        take_over: arguments.take_over,
        dry_run: arguments.dry_run,
        keep_weights: arguments.keep == Some(Keep::Weights),
    };
    let results = arguments.selection.results.folder.as_deref();
    arguments.go_together()?;
    let elsewhere = arguments.on != Place::Local;
    let plan = trials::Plan { elsewhere, ..plan };
    let session = trials::prepare(&workspace, plan, results, options, &reporter)?;
    // Only now: until here Ctrl-C may simply kill, since set-up and fetches leave nothing half-done behind.
    let interrupts = super::interrupts()?;
    if elsewhere {
        let elsewhere = Elsewhere {
            workspace: &workspace,
            session: &session,
            arguments,
            screen,
        };
        return elsewhere.send(&arguments.on, &interrupts, &reporter);
    }
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
            arguments,
            names: &submissions,
        };
        screen.print(&closing.text(screen.width())?)?;
    }
    let missed = reports.iter().any(|report| report.summary.hit().is_none());
    Ok(match trials::exit(&reports) {
        _ if interrupts.requested() => Exit::Interrupted,
        Exit::Ok if missed && arguments.require_target && !arguments.dry_run => Exit::RunFailed,
        exit => exit,
    })
}
