//! What is worth telling, on its way from the working thread to the writing one.

use bench_core::number::Span;
use bench_core::record::TrialEvent;
use bench_core::run::Purpose;
use bench_harness::program::BuildProgress;
use bench_harness::progress::Progress;
use bench_harness::session::{Action, PlannedTrial, SessionEvent, TrialReport};
use bench_harness::trial::TrialProgress;
use bench_report::{units, visible};
use bench_score::TrialSummary;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// One thing that happened. As JSON it is a line of `bench run --format json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(
    tag = "note",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub(crate) enum Note {
    /// Somebody else holds what this needs.
    Waited { behind: String },
    /// A piece of set-up or data work began.
    Began { what: String, bytes: Option<u64> },
    /// It went on.
    Advanced { bytes: u64 },
    /// It is done.
    Ended,
    /// A remark about it.
    Noted { message: String },
    /// What will be done.
    Planned { trials: Vec<Planned> },
    /// A submission's program is being built.
    Building { submission: String },
    /// The build got to a crate, with so many units of work done, as far as cargo has said.
    Compiling {
        crate_name: String,
        done: Option<usize>,
        of: Option<usize>,
    },
    /// A program is there.
    Built { submission: String, seconds: f64 },
    /// A program is not there.
    BuildFailed {
        submission: String,
        message: String,
        diagnostics: String,
        /// The same as a terminal shows it.
        #[serde(skip)]
        coloured: String,
    },
    /// A trial began or goes on.
    TrialStarted {
        index: usize,
        folder: PathBuf,
        step: u64,
        submission_seconds: f64,
    },
    /// A sign of life.
    Stepped {
        index: usize,
        step: u64,
        submission_seconds: f64,
    },
    /// A line went into a trial's record.
    Recorded { index: usize, line: TrialEvent },
    /// A trial is over.
    TrialEnded {
        index: usize,
        folder: Option<PathBuf>,
        summary: Box<TrialSummary>,
    },
    /// A trial was not run.
    TrialSkipped {
        index: usize,
        folder: Option<PathBuf>,
        summary: Box<TrialSummary>,
    },
}

/// One trial of a plan, and what will be done about it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Planned {
    pub(crate) submission: String,
    pub(crate) workload: String,
    pub(crate) study: u32,
    pub(crate) trial: u32,
    pub(crate) budget_seconds: f64,
    pub(crate) budget_steps: u64,
    pub(crate) metric: &'static str,
    pub(crate) target: f64,
    #[serde(skip)]
    calibrates: bool,
    /// `run`, `resume`, `skip` or `busy`.
    pub(crate) action: &'static str,
    pub(crate) folder: Option<PathBuf>,
}

impl Planned {
    pub(crate) fn new(trial: &PlannedTrial, action: &Action, folder: Option<PathBuf>) -> Planned {
        let run = &trial.run;
        Planned {
            submission: run.submission.name.clone(),
            workload: run.workload_name.clone(),
            study: run.seed.study,
            trial: run.seed.trial,
            budget_seconds: run.budget_seconds(),
            budget_steps: run.budget_steps(),
            metric: run.workload.target.metric.name(),
            target: run.workload.target.validation,
            calibrates: run.seed.purpose == Purpose::Calibrating,
            action: match action {
                Action::Run { .. } => "run",
                Action::Resume { .. } => "resume",
                Action::Skip => "skip",
                Action::Busy => "busy",
            },
            folder,
        }
    }

    /// ` (target 0.1050)`; nothing for a calibration, which trains without one.
    pub(crate) fn goal(&self) -> String {
        match self.calibrates {
            true => String::new(),
            false => format!(" (target {})", units::significant(self.target)),
        }
    }

    /// Whether it will be run.
    pub(crate) fn runs(&self) -> bool {
        matches!(self.action, "run" | "resume")
    }

    /// `adamw on fashion-mnist-mlp, study 1, trial 2`.
    pub(crate) fn title(&self) -> String {
        let Planned {
            submission,
            workload,
            study,
            trial,
            ..
        } = self;
        let title = format!("{submission} on {workload}, study {study}, trial {trial}");
        visible::line(&title).into_owned()
    }
}

