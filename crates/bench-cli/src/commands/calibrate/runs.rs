//! The trials of a calibration, as records that a session finds again.

use super::Arguments;
use crate::commands::trials::{self, Plan, chosen_device};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Reporter;
use crate::workspace::Workspace;
use bench_core::number::Span;
use bench_core::run::RunSpec;
use bench_core::spec::calibration::{TUNING, Wanted};
use bench_core::spec::harness::{Limits, Tolerances};
use bench_core::spec::search::Point;
use bench_harness::interrupt::Interrupts;
use bench_harness::program::CargoBuilder;
use bench_harness::session::{self, Options, Session};
use bench_harness::store;
use bench_score::calibration::CalibrationTrial;
use std::time::Duration;

/// Folder of the records below `runs/`.
const FOLDER: &str = "calibration";
/// Nothing here is a matter of time, so that limits are only there to end what hangs.
const PATIENCE: u32 = 10;

/// What became of some trials.
pub(super) enum Collected {
    /// All came to an end.
    Done,
    /// They did not, and the command ends with this.
    Stopped(Exit),
}

/// Runs trials and keeps what they came to.
pub(super) struct Runs<'a> {
    pub(super) session: Session,
    pub(super) trials: Vec<CalibrationTrial>,
    builder: CargoBuilder,
    interrupts: Interrupts,
    reporter: &'a Reporter,
    results: Option<std::path::PathBuf>,
    key: Option<String>,
}

impl<'a> Runs<'a> {
    pub(super) fn new(
        workspace: &Workspace,
        arguments: &Arguments,
        reporter: &'a Reporter,
    ) -> Result<Runs<'a>, Failure> {
        let results = arguments.results.folder.clone();
        Ok(Runs {
            session: prepare(workspace, Vec::new(), results.as_deref(), reporter)?,
            trials: Vec::new(),
            builder: CargoBuilder::new(workspace.home.clone(), workspace.programs()),
            interrupts: crate::commands::interrupts()?,
            reporter,
            results,
            key: None,
        })
    }

    /// Every point of every baseline, point by point, so that an interrupted command has tried as many of each.
    pub(super) fn tune(
        &mut self,
        workspace: &Workspace,
        arguments: &Arguments,
    ) -> Result<Collected, Failure> {
        let unresolved = |error| workspace.unresolved(error);
        let mut spaces = Vec::new();
        for name in &arguments.submissions {
            let points = workspace.catalog.calibration_points(name, arguments.points);
            spaces.push((name, points.map_err(unresolved)?));
        }
        let mut runs = Vec::new();
        for index in 0..arguments.points as usize {
            for (name, points) in &spaces {
                if let Some(point) = points.get(index) {
                    runs.push(resolve(
                        workspace,
                        arguments,
                        name,
                        TUNING,
                        index as u32 + 1,
                        point,
                    )?);
                }
            }
        }
        self.run(workspace, runs)
    }

    /// Each best point on seeds that nothing was tuned on.
    pub(super) fn seeds(
        &mut self,
        workspace: &Workspace,
        arguments: &Arguments,
        best: &[(String, u32, Point)],
    ) -> Result<Collected, Failure> {
        let mut runs = Vec::new();
        for seed in 1..=arguments.seeds {
            for (name, number, point) in best {
                let study = TUNING + seed;
                runs.push(resolve(workspace, arguments, name, study, *number, point)?);
            }
        }
        self.run(workspace, runs)
    }

    /// Of the seeds: they differ in nothing that it depends on.
    pub(super) fn comparability_key(&self) -> Result<String, Failure> {
        self.key.clone().ok_or_else(|| {
            Failure::new(
                Exit::RunFailed,
                "no baseline has a point to try".to_owned(),
                None,
            )
        })
    }

    fn run(&mut self, workspace: &Workspace, runs: Vec<RunSpec>) -> Result<Collected, Failure> {
        self.session = prepare(workspace, runs, self.results.as_deref(), self.reporter)?;
        // Of the runs as they are with the data at hand.
        if let Some(first) = self.session.trials.first() {
            self.key = Some(first.run.comparability_key()?);
        }
        let reporter = self.reporter;
        let mut sink = |event: session::SessionEvent<'_>| reporter.session(event);
        let reports = session::run(
            &self.session,
            &mut self.builder,
            &self.interrupts,
            &mut sink,
        )?;
        for folder in reports.iter().filter_map(|report| report.folder.as_deref()) {
            let stored = store::read(folder)?;
            if stored.outcome().is_some() {
                self.trials.push(CalibrationTrial::of(&stored.trial));
            }
        }
        Ok(match trials::exit(&reports) {
            _ if self.interrupts.requested() => Collected::Stopped(Exit::Interrupted),
            exit @ (Exit::BuildFailed | Exit::Environment | Exit::Results) => {
                Collected::Stopped(exit)
            }
            // A crash is a miss of that point, and no other trial's affair.
            _ => Collected::Done,
        })
    }
}

fn prepare(
    workspace: &Workspace,
    runs: Vec<RunSpec>,
    results: Option<&std::path::Path>,
    reporter: &Reporter,
) -> Result<Session, Failure> {
    let (device, device_index) = chosen_device(&workspace.harness()?.device)?;
    let plan = Plan {
        suite: FOLDER.to_owned(),
        runs,
        device,
        device_index,
        elsewhere: false,
    };
    let session = trials::prepare(workspace, plan, results, Options::default(), reporter)?;
    let long = |span: Span| Span(span.0 * PATIENCE);
    let limits = session.limits;
    Ok(Session {
        limits: Limits {
            start_up: long(limits.start_up),
            warm_up: long(limits.warm_up),
            stall: long(limits.stall),
            snapshot: long(limits.snapshot),
            evaluation: long(limits.evaluation),
            shut_down: long(limits.shut_down),
        },
        tolerances: Tolerances {
            claim: 1.0,
            claim_at_least: Span(Duration::from_secs(3600)),
            wall: 1.0,
            frozen: session.tolerances.frozen,
        },
        ..session
    })
}

pub(super) fn resolve(
    workspace: &Workspace,
    arguments: &Arguments,
    submission: &str,
    study: u32,
    number: u32,
    point: &Point,
) -> Result<RunSpec, Failure> {
    let wanted = Wanted {
        workload: &arguments.workload,
        submission,
        base_seed: arguments.base_seed(),
        study,
        number,
        point,
    };
    let run = workspace.catalog.calibrating(&wanted);
    run.map_err(|error| workspace.unresolved(error))
}
