//! `bench plan`: what runs will cost, and what they can show, before any of them.

use super::calibrate;
use super::compare::share;
use super::run::{self, Selection};
use super::trials;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::{Reporter, Style};
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_core::run::RunSpec;
use bench_harness::clean::folder_size;
use bench_harness::interrupt::Interrupts;
use bench_harness::program::CargoBuilder;
use bench_harness::session::{self, Options};
use bench_harness::store::{self, Stored};
use bench_report::gate::sight;
use bench_report::{Cell, Column, Grid, units};
use bench_score::Trial;
use bench_score::calibration::CalibrationRecord;
use bench_score::gate::{Noise, Rule, Sight};
use bench_score::plan::{Cost, CostSource, cost, noise, record_bytes};
use clap::Args;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Say what runs will cost (hours, disk) and what they can show, before any of them runs
///
/// Takes what `bench run` takes, runs nothing and builds nothing. Times and noise are those of the records at hand, else of the
/// workload's committed calibration, else the whole budget and the noise measured in AlgoPerf's competitions; which, is said.
#[derive(Args)]
#[command(after_help = "Examples:
  bench plan adamw lion --suite quick --ruleset external-tuning
  bench plan adamw --studies 10 --effect 2%
  bench plan adamw lion --suite quick --ruleset external-tuning --json")]
pub(crate) struct Arguments {
    #[command(flatten)]
    selection: Selection,
    /// The difference that is to be found, such as 5% or 0.05
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = share)]
    effect: f64,
    /// For programs: everything, and a command for each missing trial
    #[arg(long)]
    json: bool,
}

/// A submission on a workload.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Row {
    submission: String,
    workload: String,
    trials: u32,
    missing: u32,
    #[serde(flatten)]
    cost: Cost,
}

/// What `--json` prints.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Document<'a> {
    rows: &'a [Row],
    seconds: f64,
    seconds_at_most: f64,
    disk_bytes: u64,
    effect: f64,
    sight: &'a Sight,
    commands: Vec<String>,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let selection = &arguments.selection;
    let (workspace, submissions) = selection.open()?;
    let plan = run::plan(selection, &workspace, &submissions)?;
    let results = selection.results.folder.as_deref();
    let reporter = Reporter::start(Style::Quiet);
    let options = Options {
        dry_run: true,
        ..Options::default()
    };
    let session = trials::prepare(&workspace, plan, results, options, &reporter)?;
    let mut builder = CargoBuilder::new(workspace.home.clone(), workspace.programs());
    let reports = session::run(&session, &mut builder, &Interrupts::default(), &mut |_| {})?;
    let (stored, unreadable) = store::scan(&session.runs);
    let stored = store::latest(stored);
    let records: Vec<Trial> = stored.iter().map(|stored| stored.trial.clone()).collect();
    let missing: Vec<&RunSpec> = reports
        .iter()
        .filter(|report| report.action.runs())
        .map(|report| &session.trials[report.index].run)
        .collect();
    let runs: Vec<&RunSpec> = session.trials.iter().map(|planned| &planned.run).collect();
    let known = Known {
        calibrations: calibrations(&workspace, &runs)?,
        records,
        machine: session.machine.fingerprint.clone(),
    };
    let rows = rows(&runs, &missing, &known);
    let sight = seen(&runs, &known, arguments.effect);
    let disk = disk(&rows, &stored);
    if arguments.json {
        screen.json(&Document {
            seconds: total(&rows, |cost| cost.seconds),
            seconds_at_most: total(&rows, |cost| cost.seconds_at_most),
            rows: &rows,
            disk_bytes: disk,
            effect: arguments.effect,
            sight: &sight,
            commands: missing
                .iter()
                .map(|run| selection.only(&submissions, run).command("run").to_string())
                .collect(),
        })?;
    } else {
        screen.print(&text(&rows, &sight, disk, arguments.effect, screen.width()))?;
    }
    Failure::left_out(unreadable)?;
    Ok(Exit::Ok)
}

/// What figures rest on.
struct Known {
    records: Vec<Trial>,
    calibrations: Vec<CalibrationRecord>,
    /// Fingerprint of this machine.
    machine: String,
}

/// The committed calibrations of these runs' workloads, where there are any.
pub(super) fn calibrations(
    workspace: &Workspace,
    runs: &[&RunSpec],
) -> Result<Vec<CalibrationRecord>, Failure> {
    let names: BTreeSet<&str> = runs.iter().map(|run| run.workload_name.as_str()).collect();
    let committed = |name: &&str| calibrate::record_path(workspace, name).exists();
    let names = names.into_iter().filter(committed);
    names
        .map(|name| calibrate::record(workspace, name))
        .collect()
}