impl From<Progress> for Note {
    fn from(progress: Progress) -> Note {
        match progress {
            Progress::Waited { behind } => Note::Waited { behind },
            Progress::Began { what, bytes } => Note::Began { what, bytes },
            Progress::Advanced { bytes } => Note::Advanced { bytes },
            Progress::Ended => Note::Ended,
            Progress::Noted { message } => Note::Noted { message },
        }
    }
}

impl From<BuildProgress<'_>> for Note {
    fn from(progress: BuildProgress<'_>) -> Note {
        match progress {
            BuildProgress::Compiling { krate, count } => Note::Compiling {
                crate_name: krate.to_owned(),
                done: count.map(|(done, _)| done),
                of: count.map(|(_, of)| of),
            },
            BuildProgress::Noted(message) => Note::Noted {
                message: message.to_owned(),
            },
        }
    }
}

impl Note {
    /// What of a session's event is told; the end is not, since the table follows.
    pub(super) fn of(event: SessionEvent<'_>) -> Option<Note> {
        Some(match event {
            SessionEvent::WaitingForMachine { holder } => Note::Waited {
                behind: match holder {
                    Some(holder) => format!("another run on this machine ({holder})"),
                    None => "another run on this machine".to_owned(),
                },
            },
            SessionEvent::WaitingForSignOfLife {
                folder,
                owner,
                at_most,
            } => Note::Waited {
                behind: format!(
                    "a sign of life of {}, at most {}: {}",
                    owner.map_or("another bench".to_owned(), |owner| format!(
                        "the bench on {}",
                        owner.host
                    )),
                    Span(at_most),
                    folder.display()
                ),
            },
            SessionEvent::Planned { trials, work } => Note::Planned {
                trials: trials
                    .iter()
                    .zip(work)
                    .map(|(trial, work)| Planned::new(trial, &work.action, work.folder.clone()))
                    .collect(),
            },
            SessionEvent::Remarked { remark, .. } => Note::Noted {
                message: remark.to_owned(),
            },
            SessionEvent::Building { submission } => Note::Building {
                submission: submission.to_owned(),
            },
            SessionEvent::Build(progress) => Note::from(progress),
            SessionEvent::Built { submission, took } => Note::built(submission, took),
            SessionEvent::BuildFailed { submission, error } => Note::BuildFailed {
                submission: submission.to_owned(),
                message: error.to_string(),
                diagnostics: error.diagnostics(),
                coloured: error.coloured().to_owned(),
            },
            SessionEvent::TrialStarted {
                index,
                folder,
                resumed,
            } => {
                let (step, submission_seconds) = resumed.unwrap_or_default();
                Note::TrialStarted {
                    index,
                    folder: folder.to_owned(),
                    step,
                    submission_seconds,
                }
            }
            SessionEvent::Trial { index, progress } => Note::trial(index, progress),
            SessionEvent::TrialEnded { report } => {
                let (index, folder, summary) = parts(report);
                Note::TrialEnded {
                    index,
                    folder,
                    summary,
                }
            }
            SessionEvent::Skipped { report } => {
                let (index, folder, summary) = parts(report);
                Note::TrialSkipped {
                    index,
                    folder,
                    summary,
                }
            }
            SessionEvent::Finished { .. } => return None,
        })
    }

    fn built(submission: &str, took: Duration) -> Note {
        Note::Built {
            submission: submission.to_owned(),
            seconds: took.as_secs_f64(),
        }
    }

    fn trial(index: usize, progress: TrialProgress<'_>) -> Note {
        match progress {
            TrialProgress::Stepped {
                step,
                submission_seconds,
            } => Note::Stepped {
                index,
                step,
                submission_seconds,
            },
            TrialProgress::Recorded(line) => Note::Recorded {
                index,
                line: line.clone(),
            },
        }
    }
}

fn parts(report: &TrialReport) -> (usize, Option<PathBuf>, Box<TrialSummary>) {
    (
        report.index,
        report.folder.clone(),
        Box::new(report.summary.clone()),
    )
}
