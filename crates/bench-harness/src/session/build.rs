//! The programs of a session, each built once, before the first trial.

use super::work::{BuildFailure, Work, look_up};
use super::{Session, SessionEvent, Sink, Sources};
use crate::interrupt::Interrupts;
use crate::program::{BuildProgress, Builder, ProgramError, Programs};
use bench_core::run::SubmissionIdentity;
use std::collections::BTreeMap;
use std::time::Instant;

/// What a build came to, and the hash of the source that it was of.
type Made = (Option<String>, Result<Programs, BuildFailure>);

/// Builds what some trial needs. A build that fails is kept with each of its trials.
pub(super) fn build_all(
    session: &Session,
    sources: &mut Sources<'_>,
    work: &mut [Work],
    interrupts: &Interrupts,
    sink: &mut Sink<'_>,
) {
    let mut built: BTreeMap<(usize, &str), Made> = BTreeMap::new();
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
            let source = match &programs {
                Ok(programs) => Some(programs.source_hash.clone()),
                // What does not compile now may not be what was planned.
                Err(_) => builder.source_hash(submission).ok(),
            };
            built.insert(key, (source, programs));
        }
        let Some((source, programs)) = built.get(&key) else {
            continue;
        };
        if let Some(source) = source
            && *source != work.source_hash
            // A configuration that was hashed before is hashed again.
            && let Ok(edited) = look_up(session, planned, source)
        {
            *work = edited;
        }
        work.programs = Some(programs.clone());
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
    let title = builder.title(submission);
    let name = title.as_str();
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
