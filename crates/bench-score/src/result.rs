//! The trials of a study, and the studies of a workload.

use crate::read::Trial;
use bench_core::outcome::{FailureKind, Outcome};
use bench_core::passage::Passage;
use bench_core::protocol::Passes;
use bench_core::run::{DeviceKind, PROTOCOL, Purpose, RunSpec};
use bench_core::spec::harness::Points;
use bench_core::spec::submission::{Tuning, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What times depend on beside the submission: they are compared only within one of these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Setting {
    /// Fingerprint of the machine.
    pub machine: String,
    /// `cpu` or `cuda`.
    pub device: String,
    /// Of the worker.
    pub threads: u32,
}

impl Setting {
    /// Where a trial ran.
    pub fn of(trial: &Trial) -> Setting {
        let device = match trial.record.run.device {
            DeviceKind::Cpu => "cpu",
            DeviceKind::Cuda => "cuda",
        };
        Setting {
            machine: trial.record.machine.fingerprint.clone(),
            device: device.to_owned(),
            threads: trial.record.run.threads,
        }
    }
}

/// One submission on one workload under one ruleset, in one setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WorkloadResult {
    /// Name of the submission.
    pub submission: String,
    /// The values that somebody chose by hand, where they did: each set of them is a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<String>,
    /// Name of the workload.
    pub workload: String,
    /// Name of the ruleset.
    pub ruleset: String,
    /// What decides which results may stand in one table.
    pub comparability_key: String,
    /// Where it ran.
    pub setting: Setting,
    /// Its studies that say something, in order: they reached the target, or all of their trials are over and missed it.
    pub studies: Vec<StudyResult>,
    /// Its other studies: whether they reach the target is open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<StudyResult>,
    /// Studies that the ruleset asks for.
    pub studies_wanted: u32,
    /// How its ruleset tunes: studies differ more where submissions tune themselves.
    pub tuning: Tuning,
    /// Median over studies of the seconds to target; none when half of them or more missed it.
    pub median_seconds: Option<f64>,
    /// The same of the steps to target.
    pub median_steps: Option<f64>,
    /// The same of the examples passed to target; none also where they were not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_examples: Option<f64>,
    /// Studies that reached the target.
    pub reached: u32,
    /// Submission time that a trial may take, in seconds.
    pub budget_seconds: f64,
    /// Steps that a trial may take.
    pub budget_steps: u64,
    /// Seconds a step, over all trials.
    pub seconds_per_step: Option<f64>,
    /// Examples that a step passes, forward, backward and to judge by, over all trials; none where a trial did not count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples_per_step: Option<f64>,
    /// Highest resident memory of a worker, in bytes.
    pub worker_memory: Option<u64>,
    /// Highest memory of the device, in bytes.
    pub device_memory: Option<u64>,
    /// Trials that are not over.
    pub unfinished: u32,
    /// Of trials that are over and say nothing of the algorithm: what kind of failure kept each from it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unobserved: Vec<FailureKind>,
    /// Trials that were resumed: their clocks ran in parts.
    pub resumed: u32,
    /// Trials whose processors were held up, by heat, a quota or other guests.
    #[serde(default)]
    pub throttled: u32,
    /// Trials that ran under limits or tolerances looser than the built-in ones: others' had less.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub loosened: u32,
    /// Trials whose worker disagrees with the clock: they count as missed.
    #[serde(default)]
    pub timing_suspect: u32,
    /// Whether `harness.yaml` calls its machine one that measures time well.
    #[serde(default)]
    pub pinned: bool,
    /// Records left out because the same trial was run again later, or the submission changed since.
    pub superseded: u32,
}

/// One study: the fastest of its trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StudyResult {
    /// The user's seed and the study's number.
    pub study: (u64, u32),
    /// Trials that are over and say something.
    pub trials: u32,
    /// Trials that it needs: what the ruleset asks for, or all points that the submission lists.
    #[serde(default)]
    pub trials_wanted: u32,
    /// Least submission time to target of a trial, in seconds.
    pub seconds: Option<f64>,
    /// Fewest steps to target of a trial. Not always the same trial's, so that steps do not depend on the machine.
    pub steps: Option<u64>,
    /// Fewest examples passed to target of a trial; none also where they were not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples: Option<u64>,
    /// What it would come to under the other targets of [`TARGETS`], in their order. In no file: it follows from the records.
    #[serde(skip)]
    pub moved: Vec<Moved>,
}

