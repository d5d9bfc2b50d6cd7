//! One `bench run`: which trials are to run, their programs, and one trial after the other.
//!
//! Trials are serial, under a lock of the machine, so that two commands do not disturb each other's clocks.
//! One submission that does not compile, or one trial that fails, never stops the others.

mod build;
mod decide;
mod event;
mod work;

pub use decide::{Action, Decision, decide};
pub use event::{SessionEvent, Sink};
pub use work::Work;

use crate::file::{WriteError, takes_files};
use crate::interrupt::Interrupts;
use crate::lease;
use crate::lock::{self, Lock, LockError, Patience, Turn};
use crate::program::{Builder, Programs};
use crate::scratch;
use crate::store::{self, PlaceError};
use bench_core::outcome::{FailureKind, Outcome};
use bench_core::record::{Context, Machine};
use bench_core::run::{RunSpec, SplitName};
use bench_core::spec::harness::{Limits, Tolerances};
use bench_score::TrialSummary;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// Wall time between snapshots on disk: what a killed referee loses at most, rounded up to an evaluation.
pub const KEEP_EVERY: Duration = Duration::from_secs(30);
/// How often a held lock is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// A session cannot go on. What happens to single trials is in their reports instead.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The machine's lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Where records would go takes none.
    #[error("no record can be written: {}: {}", .0.path.display(), .0.cause)]
    Results(WriteError),
    /// A trial has no folder.
    #[error(transparent)]
    Place(#[from] PlaceError),
}

/// One trial that was asked for.
#[derive(Debug, Clone)]
pub struct PlannedTrial {
    /// Folder below `runs/`: a suite's name, or `single`.
    pub suite: String,
    /// Its configuration.
    pub run: RunSpec,
    /// What goes into its record beside that.
    pub context: Context,
    /// Split to its file.
    pub data: BTreeMap<SplitName, PathBuf>,
    /// Card of a `cuda` run.
    pub device_index: u32,
}

/// What to do with trials that ran before, and how far to go.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Go on after the target, to the end of the budget.
    pub to_budget: bool,
    /// Run failed trials again, in a new folder beside the old one.
    pub rerun_failed: bool,
    /// Run every trial again, in a new folder beside the old one.
    pub fresh: bool,
    /// Only tell what would be done.
    pub dry_run: bool,
    /// Take trials from whoever is at them: the old referee ends when it notices.
    pub take_over: bool,
    /// Keep the weights of the best and of the last evaluation beside each record.
    pub keep_weights: bool,
}

/// Everything a session needs.
#[derive(Debug, Clone)]
pub struct Session {
    /// In this order.
    pub trials: Vec<PlannedTrial>,
    /// Where records go: `results/runs`.
    pub runs: PathBuf,
    /// Goes into every record.
    pub machine: Machine,
    /// Of untimed phases, and of a step.
    pub limits: Limits,
    /// Of clocks.
    pub tolerances: Tolerances,
    /// What to do with what is there.
    pub options: Options,
    /// Of the machine: [`scratch::machine_lock`], except in tests.
    pub lock: PathBuf,
    /// Wall time between snapshots on disk.
    pub keep_every: Duration,
    /// How long a referee on another machine may give no sign of life: [`lease::LAPSE`], except in tests.
    pub lapse: Duration,
}

impl Session {
    /// Whether somebody is at a trial who is to be left alone.
    fn is_live(&self, folder: &Path) -> bool {
        !self.options.take_over && lease::look(folder).is_live(self.lapse)
    }
}

/// What became of one planned trial.
#[derive(Debug, Clone)]
pub struct TrialReport {
    /// Of [`Session::trials`].
    pub index: usize,
    /// What was done with it.
    pub action: Action,
    /// Its record, where it has one.
    pub folder: Option<PathBuf>,
    /// The record, added up. Without an outcome the trial did not run: a dry run, or an interrupt came first.
    pub summary: TrialSummary,
}

impl TrialReport {
    /// Of a trial that did not run.
    fn of(index: usize, work: &Work) -> TrialReport {
        TrialReport {
            index,
            action: work.action.clone(),
            folder: work.folder.clone(),
            summary: TrialSummary::default(),
        }
    }

    /// Whether it ran, or would have, and its record could not be written: the next one's could not either. One that another command writes, or goes on
    /// with, is no such.
    fn is_unrecorded(&self) -> bool {
        let failure = match &self.summary.outcome {
            Some(Outcome::Failed(failure)) => failure.kind,
            _ => return false,
        };
        let is_anothers =
            |folder: &Path| lease::is_live(folder) || store::next_attempt(folder).exists();
        failure == FailureKind::Record && !self.folder.as_deref().is_some_and(is_anothers)
    }
}

/// Where the programs of a session's trials come from.
pub struct Sources<'a> {
    builders: Vec<&'a mut dyn Builder>,
    /// Builder of each trial; the first one where nothing is said.
    of: Vec<usize>,
}

