//! The records of both sides: found, or made by running what is missing.

use super::side::{Entry, Side};
use super::{Arguments, pair};
use crate::commands::run::RULESET;
use crate::commands::trials::{self, Plan, chosen_device};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Reporter;
use crate::workspace::{Workspace, spec_name};
use bench_core::outcome::{FailureKind, Outcome};
use bench_core::run::{DeviceKind, Purpose, RunSpec};
use bench_core::spec::resolve::Request;
use bench_harness::interrupt::Interrupts;
use bench_harness::program::Builder;
use bench_harness::session::{self, Options, Session, Sources, TrialReport};
use bench_harness::store::{self, Stored};
use std::collections::BTreeSet;
use std::path::Path;

/// Folder of the records that comparisons make, and the suite where nothing else is said.
const FOLDER: &str = "compare";
const SUITE: &str = "quick";

/// What both sides have.
#[derive(Default)]
pub(super) struct Records {
    pub(super) base: Vec<Stored>,
    pub(super) candidate: Vec<Stored>,
    /// Trials that ended in a failure, in words.
    pub(super) trouble: Vec<String>,
    /// Why there is nothing to judge yet.
    pub(super) stopped: Option<Exit>,
}

/// A run and whose it is: 0 for the base, 1 for the candidate.
type Planned = (usize, RunSpec);

/// Reads and runs.
pub(super) fn collect(
    arguments: &Arguments,
    base: &Side,
    candidate: &Side,
    reporter: &Reporter,
) -> Result<Records, Failure> {
    let accept = arguments.accept > 0;
    let mut records = [stored(base, accept)?, stored(candidate, accept)?];
    let entries: Vec<(usize, &Entry)> = [base, candidate]
        .into_iter()
        .enumerate()
        .filter_map(|(number, side)| match side {
            Side::Submission(entry) => Some((number, &**entry)),
            Side::Records(_) => None,
        })
        .collect();
    let Some((_, first)) = entries.first() else {
        return Ok(records_of(records, Vec::new(), None));
    };
    let workspace = &first.workspace;
    let workloads = workloads(arguments, workspace, &records)?;
    let device = arguments
        .device
        .as_ref()
        .unwrap_or(&workspace.harness()?.device);
    let (device, device_index) = chosen_device(device)?;
    let planned = plan(arguments, &entries, &workloads, device)?;
    let (of, runs): (Vec<usize>, Vec<RunSpec>) = planned.into_iter().unzip();
    let plan = Plan {
        suite: FOLDER.to_owned(),
        runs,
        device,
        device_index,
        elsewhere: false,
    };
    let options = Options {
        rerun_failed: arguments.rerun_failed,
        dry_run: arguments.read_only,
        ..Options::default()
    };
    let results = arguments.results.folder.as_deref();
    let session = trials::prepare(workspace, plan, results, options, reporter)?;
    let interrupts = crate::commands::interrupts()?;
    let mut builders: Vec<_> = entries.iter().map(|(_, entry)| entry.builder()).collect();
    let builders = builders
        .iter_mut()
        .map(|builder| builder as &mut dyn Builder)
        .collect();
    let number = |side: &usize| {
        entries
            .iter()
            .position(|(number, _)| number == side)
            .unwrap_or(0)
    };
    let mut sources = Sources::several(builders, of.iter().map(number).collect());
    if !arguments.read_only {
        for (trial, side) in first_to_run(&session, &mut sources, &of)? {
            let (_, entry) = entries[number(&side)];
            if entry.is_revision() {
                pair::understand(entry, &session, trial, &interrupts, reporter)?;
            }
        }
    }
    let reports = session::run_from(&session, &mut sources, &interrupts, &mut |event| {
        reporter.session(event)
    })?;
    for report in &reports {
        let read = report.folder.as_deref().map(store::read);
        if let Some(Ok(stored)) = read
            && stored.outcome().is_some()
        {
            records[of[report.index]].push(stored);
        }
    }
    let stopped = match trials::exit(&reports) {
        _ if interrupts.requested() => Some(Exit::Interrupted),
        // A crash is a miss, which the verdict counts. A program that is not there, or a disk that is full, is no result.
        exit @ (Exit::BuildFailed | Exit::Environment | Exit::Results) => Some(exit),
        _ => None,
    };
    let of_report = |report: &TrialReport| trouble(report, &session.trials[report.index].run);
    let mut trouble: Vec<String> = reports.iter().filter_map(of_report).collect();
    trouble.dedup();
    Ok(records_of(records, trouble, stopped))
}

/// Of each side the first trial that is to run.
fn first_to_run(
    session: &Session,
    sources: &mut Sources<'_>,
    of: &[usize],
) -> Result<Vec<(usize, usize)>, Failure> {
    let dry = Session {
        options: Options {
            dry_run: true,
            ..session.options
        },
        ..session.clone()
    };
    let reports = session::run_from(&dry, sources, &Interrupts::default(), &mut |_| {})?;
    let runs = |side: usize| {
        let own = |report: &&TrialReport| of[report.index] == side && report.action.runs();
        Some((reports.iter().find(own)?.index, side))
    };
    Ok([0, 1].into_iter().filter_map(runs).collect())
}

