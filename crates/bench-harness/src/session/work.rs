//! What is to be done about each trial, and doing it.

use super::decide::{Action, Decision, decide};
use super::{PlannedTrial, Ready, Session, SessionError, SessionEvent, Sink, Sources, TrialReport};
use crate::interrupt::Interrupts;
use crate::lease;
use crate::machine;
use crate::program::{ProgramError, Programs};
use crate::recorder::{self, now};
use crate::store::{self, PlaceError, Stored};
use crate::trial::{self, Trial};
use bench_core::canonical::CanonicalError;
use bench_core::outcome::{Failure, FailureKind, Outcome};
use bench_core::record::{FORMAT, RunRecord};
use bench_score::TrialSummary;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Said of a resumed part: equal sources need not make equal bytes.
const OTHER_PROGRAMS: &str = "this part runs programs of another digest than the part before: the same source, built in another folder or by other system tools";

/// What is to be done about one planned trial.
#[derive(Debug, Clone)]
pub struct Work {
    /// Decided from the records that are there.
    pub action: Action,
    /// What is there and not used, for a person.
    pub remarks: Vec<String>,
    /// Its record's folder; none where the program's sources cannot be read.
    pub folder: Option<PathBuf>,
    /// Folder of the last attempt, where there is one.
    pub(super) last: Option<PathBuf>,
    /// The last attempt, where there is one that can be read.
    stored: Option<Box<Stored>>,
    /// Of what it runs: where that was edited between the plan and the build, of what was built.
    pub(super) source_hash: String,
    /// None before the build, and when it was interrupted.
    pub(super) programs: Option<Result<Programs, BuildFailure>>,
}

impl Work {
    /// It as a trial to run, where there is one and its programs are built.
    pub(super) fn ready(&self, index: usize) -> Option<Ready> {
        let (true, Some(folder), Some(Ok(programs))) =
            (self.action.runs(), &self.folder, &self.programs)
        else {
            return None;
        };
        Some(Ready {
            index,
            first: store::base(folder),
            attempt: store::attempt(folder),
            programs: programs.clone(),
        })
    }
}

/// Why there is no program, kept for each of its trials.
#[derive(Debug, Clone)]
pub(super) struct BuildFailure {
    message: String,
    diagnostics: String,
}

impl From<&ProgramError> for BuildFailure {
    fn from(error: &ProgramError) -> BuildFailure {
        BuildFailure {
            message: error.to_string(),
            diagnostics: error.diagnostics(),
        }
    }
}

/// Looks at the records that are there and decides about each trial.
pub(super) fn plan(
    session: &Session,
    sources: &mut Sources<'_>,
) -> Result<Vec<Work>, SessionError> {
    let mut hashes: BTreeMap<(usize, &str), Result<String, BuildFailure>> = BTreeMap::new();
    let mut works = Vec::new();
    for (index, planned) in session.trials.iter().enumerate() {
        let submission = &planned.run.submission;
        let number = sources.number(index);
        let key = (number, submission.program.as_str());
        let hash = hashes.entry(key).or_insert_with(|| {
            let hash = sources.builders[number].source_hash(submission);
            hash.map_err(|error| BuildFailure::from(&error))
        });
        works.push(match hash {
            Ok(source_hash) => look_up(session, planned, source_hash)?,
            Err(failure) => Work {
                action: Action::Run { attempt: 1 },
                remarks: Vec::new(),
                folder: None,
                last: None,
                stored: None,
                source_hash: String::new(),
                programs: Some(Err(failure.clone())),
            },
        });
    }
    Ok(works)
}

/// Notes with the records that stand already that they were asked for: a submission that was edited and reverted counts as it is now, though its
/// records are older than those of the edit. Nothing is noted where no other record could stand in their place.
pub(super) fn note_asked(session: &Session, works: &[Work]) {
    for (planned, work) in session.trials.iter().zip(works) {
        let Some(stored) = &work.stored else { continue };
        if store::has_rivals(&session.runs, &planned.run, &stored.folder) {
            // A folder that cannot be written still holds its record: what runs in it fails by itself, and says so.
            let _ = store::note_asked(&stored.folder, &now());
        }
    }
}

