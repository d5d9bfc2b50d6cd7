//! The programs of two submissions, side by side: built, understood by this referee, and followed step by step.

use super::side::Entry;
use super::{Arguments, runs};
use crate::commands::trials::{self, Plan, chosen_device};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Reporter;
use bench_core::run::{PROTOCOL, RunSpec, SubmissionIdentity};
use bench_harness::channel::ProtocolError;
use bench_harness::interrupt::Interrupts;
use bench_harness::lock::Lock;
use bench_harness::program::{Builder as _, CargoBuilder, Programs};
use bench_harness::session::{Options, Session, SessionError, SessionEvent};
use bench_harness::trajectory::{
    self, Course, Ground, Trajectory, TrajectoryError, Way, WorkerError,
};
use std::time::Instant;

/// Names of the two sides.
const SIDES: [&str; 2] = ["base", "candidate"];

/// Two submissions on some workloads, with all they need.
pub(super) struct Pair<'a> {
    entries: [&'a Entry; 2],
    /// For each workload the base's trial and the candidate's.
    session: Session,
    programs: [Programs; 2],
    /// They live as long as the programs run, which keeps these.
    _builders: [CargoBuilder; 2],
    interrupts: Interrupts,
    _lock: Lock,
}

impl<'a> Pair<'a> {
    /// The first study of each workload: data fetched, both programs built.
    pub(super) fn prepare(
        arguments: &Arguments,
        entries: [&'a Entry; 2],
        workloads: &[String],
        reporter: &Reporter,
    ) -> Result<Pair<'a>, Failure> {
        let workspace = &entries[0].workspace;
        let device = arguments
            .device
            .as_ref()
            .unwrap_or(&workspace.harness()?.device);
        let (device, device_index) = chosen_device(device)?;
        let mut both = Vec::new();
        for workload in workloads {
            for entry in entries {
                both.push(runs::resolve(entry, workload, arguments.seed, 1, device)?);
            }
        }
        let plan = Plan {
            suite: String::new(),
            runs: both,
            device,
            device_index,
            elsewhere: false,
        };
        let session = trials::prepare(workspace, plan, None, Options::default(), reporter)?;
        let lock = Lock::wait(&session.lock, "another run", &mut |progress| {
            reporter.work(progress)
        })
        .map_err(SessionError::Lock)?;
        let interrupts = crate::commands::interrupts()?;
        let submission = |side: usize| &session.trials[side].run.submission;
        let mut builders = entries.map(Entry::builder);
        let mut built =
            |side: usize| build(&mut builders[side], submission(side), &interrupts, reporter);
        let programs = [built(0)?, built(1)?];
        Ok(Pair {
            entries,
            session,
            programs,
            _builders: builders,
            interrupts,
            _lock: lock,
        })
    }

    /// The workloads, by their base's trial.
    pub(super) fn workloads(&self) -> impl Iterator<Item = (&str, usize)> {
        let names = self.session.trials.iter().step_by(2).enumerate();
        names.map(|(number, planned)| (planned.run.workload_name.as_str(), number))
    }

    /// Follows both on a workload, by its number; `change` makes of a configuration what is run.
    pub(super) fn follow(
        &self,
        number: usize,
        way: Way,
        change: impl Fn(&RunSpec) -> RunSpec,
    ) -> Result<Trajectory, TrajectoryError> {
        let planned = &self.session.trials[2 * number..][..2];
        let course = |side: usize| Course {
            side: SIDES[side],
            programs: self.programs[side].clone(),
            run: change(&planned[side].run),
        };
        let ground = Ground {
            data: planned[0].data.clone(),
            limits: self.session.limits,
            device_index: planned[0].device_index,
        };
        let courses = [&course(0), &course(1)];
        trajectory::follow(courses, &ground, way, &self.interrupts, &mut |_| {})
    }

    /// Why they could not be followed.
    pub(super) fn failure(&self, error: TrajectoryError) -> Failure {
        let exit = match &error {
            TrajectoryError::Interrupted => Exit::Interrupted,
            TrajectoryError::Worker {
                side,
                cause: WorkerError::Protocol(ProtocolError::Version { found }),
            } => {
                let side = usize::from(*side == SIDES[1]);
                return other_protocol(&self.entries[side].title, *found);
            }
            TrajectoryError::Worker { .. } => Exit::WorkerDied,
            _ => Exit::Environment,
        };
        Failure::new(exit, error, None)
    }
}

/// A side's programs, in the words that a session's builds have.
fn build(
    builder: &mut CargoBuilder,
    submission: &SubmissionIdentity,
    interrupts: &Interrupts,
    reporter: &Reporter,
) -> Result<Programs, Failure> {
    let title = builder.title(submission);
    let title = title.as_str();
    reporter.session(SessionEvent::Building { submission: title });
    let began = Instant::now();
    let programs = builder.build(submission, interrupts, &mut |progress| {
        reporter.build(progress);
    })?;
    reporter.session(SessionEvent::Built {
        submission: title,
        took: began.elapsed(),
    });
    Ok(programs)
}

/// Builds what a revision's trials need, and sees whether this referee understands it: else every trial of it would count as a miss.
pub(super) fn understand(
    entry: &Entry,
    session: &Session,
    trial: usize,
    interrupts: &Interrupts,
    reporter: &Reporter,
) -> Result<(), Failure> {
    let planned = &session.trials[trial];
    let mut builder = entry.builder();
    let course = Course {
        side: SIDES[0],
        programs: build(&mut builder, &planned.run.submission, interrupts, reporter)?,
        run: planned.run.clone(),
    };
    let ground = Ground {
        data: planned.data.clone(),
        limits: session.limits,
        device_index: planned.device_index,
    };
    match trajectory::protocol(&course, &ground, interrupts) {
        Ok(PROTOCOL) => Ok(()),
        Ok(found) => Err(other_protocol(&entry.title, found)),
        // What else is wrong with it, its trials tell.
        Err(_) => Ok(()),
    }
}

fn other_protocol(title: &str, found: u32) -> Failure {
    let message = format!(
        "{title} speaks version {found} of the protocol, this bench speaks version {PROTOCOL}: the two do not compare"
    );
    let help =
        "compare with a revision of the same protocol, or with a folder of records that are of it";
    Failure::new(Exit::Inconclusive, message, help.to_owned())
}
