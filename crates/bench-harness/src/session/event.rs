//! What a session says while it runs. The harness prints nothing: whoever calls renders these.

use super::{PlannedTrial, TrialReport, Work};
use crate::lease::Owner;
use crate::lock::Holder;
use crate::program::{BuildProgress, ProgramError};
use crate::trial::TrialProgress;
use std::path::Path;
use std::time::Duration;

/// Receives a session's events, on the thread that supervises trials: it must not dawdle.
pub type Sink<'a> = dyn FnMut(SessionEvent<'_>) + 'a;

/// What happened in a session.
#[derive(Debug, Clone, Copy)]
pub enum SessionEvent<'a> {
    /// Another command runs trials on this machine; this one waits. Comes again and again while that lasts.
    WaitingForMachine {
        /// Who it is, where that is known.
        holder: Option<&'a Holder>,
    },
    /// A referee on another machine has a trial, and it is not known yet whether that one lives. Comes again and again while that lasts.
    WaitingForSignOfLife {
        /// The trial's folder.
        folder: &'a Path,
        /// Who it is, where that is known.
        owner: Option<&'a Owner>,
        /// After so long without a sign of life the trial is taken over.
        at_most: Duration,
    },
    /// It is decided what is to be done about each trial.
    Planned {
        /// All, in order.
        trials: &'a [PlannedTrial],
        /// For each.
        work: &'a [Work],
    },
    /// Something is there for a trial that is not used: a record that does not add up, a snapshot that is not what was written.
    Remarked {
        /// Which trial.
        index: usize,
        /// What, in words.
        remark: &'a str,
    },
    /// A submission's program is being built.
    Building {
        /// Its name.
        submission: &'a str,
    },
    /// The build goes on.
    Build(BuildProgress<'a>),
    /// A program is there.
    Built {
        /// The submission's name.
        submission: &'a str,
        /// How long it took.
        took: Duration,
    },
    /// A program is not there; its trials are outcomes, and the others run.
    BuildFailed {
        /// The submission's name.
        submission: &'a str,
        /// Why, with all that the compiler said.
        error: &'a ProgramError,
    },
    /// A trial begins, or goes on.
    TrialStarted {
        /// Of the planned trials.
        index: usize,
        /// Its record.
        folder: &'a Path,
        /// Steps and submission seconds brought along, where it goes on.
        resumed: Option<(u64, f64)>,
    },
    /// A trial said something.
    Trial {
        /// Which.
        index: usize,
        /// What.
        progress: TrialProgress<'a>,
    },
    /// A trial is over.
    TrialEnded {
        /// How.
        report: &'a TrialReport,
    },
    /// A trial was not run: its record is there already, or this is a dry run.
    Skipped {
        /// What is there.
        report: &'a TrialReport,
    },
    /// All is done, or interrupted.
    Finished {
        /// In order.
        reports: &'a [TrialReport],
    },
}
