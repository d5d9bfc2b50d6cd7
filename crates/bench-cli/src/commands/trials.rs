//! What all commands that run trials share: from configurations to a session, and from what became of it to an exit code.

use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::progress::Reporter;
use crate::workspace::Workspace;
use bench_core::outcome::{FailureKind, Outcome};
use bench_core::run::{DeviceKind, RunSpec, device};
use bench_core::spec::diagnostic::Source;
use bench_core::spec::point::{self, Own};
use bench_core::spec::search::Point;
use bench_core::spec::submission::Dimension;
use bench_harness::session::{KEEP_EVERY, Options, PlannedTrial, Session, TrialReport};
use bench_harness::{data, lease, machine, scratch, setup};
use std::collections::BTreeMap;
use std::path::Path;

/// What is to be run.
pub(super) struct Plan {
    /// Folder of the records: a suite's name, or `single`.
    pub(super) suite: String,
    /// One a trial, in order: study by study, so that an interrupted command leaves whole studies.
    pub(super) runs: Vec<RunSpec>,
    pub(super) device: DeviceKind,
    pub(super) device_index: u32,
    /// Whether other machines run them, whose devices are not seen from here.
    pub(super) elsewhere: bool,
}

/// Fetches what the trials need, unless it is there.
pub(super) fn prepare(
    workspace: &Workspace,
    plan: Plan,
    results: Option<&Path>,
    options: Options,
    reporter: &Reporter,
) -> Result<Session, Failure> {
    let home = &workspace.home;
    let harness = workspace.harness()?;
    let machine = machine::describe();
    let cuda = plan.device == DeviceKind::Cuda;
    if cuda && !plan.elsewhere && machine.gpus.len() <= plan.device_index as usize {
        return Err(no_card(plan.device_index, &machine.gpus));
    }
    let mut listener = |progress| reporter.work(progress);
    if !options.dry_run {
        setup::ensure(home, setup::Options { cuda }, &mut listener)?;
        let names = plan.runs.iter().map(|run| run.submission.name.as_str());
        workspace.ensure_python(names, &mut listener)?;
    }
    let mut trials = Vec::new();
    for mut run in plan.runs {
        let name = &run.dataset.name;
        let dataset = &workspace.catalog.datasets[name];
        let prepared = match options.dry_run {
            true => data::find(home, name, dataset)?,
            false => Some(data::fetch(home, name, dataset, &mut listener)?),
        };
        if let Some(prepared) = &prepared {
            prepared.identify(&mut run.dataset)?;
        }
        trials.push(PlannedTrial {
            suite: plan.suite.clone(),
            context: workspace.catalog.context(&run),
            run,
            data: prepared.map(|prepared| prepared.splits).unwrap_or_default(),
            device_index: plan.device_index,
        });
    }
    Ok(Session {
        trials,
        runs: workspace.runs(results)?,
        machine,
        limits: harness.limits,
        tolerances: harness.tolerances,
        options,
        lock: scratch::machine_lock(),
        keep_every: KEEP_EVERY,
        lapse: lease::LAPSE,
    })
}

fn no_card(index: u32, gpus: &[String]) -> Failure {
    let message = match gpus {
        [] => format!("device cuda:{index} was asked for, but the driver shows no NVIDIA card"),
        gpus => format!(
            "device cuda:{index} was asked for, but there is only {}",
            gpus.join(", ")
        ),
    };
    let help = "`--device cpu` runs on the processor; `nvidia-smi` shows what the driver sees";
    Failure::new(Exit::Environment, message, help.to_owned())
}

/// The worst that happened decides.
pub(super) fn exit(reports: &[TrialReport]) -> Exit {
    let failure = |report: &TrialReport| match &report.summary.outcome {
        Some(Outcome::Failed(failure)) => Some(failure.kind),
        _ => None,
    };
    let kinds: Vec<FailureKind> = reports.iter().filter_map(failure).collect();
    let any = |wanted: &[FailureKind]| kinds.iter().any(|kind| wanted.contains(kind));
    let outcomes = || {
        reports
            .iter()
            .filter_map(|report| report.summary.outcome.as_ref())
    };
    match () {
        () if any(&[FailureKind::Record]) => Exit::Results,
        () if any(&[FailureKind::Environment]) => Exit::Environment,
        () if any(&[FailureKind::Build]) => Exit::BuildFailed,
        () if any(&[
            FailureKind::Signal,
            FailureKind::Exit,
            FailureKind::OutOfMemory,
        ]) =>
        {
            Exit::WorkerDied
        }
        () if outcomes().any(Outcome::is_failure) => Exit::RunFailed,
        () => Exit::Ok,
    }
}

/// The device that was asked for.
pub(super) fn chosen_device(name: &str) -> Result<(DeviceKind, u32), Failure> {
    device(name).ok_or_else(|| {
        let help = "write `cpu`, `cuda:0`, or another card's number";
        Failure::usage(
            format!("there is no device called `{name}`"),
            help.to_owned(),
        )
    })
}

/// The user's own values, from a file and typed ones over it, for the hyperparameters of these search spaces. What is odd about them is told.
pub(super) fn own_point(
    file: Option<&Path>,
    set: &[String],
    spaces: &[&BTreeMap<String, Dimension>],
) -> Result<Option<Point>, Failure> {
    let file = file.map(|path| {
        let bytes = std::fs::read(path).map_err(|error| {
            Failure::usage(format!("cannot read {}: {error}", path.display()), None)
        })?;
        Ok(Source::of(path.to_owned(), &bytes))
    });
    let typed = (!set.is_empty()).then(|| {
        point::typed(set).map_err(|given| {
            let help = "write a name and a value, as in `--set learning-rate=1e-3`";
            Failure::usage(format!("`--set {given}` sets nothing"), help.to_owned())
        })
    });
    let mut own = None;
    for source in [file, typed].into_iter().flatten() {
        let Own { point, remarks } = point::read(source?, spaces).map_err(Failure::Specs)?;
        failure::remark(&remarks);
        own.get_or_insert_with(Point::new).extend(point);
    }
    Ok(own)
}