/// A study under another target: infinite for a miss, NaN where its trials ended at their own target before it could be seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moved {
    /// Least submission time, in seconds.
    pub seconds: f64,
    /// Fewest steps.
    pub steps: f64,
    /// Fewest examples passed.
    pub examples: f64,
}

/// Shares by which targets are made easier, and harder, to see what an order owes to them.
pub const TARGETS: [f64; 4] = [0.01, 0.02, -0.01, -0.02];

pub(crate) type Group<'a> = Vec<&'a Trial>;

impl StudyResult {
    /// Whether all of its trials are over and say something.
    pub fn is_complete(&self) -> bool {
        self.trials >= self.trials_wanted
    }

    /// Whether it says something: a passage that stands, or a miss of every trial. Where trials are still to come, no miss is certain.
    pub fn is_known(&self) -> bool {
        self.steps.is_some() || self.is_complete()
    }
}

impl WorkloadResult {
    /// The submission as tables name it, with the values that somebody chose.
    pub fn entry(&self) -> String {
        match &self.values {
            Some(values) => format!("{} ({values})", self.submission),
            None => self.submission.clone(),
        }
    }

    /// Trials that are over and say something, and those that the ruleset asks for.
    pub fn trials(&self) -> (u32, u32) {
        let all = || self.studies.iter().chain(&self.open);
        let each = all().map(|study| study.trials_wanted).max().unwrap_or(0);
        let wanted = each * self.studies_wanted.max(all().count() as u32);
        (all().map(|study| study.trials).sum(), wanted)
    }

    /// Whether everything that the ruleset asks for was observed.
    pub fn is_complete(&self) -> bool {
        let (done, wanted) = self.trials();
        self.open.is_empty() && done >= wanted
    }
}

/// Groups scoring trials into results, whatever order they come in.
///
/// Of a submission that was edited only the source that was asked for last counts, and of a trial that was run again only the newest record.
pub fn results(trials: &[Trial]) -> Vec<WorkloadResult> {
    let result = |(setting, group): (Setting, Group)| {
        let all = group.len();
        let newest = newest(group);
        WorkloadResult {
            superseded: (all - newest.len()) as u32,
            ..result(setting, &newest)
        }
    };
    groups(trials).into_iter().map(result).collect()
}

/// Scoring trials that make one result each, by workload, ruleset, contents of the specs, submission, values that somebody chose, and setting.
pub(crate) fn groups(trials: &[Trial]) -> Vec<(Setting, Group<'_>)> {
    let mut groups: BTreeMap<_, Group> = BTreeMap::new();
    for trial in trials {
        let run = &trial.record.run;
        if run.seed.purpose == Purpose::Scoring {
            let key = (
                &run.workload_name,
                &run.ruleset_name,
                &trial.record.comparability_key,
                &run.submission.name,
                values(trial),
                Setting::of(trial),
            );
            groups.entry(key).or_default().push(trial);
        }
    }
    let keyed = groups.into_iter();
    keyed
        .map(|((.., setting), group)| (setting, group))
        .collect()
}

/// The values that somebody chose, where they did: those that are not the defaults, or all of them where the record does not say which are.
fn values(trial: &Trial) -> Option<String> {
    let run = &trial.record.run;
    if run.ruleset.points != Points::Given {
        return None;
    }
    let chosen = trial.record.context.chosen.as_ref();
    let named = |(name, value): (&String, &Value)| format!("{name} {value}");
    let values: Vec<String> = chosen
        .unwrap_or(&run.hyperparameters)
        .iter()
        .map(named)
        .collect();
    Some(match values.is_empty() {
        true => "the defaults".to_owned(),
        false => values.join(", "),
    })
}

/// A time of a record as something that sorts: RFC 3339 in UTC, whose fractions of a second may have any number of digits.
pub fn instant(text: &str) -> (&str, &str) {
    let text = text.trim_end_matches('Z');
    text.split_once('.').unwrap_or((text, ""))
}