pub(super) fn look_up(
    session: &Session,
    planned: &PlannedTrial,
    source_hash: &str,
) -> Result<Work, PlaceError> {
    let first = store::folder(&session.runs, &planned.suite, &planned.run, source_hash)?;
    let (opened, next) = store::last_attempt(&first);
    let last = opened
        .is_some()
        .then(|| store::attempt_folder(&first, next - 1));
    let live = last.as_deref().is_some_and(|last| session.is_live(last));
    let Decision { action, remarks } = decide(
        opened.as_ref(),
        live,
        next,
        session.options,
        &session.machine,
    );
    let stored = opened.and_then(Result::ok).map(|(stored, _)| stored);
    let folder = match (&action, &stored) {
        (Action::Run { attempt }, _) => store::attempt_folder(&first, *attempt),
        (_, Some(stored)) => stored.folder.clone(),
        (_, None) => first,
    };
    Ok(Work {
        action,
        remarks,
        folder: Some(folder),
        last,
        stored: stored.map(Box::new),
        source_hash: source_hash.to_owned(),
        programs: None,
    })
}

/// Other machines may share the results folder, and hours may have passed since the plan.
fn look_again(session: &Session, planned: &PlannedTrial, work: Work) -> Work {
    if !work.action.runs() || work.folder.is_none() {
        return work;
    }
    match look_up(session, planned, &work.source_hash) {
        Ok(again) => Work {
            programs: work.programs,
            ..again
        },
        Err(_) => work,
    }
}

/// Where a trial goes on that somebody has who may come back: beside what that one writes.
fn beside_the_owner(session: &Session, planned: &PlannedTrial, work: Work) -> Work {
    let may_come_back = |folder: &Path| {
        matches!(
            lease::look(folder),
            lease::State::Held | lease::State::Silent(_)
        )
    };
    match (&work.action, &work.folder) {
        (Action::Resume { .. }, Some(folder)) if may_come_back(folder) => {
            // What cannot be copied cannot be recorded either, which is then told.
            match lease::succeed(folder) {
                Ok(_) => look_again(session, planned, work),
                Err(_) => work,
            }
        }
        _ => work,
    }
}

/// Does what was decided about one trial.
pub(super) fn attend(
    session: &Session,
    index: usize,
    work: Work,
    interrupts: &Interrupts,
    sink: &mut Sink<'_>,
) -> TrialReport {
    let planned = &session.trials[index];
    let work = look_again(session, planned, work);
    let work = match session.options.dry_run {
        true => work,
        false => beside_the_owner(session, planned, work),
    };
    let mut report = TrialReport::of(index, &work);
    if !work.action.runs() || session.options.dry_run {
        if let Some(stored) = work.stored {
            if !session.options.dry_run {
                complete(&stored);
            }
            report.summary = stored.trial.summary;
        }
        sink(SessionEvent::Skipped { report: &report });
        return report;
    }
    report.summary = match (&work.programs, &work.folder) {
        (Some(Err(failure)), folder) => {
            failed_build(session, planned, &work, folder.as_deref(), failure)
        }
        (Some(Ok(programs)), Some(folder)) if !interrupts.requested() => {
            let trial = prepare(session, planned, &work, folder, programs);
            run(index, &trial, interrupts, sink)
        }
        // Somebody interrupted before it could begin.
        _ => return report,
    };
    sink(SessionEvent::TrialEnded { report: &report });
    report
}

