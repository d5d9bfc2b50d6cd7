//! The programs of a session, each built once, before the first trial.

use super::work::{BuildFailure, Work, look_up};
use super::{Session, SessionEvent, Sink, Sources};
use crate::interrupt::Interrupts;
use crate::program::{BuildProgress, Builder, ProgramError, Programs};
use bench_core::run::SubmissionIdentity;
use std::collections::BTreeMap;
use std::time::Instant;

/// Builds what some trial needs. A build that fails is kept with each of its trials.
pub(super) fn build_all(
    session: &Session,
    sources: &mut Sources<'_>,
    work: &mut [Work],
    interrupts: &Interrupts,
    sink: &mut Sink<'_>,
) {
    let mut built: BTreeMap<(usize, &str), Result<Programs, BuildFailure>> = BTreeMap::new();
    for (index, (planned, work)) in session.trials.iter().zip(work).enumerate() {
        if !work.action.runs() || work.programs.is_some() {
            continue;
        }
        let submission = &planned.run.submission;
        let number = sources.number(index);
        let key = (number, submission.program.as_str());
        let builder = &mut *sources.builders[number];
        if !built.contains_key(&key)
            && let Some(programs) = build(submission, builder, interrupts, sink)
        {
            built.insert(key, programs);
        }
        let programs = built.get(&key).cloned();
        if let Some(Ok(programs)) = &programs
            && programs.source_hash != work.source_hash
            // A configuration that was hashed before is hashed again.
            && let Ok(edited) = look_up(session, planned, &programs.source_hash)
        {
            *work = edited;
        }
        work.programs = programs;
    }
}

/// None when somebody interrupts.
fn build(
    submission: &SubmissionIdentity,
    builder: &mut dyn Builder,
    interrupts: &Interrupts,
    sink: &mut Sink<'_>,
) -> Option<Result<Programs, BuildFailure>> {
    if interrupts.requested() {
        return None;
    }
    let name = submission.program.as_str();
    sink(SessionEvent::Building { submission: name });
    let began = Instant::now();
    let mut listener = |progress: BuildProgress<'_>| sink(SessionEvent::Build(progress));
    match builder.build(submission, interrupts, &mut listener) {
        Ok(programs) => {
            sink(SessionEvent::Built {
                submission: name,
                took: began.elapsed(),
            });
            Some(Ok(programs))
        }
        Err(ProgramError::Interrupted) => None,
        Err(error) => {
            sink(SessionEvent::BuildFailed {
                submission: name,
                error: &error,
            });
            Some(Err(BuildFailure::from(&error)))
        }
    }
}
