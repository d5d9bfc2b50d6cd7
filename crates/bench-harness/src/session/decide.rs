//! What to do about a trial, given what was recorded of it before.

use super::Options;
use crate::store::Opened;
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

/// What is to be done, and why where that is not what one would expect.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What is to be done.
    pub action: Action,
    /// For a person: records and snapshots that are there and are not used.
    pub remarks: Vec<String>,
}

impl From<Action> for Decision {
    fn from(action: Action) -> Decision {
        Decision {
            action,
            remarks: Vec::new(),
        }
    }
}

/// Decides by the last attempt, if there is one, and by whether a referee is at it. `next` is the first number that no attempt has.
///
/// A record that does not add up stays as it is, finished or not: nothing goes on from it, and nothing is written over it.
pub fn decide(
    last: Option<&Opened>,
    live: bool,
    next: u32,
    options: Options,
    machine: &Machine,
) -> Decision {
    let again = Action::Run { attempt: next };
    let (last, lines) = match last {
        None => return again.into(),
        Some(_) if live => return Action::Busy.into(),
        Some(Ok(attempt)) => attempt,
        Some(Err(error)) => {
            return Decision {
                action: again,
                remarks: vec![format!(
                    "{error}: it stays as it is, and the trial runs beside it"
                )],
            };
        }
    };
    let record = &last.trial.record;
    match last.outcome() {
        _ if options.fresh || record.is_older() => again.into(),
        // It was the machine's fault, the disk's or the build's, and may be mended: nothing was seen of the algorithm.
        Some(_) if last.trial.summary.is_unobserved() => again.into(),
        Some(outcome) if outcome.is_failure() && options.rerun_failed => again.into(),
        Some(outcome) if outcome.is_final() => Action::Skip.into(),
        // A clock does not go on elsewhere.
        _ if record.machine.fingerprint != machine.fingerprint => again.into(),
        _ => {
            let kept = resume_point(&last.folder, &record.run, lines);
            let mut remarks = kept.bad;
            let action = match (&kept.point, remarks.is_empty()) {
                (None, false) => {
                    remarks.push(
                        "no snapshot is left to go on from: the trial begins anew".to_owned(),
                    );
                    again
                }
                _ => Action::Resume {
                    from: kept.point,
                    lines: lines.clone(),
                },
            };
            Decision { action, remarks }
        }
    }
}
