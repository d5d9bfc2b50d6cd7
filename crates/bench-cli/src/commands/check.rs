//! `bench check`: whether a submission keeps the contract, told by the submission's own program.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::{Reporter, Style};
use crate::workspace::Workspace;
use bench_core::protocol::Task;
use bench_core::run::{DeviceKind, Local, Purpose, SubmissionIdentity};
use bench_core::spec::harness::Ruleset;
use bench_core::spec::resolve::Request;
use bench_core::spec::submission::{Choice, Dimension, Value};
use bench_harness::launch::Launch;
use bench_harness::program::{BuildProgress, Builder as _, CargoBuilder};
use bench_harness::session::SessionEvent;
use bench_harness::{scratch, setup};
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;

/// Needs no data, and every checkout has it.
const WORKLOAD: &str = "synthetic";

/// Build a submission and check that it keeps the contract, or that it equals golden trajectories
#[derive(Args)]
#[command(after_help = "Examples:
  bench check submissions/adamw
  bench check adamw --golden ../goldens/adamw.json
  bench check ../my-optimizer --format json")]
pub(crate) struct Arguments {
    /// Name or folder of a submission
    submission: String,
    /// Compare with this file of golden trajectories, in double precision
    #[arg(long, value_name = "FILE")]
    golden: Option<PathBuf>,
    /// How the program writes what it found
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

pub(super) fn execute(arguments: &Arguments) -> Result<Exit, Failure> {
    let given = [arguments.submission.clone()];
    let (workspace, names) = Workspace::with_submissions(&given)?;
    let name = names.first().unwrap_or(&arguments.submission);
    let task = task(&workspace, name, &BTreeMap::new())?;
    let threads = task.run.threads;
    // It lives until the program has run, which keeps that.
    let mut builder = CargoBuilder::new(workspace.home.clone(), workspace.programs());
    let launch = build(&workspace, &mut builder, &task.run.submission)?;
    // Golden trajectories bring hyperparameters of their own.
    let tasks = match arguments.golden {
        Some(_) => Vec::new(),
        None => {
            let choices = choices(&workspace, name).into_iter();
            let choices = choices.map(|(name_of, value)| {
                self::task(&workspace, name, &BTreeMap::from([(name_of, value)]))
            });
            std::iter::once(Ok(task))
                .chain(choices)
                .collect::<Result<Vec<_>, _>>()?
        }
    };
    run(launch, threads, arguments, &tasks)
}

/// Every value of the search space's lists but the defaults: other ways through the code.
fn choices(workspace: &Workspace, submission: &str) -> Vec<(String, Value)> {
    let entrant = workspace.catalog.submissions.get(submission);
    let dimensions = entrant
        .into_iter()
        .flat_map(|entrant| &entrant.submission.search_space);
    let of = |(name, dimension): (&String, &Dimension)| match dimension {
        Dimension::Choice(Choice { values, default }) => {
            let others = values.iter().filter(|value| *value != default);
            others.map(|value| (name.clone(), value.clone())).collect()
        }
        _ => Vec::new(),
    };
    dimensions.flat_map(of).collect()
}

/// What the suite takes its hyperparameters from: the submission's defaults on the workload that needs no data, with values of one's own.
fn task(
    workspace: &Workspace,
    submission: &str,
    own: &BTreeMap<String, Value>,
) -> Result<Task, Failure> {
    let Some(entrant) = workspace.catalog.submissions.get(submission) else {
        return Err(workspace.no_submission(submission));
    };
    let mut rulesets = workspace.harness()?.rulesets.iter();
    let enters = |(_, rules): &(_, &Ruleset)| entrant.submission.rulesets.contains(&rules.tuning);
    let run = workspace.catalog.resolve(&Request {
        workload: WORKLOAD,
        submission,
        ruleset: rulesets
            .find(enters)
            .map_or(super::run::RULESET, |(name, _)| name),
        purpose: Purpose::Scoring,
        base_seed: 0,
        study: 1,
        trial: 1,
        trials: None,
        hyperparameters: Some(own),
        threads: None,
        device: Some(DeviceKind::Cpu),
    });
    Ok(Task {
        run: run.map_err(|error| workspace.unresolved(error))?,
        local: Local {
            data: BTreeMap::new(),
            scratch: scratch::folder(),
            device_index: 0,
            resume: None,
        },
    })
}

/// How the submission's program is started.
fn build(
    workspace: &Workspace,
    builder: &mut CargoBuilder,
    submission: &SubmissionIdentity,
) -> Result<Launch, Failure> {
    let reporter = Reporter::start(Style::Human);
    let mut listener = |progress| reporter.work(progress);
    setup::ensure(&workspace.home, Default::default(), &mut listener)?;
    workspace.ensure_python(std::iter::once(submission.name.as_str()), &mut listener)?;
    let interrupts = super::interrupts()?;
    let name = &submission.name;
    reporter.session(SessionEvent::Building { submission: name });
    let mut listener = |progress: BuildProgress<'_>| reporter.build(progress);
    let programs = builder.build(submission, &interrupts, &mut listener)?;
    Ok(programs.worker.launch)
}

/// Hands the terminal over to the program, and its verdict on.
fn run(
    launch: Launch,
    threads: u32,
    arguments: &Arguments,
    tasks: &[Task],
) -> Result<Exit, Failure> {
    let mut launch = launch.with(["check"]).writing(scratch::places());
    if let Some(golden) = &arguments.golden {
        launch = launch.with(["--golden".into(), golden.as_os_str().to_owned()]);
        launch = launch.reading([golden.clone()]);
    }
    if arguments.format == Format::Json {
        launch = launch.with(["--format", "json"]);
    }
    let path = launch.program().to_owned();
    let failed = |error: std::io::Error| {
        let message = format!("cannot start {}: {error}", path.display());
        Failure::new(Exit::WorkerDied, message, None)
    };
    let program = launch.command(threads);
    let mut program = program.map_err(|error| Failure::new(Exit::Environment, error, None))?;
    program.stdin(match tasks {
        [] => Stdio::null(),
        _ => Stdio::piped(),
    });
    let mut child = program.spawn().map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        for task in tasks {
            let line = serde_json::to_string(task).map_err(Failure::bug)?;
            // A program that ends without reading says so by its exit code.
            let _ = writeln!(input, "{line}");
        }
    }
    let status = child.wait().map_err(failed)?;
    Ok(match status.code() {
        Some(0) => Exit::Ok,
        Some(_) => Exit::RunFailed,
        None => {
            let message = format!("{} {status}", path.display());
            return Err(Failure::new(Exit::WorkerDied, message, None));
        }
    })
}
