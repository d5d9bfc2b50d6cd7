//! `bench list`: what there is to run.

use crate::arguments::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_core::spec::dataset::{Dataset, Source};
use bench_core::spec::submission::Tuning;
use bench_harness::data;
use bench_report::{Cell, Column, Grid, units};
use clap::{Args, ValueEnum};

/// List workloads, submissions, suites, datasets or rulesets
#[derive(Args)]
#[command(after_help = "Examples:
  bench list workloads
  bench list submissions --format json")]
pub(crate) struct Arguments {
    /// What to list
    what: What,
    /// How to write it
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// What is trained: data, model, target, budget
    Workloads,
    /// Training algorithms
    Submissions,
    /// Named lists of workloads
    Suites,
    /// Data sets and whether they are fetched
    Datasets,
    /// Rules of tuning and counting
    Rulesets,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let workspace = Workspace::open()?;
    let grid = match arguments.what {
        What::Workloads => workloads(&workspace),
        What::Submissions => submissions(&workspace),
        What::Suites => suites(&workspace)?,
        What::Datasets => datasets(&workspace),
        What::Rulesets => rulesets(&workspace)?,
    };
    screen.table(arguments.format, &grid)?;
    match workspace.catalog.diagnostics.len() {
        0 => Ok(Exit::Ok),
        n => Err(Failure::usage(
            format!("{n} mistakes in specs; what has mistakes is not listed"),
            "`bench spec check` shows them".to_owned(),
        )),
    }
}

/// What `bench data list` shows too.
pub(super) fn datasets_table(screen: &Screen) -> Result<Exit, Failure> {
    let grid = datasets(&Workspace::open()?);
    screen.print(&grid.terminal(screen.width()))?;
    Ok(Exit::Ok)
}

fn workloads(workspace: &Workspace) -> Grid {
    let row = |(name, workload): (&String, &bench_core::spec::workload::Workload)| {
        let target = &workload.target;
        vec![
            Cell::plain(name),
            Cell::plain(&workload.dataset),
            Cell::plain(data_state(workspace, &workload.dataset)),
            Cell::plain(format!("{} {}", target.metric.name(), target.validation)),
            Cell::new(
                workload.budget.time.to_string(),
                workload.budget.time.seconds(),
            ),
            Cell::new(units::count(workload.budget.steps), workload.budget.steps),
            Cell::plain(workload.about.as_deref().unwrap_or_default()),
        ]
    };
    Grid {
        columns: vec![
            Column::words("workload", "workload", 0),
            Column::words("data set", "dataset", 2),
            Column::words("data", "data", 0),
            Column::words("target", "target", 2),
            Column::numbers("budget", "budget-seconds", 1),
            Column::numbers("steps", "budget-steps", 3),
            Column::words("about", "about", 4),
        ],
        rows: workspace.catalog.workloads.iter().map(row).collect(),
    }
}

/// Whether a workload can run, and what is missing.
fn data_state(workspace: &Workspace, name: &str) -> String {
    let Some(dataset) = workspace.catalog.datasets.get(name) else {
        return "its file has mistakes".to_owned();
    };
    if matches!(data::find(&workspace.home, name, dataset), Ok(Some(_))) {
        return "here".to_owned();
    }
    let supplied = |source: &Source| matches!(source, Source::Folder(_) | Source::Files(_));
    let sources = &dataset.sources;
    match !sources.is_empty() && sources.iter().all(supplied) {
        true => format!("missing: `bench data fetch {name}`"),
        false => "fetched when run".to_owned(),
    }
}

fn submissions(workspace: &Workspace) -> Grid {
    let entrants = workspace.catalog.submissions.iter();
    let rows = entrants.map(|(name, entrant)| {
        let submission = &entrant.submission;
        let enters: Vec<_> = submission
            .rulesets
            .iter()
            .map(|&tuning| tuning_name(tuning))
            .collect();
        vec![
            Cell::plain(name),
            Cell::plain(enters.join(", ")),
            Cell::plain(&entrant.program),
            Cell::plain(submission.paper.as_deref().unwrap_or_default()),
            Cell::plain(submission.about.as_deref().unwrap_or_default()),
        ]
    });
    Grid {
        columns: vec![
            Column::words("submission", "submission", 0),
            Column::words("enters", "enters", 1),
            Column::words("program", "program", 3),
            Column::words("paper", "paper", 2),
            Column::words("about", "about", 0),
        ],
        rows: rows.collect(),
    }
}

fn suites(workspace: &Workspace) -> Result<Grid, Failure> {
    let suites = workspace.harness()?.suites.iter();
    let rows =
        suites.map(|(name, workloads)| vec![Cell::plain(name), Cell::plain(workloads.join(", "))]);
    Ok(Grid {
        columns: vec![
            Column::words("suite", "suite", 0),
            Column::words("workloads", "workloads", 0),
        ],
        rows: rows.collect(),
    })
}

fn datasets(workspace: &Workspace) -> Grid {
    let row = |(name, dataset): (&String, &Dataset)| {
        let splits = &dataset.splits;
        let fetched = data::find(&workspace.home, name, dataset);
        let fetched = matches!(fetched, Ok(Some(_)));
        vec![
            Cell::plain(name),
            Cell::new(units::count(splits.train.count), splits.train.count),
            Cell::new(
                units::count(splits.validation.count),
                splits.validation.count,
            ),
            Cell::new(units::count(splits.test.count), splits.test.count),
            Cell::plain(if fetched { "yes" } else { "no" }),
            Cell::plain(&dataset.licence),
            Cell::plain(dataset.about.as_deref().unwrap_or_default()),
        ]
    };
    Grid {
        columns: vec![
            Column::words("data set", "dataset", 0),
            Column::numbers("train", "train-examples", 0),
            Column::numbers("validation", "validation-examples", 0),
            Column::numbers("test", "test-examples", 0),
            Column::words("fetched", "fetched", 0),
            Column::words("licence", "licence", 2),
            Column::words("about", "about", 1),
        ],
        rows: workspace.catalog.datasets.iter().map(row).collect(),
    }
}

fn rulesets(workspace: &Workspace) -> Result<Grid, Failure> {
    let rulesets = workspace.harness()?.rulesets.iter();
    let rows = rulesets.map(|(name, rules)| {
        vec![
            Cell::plain(name),
            Cell::plain(tuning_name(rules.tuning)),
            Cell::plain(rules.studies),
            Cell::plain(rules.trials),
            Cell::plain(rules.budget_factor),
            Cell::plain(if rules.confirm { "yes" } else { "no" }),
        ]
    });
    Ok(Grid {
        columns: vec![
            Column::words("ruleset", "ruleset", 0),
            Column::words("tuning", "tuning", 0),
            Column::numbers("studies", "studies", 0),
            Column::numbers("trials", "trials", 0),
            Column::numbers("budget x", "budget-factor", 1),
            Column::words("passage confirmed", "confirm", 1),
        ],
        rows: rows.collect(),
    })
}

fn tuning_name(tuning: Tuning) -> &'static str {
    match tuning {
        Tuning::ExternalTuning => "external-tuning",
        Tuning::SelfTuning => "self-tuning",
    }
}
