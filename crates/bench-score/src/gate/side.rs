//! One side of a comparison on one workload: its studies.

use super::By;
use crate::read::Trial;
use crate::result::{Group, Setting, median, newest, study_result};
use crate::trial::CurvePoint;
use bench_core::outcome::Outcome;
use bench_core::passage::Passage;
use bench_core::run::Purpose;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What runs must share to be compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// Name of the workload.
    pub(super) workload: String,
    /// The comparability key: workload, data, ruleset and protocol.
    pub(super) rules: String,
    /// Where seconds are compared.
    pub(super) setting: Option<Setting>,
}

/// A side's studies on one workload.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Side {
    /// In the order of their seeds.
    pub studies: Vec<Observation>,
    /// How many reached the target.
    pub reached: usize,
    /// Median of the seconds to target; none when half of the studies or more missed it.
    pub median_seconds: Option<f64>,
    /// The same of the steps.
    pub median_steps: Option<f64>,
    /// Seconds a step, over all trials.
    pub seconds_per_step: Option<f64>,
    /// Trials that were resumed: their clocks ran in parts.
    pub resumed: usize,
    /// Trials whose processors were held up, by heat, a quota or other guests.
    pub throttled: usize,
    /// Trials that ran under limits or tolerances looser than the built-in ones.
    pub loosened: usize,
    /// Trials whose clock is not trusted. Their steps count, their seconds are a miss.
    pub timing_suspect: usize,
    /// Where its trials ran.
    #[serde(skip)]
    pub(super) settings: BTreeSet<Setting>,
    /// Seed and curve of each trial.
    #[serde(skip)]
    pub(super) curves: BTreeMap<(u64, u32, u32), Vec<CurvePoint>>,
}

/// One study.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Observation {
    /// The seed's base.
    pub seed: u64,
    /// The study's number.
    pub study: u32,
    /// Steps to target; none for a miss.
    pub steps: Option<u64>,
    /// Seconds to target; none for a miss.
    pub seconds: Option<f64>,
    /// Between the evaluation that met the target and the one before, as a share of the former's steps: no finer claim is possible.
    pub resolution: Option<f64>,
}

impl Side {
    /// Steps or seconds to target, infinite for a miss.
    pub(super) fn times(&self, by: By) -> Vec<f64> {
        let time = |study: &Observation| match by {
            By::Steps => study.steps.map(|steps| steps as f64),
            By::Time => study.seconds,
        };
        let times = self.studies.iter().map(time);
        times.map(|time| time.unwrap_or(f64::INFINITY)).collect()
    }

    /// Whether both hold the same trials with the same numbers, bit for bit. How long they took does not count.
    pub(super) fn equals(&self, other: &Side) -> bool {
        let same = |a: &[CurvePoint], b: &[CurvePoint]| {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|(a, b)| a.step == b.step && a.metrics == b.metrics)
        };
        let trials = self.curves.iter().zip(&other.curves);
        !self.curves.is_empty()
            && self.curves.len() == other.curves.len()
            && trials
                .into_iter()
                .all(|((seed, a), (of, b))| seed == of && same(a, b))
    }

    fn of(trials: &[&Trial]) -> Side {
        let mut studies: BTreeMap<(u64, u32), Vec<&Trial>> = BTreeMap::new();
        for &trial in trials {
            let seed = &trial.record.run.seed;
            studies
                .entry((seed.base, seed.study))
                .or_default()
                .push(trial);
        }
        let studies: Vec<Observation> = studies
            .iter()
            .filter_map(|(&study, trials)| observation(study, trials))
            .collect();
        let spent = trials.iter().map(|trial| &trial.summary);
        let (seconds, steps) = spent.fold((0.0, 0), |(seconds, steps), summary| {
            (
                seconds + summary.submission_seconds(),
                steps + summary.steps,
            )
        });
        let curve = |trial: &&Trial| {
            let seed = &trial.record.run.seed;
            (
                (seed.base, seed.study, seed.trial),
                trial.summary.curve.clone(),
            )
        };
        Side {
            reached: studies.iter().filter(|study| study.steps.is_some()).count(),
            median_seconds: median(studies.iter().map(|study| study.seconds)),
            median_steps: median(studies.iter().map(|study| study.steps.map(|n| n as f64))),
            seconds_per_step: (steps > 0).then(|| seconds / steps as f64),
            resumed: trials
                .iter()
                .filter(|trial| trial.summary.resumed > 0)
                .count(),
            throttled: trials
                .iter()
                .filter(|trial| trial.summary.is_throttled())
                .count(),
            loosened: trials
                .iter()
                .filter(|trial| !trial.record.loosened().is_empty())
                .count(),
            timing_suspect: trials.iter().filter(|trial| is_suspect(trial)).count(),
            settings: trials.iter().map(|trial| Setting::of(trial)).collect(),
            curves: trials.iter().map(curve).collect(),
            studies,
        }
    }
}

/// None where it is open whether the study reaches its target.
fn observation((seed, study): (u64, u32), trials: &[&Trial]) -> Option<Observation> {
    let gap = |passage: Passage| {
        let before = passage.before.map_or(0, |before| before.step);
        (passage.at.step - before) as f64 / passage.at.step.max(1) as f64
    };
    let passages = || trials.iter().filter_map(|trial| passage(trial));
    let result = study_result((seed, study), trials);
    let steps = passages().map(|passage| passage.at.step).min();
    (steps.is_some() || result.is_complete()).then(|| Observation {
        seed,
        study,
        steps,
        seconds: result.seconds,
        resolution: passages().map(gap).reduce(f64::min),
    })
}

/// Steps do not depend on the clock, so they count where it is not trusted.
fn passage(trial: &Trial) -> Option<Passage> {
    match is_suspect(trial) {
        true => trial.summary.passage,
        false => trial.summary.hit(),
    }
}

fn is_suspect(trial: &Trial) -> bool {
    trial.summary.outcome == Some(Outcome::TimingSuspect)
}

/// A side's trials that are over, by what they may be compared within. Runs made for comparisons count where there are any, else those for scores.
pub(super) fn by_workload(trials: &[Trial], by: By) -> BTreeMap<Key, Side> {
    let made_for = |purpose: Purpose| {
        let run = move |trial: &&Trial| trial.record.run.seed.purpose == purpose;
        trials.iter().filter(run)
    };
    let purpose = match made_for(Purpose::Comparing).next() {
        Some(_) => Purpose::Comparing,
        None => Purpose::Scoring,
    };
    let mut groups: BTreeMap<Key, Group> = BTreeMap::new();
    for trial in made_for(purpose) {
        let key = Key {
            workload: trial.record.run.workload_name.clone(),
            rules: trial.record.comparability_key.clone(),
            setting: (by == By::Time).then(|| Setting::of(trial)),
        };
        groups.entry(key).or_default().push(trial);
    }
    let side = |(key, group)| (key, Side::of(&observed(group)));
    let sides = groups.into_iter().map(side);
    sides.filter(|(_, side)| !side.studies.is_empty()).collect()
}

/// The trials that count, without those that say nothing: an edit that does not build has no runs, and not those of the source before it.
fn observed(group: Group) -> Group {
    let mut counted = newest(group);
    counted.retain(|trial| trial.summary.is_observed());
    counted
}
