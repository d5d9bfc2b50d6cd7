//! `bench plot schedule`: schedules as text, or those of submissions.

use crate::failure::Failure;
use crate::workspace::Workspace;
use bench_core::schedule::Schedule;
use bench_core::spec::diagnostic::nearest;
use bench_core::spec::schema::Kind;
use clap::Args;
use std::path::PathBuf;

/// Draw learning-rate schedules, as a submission.yaml names them or as a submission has them
#[derive(Args)]
#[command(after_help = "Examples:
  bench plot schedule 'wsd{warmup: 5%, cooldown: 20%, shape: 1-sqrt}' --output wsd.svg
  bench plot schedule 'warmup-cosine{warmup: 5%}' linear-decay --steps 4000 --output both.svg
  bench plot schedule adamw-wsd submissions/adamw-power --output entrants.svg

A submission's schedule is drawn at the defaults of the hyperparameters and with the file of norms that it names. A word that is a schedule's name
is that schedule; a submission of the same name is drawn by its folder.")]
pub(super) struct Arguments {
    /// Schedules by name, with settings in braces or without; or submissions by name or folder
    #[arg(required = true, value_name = "SCHEDULE|SUBMISSION")]
    schedules: Vec<String>,
    /// The horizon: what percentages are of
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub(super) steps: u64,
    /// Where the picture goes; `-` is standard output
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: PathBuf,
}

/// The schedules that the arguments name, each with what stands beside its line.
pub(super) fn named(arguments: &Arguments) -> Result<Vec<(String, Schedule)>, Failure> {
    let given = arguments.schedules.iter();
    given
        .map(|text| match is_schedule(text) {
            true => Ok((text.clone(), Schedule::parse(text)?)),
            false => of_submission(text),
        })
        .collect()
}

fn is_schedule(text: &str) -> bool {
    text.contains('{') || Schedule::NAMES.contains(&text.trim())
}

fn of_submission(given: &str) -> Result<(String, Schedule), Failure> {
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
    Ok((name.to_owned(), schedule))
}