/// A referee may have been killed between the last line and the end of `run.json`.
fn complete(stored: &Stored) {
    let record = &stored.trial.record;
    if let (None, Some(outcome), false) = (&record.outcome, stored.outcome(), stored.live)
        && outcome.is_final()
    {
        // What cannot be written now counts as it is, and the next command tries again.
        let _ = recorder::complete(&stored.folder, record.clone(), outcome.clone());
    }
}

fn run(index: usize, trial: &Trial, interrupts: &Interrupts, sink: &mut Sink<'_>) -> TrialSummary {
    sink(SessionEvent::TrialStarted {
        index,
        folder: &trial.folder,
        resumed: trial
            .resume
            .as_ref()
            .map(|point| (point.step, point.submission_ns as f64 / 1e9)),
    });
    trial::run(trial, interrupts, &mut |progress| {
        sink(SessionEvent::Trial { index, progress });
    })
}

fn prepare(
    session: &Session,
    planned: &PlannedTrial,
    work: &Work,
    folder: &Path,
    programs: &Programs,
) -> Trial {
    let fresh = RunRecord {
        programs: Some(programs.digests()),
        ..new_record(session, planned, &work.source_hash)
    };
    let mut remarks = Vec::new();
    let (record, lines, resume) = match (&work.action, &work.stored) {
        (Action::Resume { from, lines }, Some(stored)) => {
            if stored
                .trial
                .record
                .programs
                .as_ref()
                .is_some_and(|before| fresh.programs.as_ref() != Some(before))
            {
                remarks.push(OTHER_PROGRAMS.to_owned());
            }
            let began = RunRecord {
                started: stored.trial.record.started.clone(),
                ..fresh
            };
            (began, lines.clone(), from.clone())
        }
        _ => (fresh, Vec::new(), None),
    };
    Trial {
        folder: folder.to_owned(),
        record,
        lines,
        resume,
        remarks,
        programs: programs.clone(),
        data: planned.data.clone(),
        device_index: planned.device_index,
        limits: session.limits,
        tolerances: session.tolerances,
        to_budget: session.options.to_budget,
        keep_every: session.keep_every,
        keep_weights: session.options.keep_weights,
    }
}

/// The outcome of a trial whose submission did not compile. It is recorded once, however often it is tried.
fn failed_build(
    session: &Session,
    planned: &PlannedTrial,
    work: &Work,
    folder: Option<&Path>,
    failure: &BuildFailure,
) -> TrialSummary {
    let outcome = Failure {
        kind: FailureKind::Build,
        message: failure.message.clone(),
    };
    let unrecorded = TrialSummary {
        outcome: Some(Outcome::Failed(outcome.clone())),
        ..TrialSummary::default()
    };
    let again = work
        .stored
        .as_ref()
        .is_some_and(|stored| stored.failed_to_build());
    let Some(folder) = folder.filter(|_| !again) else {
        return unrecorded;
    };
    let record = new_record(session, planned, &work.source_hash);
    match trial::record_failed_build(folder, record, outcome, &failure.diagnostics) {
        Ok(summary) => summary,
        Err(error) => TrialSummary {
            outcome: Some(trial::record_failure(&error)),
            ..unrecorded
        },
    }
}

fn new_record(session: &Session, planned: &PlannedTrial, source_hash: &str) -> RunRecord {
    // Both hashes were taken when the folder was named, so there is nothing left to go wrong.
    let hash = |result: Result<String, CanonicalError>| result.unwrap_or_default();
    RunRecord {
        format: FORMAT,
        config_hash: hash(planned.run.config_hash()),
        source_hash: source_hash.to_owned(),
        programs: None,
        comparability_key: hash(planned.run.comparability_key()),
        context: planned.context.clone(),
        run: planned.run.clone().into(),
        machine: session.machine.clone(),
        allotment: machine::allotment(|name| std::env::var(name).ok()),
        limits: None,
        tolerances: None,
        bench_version: env!("CARGO_PKG_VERSION").to_owned(),
        started: now(),
        ended: None,
        outcome: None,
        events_digest: None,
    }
}