/// The order of age, by when a trial was last asked for; the hash decides between records of one moment, so that the order of input never does.
pub(crate) fn age(trial: &Trial) -> ((&str, &str), &str) {
    let started = instant(&trial.record.started);
    let asked = trial.asked.as_deref().map(instant);
    (
        asked.max(Some(started)).unwrap_or(started),
        &trial.record.config_hash,
    )
}

/// Of an edited submission the source that was asked for last, and of each trial the newest record: of those that say something, where any does.
pub(crate) fn newest(mut group: Group) -> Group {
    group.sort_by_key(|trial| std::cmp::Reverse(age(trial)));
    let source = group
        .first()
        .map(|trial| trial.record.source_hash.clone())
        .unwrap_or_default();
    group.sort_by_key(|trial| trial.summary.is_unobserved());
    let mut seen = std::collections::BTreeSet::new();
    group.retain(|trial| {
        let seed = &trial.record.run.seed;
        trial.record.source_hash == source && seen.insert((seed.base, seed.study, seed.trial))
    });
    group
}

pub(crate) fn result(setting: Setting, trials: &[&Trial]) -> WorkloadResult {
    let mut studies: BTreeMap<(u64, u32), Vec<&Trial>> = BTreeMap::new();
    for &trial in trials {
        let seed = &trial.record.run.seed;
        studies
            .entry((seed.base, seed.study))
            .or_default()
            .push(trial);
    }
    let (studies, open): (Vec<StudyResult>, Vec<StudyResult>) = studies
        .into_iter()
        .map(|(study, trials)| study_result(study, &trials))
        .partition(StudyResult::is_known);
    let record = &trials[0].record;
    let spent = |trial: &&Trial| (trial.summary.submission_seconds(), trial.summary.steps);
    let (seconds, steps) = trials
        .iter()
        .map(spent)
        .fold((0.0, 0), |(a, b), (x, y)| (a + x, b + y));
    let examples_per_step = examples_per_step(trials, &studies);
    let examples = studies.iter().map(|study| study.examples.map(|n| n as f64));
    WorkloadResult {
        submission: record.run.submission.name.clone(),
        values: values(trials[0]),
        workload: record.run.workload_name.clone(),
        ruleset: ruleset(&record.run),
        comparability_key: record.comparability_key.clone(),
        setting,
        studies_wanted: record.run.ruleset.studies,
        tuning: record.run.ruleset.tuning,
        median_seconds: median(studies.iter().map(|study| study.seconds)),
        median_steps: median(studies.iter().map(|study| study.steps.map(|n| n as f64))),
        median_examples: examples_per_step.and(median(examples)),
        examples_per_step,
        budget_seconds: record.run.budget_seconds(),
        budget_steps: record.run.budget_steps(),
        reached: count(&studies, |study| study.seconds.is_some()),
        studies,
        open,
        seconds_per_step: (steps > 0).then(|| seconds / steps as f64),
        worker_memory: trials.iter().filter_map(|t| t.summary.worker_memory).max(),
        device_memory: trials.iter().filter_map(|t| t.summary.device_memory).max(),
        unfinished: count(trials, |trial| !is_over(trial)),
        unobserved: trials
            .iter()
            .filter_map(|trial| unobserved(trial))
            .collect(),
        resumed: count(trials, |trial| trial.summary.resumed > 0),
        throttled: count(trials, |trial| trial.summary.is_throttled()),
        loosened: count(trials, |trial| !trial.record.loosened().is_empty()),
        timing_suspect: count(trials, |trial| {
            trial.summary.outcome == Some(Outcome::TimingSuspect)
        }),
        pinned: false,
        superseded: 0,
    }
}

/// Over all trials that made a step; none where one of them, or one that met the target, does not say.
fn examples_per_step(trials: &[&Trial], studies: &[StudyResult]) -> Option<f64> {
    let told = |study: &StudyResult| study.steps.is_none() || study.examples.is_some();
    let ran = || trials.iter().map(|trial| &trial.summary);
    let ran = || ran().filter(|summary| summary.steps > 0);
    let is_counted = ran().all(|summary| !summary.passes.is_empty()) && studies.iter().all(told);
    let steps: u64 = ran().map(|summary| summary.steps).sum();
    let examples: u64 = ran().map(|summary| summary.passes.total()).sum();
    (is_counted && steps > 0).then(|| examples as f64 / steps as f64)
}

