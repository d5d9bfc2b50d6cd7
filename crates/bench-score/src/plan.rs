//! What a number of trials will cost, and what they can show, before any of them runs.

mod calibrated;

use crate::calibration::CalibrationRecord;
use crate::gate::{Noise, NoiseSource, prior};
use crate::read::Trial;
use crate::result::{Setting, WorkloadResult, results};
use crate::statistics::log_spread;
use bench_core::run::RunSpec;
use serde::Serialize;
use std::collections::BTreeMap;

/// Wall time over submission time, where nothing is known: evaluations, snapshots and start-up are off the clock.
const OVERHEAD: f64 = 1.3;
/// Bytes of a record, where nothing is known.
const RECORD: u64 = 256 << 10;

/// What one trial will cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cost {
    /// Wall time that is expected, in seconds.
    pub seconds: f64,
    /// Wall time of a trial that spends its whole budget.
    pub seconds_at_most: f64,
    /// Where the expectation is from.
    pub source: CostSource,
    /// Bytes of a snapshot on disk while it runs, where the size of model and state is known.
    pub snapshot_bytes: Option<u64>,
}

/// Where an expected time is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CostSource {
    /// Records of this submission on this workload, on this machine.
    Records,
    /// Records of other submissions on it, on this machine.
    Others,
    /// The workload's committed calibration, made on this machine.
    Calibration,
    /// The same, made on another machine.
    CalibrationElsewhere,
    /// Records of the same model, data and batch size on another workload, on this machine: what a step takes, and all steps are assumed.
    Steps,
    /// None: the whole budget is assumed.
    Budget,
}

/// The cost of a trial: from the records of a machine, else from the workload's calibration, else from its budget. Whatever is known of a step's time, no
/// more steps are counted than the trial may take.
pub fn cost(
    run: &RunSpec,
    records: &[Trial],
    calibrations: &[CalibrationRecord],
    machine: &str,
) -> Cost {
    let here: Vec<&Trial> = records
        .iter()
        .filter(|trial| is_whole(trial) && Setting::of(trial).machine == machine)
        .collect();
    let same = |trial: &&&Trial| trial.record.run.workload_name == run.workload_name;
    let there: Vec<&Trial> = here.iter().filter(same).copied().collect();
    let own = |trial: &&&Trial| trial.record.run.submission.name == run.submission.name;
    let own: Vec<&Trial> = there.iter().filter(own).copied().collect();
    let (source, like) = match own.is_empty() {
        false => (CostSource::Records, own),
        true => (CostSource::Others, there),
    };
    let seconds = middle(
        like.iter()
            .map(|trial| wall_of(run, trial, trial.summary.steps)),
    );
    let most = middle(like.iter().map(|trial| wall_of(run, trial, u64::MAX)));
    let recorded = seconds.zip(most);
    let recorded = recorded.map(|(seconds, most)| (seconds, most, source));
    let calibrated = || calibrated::cost(run, calibrated::of(run, calibrations)?, machine);
    let stepped = || {
        let alike = here
            .iter()
            .filter(|trial| same_step(run, &trial.record.run));
        let whole = middle(alike.map(|trial| wall_of(run, trial, u64::MAX)))?;
        Some((whole, whole, CostSource::Steps))
    };
    let known = recorded.or_else(calibrated).or_else(stepped);
    let (seconds, seconds_at_most, source) = known.unwrap_or_else(|| {
        let whole = run.budget_seconds() * OVERHEAD;
        (whole, whole, CostSource::Budget)
    });
    Cost {
        seconds,
        seconds_at_most,
        source,
        snapshot_bytes: like.iter().filter_map(|trial| snapshot(trial)).max(),
    }
}

/// Bytes of a trial's record, the median of those that there are.
pub fn record_bytes(sizes: &[u64]) -> u64 {
    let sizes = sizes.iter().map(|&bytes| bytes as f64);
    middle(sizes).map_or(RECORD, |bytes| bytes as u64)
}

