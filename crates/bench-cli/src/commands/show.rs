//! `bench show`: one trial, from its outcome to the last nanosecond.

use crate::arguments::Results;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::workspace::{Workspace, find_records};
use bench_harness::store::Stored;
use bench_report::{evaluations, facts, trials, wall_time};
use clap::{Args, ValueEnum};

/// Show one trial: outcome, settings, evaluations, where the time went
#[derive(Args)]
#[command(after_help = "Examples:
  bench show results/runs/single/adamw/fashion-mnist-mlp/study-1/trial-1-0123456789ab
  bench show 0123456789ab
  bench show 0123456789ab --format json")]
pub(crate) struct Arguments {
    /// A trial's folder, its twelve digits, or a part of its path; more than one trial is listed
    run: String,
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
    /// The record and its summary
    Json,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let runs = Workspace::open()?.runs(arguments.results.folder.as_deref())?;
    let (found, left_out) = find_records(&runs, &arguments.run)?;
    match (arguments.format, found.as_slice()) {
        (Format::Json, [one]) => screen.json(&one.trial)?,
        (Format::Json, many) => {
            let trials: Vec<_> = many.iter().map(|stored| &stored.trial).collect();
            screen.json(&trials)?;
        }
        (Format::Text, [one]) => screen.print(&text(one, screen.width()))?,
        (Format::Text, many) => {
            let all: Vec<_> = many.iter().map(|stored| stored.trial.clone()).collect();
            screen.print(&trials(&all).terminal(screen.width()))?;
            for stored in many {
                screen.print(&stored.folder.display().to_string())?;
            }
        }
    }
    Failure::left_out(left_out)?;
    Ok(Exit::Ok)
}

fn text(stored: &Stored, width: usize) -> String {
    let trial = &stored.trial;
    let run = &trial.record.run;
    let mut text = format!(
        "{} on {}, ruleset {}, study {}, trial {}\n\n",
        run.submission.name, run.workload_name, run.ruleset_name, run.seed.study, run.seed.trial
    );
    for (name, line) in facts(trial) {
        text.push_str(&format!("  {name:<16} {line}\n"));
    }
    text.push_str(&format!("  {:<16} {}\n", "record", stored.folder.display()));
    if !trial.summary.curve.is_empty() {
        let metric = run.workload.target.metric.name();
        text.push_str(&format!(
            "\n{metric}\n{}\n",
            evaluations(trial).terminal(width)
        ));
    }
    if trial.summary.phases.wall_ns > 0 {
        let table = wall_time(&trial.summary).terminal(width);
        text.push_str(&format!("\nwhere the wall time went\n{table}\n"));
    }
    text
}
