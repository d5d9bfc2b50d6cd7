//! From names to one trial's complete configuration.

use super::catalog::{Catalog, Entrant};
use super::dataset::{Dataset, Split};
use super::diagnostic::nearest;
use super::harness::{Points, Ruleset};
use super::schema::Kind;
use super::search::{Point, SearchError};
use super::submission::{Schedule, Submission, Tuning};
use super::workload::Workload;
use crate::record::Context;
use crate::run::{
    DatasetIdentity, DeviceKind, PROTOCOL, Purpose, RunSpec, Seed, SplitIdentity, SplitName,
    SubmissionIdentity, device,
};
use std::collections::BTreeMap;

/// Which trial.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// By name.
    pub workload: &'a str,
    /// By name.
    pub submission: &'a str,
    /// By name.
    pub ruleset: &'a str,
    /// What the run is for.
    pub purpose: Purpose,
    /// The user's `--seed`.
    pub base_seed: u64,
    /// From 1.
    pub study: u32,
    /// From 1.
    pub trial: u32,
    /// In place of the ruleset's number of trials. Fewer are a part of what the ruleset asks for, and each is the trial that it would
    /// be among all; more are another ruleset, comparable with nothing of this one.
    pub trials: Option<u32>,
    /// The user's own values, over the defaults of the rest. No point is drawn then, and a scoring trial is comparable with those of given values alone.
    pub hyperparameters: Option<&'a Point>,
    /// In place of the harness' and of what the workload wants.
    pub threads: Option<u32>,
    /// In place of the harness'.
    pub device: Option<DeviceKind>,
}

/// A request that cannot be met.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum ResolveError {
    /// No file of that name.
    #[error("there is no {kind} called `{name}`")]
    Unknown {
        /// `workload`, `submission`, `ruleset` or `suite`.
        kind: &'static str,
        /// As given.
        name: String,
        /// The nearest there is.
        nearest: Option<String>,
        /// All there are.
        known: Vec<String>,
    },
    /// The file is there, with mistakes.
    #[error("{kind} `{name}` has mistakes")]
    Broken {
        /// What it is.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// `harness.yaml` is missing or has mistakes.
    #[error("harness.yaml is missing or has mistakes")]
    NoHarness,
    /// The ruleset is for the other way of tuning.
    #[error("submission `{submission}` does not enter ruleset `{ruleset}`, which is for {}", match .tuning { Tuning::ExternalTuning => "external tuning", Tuning::SelfTuning => "self-tuning" })]
    NotEntered {
        /// Its name.
        submission: String,
        /// Its name.
        ruleset: String,
        /// What the ruleset wants.
        tuning: Tuning,
    },
    /// A hyperparameter that the submission does not have.
    #[error("submission `{submission}` has no hyperparameter `{name}`")]
    Hyperparameter {
        /// Its name.
        submission: String,
        /// As given.
        name: String,
        /// The nearest there is.
        nearest: Option<String>,
        /// All there are.
        known: Vec<String>,
    },
    /// The one epoch of the workload ends before the trial may.
    #[error(
        "submission `{submission}` takes {batch_size} examples a step on workload `{workload}`, whose one epoch of {examples} then ends after {lasts} steps; a trial may take {steps}, the evaluation that confirms a passage included",
        lasts = examples / batch_size.max(&1)
    )]
    Exhausted {
        /// Its name.
        submission: String,
        /// Its name.
        workload: String,
        /// The submission's batch size on it.
        batch_size: u64,
        /// Training examples.
        examples: u64,
        /// Steps that a trial may take.
        steps: u64,
    },
    /// The hyperparameters in a submission's schedule make none.
    #[error("the schedule of submission `{submission}` cannot have these hyperparameters: {cause}")]
    Schedule {
        /// Its name.
        submission: String,
        /// Why.
        cause: String,
    },
    /// The search space has no such point.
    #[error("no point for study {study}, trial {trial}: {cause}")]
    Point {
        /// From 1.
        study: u32,
        /// From 1.
        trial: u32,
        /// Why.
        cause: SearchError,
    },
}