impl<'a> Sources<'a> {
    /// One for all.
    pub fn one(builder: &'a mut dyn Builder) -> Sources<'a> {
        Sources {
            builders: vec![builder],
            of: Vec::new(),
        }
    }

    /// Several: `of` says for each of the session's trials which of them builds its program.
    pub fn several(builders: Vec<&'a mut dyn Builder>, of: Vec<usize>) -> Sources<'a> {
        Sources { builders, of }
    }

    /// The builder of a trial, by its number: programs of one name but of two builders are two programs.
    fn number(&self, trial: usize) -> usize {
        self.of
            .get(trial)
            .copied()
            .filter(|&number| number < self.builders.len())
            .unwrap_or(0)
    }
}

/// Runs a session to its end and tells what became of every trial, in order.
///
/// # Errors
/// Only what concerns the session as a whole; a failed trial is a report.
pub fn run(
    session: &Session,
    builder: &mut dyn Builder,
    interrupts: &Interrupts,
    sink: &mut Sink<'_>,
) -> Result<Vec<TrialReport>, SessionError> {
    run_from(session, &mut Sources::one(builder), interrupts, sink)
}

/// The same, where trials are built from different sources: two revisions of one submission, for example.
///
/// # Errors
/// As [`run`].
pub fn run_from(
    session: &Session,
    builder: &mut Sources<'_>,
    interrupts: &Interrupts,
    sink: &mut Sink<'_>,
) -> Result<Vec<TrialReport>, SessionError> {
    let mut work = work::plan(session, builder)?;
    let attended = |work: &Work| work.action.runs() || work.action == Action::Busy;
    let mut lock = None;
    if !session.options.dry_run && work.iter().any(attended) {
        let waited;
        (lock, waited) = wait_for_machine(&session.lock, interrupts, sink)?;
        scratch::remove_stale();
        if waited {
            // The other command may have done some of it.
            work = work::plan(session, builder)?;
        }
        if await_signs_of_life(session, &work, interrupts, sink) {
            work = work::plan(session, builder)?;
        }
    }
    if !session.options.dry_run {
        work::note_asked(session, &work);
    }
    sink(SessionEvent::Planned {
        trials: &session.trials,
        work: &work,
    });
    for (index, work) in work.iter().enumerate() {
        for remark in &work.remarks {
            sink(SessionEvent::Remarked { index, remark });
        }
    }
    if !session.options.dry_run {
        // A build may take minutes, and what comes of it would be lost.
        records_can_be_written(&work)?;
        build::build_all(session, builder, &mut work, interrupts, sink);
    }
    let mut reports: Vec<TrialReport> = Vec::new();
    for (index, work) in work.into_iter().enumerate() {
        let full = reports.iter().any(TrialReport::is_unrecorded);
        reports.push(match full {
            true => TrialReport::of(index, &work),
            false => work::attend(session, index, work, interrupts, sink),
        });
    }
    drop(lock);
    sink(SessionEvent::Finished { reports: &reports });
    Ok(reports)
}

/// Waits until it is known of every trial that a referee on another machine has whether that one lives. Tells whether there was any.
fn await_signs_of_life(
    session: &Session,
    work: &[Work],
    interrupts: &Interrupts,
    sink: &mut Sink<'_>,
) -> bool {
    let busy = work.iter().filter(|work| work.action == Action::Busy);
    let mut unsettled: Vec<&Path> = busy.filter_map(|work| work.last.as_deref()).collect();
    let mut any = false;
    let mut patience = Patience::default();
    loop {
        unsettled.retain(|folder| !lease::look(folder).is_settled(session.lapse));
        let Some(folder) = unsettled.first().filter(|_| !interrupts.requested()) else {
            return any;
        };
        any = true;
        if patience.is_due(Instant::now()) {
            sink(SessionEvent::WaitingForSignOfLife {
                folder,
                owner: lease::owner(folder).as_ref(),
                at_most: session.lapse,
            });
        }
        thread::sleep(RETRY);
    }
}

/// A trial that is to run, and its programs.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Of [`Session::trials`].
    pub index: usize,
    /// Folder of its first attempt.
    pub first: PathBuf,
    /// The attempt that is to run, or to go on.
    pub attempt: u32,
    /// What it runs.
    pub programs: Programs,
}

/// Builds what the session's missing trials need, and runs none of them; tells what became of the others, such as those that do not compile.
///
/// # Errors
/// As [`run`].
pub fn make_ready(
    session: &Session,
    builder: &mut dyn Builder,
    interrupts: &Interrupts,
    sink: &mut Sink<'_>,
) -> Result<(Vec<Ready>, Vec<TrialReport>), SessionError> {
    let mut sources = Sources::one(builder);
    let mut work = work::plan(session, &mut sources)?;
    sink(SessionEvent::Planned {
        trials: &session.trials,
        work: &work,
    });
    records_can_be_written(&work)?;
    build::build_all(session, &mut sources, &mut work, interrupts, sink);
    let mut ready = Vec::new();
    let mut reports = Vec::new();
    for (index, work) in work.into_iter().enumerate() {
        match work.ready(index) {
            Some(trial) => ready.push(trial),
            None => reports.push(work::attend(session, index, work, interrupts, sink)),
        }
    }
    Ok((ready, reports))
}

/// Asks each place once that trials to be run would be recorded in.
fn records_can_be_written(work: &[Work]) -> Result<(), SessionError> {
    let to_run = work.iter().filter(|work| work.action.runs());
    let places = to_run.filter_map(|work| {
        let place = work.folder.as_deref()?.ancestors();
        place.skip(1).find(|folder| folder.exists())
    });
    let places: BTreeSet<&Path> = places.collect();
    places
        .into_iter()
        .try_for_each(takes_files)
        .map_err(SessionError::Results)
}

/// Takes the machine's lock, first come first served, and tells whether another command had it; no lock if somebody interrupts the wait.
fn wait_for_machine(
    path: &Path,
    interrupts: &Interrupts,
    sink: &mut Sink<'_>,
) -> Result<(Option<Lock>, bool), LockError> {
    let mut waited = false;
    let mut patience = Patience::default();
    let turn = Turn::queue_up(path)?;
    while !interrupts.requested() {
        if turn.is_first()
            && let Some(lock) = Lock::try_now(path)?
        {
            return Ok((Some(lock), waited));
        }
        waited = true;
        if patience.is_due(Instant::now()) {
            sink(SessionEvent::WaitingForMachine {
                holder: lock::holder(path).as_ref(),
            });
        }
        thread::sleep(RETRY);
    }
    Ok((None, waited))
}
