//! What the committed calibration of a workload tells of runs on it: seconds a step, steps to target, and how much seeds differ.

use super::{CostSource, OVERHEAD, middle};
use crate::calibration::{CalibrationRecord, CalibrationTrial, Chosen, passage};
use crate::statistics::log_spread;
use bench_core::run::RunSpec;

/// The calibration that set a run's target as it stands: of an older target it says little.
pub(super) fn of<'a>(
    run: &RunSpec,
    calibrations: &'a [CalibrationRecord],
) -> Option<&'a CalibrationRecord> {
    let target = &run.workload.target;
    calibrations.iter().find(|record| {
        record.workload == run.workload_name
            && record.metric == target.metric
            && record.finding.validation == target.validation
    })
}

/// Standard deviation of ln(steps to target) between seeds of one point, over its baselines.
pub(super) fn spread(record: &CalibrationRecord) -> Option<f64> {
    let steps = record.finding.standings.iter().map(|standing| {
        let steps = standing.steps.iter();
        steps.map(|&steps| steps as f64).collect::<Vec<_>>()
    });
    let samples: Vec<Vec<f64>> = steps.collect();
    // Where all are alike, evaluations at intervals hide the spread.
    log_spread(samples.iter().map(Vec::as_slice)).filter(|&sd| sd > 0.0)
}

/// Expected and largest wall time of a trial, and where they are from: of the same submission where it is among the baselines, else of all.
pub(super) fn cost(
    run: &RunSpec,
    record: &CalibrationRecord,
    machine: &str,
) -> Option<(f64, f64, CostSource)> {
    let of = |own: bool| -> Vec<&CalibrationTrial> {
        let own = |trial: &&CalibrationTrial| !own || trial.submission == run.submission.name;
        record.trials.iter().filter(own).collect()
    };
    let trials = match of(true) {
        own if own.is_empty() => of(false),
        own => own,
    };
    let each = middle(trials.iter().filter_map(|trial| trial.seconds_per_step))?;
    // Searched points are like those that the calibration tuned with, and half of them may miss.
    let searched = run.ruleset.is_searched();
    let alike: Vec<&&CalibrationTrial> = trials
        .iter()
        .filter(|trial| trial.tunes() == searched)
        .collect();
    let most = run.budget_steps() as f64;
    let chosen = Chosen {
        direction: record.metric.direction(),
        step_hint: record.step_hint,
        budget_steps: run.budget_steps(),
        at: record.at,
    };
    let steps = |trial: &&&CalibrationTrial| {
        let steps = passage(trial, record.finding.validation, chosen);
        steps.map_or(most, |steps| steps as f64)
    };
    let expected = match alike.len() {
        0 => most,
        n => alike.iter().map(steps).sum::<f64>() / n as f64,
    };
    let wall = |steps: f64| OVERHEAD * (each * steps).min(run.budget_seconds());
    let (at_most, source) = match record.machine.fingerprint == machine {
        true => (wall(most), CostSource::Calibration),
        // Nothing says how fast this machine is: only the time budget is sure.
        false => (
            OVERHEAD * run.budget_seconds(),
            CostSource::CalibrationElsewhere,
        ),
    };
    Some((wall(expected), at_most, source))
}