fn rows(runs: &[&RunSpec], missing: &[&RunSpec], known: &Known) -> Vec<Row> {
    let mut rows: BTreeMap<(usize, usize), Row> = BTreeMap::new();
    let place = |run: &RunSpec| {
        let same = |other: &&RunSpec| other.submission.name == run.submission.name;
        let on = |other: &&RunSpec| other.workload_name == run.workload_name;
        let of = |found: Option<usize>| found.unwrap_or(0);
        (of(runs.iter().position(same)), of(runs.iter().position(on)))
    };
    for run in runs {
        let row = rows.entry(place(run)).or_insert_with(|| Row {
            submission: run.submission.name.clone(),
            workload: run.workload_name.clone(),
            trials: 0,
            missing: 0,
            cost: cost(run, &known.records, &known.calibrations, &known.machine),
        });
        row.trials += 1;
        row.missing += u32::from(missing.iter().any(|other| std::ptr::eq(*other, *run)));
    }
    rows.into_values().collect()
}

/// What a comparison of two of these submissions could see.
fn seen(runs: &[&RunSpec], known: &Known, effect: f64) -> Sight {
    let mut workloads: BTreeMap<&str, Noise> = BTreeMap::new();
    for run in runs {
        let name = run.workload_name.as_str();
        let noise = || noise(run, &known.records, &known.calibrations);
        workloads.entry(name).or_insert_with(noise);
    }
    let studies = runs.iter().map(|run| (run.seed.base, run.seed.study));
    let studies = studies.collect::<BTreeSet<_>>().len();
    Sight::with(
        workloads.into_values().collect(),
        studies,
        effect,
        Rule::default().alpha,
    )
}

fn total(rows: &[Row], each: fn(&Cost) -> f64) -> f64 {
    rows.iter()
        .map(|row| f64::from(row.missing) * each(&row.cost))
        .sum()
}

/// Records that stay, and three copies of the largest snapshot while a trial runs: two are kept, and a new one is written before the older goes.
fn disk(rows: &[Row], stored: &[Stored]) -> u64 {
    let sizes: Vec<u64> = stored
        .iter()
        .map(|stored| folder_size(&stored.folder))
        .collect();
    let missing: u64 = rows.iter().map(|row| u64::from(row.missing)).sum();
    let snapshot = rows.iter().filter_map(|row| row.cost.snapshot_bytes).max();
    missing * record_bytes(&sizes) + 3 * snapshot.unwrap_or(0)
}

fn text(rows: &[Row], seen: &Sight, disk: u64, effect: f64, width: usize) -> String {
    let grid = Grid {
        columns: vec![
            Column::words("submission", "submission", 0),
            Column::words("workload", "workload", 0),
            Column::numbers("trials", "trials", 0),
            Column::numbers("missing", "missing", 0),
            Column::numbers("a trial", "seconds", 1),
            Column::numbers("missing ones", "missing-seconds", 0),
            Column::numbers("at most", "missing-seconds-at-most", 2),
            Column::words("from", "source", 1),
        ],
        rows: rows.iter().map(cells).collect(),
    };
    let missing: u32 = rows.iter().map(|row| row.missing).sum();
    let sure = match rows.iter().map(|row| row.cost.source).max() {
        Some(CostSource::Budget) => ", where nothing is known as if it spent its whole budget",
        Some(CostSource::Steps) => {
            ", where only a step's time is known as if it took all its steps"
        }
        Some(CostSource::CalibrationElsewhere) => {
            ", where nothing ran yet as another machine's calibration has it"
        }
        Some(CostSource::Calibration) => ", where nothing ran yet as the calibration has it",
        _ => "",
    };
    let cost = format!(
        "{} trials to run: {} on this machine{sure}; {} at most; {} of disk",
        units::count(u64::from(missing)),
        units::roughly(total(rows, |cost| cost.seconds)),
        units::roughly(total(rows, |cost| cost.seconds_at_most)),
        units::bytes(disk),
    );
    let can: Vec<String> = sight(seen, effect)
        .iter()
        .map(|line| format!("  {line}"))
        .collect();
    format!(
        "{cost}\n\n{}\n\nWhat they can show, each submission against another\n{}",
        grid.terminal(width),
        can.join("\n")
    )
}

fn cells(row: &Row) -> Vec<Cell> {
    let missing = f64::from(row.missing);
    let time = |seconds: f64| Cell::new(units::roughly(seconds), seconds);
    let source = match row.cost.source {
        CostSource::Records => "its records",
        CostSource::Others => "others' records",
        CostSource::Calibration => "its calibration",
        CostSource::CalibrationElsewhere => "its calibration, elsewhere",
        CostSource::Steps => "steps elsewhere",
        CostSource::Budget => "the budget",
    };
    vec![
        Cell::plain(&row.submission),
        Cell::plain(&row.workload),
        Cell::plain(row.trials),
        Cell::plain(row.missing),
        time(row.cost.seconds),
        time(missing * row.cost.seconds),
        time(missing * row.cost.seconds_at_most),
        Cell::plain(source),
    ]
}
