//! `bench rerun`: a published trial again, from the configuration that was published with it.

use crate::arguments::Results;
use crate::commands::trials::{self, Plan};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::{Reporter, Style};
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_core::record::{RecordedRun, RunRecord};
use bench_core::run::{PROTOCOL, RunSpec, SplitName};
use bench_core::spec::diagnostic::nearest;
use bench_harness::data;
use bench_harness::program::CargoBuilder;
use bench_harness::session::{self, Options, Session};
use bench_harness::store::{self, Stored};
use bench_report::page::{Embedded, EmbeddedError};
use bench_report::units;
use bench_score::Trial;
use clap::Args;
use std::path::Path;

/// Folder beside `results/runs`, so that no table counts a trial twice.
const RERUNS: &str = "results/reruns";

/// Run a published trial again, and say whether the results agree
#[derive(Args)]
#[command(after_help = "Examples:
  bench rerun board/index.html#0123456789ab
  bench rerun results/runs/single/adamw/fashion-mnist-mlp/study-1/trial-1-0123456789ab
  bench rerun trial.json

Exit code 0: steps to target and validation are the same; 1: they are not.")]
pub(crate) struct Arguments {
    /// PAGE#trial, a trial's folder or run.json, or what `bench show --format json` printed
    #[arg(value_name = "PAGE#TRIAL|FILE")]
    published: String,
    #[command(flatten)]
    results: Results,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

/// What was published of a trial.
struct Published {
    run: RecordedRun,
    source_hash: String,
    machine: String,
    result: Figures,
}

/// What is compared.
#[derive(Debug, PartialEq)]
struct Figures {
    outcome: String,
    steps_to_target: Option<u64>,
    validation: Option<f64>,
    /// Shown, not compared: clocks never agree.
    seconds_to_target: Option<f64>,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let published = read(&arguments.published)?;
    let workspace = Workspace::open()?;
    let reporter = Reporter::start(Style::of(arguments.quiet));
    let session = prepare(&published.run, arguments, &workspace, &reporter)?;
    let interrupts = super::interrupts()?;
    let mut builder = CargoBuilder::new(workspace.home.clone(), workspace.programs());
    let reports = session::run(&session, &mut builder, &interrupts, &mut |event| {
        reporter.session(event);
    })?;
    drop(reporter);
    if interrupts.requested() {
        return Ok(Exit::Interrupted);
    }
    let folder = reports.into_iter().next().and_then(|report| report.folder);
    let Some(folder) = folder else {
        let message = format!(
            "submission `{}` did not build",
            published.run.submission.name
        );
        return Err(Failure::new(Exit::BuildFailed, message, None));
    };
    let again = store::read(&folder)?;
    let (text, same) = verdict(&published, &again);
    screen.print(&text)?;
    Ok(if same { Exit::Ok } else { Exit::RunFailed })
}

/// Where the trial is, and what was said of it.
fn read(published: &str) -> Result<Published, Failure> {
    if let Some((page, id)) = published.rsplit_once('#') {
        return read_page(&text(Path::new(page))?, id);
    }
    let path = Path::new(published);
    if path.is_dir() {
        return Ok(Published::of(&store::read(path)?.trial));
    }
    let file = text(path)?;
    if let Ok(trial) = serde_json::from_str::<Trial>(&file) {
        return unchanged(&trial, published);
    }
    match (serde_json::from_str::<RunRecord>(&file), path.parent()) {
        (Ok(_), Some(folder)) => Ok(Published::of(&store::read(folder)?.trial)),
        _ => Err(Failure::usage(
            format!("{published} is no trial"),
            "give PAGE#trial, a trial's folder, its run.json, or what `bench show --format json` printed".to_owned(),
        )),
    }
}

/// A trial outside of its folder: its configuration has the hash that stands beside it.
fn unchanged(trial: &Trial, file: &str) -> Result<Published, Failure> {
    let (said, found) = (
        &trial.record.config_hash,
        trial.record.run.identity()?.config_hash,
    );
    match *said == found {
        true => Ok(Published::of(trial)),
        false => Err(Failure::new(
            Exit::Results,
            format!(
                "{file}: `config-hash` is {said:.12}, but `run` has {found:.12}: one of them was changed"
            ),
            None,
        )),
    }
}

fn text(path: &Path) -> Result<String, Failure> {
    bench_harness::file::read_text(path)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display()), None))
}

fn read_page(page: &str, id: &str) -> Result<Published, Failure> {
    let unreadable = |error: EmbeddedError| Failure::new(Exit::Usage, error, None);
    let embedded = Embedded::read(page).map_err(unreadable)?;
    let Some(entry) = embedded.trials.iter().find(|entry| entry.id == id) else {
        let ids = embedded.trials.iter().map(|entry| entry.id.as_str());
        let help = match nearest(id, ids) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "the first column of the page's trials has them".to_owned(),
        };
        return Err(Failure::usage(
            format!("the page has no trial `{id}`"),
            help,
        ));
    };
    let machine = embedded.machines.get(entry.machine);
    Ok(Published {
        run: embedded.run(entry).map_err(unreadable)?,
        source_hash: embedded
            .sources
            .get(entry.source)
            .cloned()
            .unwrap_or_default(),
        machine: machine
            .map(|machine| machine.fingerprint.clone())
            .unwrap_or_default(),
        result: Figures {
            outcome: entry.outcome.clone(),
            steps_to_target: entry.steps_to_target,
            validation: entry.validation,
            seconds_to_target: entry.seconds_to_target,
        },
    })
}

