//! From names to complete configurations. Everything that can be wrong is found here, before anything is fetched or built.

use super::{RULESET, WORKLOAD};
use crate::arguments::Results;
use crate::command_line::CommandLine;
use crate::commands::trials::{Plan, chosen_device, own_point};
use crate::failure::Failure;
use crate::workspace::{self, Workspace};
use bench_core::number::Span;
use bench_core::run::{Purpose, RunSpec};
use bench_core::spec::resolve::Request;
use clap::Args;
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where records of workloads named one by one go.
const SINGLE: &str = "single";

/// Which trials: the same words for all that run or plan them.
#[derive(Debug, Clone, PartialEq, Args)]
pub(in crate::commands) struct Selection {
    /// Names, or folders with a submission.yaml
    #[arg(required = true, value_name = "SUBMISSION")]
    pub(in crate::commands) submissions: Vec<String>,
    /// A workload by its name, or its file, as often as you like [default: fashion-mnist-mlp]
    #[arg(long = "workload", short, value_name = "W", conflicts_with = "suite")]
    pub(in crate::commands) workloads: Vec<String>,
    /// All workloads of a suite
    #[arg(long, value_name = "S")]
    pub(in crate::commands) suite: Option<String>,
    /// Rules of tuning and counting
    #[arg(long, value_name = "R", default_value = RULESET)]
    pub(in crate::commands) ruleset: String,
    /// Independent repetitions, in place of the ruleset's number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::commands) studies: Option<u32>,
    /// Points of the search space in each study, in place of the ruleset's number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::commands) trials: Option<u32>,
    /// Where random draws begin
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub(in crate::commands) seed: u64,
    #[command(flatten)]
    pub(in crate::commands) results: Results,
    /// Your own values (YAML or JSON, name to value) over the defaults
    #[arg(long, value_name = "FILE")]
    pub(in crate::commands) hyperparameters: Option<PathBuf>,
    /// One value of your own, as often as you like; over those of a file
    #[arg(long, value_name = "NAME=VALUE", allow_hyphen_values = true)]
    pub(in crate::commands) set: Vec<String>,
    /// In place of the workload's time budget, for questions about steps alone: such records are comparable only with each other
    #[arg(long, value_name = "TIME", value_parser = time_budget)]
    pub(in crate::commands) time_budget: Option<Span>,
    /// `cpu` or `cuda:0`, in place of harness.yaml's
    #[arg(long)]
    pub(in crate::commands) device: Option<String>,
    /// Threads of worker and evaluator, in place of harness.yaml's and the workload's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::commands) threads: Option<u32>,
    /// One trial alone, as STUDY.TRIAL or WORKLOAD/STUDY.TRIAL: for schedulers (`bench plan --json` lists them)
    #[arg(long, value_name = "TRIAL", value_parser = Only::parse)]
    pub(in crate::commands) only: Option<Only>,
}

/// What was named twice is still one.
fn each_once(names: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut once = names.to_vec();
    once.retain(|name| seen.insert(name.clone()));
    once
}

impl Selection {
    /// The checkout with these submissions and workloads, wherever they lie; the names of the submissions.
    pub(in crate::commands) fn open(&self) -> Result<(Workspace, Vec<String>), Failure> {
        Workspace::with(&self.submissions, &workspace::workloads(&self.workloads))
    }

    /// As it was typed, behind a verb. What is the default is left out.
    pub(in crate::commands) fn command(&self, verb: &str) -> CommandLine {
        // All fields by name, so that a new option is not forgotten here.
        let Selection {
            submissions,
            workloads,
            suite,
            ruleset,
            studies,
            trials,
            seed,
            results,
            hyperparameters,
            set,
            time_budget,
            device,
            threads,
            only,
        } = self;
        let mut line = CommandLine::new(verb);
        for submission in submissions {
            line = line.word(submission);
        }
        for workload in workloads {
            line = line.option("workload", Some(workload));
        }
        line = line
            .option("suite", suite.as_ref())
            .option("ruleset", (ruleset != RULESET).then_some(ruleset))
            .option("studies", *studies)
            .option("trials", *trials)
            .option("seed", (*seed != 0).then_some(seed));
        for value in set {
            line = line.option("set", Some(value));
        }
        results
            .on(line)
            .option(
                "hyperparameters",
                hyperparameters.as_deref().map(Path::display),
            )
            .option("time-budget", *time_budget)
            .option("device", device.as_ref())
            .option("threads", *threads)
            .option("only", only.as_ref())
    }

    /// The same with one of its trials alone. `names` are those of the submissions, in their order: a folder may be typed in many ways.
    pub(in crate::commands) fn only(&self, names: &[String], run: &RunSpec) -> Selection {
        let place = names.iter().position(|name| *name == run.submission.name);
        let typed = place.and_then(|place| self.submissions.get(place));
        let is_its = |given: &&String| workspace::spec_name(given) == run.workload_name;
        let workloads = self.workloads.iter().find(is_its).cloned();
        let workloads = workloads.into_iter().collect();
        Selection {
            submissions: vec![typed.unwrap_or(&run.submission.name).clone()],
            workloads,
            only: Some(Only {
                workload: Some(run.workload_name.clone()),
                study: run.seed.study,
                trial: run.seed.trial,
            }),
            ..self.clone()
        }
    }
}

