//! `bench cancel`: takes trials out of the queue.

use crate::arguments::Results;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_core::spec::diagnostic::nearest;
use bench_harness::cluster::{Plan, Slurm};
use clap::Args;

/// Cancel what `bench run --on slurm` submitted: queued trials, and running ones with their last snapshot kept
///
/// The command that submitted them submits them again; what ran goes on from its snapshot.
#[derive(Args)]
#[command(after_help = "Examples:
  bench cancel
  bench cancel 20261201T153012-1a2b3c4d")]
pub(crate) struct Arguments {
    /// One plan alone, as `bench watch` calls it
    #[arg(value_name = "PLAN")]
    plan: Option<String>,
    #[command(flatten)]
    results: Results,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let runs = Workspace::open()?.runs(arguments.results.folder.as_deref())?;
    let plans: Vec<String> = Plan::all(&runs).iter().map(Plan::id).collect();
    if let Some(name) = &arguments.plan
        && !plans.contains(name)
    {
        let help = match nearest(name, plans.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`bench watch` names the plans that are not over".to_owned(),
        };
        let message = format!("there is no plan `{name}` beside {}", runs.display());
        return Err(Failure::usage(message, help));
    }
    let is_meant = |plan: &String| match &arguments.plan {
        Some(name) => plan == name,
        None => plans.contains(plan),
    };
    let mut jobs = Slurm::queue()?;
    jobs.retain(|job| is_meant(&job.plan));
    Slurm::cancel(&jobs)?;
    let running = jobs.iter().filter(|job| job.runs()).count();
    screen.print(&match jobs.is_empty() {
        true => "nothing is queued or runs".to_owned(),
        false => format!(
            "cancelled {} queued trials and {running} that ran",
            jobs.len() - running
        ),
    })?;
    Ok(Exit::Ok)
}