fn records_of(
    [base, candidate]: [Vec<Stored>; 2],
    trouble: Vec<String>,
    stopped: Option<Exit>,
) -> Records {
    Records {
        base,
        candidate,
        trouble,
        stopped,
    }
}

/// What a folder of records holds; nothing yet for a submission. A baseline may be empty until it is accepted.
fn stored(side: &Side, accept: bool) -> Result<Vec<Stored>, Failure> {
    let Side::Records(folder) = side else {
        return Ok(Vec::new());
    };
    let (stored, errors) = store::scan(folder);
    let stored = store::latest(stored);
    Failure::left_out(errors)?;
    if stored.is_empty() && !accept {
        let message = format!("there is no record in {}", folder.display());
        let help = "a side is a submission, or a folder that `bench run` wrote, such as results/runs/single/adamw";
        return Err(Failure::usage(message, help.to_owned()));
    }
    let names: BTreeSet<&str> = stored
        .iter()
        .map(|stored| stored.trial.record.run.submission.name.as_str())
        .collect();
    if names.len() > 1 {
        let names: Vec<&str> = names.into_iter().collect();
        let message = format!(
            "{} holds records of {}: a side is one of them",
            folder.display(),
            names.join(", ")
        );
        return Err(Failure::usage(
            message,
            format!(
                "name the folder of one, such as {}",
                below(folder, &stored).display()
            ),
        ));
    }
    Ok(stored)
}

/// The folder of the first record's submission.
fn below<'a>(folder: &'a Path, stored: &'a [Stored]) -> &'a Path {
    let submission = stored
        .first()
        .and_then(|stored| stored.folder.ancestors().nth(3));
    submission.unwrap_or(folder)
}

/// What is asked for; else what the records of one side are of; else the quick suite.
pub(super) fn workloads(
    arguments: &Arguments,
    workspace: &Workspace,
    records: &[Vec<Stored>; 2],
) -> Result<Vec<String>, Failure> {
    if !arguments.workloads.is_empty() {
        let given = arguments.workloads.iter();
        return Ok(given.map(|given| spec_name(given)).collect());
    }
    let of = |stored: &Stored| stored.trial.record.run.workload_name.clone();
    let recorded: BTreeSet<String> = records.iter().flatten().map(of).collect();
    if arguments.suite.is_none() && !recorded.is_empty() {
        return Ok(recorded.into_iter().collect());
    }
    let suite = arguments.suite.as_deref().unwrap_or(SUITE);
    let suite = workspace.catalog.suite(suite);
    Ok(suite.map_err(|error| workspace.unresolved(error))?.to_vec())
}

/// Every study of every workload, the two sides in turns: A B, B A, and so on, so that a machine that warms up harms both.
fn plan(
    arguments: &Arguments,
    entries: &[(usize, &Entry)],
    workloads: &[String],
    device: DeviceKind,
) -> Result<Vec<Planned>, Failure> {
    let mut planned = Vec::new();
    for workload in workloads {
        for study in 1..=arguments.studies {
            let mut turn: Vec<&(usize, &Entry)> = entries.iter().collect();
            if study % 2 == 0 {
                turn.reverse();
            }
            for (number, entry) in turn {
                let seed = match number {
                    1 => arguments.candidate_seed.unwrap_or(arguments.seed),
                    _ => arguments.seed,
                };
                planned.push((*number, resolve(entry, workload, seed, study, device)?));
            }
        }
    }
    Ok(planned)
}

/// One study's configuration: defaults, or the values that were given, and a seed of its own purpose.
pub(super) fn resolve(
    entry: &Entry,
    workload: &str,
    base_seed: u64,
    study: u32,
    device: DeviceKind,
) -> Result<RunSpec, Failure> {
    let request = Request {
        workload,
        submission: &entry.name,
        ruleset: RULESET,
        purpose: Purpose::Comparing,
        base_seed,
        study,
        trial: 1,
        trials: None,
        hyperparameters: entry.point.as_ref(),
        threads: None,
        device: Some(device),
    };
    let run = entry.workspace.catalog.resolve(&request);
    run.map_err(|error| entry.workspace.unresolved(error))
}

fn trouble(report: &TrialReport, run: &RunSpec) -> Option<String> {
    let outcome = report
        .summary
        .outcome
        .as_ref()
        .filter(|outcome| outcome.is_failure())?;
    let what = match outcome {
        Outcome::Failed(failure) => failure.message.as_str(),
        other => other.name(),
    };
    // One build for all studies: told once.
    if matches!(outcome, Outcome::Failed(failure) if failure.kind == FailureKind::Build) {
        return Some(what.to_owned());
    }
    let log = report
        .folder
        .as_ref()
        .map(|folder| folder.join("stderr.log"));
    let log = log.map_or(String::new(), |log| format!("\n  log: {}", log.display()));
    Some(format!(
        "{} on {}, study {}: {what}{log}",
        run.submission.name, run.workload_name, run.seed.study
    ))
}
