//! `bench plot`: pictures as SVG.

mod ranking;
mod schedule;

use super::calibrate;
use crate::arguments::Results;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::workspace::{Workspace, find_records};
use bench_harness::file::write_together;
use bench_harness::store::{self, Stored};
use bench_report::calibration;
use bench_report::curves::{Axis, Quantity, curves};
use bench_report::lineage::Lineage;
use bench_report::{Drawn, PictureError, pairs, profiles};
use bench_score::Ranking;
use clap::{Args, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};

/// Draw pictures of records and schedules, as SVG
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    picture: Picture,
}

#[derive(Subcommand)]
enum Picture {
    Curves(Curves),
    Calibration(Calibrated),
    Lineage(LineageOf),
    Schedule(schedule::Arguments),
    /// Draw performance profiles of a field, with bands
    Profiles(ranking::Arguments),
    /// Draw the matrix of all pairs: how much slower, and whether they can be told apart
    Pairs(ranking::Arguments),
}

/// Draw learning curves of one workload, with the target and where it was met
#[derive(Args)]
#[command(after_help = "Examples:
  bench plot curves 0123456789ab --output run.svg
  bench plot curves adamw/fashion-mnist-mlp lion/fashion-mnist-mlp --by steps --output curves.svg
  bench plot curves 0123456789ab --of train-loss --output loss.svg

The trials of a search share a colour, and the best of them stands out.")]
struct Curves {
    /// Trials: folders, digits, or parts of paths
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
    /// Where the picture goes; `-` is standard output
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// The horizontal axis
    #[arg(long, value_enum, default_value = "time")]
    by: By,
    /// The vertical axis
    #[arg(long, value_enum, default_value = "validation")]
    of: Of,
    #[command(flatten)]
    results: Results,
}

/// Draw a workload's calibration: every curve of its committed record, and the target
#[derive(Args)]
#[command(after_help = "Examples:
  bench plot calibration fashion-mnist-mlp --output calibration.svg")]
struct Calibrated {
    /// The workload
    workload: String,
    /// Where the picture goes; `-` is standard output
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

/// Draw a population's history: fitness, hyperparameters and who copied whom
#[derive(Args)]
#[command(after_help = "Examples:
  bench plot lineage pbt/fashion-mnist-mlp --output lineage.svg
  bench plot lineage 0123456789ab --output lineage.svg

Of several trials the one that began last is drawn. The line that led to the fittest member stands out.
A submission's population is drawn when it logs `member-<number>/fitness`, `member-<number>/parent` and
hyperparameters under such names.")]
struct LineageOf {
    /// A trial: folder, digits, or part of its path
    #[arg(value_name = "RUN")]
    run: String,
    /// Where the picture goes; `-` is standard output
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    results: Results,
}

#[derive(Clone, Copy, ValueEnum)]
enum Of {
    /// The target's metric on the validation split
    Validation,
    /// The loss of the last training batch before each evaluation
    TrainLoss,
    /// The learning rate there
    LearningRate,
    /// The norm of the gradients there, before clipping
    GradientNorm,
}

#[derive(Clone, Copy, ValueEnum)]
enum By {
    /// Submission time
    Time,
    /// Steps
    Steps,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    match &arguments.picture {
        Picture::Curves(arguments) => draw_curves(arguments, screen),
        Picture::Calibration(arguments) => draw_calibration(arguments, screen),
        Picture::Lineage(arguments) => draw_lineage(arguments, screen),
        Picture::Schedule(arguments) => draw_schedules(arguments, screen),
        Picture::Profiles(arguments) => draw_field(arguments, profiles, "profiles", screen),
        Picture::Pairs(arguments) => draw_field(arguments, pairs, "pairs", screen),
    }
}

fn draw_curves(arguments: &Curves, screen: &Screen) -> Result<Exit, Failure> {
    let folder = Workspace::open()?.runs(arguments.results.folder.as_deref())?;
    let mut trials = Vec::new();
    let mut left_out = Vec::new();
    for run in &arguments.runs {
        let (found, others) = find_records(&folder, run)?;
        trials.extend(found.into_iter().map(|stored| stored.trial));
        left_out.extend(others);
    }
    let axis = match arguments.by {
        By::Time => Axis::Time,
        By::Steps => Axis::Steps,
    };
    let quantity = match arguments.of {
        Of::Validation => Quantity::Validation,
        Of::TrainLoss => Quantity::TrainLoss,
        Of::LearningRate => Quantity::LearningRate,
        Of::GradientNorm => Quantity::GradientNorm,
    };
    let svg = curves(&trials, axis, quantity)?;
    let what = format!("{} curves", trials.len());
    save(&arguments.output, &svg, &what, screen)?;
    Failure::left_out(left_out)?;
    Ok(Exit::Ok)
}

fn draw_calibration(arguments: &Calibrated, screen: &Screen) -> Result<Exit, Failure> {
    let record = calibrate::record(&Workspace::open()?, &arguments.workload)?;
    let svg = calibration::picture(&record)?;
    save(&arguments.output, &svg, "the calibration", screen)
}

/// Of several records that fit the text, the one that began last.
fn draw_lineage(arguments: &LineageOf, screen: &Screen) -> Result<Exit, Failure> {
    let folder = Workspace::open()?.runs(arguments.results.folder.as_deref())?;
    let (found, left_out) = find_records(&folder, &arguments.run)?;
    let began = |stored: &&Stored| stored.trial.record.started.clone();
    let Some(stored) = found.iter().max_by_key(began) else {
        return Ok(Exit::Ok);
    };
    let run = &stored.trial.record.run;
    let title = format!(
        "{} on {}, study {}, trial {}",
        run.submission.name, run.workload_name, run.seed.study, run.seed.trial
    );
    let (_, lines) = store::open(&stored.folder)?;
    let svg = Lineage::read(&lines)?.svg(&title)?;
    let what = format!("the lineage of {}", stored.folder.display());
    save(&arguments.output, &svg, &what, screen)?;
    Failure::left_out(left_out)?;
    Ok(Exit::Ok)
}

fn draw_schedules(arguments: &schedule::Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let (named, svg) = schedule::draw(arguments)?;
    let what = match named {
        1 => "1 schedule".to_owned(),
        n => format!("{n} schedules"),
    };
    save(&arguments.output, &svg, &what, screen)
}

fn draw_field(
    arguments: &ranking::Arguments,
    picture: fn(&Ranking, &str) -> Result<Drawn, PictureError>,
    what: &str,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let svg = ranking::draw(arguments, picture)?;
    save(&arguments.output, &svg, what, screen)
}

fn save(output: &Path, svg: &str, what: &str, screen: &Screen) -> Result<Exit, Failure> {
    if output.as_os_str() == "-" {
        screen.data(svg)?;
        return Ok(Exit::Ok);
    }
    write_together(&[(output.to_owned(), svg)])?;
    screen.print(&format!("{what} in {}", output.display()))?;
    Ok(Exit::Ok)
}
