//! `bench plot schedule`: schedules as text, or those of submissions.

use crate::failure::Failure;
use crate::workspace::{self, Workspace, spec_name};
use bench_core::schedule::Schedule;
use bench_core::spec::diagnostic::nearest;
use bench_core::spec::schema::Kind;
use bench_report::schedule::{Named, schedules};
use clap::Args;
use std::path::PathBuf;

/// Draw learning-rate schedules, as a submission.yaml names them or as a submission has them
#[derive(Args)]
#[command(after_help = "Examples:
  bench plot schedule 'wsd{warmup: 5%, cooldown: 20%, shape: 1-sqrt}' --output wsd.svg
  bench plot schedule 'warmup-cosine{warmup: 5%}' linear-decay --steps 4000 --output both.svg
  bench plot schedule adamw-wsd submissions/adamw-power --output entrants.svg
  bench plot schedule adamw nadamw --workload fashion-mnist-mlp --output rates.svg

A submission's schedule is drawn at the defaults of the hyperparameters and with the file of norms that it names. A word that is a schedule's name
is that schedule; a submission of the same name is drawn by its folder.")]
pub(super) struct Arguments {
    /// Schedules by name, with settings in braces or without; or submissions by name or folder
    #[arg(required = true, value_name = "SCHEDULE|SUBMISSION")]
    schedules: Vec<String>,
    /// The horizon: what percentages are of
    #[arg(long, default_value_t = 1000, conflicts_with = "workload", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    steps: u64,
    /// Draw the learning rates of submissions on this workload, over its step hint and on to its budget
    #[arg(long, short, value_name = "W")]
    workload: Option<String>,
    /// Where the picture goes; `-` is standard output
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: PathBuf,
}

/// Draws the schedules that the arguments name, and tells how many: their factors, or the rates that they make on a workload.
pub(super) fn draw(arguments: &Arguments) -> Result<(usize, String), Failure> {
    let named = |on_workload| -> Result<Vec<Named>, Failure> {
        let given = arguments.schedules.iter();
        given.map(|text| one(text, on_workload)).collect()
    };
    let Some(name) = &arguments.workload else {
        let (named, steps) = (named(false)?, arguments.steps);
        let svg = schedules(
            &named,
            steps,
            steps + steps / 10,
            "factor on the learning rate",
        )?;
        return Ok((named.len(), svg));
    };
    let given = workspace::workloads(std::slice::from_ref(name));
    let (workspace, _) = Workspace::with(&[], &given)?;
    let workload = workspace.catalog.workload(&spec_name(name));
    let workload = workload.map_err(|error| workspace.unresolved(error))?;
    let named = named(true)?;
    let (horizon, end) = (workload.step_hint, workload.budget.steps);
    let svg = schedules(&named, horizon, end.max(horizon), "learning rate")?;
    Ok((named.len(), svg))
}

fn one(text: &str, on_workload: bool) -> Result<Named, Failure> {
    if !is_schedule(text) {
        return of_submission(text, on_workload);
    }
    if on_workload {
        let message = format!("`{text}` is a schedule alone, which has no learning rate");
        let help = "with --workload, name submissions";
        return Err(Failure::usage(message, help.to_owned()));
    }
    Ok(Named {
        name: text.to_owned(),
        schedule: Schedule::parse(text)?,
        rate: 1.0,
    })
}

fn is_schedule(text: &str) -> bool {
    text.contains('{') || Schedule::NAMES.contains(&text.trim())
}

fn of_submission(given: &str, on_workload: bool) -> Result<Named, Failure> {
    let (workspace, names) = Workspace::with_submissions(&[given.to_owned()])?;
    let name = names.first().map_or(given, String::as_str);
    let catalog = &workspace.catalog;
    let submissions = &catalog.submissions;
    if !submissions.contains_key(name) && !catalog.is_broken(Kind::Submission, name) {
        let known = submissions.keys().map(String::as_str);
        let help = match nearest(name, Schedule::NAMES.into_iter().chain(known)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "schedules are {}; `bench list submissions` shows the others",
                Schedule::NAMES.join(", ")
            ),
        };
        let message = format!("there is no schedule and no submission called `{name}`");
        return Err(Failure::usage(message, help));
    }
    let schedule = catalog.default_schedule(name);
    let schedule = schedule.map_err(|error| workspace.unresolved(error))?;
    let rate = match on_workload {
        false => Some(1.0),
        true => submissions.get(name).and_then(|entrant| {
            let defaults = entrant.submission.defaults();
            defaults.get("learning-rate")?.as_number()
        }),
    };
    let no_rate = || {
        let message = format!("{name} has no number `learning-rate`, so no rate can be drawn");
        Failure::usage(
            message,
            "without --workload its schedule is drawn".to_owned(),
        )
    };
    Ok(Named {
        name: name.to_owned(),
        schedule,
        rate: rate.ok_or_else(no_rate)?,
    })
}