fn time_budget(text: &str) -> Result<Span, String> {
    let time = Span::parse(text).filter(|time| *time > Span(Duration::ZERO));
    time.ok_or_else(|| "write a length of time, such as `90s`, `15m` or `1h 30m`".to_owned())
}

/// One trial of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands) struct Only {
    workload: Option<String>,
    study: u32,
    trial: u32,
}

impl fmt::Display for Only {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if let Some(workload) = &self.workload {
            write!(f, "{workload}/")?;
        }
        write!(f, "{}.{}", self.study, self.trial)
    }
}

impl Only {
    fn parse(text: &str) -> Result<Only, String> {
        let (workload, numbers) = match text.rsplit_once('/') {
            Some((workload, numbers)) => (Some(workload.to_owned()), numbers),
            None => (None, text),
        };
        let parsed = numbers
            .split_once('.')
            .and_then(|(study, trial)| Some((study.parse().ok()?, trial.parse().ok()?)));
        let (study, trial) = parsed.ok_or("write STUDY.TRIAL, such as 2.3, or WORKLOAD/2.3")?;
        Ok(Only {
            workload,
            study,
            trial,
        })
    }

    fn is(&self, run: &RunSpec) -> bool {
        let workload = self.workload.as_ref();
        workload.is_none_or(|workload| *workload == run.workload_name)
            && (self.study, self.trial) == (run.seed.study, run.seed.trial)
    }
}

/// Resolves all trials that were asked for.
pub(in crate::commands) fn plan(
    arguments: &Selection,
    checkout: &Workspace,
    submissions: &[String],
) -> Result<Plan, Failure> {
    let harness = checkout.harness()?;
    let unresolved = |error| checkout.unresolved(error);
    let workloads: Vec<String> = match &arguments.suite {
        Some(suite) => checkout.catalog.suite(suite).map_err(unresolved)?.to_vec(),
        None if arguments.workloads.is_empty() => vec![WORKLOAD.to_owned()],
        None => {
            let names = arguments.workloads.iter();
            let names: Vec<String> = names.map(|given| workspace::spec_name(given)).collect();
            each_once(&names)
        }
    };
    let submissions = &each_once(submissions);
    let (device, device_index) =
        chosen_device(arguments.device.as_ref().unwrap_or(&harness.device))?;
    let spaces: Vec<_> = submissions
        .iter()
        .filter_map(|name| checkout.catalog.submissions.get(name))
        .map(|entrant| &entrant.submission.search_space)
        .collect();
    let file = arguments.hyperparameters.as_deref();
    let own = own_point(file, &arguments.set, &spaces)?;
    let catalog = &checkout.catalog;
    let ruleset = catalog.ruleset(&arguments.ruleset).map_err(unresolved)?;
    let studies = arguments.studies.unwrap_or(ruleset.studies);
    let trials = arguments.trials.unwrap_or(ruleset.trials);
    let mut runs = Vec::new();
    for workload in &workloads {
        for study in 1..=studies {
            for submission in submissions {
                for trial in 1..=catalog.trials(submission, ruleset, trials) {
                    let request = Request {
                        workload,
                        submission,
                        ruleset: &arguments.ruleset,
                        purpose: Purpose::Scoring,
                        base_seed: arguments.seed,
                        study,
                        trial,
                        trials: arguments.trials,
                        hyperparameters: own.as_ref(),
                        threads: arguments.threads,
                        device: Some(device),
                    };
                    let mut run = catalog.resolve(&request).map_err(unresolved)?;
                    let budget = &mut run.workload.budget;
                    budget.time = arguments.time_budget.unwrap_or(budget.time);
                    runs.push(run);
                }
            }
        }
    }
    if runs.is_empty() {
        let help =
            "a suite without workloads, or a search space without points, has nothing to try";
        return Err(Failure::usage("there is no trial to run", help.to_owned()));
    }
    if let Some(only) = &arguments.only {
        runs.retain(|run| only.is(run));
        if runs.is_empty() {
            let all = Selection {
                only: None,
                ..arguments.clone()
            };
            let all = all.command("run").flag("dry-run", true);
            return Err(Failure::usage(
                "there is no such trial in what is to be run",
                format!("`{all}` lists the trials"),
            ));
        }
    }
    Ok(Plan {
        suite: arguments.suite.clone().unwrap_or_else(|| SINGLE.to_owned()),
        runs,
        device,
        device_index,
        elsewhere: false,
    })
}

#[cfg(test)]
mod tests {
    use super::each_once;

    #[test]
    fn a_name_typed_twice_is_one() {
        let typed = ["adamw", "lion", "adamw"].map(str::to_owned);
        assert_eq!(each_once(&typed), ["adamw", "lion"]);
    }
}