impl Published {
    fn of(trial: &Trial) -> Published {
        Published {
            run: trial.record.run.clone(),
            source_hash: trial.record.source_hash.clone(),
            machine: trial.record.machine.fingerprint.clone(),
            result: Figures::of(trial),
        }
    }
}

impl Figures {
    fn of(trial: &Trial) -> Figures {
        let hit = trial.summary.hit().map(|hit| hit.at);
        let metric = trial.record.run.workload.target.metric.name();
        let outcome = trial.summary.outcome.as_ref();
        Figures {
            outcome: outcome
                .map_or("unfinished", |outcome| outcome.name())
                .to_owned(),
            steps_to_target: hit.map(|at| at.step),
            validation: trial
                .summary
                .last(SplitName::Validation, metric)
                .filter(|value| value.is_finite()),
            seconds_to_target: hit.map(|at| at.submission_ns as f64 / 1e9),
        }
    }
}

fn prepare(
    run: &RunSpec,
    arguments: &Arguments,
    workspace: &Workspace,
    reporter: &Reporter,
) -> Result<Session, Failure> {
    same_protocol(run)?;
    same_data(run, workspace, reporter)?;
    let plan = Plan {
        suite: "rerun".to_owned(),
        runs: vec![run.clone()],
        device: run.device,
        device_index: 0,
        elsewhere: false,
    };
    let options = Options {
        fresh: true,
        ..Options::default()
    };
    let reruns = workspace.home.root.join(RERUNS);
    let folder = arguments.results.folder.as_ref().unwrap_or(&reruns);
    trials::prepare(workspace, plan, Some(folder), options, reporter)
}

/// What is hashed, and what programs are told, must mean the same as then.
fn same_protocol(run: &RunSpec) -> Result<(), Failure> {
    match run.protocol {
        PROTOCOL => Ok(()),
        then => Err(Failure::usage(
            format!("the trial is of protocol {then}, this bench speaks {PROTOCOL}"),
            "a checkout of then can run it again".to_owned(),
        )),
    }
}

/// The data must be what the trial saw.
fn same_data(run: &RunSpec, workspace: &Workspace, reporter: &Reporter) -> Result<(), Failure> {
    let name = &run.dataset.name;
    let help = "`git log -- workloads/datasets` shows when it changed; a checkout of then can run the trial";
    let Some(dataset) = workspace.catalog.datasets.get(name) else {
        return Err(Failure::usage(
            format!("this checkout has no data set `{name}`, on which the trial ran"),
            help.to_owned(),
        ));
    };
    let mut here = run.dataset.clone();
    for (split, identity) in &mut here.splits {
        let spec = match split {
            SplitName::Train => &dataset.splits.train,
            SplitName::Validation => &dataset.splits.validation,
            SplitName::Test => &dataset.splits.test,
        };
        identity.hash.clone_from(&spec.hash);
    }
    if here.is_unpinned() {
        let mut listener = |progress| reporter.work(progress);
        let prepared = data::fetch(&workspace.home, name, dataset, &mut listener)?;
        prepared.identify(&mut here)?;
    }
    for (split, identity) in &run.dataset.splits {
        if here.splits.get(split) != Some(identity) {
            let message = format!(
                "the {} split of `{name}` is not the one that the trial saw",
                split.name()
            );
            return Err(Failure::usage(message, help.to_owned()));
        }
    }
    Ok(())
}

/// What both say, and whether they say the same.
fn verdict(published: &Published, again: &Stored) -> (String, bool) {
    let (was, is) = (&published.result, Figures::of(&again.trial));
    let steps = |result: &Figures| {
        result
            .steps_to_target
            .map_or("missed".to_owned(), units::count)
    };
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| value.to_string());
    let time = |value: Option<f64>| value.map_or("-".to_owned(), units::seconds);
    let mut text = format!("{:<16} {:>16} {:>16}\n", "", "published", "here");
    for (name, was, is) in [
        ("outcome", was.outcome.clone(), is.outcome.clone()),
        ("steps to target", steps(was), steps(&is)),
        ("validation", number(was.validation), number(is.validation)),
        (
            "time to target",
            time(was.seconds_to_target),
            time(is.seconds_to_target),
        ),
    ] {
        text.push_str(&format!("{name:<16} {was:>16} {is:>16}\n"));
    }
    let record = &again.trial.record;
    let same = (was.steps_to_target, was.validation, &was.outcome)
        == (is.steps_to_target, is.validation, &is.outcome);
    let machine = published.machine == record.machine.fingerprint;
    text.push_str(match (same, machine) {
        (true, _) => "The results agree, digit for digit.",
        (false, true) => "The results differ, on the same machine.",
        (false, false) => {
            "The results differ; it is another machine, where sums may round otherwise."
        }
    });
    if published.source_hash != record.source_hash {
        text.push_str("\nWhat determines the programs here is not what it was: the submission's source, what it is built on, flags or compiler.");
    }
    if !machine && same {
        text.push_str("\nIt is another machine: times do not compare.");
    }
    text.push_str(&format!("\nrecord: {}", again.folder.display()));
    (text, same)
}