impl Catalog {
    /// One trial's configuration.
    ///
    /// # Errors
    /// [`ResolveError`] names what is not there and the nearest that is.
    pub fn resolve(&self, request: &Request) -> Result<RunSpec, ResolveError> {
        let ruleset = self.ruleset(request.ruleset)?.clone();
        self.resolve_under(request, ruleset)
    }

    /// The same under rules that need not be of `harness.yaml`.
    pub(super) fn resolve_under(
        &self,
        request: &Request,
        mut ruleset: Ruleset,
    ) -> Result<RunSpec, ResolveError> {
        let harness = self.harness.as_ref().ok_or(ResolveError::NoHarness)?;
        let workload = self.workload(request.workload)?;
        let entrant = self.entrant(request.submission)?;
        ruleset.trials = ruleset.trials.max(request.trials.unwrap_or(0));
        let dataset = self.named(Kind::Dataset, "data set", &workload.dataset, &self.datasets)?;
        // Where nobody tunes, every submission may enter.
        let tuned = ruleset.points == Points::Searched;
        if tuned && !entrant.submission.rulesets.contains(&ruleset.tuning) {
            return Err(ResolveError::NotEntered {
                submission: request.submission.to_owned(),
                ruleset: request.ruleset.to_owned(),
                tuning: ruleset.tuning,
            });
        }
        if request.hyperparameters.is_some() && request.purpose == Purpose::Scoring {
            ruleset.points = Points::Given;
        }
        let submission = &entrant.submission;
        let hyperparameters = hyperparameters(request, entrant, &ruleset)?;
        let schedule = schedule(request.submission, submission, &hyperparameters)?;
        let threads = workload
            .threads
            .map_or(harness.threads, |most| most.min(harness.threads));
        let run = RunSpec {
            protocol: PROTOCOL,
            workload_name: request.workload.to_owned(),
            workload: workload.clone(),
            dataset: identity(&workload.dataset, dataset),
            submission: SubmissionIdentity {
                name: request.submission.to_owned(),
                program: entrant.program.clone(),
                schedule,
                scheduled: submission.schedule.hyperparameters(),
                batch_size: *submission
                    .batch_size
                    .workloads
                    .get(request.workload)
                    .unwrap_or(&submission.batch_size.default),
                gradient_clipping: submission.gradient_clipping,
                log_gradient_norm: submission.log_gradient_norm,
                groups: submission.groups.clone(),
            },
            hyperparameters,
            ruleset_name: request.ruleset.to_owned(),
            ruleset,
            seed: Seed::new(
                request.purpose,
                request.base_seed,
                request.study,
                request.trial,
            ),
            threads: request.threads.unwrap_or(threads),
            device: request
                .device
                .or(device(&harness.device).map(|(kind, _)| kind))
                .unwrap_or(DeviceKind::Cpu),
        };
        lasting(run)
    }

    /// The schedule that a submission has without tuning.
    ///
    /// # Errors
    /// When there is no such submission, or its defaults make no schedule.
    pub fn default_schedule(&self, name: &str) -> Result<Schedule, ResolveError> {
        let submission = &self.entrant(name)?.submission;
        schedule(name, submission, &submission.defaults())
    }

    /// Trials of a study that asks for `trials`: a submission that lists its points may have fewer.
    pub fn trials(&self, submission: &str, ruleset: &Ruleset, trials: u32) -> u32 {
        match self.submissions.get(submission) {
            Some(entrant) if ruleset.is_searched() => entrant.space.trials(trials),
            _ => trials,
        }
    }

    /// What a record says of a trial beyond its configuration.
    pub fn context(&self, run: &RunSpec) -> Context {
        let entrant = self.submissions.get(&run.submission.name);
        let given = run.ruleset.points == Points::Given;
        let chosen = entrant.filter(|_| given).map(|entrant| {
            let defaults = entrant.submission.defaults();
            let mut chosen = run.hyperparameters.clone();
            chosen.retain(|name, value| defaults.get(name) != Some(value));
            chosen
        });
        Context {
            study_trials: Some(self.trials(&run.submission.name, &run.ruleset, run.ruleset.trials)),
            chosen,
        }
    }