/// How much studies of a run's workload differ: seen in records, whatever the submission, or else in its calibration, or else measured elsewhere.
pub fn noise(run: &RunSpec, records: &[Trial], calibrations: &[CalibrationRecord]) -> Noise {
    let tuned = run.ruleset.is_searched();
    let alike = |trial: &&Trial| {
        let of = &trial.record.run;
        of.workload_name == run.workload_name && of.ruleset.is_searched() == tuned
    };
    let alike: Vec<Trial> = records.iter().filter(alike).cloned().collect();
    let samples = if tuned {
        studies(&alike)
    } else {
        seeds(&alike)
    };
    // Where all steps are alike, evaluations at intervals hide the spread.
    let seen = log_spread(samples.iter().map(Vec::as_slice)).filter(|&sd| sd > 0.0);
    let seen = seen.map(|sd| (sd, NoiseSource::Records));
    let calibrated = || {
        Some((
            calibrated_noise(run, calibrations)?,
            NoiseSource::Calibration,
        ))
    };
    let (sd, source) = seen.or_else(calibrated).unwrap_or_else(|| {
        let sd = prior(&run.workload_name, tuned, run.ruleset.tuning);
        (sd, NoiseSource::Prior)
    });
    Noise {
        workload: run.workload_name.clone(),
        sd,
        source,
    }
}

/// Standard deviation of ln(steps to target) between seeds in the calibration that set a run's target, where there is one and its seeds differ.
pub(crate) fn calibrated_noise(run: &RunSpec, calibrations: &[CalibrationRecord]) -> Option<f64> {
    calibrated::spread(calibrated::of(run, calibrations)?)
}

/// Steps to target of tuned studies, by submission.
fn studies(trials: &[Trial]) -> Vec<Vec<f64>> {
    let steps = |result: &WorkloadResult| {
        let steps = result.studies.iter().filter_map(|study| study.steps);
        steps.map(|steps| steps as f64).collect()
    };
    results(trials).iter().map(steps).collect()
}

/// Steps to target of trials that differ in their seed alone, whatever they were run for.
fn seeds(trials: &[Trial]) -> Vec<Vec<f64>> {
    let mut groups: BTreeMap<_, BTreeMap<u64, f64>> = BTreeMap::new();
    for trial in trials {
        let Some(hit) = trial.summary.hit() else {
            continue;
        };
        let run = &trial.record.run;
        let settings = format!("{:?} {:?}", run.submission, run.hyperparameters);
        let key = (
            &trial.record.source_hash,
            &trial.record.comparability_key,
            settings,
        );
        groups
            .entry(key)
            .or_default()
            .insert(run.seed.value, hit.at.step as f64);
    }
    groups
        .into_values()
        .map(|seeds| seeds.into_values().collect())
        .collect()
}

fn is_whole(trial: &Trial) -> bool {
    let outcome = trial.summary.outcome.as_ref();
    let over = outcome.is_some_and(|outcome| outcome.is_final() && !outcome.is_failure());
    over && trial.summary.submission_ns > 0 && trial.summary.resumed == 0
}

/// Whether a step of the two is the same work, as far as the submissions' own share in it is.
fn same_step(a: &RunSpec, b: &RunSpec) -> bool {
    let of = |run: &RunSpec| {
        let workload = &run.workload;
        let batch = run.submission.batch_size;
        (
            workload.model.clone(),
            run.dataset.clone(),
            batch,
            run.device,
            run.threads,
        )
    };
    of(a) == of(b)
}

/// Wall time of a run that goes as this trial did, for so many steps: the time budget or the step budget may end it before that.
fn wall_of(run: &RunSpec, trial: &Trial, steps: u64) -> f64 {
    let phases = &trial.summary.phases;
    let seconds = |ns: u64| ns as f64 / 1e9;
    let once = seconds(phases.start_up_ns + phases.warm_up_ns + phases.shut_down_ns);
    let trained = trial.summary.submission_seconds();
    let each = trained / trial.summary.steps.max(1) as f64;
    let steps = steps.min(run.last_step()) as f64;
    let spent = run.budget_seconds().min(steps * each);
    let beside = (wall(trial) - once - trained).max(0.0) / trained;
    once + spent * (1.0 + beside)
}

fn wall(trial: &Trial) -> f64 {
    trial.summary.phases.wall_ns as f64 / 1e9
}

/// Weights and state, in single precision.
fn snapshot(trial: &Trial) -> Option<u64> {
    let numbers = trial.summary.parameters? + trial.summary.state.unwrap_or(0);
    Some(4 * numbers)
}

fn middle(values: impl Iterator<Item = f64>) -> Option<f64> {
    crate::statistics::median_time(&values.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_records_are_their_median_or_assumed() {
        assert_eq!(record_bytes(&[10, 30, 20]), 20);
        assert_eq!(record_bytes(&[]), RECORD);
    }
}
