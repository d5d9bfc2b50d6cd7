//! `bench task`: one trial of a frozen plan, as a batch system starts it.

use super::run::title;
use super::trials;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::{Reporter, Style};
use crate::screen::Screen;
use bench_harness::cluster::Plan;
use bench_harness::session;
use bench_report::units;
use clap::Args;
use std::path::PathBuf;

/// Run one trial of a plan that `bench run --on` froze
///
/// Needs neither cargo nor the checkout. The same again goes on with an interrupted trial and leaves a finished one alone, so that a scheduler may start it as often
/// as it likes.
#[derive(Args)]
#[command(after_help = "Examples:
  bench task results/runs/.plans/20261201T153012-1a2b3c4d 7")]
pub(crate) struct Arguments {
    /// The plan's folder
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// Which of its trials, from 0
    #[arg(value_name = "N")]
    number: usize,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let interrupts = super::interrupts()?;
    let plan = Plan::open(&arguments.plan)?;
    let (session, mut programs) = plan.task(arguments.number)?;
    let reporter = Reporter::start(Style::Human);
    let reports = session::run(&session, &mut programs, &interrupts, &mut |event| {
        reporter.session(event);
    })?;
    drop(reporter);
    for report in &reports {
        let outcome = report.summary.outcome.as_ref();
        screen.print(&format!(
            "{}: {} after {} steps",
            title(&session.trials[report.index].run),
            outcome.map_or("not run", |outcome| outcome.name()),
            units::count(report.summary.steps)
        ))?;
    }
    Ok(match trials::exit(&reports) {
        _ if interrupts.requested() => Exit::Interrupted,
        exit => exit,
    })
}
