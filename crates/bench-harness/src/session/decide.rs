//! What to do about a trial, given what was recorded of it before.

use super::Options;
use crate::store::{self, Stored};
use crate::trial::{ResumePoint, resume_point};
use bench_core::record::{Line, Machine};

/// What is to be done about a trial.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Run it in a folder of its own.
    Run {
        /// 1, and more where older attempts stay beside it.
        attempt: u32,
    },
    /// Go on with an interrupted one, in its folder.
    Resume {
        /// Where; from the start if it was stopped before its first snapshot.
        from: Option<ResumePoint>,
        /// What was recorded so far.
        lines: Vec<Line>,
    },
    /// Nothing: it is finished.
    Skip,
    /// Nothing: another command runs it now.
    Busy,
}

impl Action {
    /// Whether it needs a program.
    pub fn runs(&self) -> bool {
        matches!(self, Action::Run { .. } | Action::Resume { .. })
    }
}

/// Decides by the last attempt, if there is one. `next` is the first number that no attempt has.
pub fn decide(last: Option<&Stored>, next: u32, options: Options, machine: &Machine) -> Action {
    let again = Action::Run { attempt: next };
    let Some(last) = last else { return again };
    let record = &last.trial.record;
    if last.live {
        return Action::Busy;
    }
    match last.outcome() {
        _ if options.fresh => again,
        // Nothing ran, and it may have been the machine's fault: a full disk, a missing linker.
        Some(_) if last.failed_to_build() => again,
        Some(outcome) if outcome.is_failure() && options.rerun_failed => again,
        Some(outcome) if outcome.is_final() => Action::Skip,
        // A clock does not go on elsewhere.
        _ if record.machine.fingerprint != machine.fingerprint => again,
        _ => match store::lines(&last.folder) {
            Ok(lines) => Action::Resume {
                from: resume_point(&last.folder, &record.run, &lines),
                lines,
            },
            // What cannot be read any more stays as it is, and nothing goes on from it.
            Err(_) => again,
        },
    }
}
