//! One trial under the referee: spawn, time, snapshot, evaluate, record, end.
//!
//! [`run`] is the whole story; each phase has a file of its own. Whatever happens to the programs is an
//! [`Outcome`] and never an error of the caller.

mod death;
mod evaluation;
mod finish;
mod frozen;
mod interval;
mod listen;
mod rules;
mod snapshot;
mod start;
mod supervisor;
mod tally;
mod weights;

pub use snapshot::{FOLDER as SNAPSHOTS, Kept, ResumePoint, resume_point};
pub use weights::FOLDER as WEIGHTS;

use crate::channel::Source;
use crate::interrupt::Interrupts;
use crate::launch::Launch;
use crate::program::Programs;
use crate::recorder::{RecordError, Recorder, now};
use crate::scratch;
use bench_core::outcome::{Failure, FailureKind, Outcome};
use bench_core::record::{Line, ResumedFrom, RunRecord, TrialEvent};
use bench_core::run::{DeviceKind, RunSpec, SplitName};
use bench_core::spec::harness::{Limits, Tolerances};
use bench_score::TrialSummary;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use supervisor::{Stop, Supervisor};

/// Everything one trial needs to be run.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Where its record goes.
    pub folder: PathBuf,
    /// `run.json` as it begins: no end, no outcome.
    pub record: RunRecord,
    /// What earlier parts of it recorded.
    pub lines: Vec<Line>,
    /// Where an interrupted trial goes on; from the start where there is none.
    pub resume: Option<ResumePoint>,
    /// What a person should know of how it begins; goes into the record.
    pub remarks: Vec<String>,
    /// What to spawn.
    pub programs: Programs,
    /// Split to its file.
    pub data: BTreeMap<SplitName, PathBuf>,
    /// Card of a `cuda` run.
    pub device_index: u32,
    /// Of untimed phases, and of a step.
    pub limits: Limits,
    /// Of clocks.
    pub tolerances: Tolerances,
    /// Whether to go on after the target.
    pub to_budget: bool,
    /// Wall time between snapshots that survive a kill of the referee.
    pub keep_every: Duration,
    /// Whether the weights of the best and of the last evaluation are kept beside the record.
    pub keep_weights: bool,
}

impl Trial {
    /// The configuration.
    pub fn run(&self) -> &RunSpec {
        &self.record.run
    }

    /// The files that a program is given: nobody trains on what evaluations look at.
    fn data_of(&self, source: Source) -> BTreeMap<SplitName, PathBuf> {
        let mut data = self.data.clone();
        if source == Source::Worker {
            data.retain(|split, _| *split == SplitName::Train);
        }
        data
    }

    /// How a program of this trial is started.
    fn launch(&self, source: Source) -> Launch {
        let cuda = self.run().device == DeviceKind::Cuda;
        let data = self.data_of(source).into_values();
        let cards = cuda.then_some(self.device_index);
        let launch = self.programs.of(source).launch.clone();
        let launch = launch.reading(data).on(cards);
        match source {
            Source::Worker => launch
                .reading(self.resume.iter().map(|point| point.snapshot.clone()))
                .writing(scratch::places()),
            Source::Evaluator => launch.reading(scratch::places()),
        }
    }
}

/// What a trial says while it runs.
#[derive(Debug, Clone, Copy)]
pub enum TrialProgress<'a> {
    /// A sign of life between evaluations.
    Stepped {
        /// Steps done.
        step: u64,
        /// Submission time so far, in seconds.
        submission_seconds: f64,
    },
    /// A line went into the record.
    Recorded(&'a TrialEvent),
}

/// Receives a trial's progress, on the thread that supervises it: it must not dawdle.
pub type Observer<'a> = dyn FnMut(TrialProgress<'_>) + 'a;

/// Runs a trial to its end and records it.
///
/// The summary is the record's, added up by the same code that reads it back later; its outcome is always set.
/// Where the record itself failed, the outcome is `failed` of kind `record`.
pub fn run(trial: &Trial, interrupts: &Interrupts, observer: &mut Observer<'_>) -> TrialSummary {
    let record = RunRecord {
        limits: Some(trial.limits),
        tolerances: Some(trial.tolerances),
        ..trial.record.clone()
    };
    match Recorder::open(&trial.folder, record, trial.lines.clone()) {
        Ok(recorder) => recorded(trial, recorder, interrupts, observer),
        Err(error) => TrialSummary {
            outcome: Some(record_failure(&error)),
            ..TrialSummary::fold(trial.run(), &trial.lines)
        },
    }
}

fn recorded(
    trial: &Trial,
    mut recorder: Recorder,
    interrupts: &Interrupts,
    observer: &mut Observer<'_>,
) -> TrialSummary {
    let ended = supervised(trial, &mut recorder, interrupts, observer);
    let outcome = ended.unwrap_or_else(|stop| stop.outcome());
    let mut summary = TrialSummary::fold(trial.run(), recorder.lines());
    let finished = recorder.finish(outcome.clone());
    if outcome.is_final() && finished.is_ok() {
        snapshot::prune(&trial.folder);
    }
    summary.outcome = Some(match finished {
        Ok(()) => outcome,
        // The disk that took no line takes no end either: the first failure is the one to tell.
        Err(_) if is_record_failure(&outcome) => outcome,
        Err(error) => record_failure(&error),
    });
    summary
}

/// From the first line of this part to its last.
fn supervised(
    trial: &Trial,
    recorder: &mut Recorder,
    interrupts: &Interrupts,
    observer: &mut Observer<'_>,
) -> Result<Outcome, Stop> {
    recorder.append(TrialEvent::Started {
        at: now(),
        resumed: trial.resume.as_ref().map(|point| ResumedFrom {
            step: point.step,
            submission_ns: point.submission_ns,
        }),
    })?;
    for message in trial.remarks.iter().cloned() {
        recorder.append(TrialEvent::Warned { message })?;
    }
    match Supervisor::spawn(trial, recorder, interrupts, observer) {
        Ok(mut supervisor) => supervisor.see_through(),
        Err(stop) => {
            let outcome = stop.outcome();
            recorder.append(TrialEvent::Ended {
                outcome: outcome.clone(),
                phases: Default::default(),
                worker_memory: None,
                worker_cpu: None,
                device_memory: None,
                state: None,
                slowdown: None,
            })?;
            Ok(outcome)
        }
    }
}

/// Records a trial whose submission did not compile: nothing ran, and the compiler's words are its log.
///
/// # Errors
/// When the record cannot be written.
pub fn record_failed_build(
    folder: &Path,
    record: RunRecord,
    failure: Failure,
    diagnostics: &str,
) -> Result<TrialSummary, RecordError> {
    let mut recorder = Recorder::open(folder, record.clone(), Vec::new())?;
    let log = folder.join(crate::recorder::STDERR_FILE);
    std::fs::write(&log, diagnostics).map_err(|cause| RecordError::Io { path: log, cause })?;
    let outcome = Outcome::Failed(failure);
    recorder.append(TrialEvent::Ended {
        outcome: outcome.clone(),
        phases: Default::default(),
        worker_memory: None,
        worker_cpu: None,
        device_memory: None,
        state: None,
        slowdown: None,
    })?;
    let summary = TrialSummary::fold(&record.run, recorder.lines());
    recorder.finish(outcome)?;
    Ok(summary)
}

fn is_record_failure(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed(failure) if failure.kind == FailureKind::Record)
}

/// The outcome of a trial whose record cannot be written.
pub(crate) fn record_failure(error: &RecordError) -> Outcome {
    Outcome::Failed(Failure {
        kind: FailureKind::Record,
        message: error.to_string(),
    })
}