    /// A workload.
    ///
    /// # Errors
    /// When there is no such workload.
    pub fn workload(&self, name: &str) -> Result<&Workload, ResolveError> {
        self.named(Kind::Workload, "workload", name, &self.workloads)
    }

    /// A submission.
    ///
    /// # Errors
    /// When there is no such submission.
    pub fn entrant(&self, name: &str) -> Result<&Entrant, ResolveError> {
        self.named(Kind::Submission, "submission", name, &self.submissions)
    }

    /// A ruleset.
    ///
    /// # Errors
    /// When there is no such ruleset.
    pub fn ruleset(&self, name: &str) -> Result<&Ruleset, ResolveError> {
        let harness = self.harness.as_ref().ok_or(ResolveError::NoHarness)?;
        self.named(Kind::Harness, "ruleset", name, &harness.rulesets)
    }

    /// The workloads of a suite.
    ///
    /// # Errors
    /// When there is no such suite.
    pub fn suite(&self, name: &str) -> Result<&[String], ResolveError> {
        let harness = self.harness.as_ref().ok_or(ResolveError::NoHarness)?;
        self.named(Kind::Harness, "suite", name, &harness.suites)
            .map(Vec::as_slice)
    }

    fn named<'a, T>(
        &self,
        file: Kind,
        kind: &'static str,
        name: &str,
        all: &'a BTreeMap<String, T>,
    ) -> Result<&'a T, ResolveError> {
        all.get(name).ok_or_else(|| {
            if self.is_broken(file, name) {
                return ResolveError::Broken {
                    kind,
                    name: name.to_owned(),
                };
            }
            ResolveError::Unknown {
                kind,
                name: name.to_owned(),
                nearest: nearest(name, all.keys().map(String::as_str)).map(str::to_owned),
                known: all.keys().cloned().collect(),
            }
        })
    }
}

fn schedule(name: &str, submission: &Submission, point: &Point) -> Result<Schedule, ResolveError> {
    let schedule = submission.schedule.at(point);
    schedule.map_err(|cause| ResolveError::Schedule {
        submission: name.to_owned(),
        cause,
    })
}

/// The run, if one epoch is not all that it may train for, or lasts to its end.
fn lasting(run: RunSpec) -> Result<RunSpec, ResolveError> {
    let (batch_size, steps) = (run.submission.batch_size, run.last_step());
    let examples = run.examples(SplitName::Train);
    if run.workload.one_epoch && batch_size.saturating_mul(steps) > examples {
        return Err(ResolveError::Exhausted {
            submission: run.submission.name,
            workload: run.workload_name,
            batch_size,
            examples,
            steps,
        });
    }
    Ok(run)
}

fn identity(name: &str, dataset: &Dataset) -> DatasetIdentity {
    let split = |split: &Split| SplitIdentity {
        examples: split.count,
        hash: split.hash.clone(),
    };
    let splits = &dataset.splits;
    DatasetIdentity {
        name: name.to_owned(),
        columns: dataset.format.columns(),
        splits: BTreeMap::from([
            (SplitName::Train, split(&splits.train)),
            (SplitName::Validation, split(&splits.validation)),
            (SplitName::Test, split(&splits.test)),
        ]),
    }
}

fn hyperparameters(
    request: &Request,
    entrant: &Entrant,
    ruleset: &Ruleset,
) -> Result<Point, ResolveError> {
    let submission = &entrant.submission;
    let mut values = submission.defaults();
    let (study, trial) = (request.study, request.trial);
    let drawn = match request.hyperparameters {
        Some(given) => given.clone(),
        None if ruleset.is_searched() => {
            let point = entrant.space.point(study, trial, ruleset.trials);
            point.map_err(|cause| ResolveError::Point {
                study,
                trial,
                cause,
            })?
        }
        None => Point::new(),
    };
    for (name, value) in drawn {
        match values.get_mut(&name) {
            Some(slot) => *slot = value,
            None => {
                return Err(ResolveError::Hyperparameter {
                    submission: request.submission.to_owned(),
                    nearest: nearest(&name, values.keys().map(String::as_str)).map(str::to_owned),
                    known: values.keys().cloned().collect(),
                    name,
                });
            }
        }
    }
    Ok(values)
}