/// What kept a trial that is over from saying something, where it does not.
fn unobserved(trial: &Trial) -> Option<FailureKind> {
    match &trial.summary.outcome {
        Some(Outcome::Failed(failure)) if trial.summary.is_unobserved() => Some(failure.kind),
        _ => None,
    }
}

/// A ruleset as tables name it: values that somebody chose are no ordinary entry under it, and neither are records of an older protocol, which
/// meet newer ones in no table and in no score over tables.
pub fn ruleset(run: &RunSpec) -> String {
    let given = match run.ruleset.points {
        Points::Given => " with given values",
        Points::Searched | Points::Defaults => "",
    };
    let older = match run.protocol < PROTOCOL {
        true => ", older format",
        false => "",
    };
    format!("{}{given}{older}", run.ruleset_name)
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

fn count<T>(items: &[T], which: impl Fn(&T) -> bool) -> u32 {
    items.iter().filter(|item| which(item)).count() as u32
}

fn is_over(trial: &Trial) -> bool {
    let outcome = &trial.summary.outcome;
    outcome.as_ref().is_some_and(|outcome| outcome.is_final())
}

/// Trials of a study that says something.
fn wanted(trial: &Trial) -> u32 {
    let record = &trial.record;
    let own = record.context.study_trials;
    own.unwrap_or(record.run.ruleset.trials)
}

pub(crate) fn study_result(study: (u64, u32), trials: &[&Trial]) -> StudyResult {
    let hits: Vec<Passage> = trials
        .iter()
        .filter_map(|trial| trial.summary.hit())
        .collect();
    let examples = |trial: &&&Trial| {
        let hit = trial.summary.hit()?;
        Some(trial.summary.passes_at(hit.at.step).map(Passes::total))
    };
    let examples: Option<Vec<u64>> = trials.iter().filter_map(|trial| examples(&trial)).collect();
    StudyResult {
        study,
        trials: count(trials, |trial| trial.summary.is_observed()),
        trials_wanted: trials.iter().map(|trial| wanted(trial)).max().unwrap_or(0),
        seconds: hits
            .iter()
            .map(|hit| hit.at.submission_ns)
            .min()
            .map(|ns| ns as f64 / 1e9),
        steps: hits.iter().map(|hit| hit.at.step).min(),
        examples: examples.and_then(|examples| examples.into_iter().min()),
        moved: TARGETS.map(|share| moved(trials, share)).to_vec(),
    }
}

/// The study had its target been another. A trial that stopped at its own leaves open whether it would have been the first.
fn moved(trials: &[&Trial], share: f64) -> Moved {
    let mut best = [f64::INFINITY; 3];
    let mut open = [f64::INFINITY; 3];
    for trial in trials.iter().filter(|trial| trial.summary.is_observed()) {
        let (run, summary) = (&trial.record.run, &trial.summary);
        let target = &run.workload.target;
        let target = target.metric.direction().eased(target.validation, share);
        let (ends, at) = match summary.hit_at(run, target) {
            Some(hit) => {
                let passes = summary.passes_at(hit.at.step);
                (&mut best, (hit.at.submission_ns, hit.at.step, passes))
            }
            None if summary.stopped_at_target(run) => {
                let passes = Some(summary.passes);
                (&mut open, (summary.submission_ns, summary.steps, passes))
            }
            None => continue,
        };
        ends[0] = ends[0].min(at.0 as f64 / 1e9);
        ends[1] = ends[1].min(at.1 as f64);
        ends[2] = ends[2].min(at.2.unwrap_or_default().total() as f64);
    }
    let seen = |index: usize| match best[index] <= open[index] {
        true => best[index],
        false => f64::NAN,
    };
    Moved {
        seconds: seen(0),
        steps: seen(1),
        examples: seen(2),
    }
}

/// The median where a miss (none) is infinitely late and takes part: none when the median itself is.
/// Of an even number it is the mean of the middle two.
pub fn median(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let mut values: Vec<f64> = values.map(|value| value.unwrap_or(f64::INFINITY)).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let median = match values.len() {
        0 => return None,
        n if n % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    };
    median.is_finite().then_some(median)
}
