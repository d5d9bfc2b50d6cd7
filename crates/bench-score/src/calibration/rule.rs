//! The rule: which point, which baseline, which value.

use super::record::{CalibrationTrial, Evaluation};
use bench_core::number::Measured;
use bench_core::passage::{Point as Seen, Tracker};
use bench_core::spec::search::Point;
use bench_core::spec::workload::Direction;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The time budget: the winner's least seconds a step, times the budget's steps, times this. Other machines and costlier steps need room.
pub const FACTOR: f64 = 4.0;
/// Evaluations near the step hint whose median a trial is judged by.
const NEAR: usize = 3;
/// Digits of a target: rounding moves it by a thousandth at most.
const DIGITS: i32 = 4;
/// Of a seed's steps to target from the median.
const DISAGREEMENT: f64 = 0.15;
/// Seeds of the winner that have to reach the target.
const REACHED: f64 = 0.8;

/// There is nothing to set a target by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalibrationError {
    /// No trial that tuned came to its end with finite values.
    #[error(
        "no baseline came to the step hint with finite values, so that there is nothing to set a target by"
    )]
    NoPoint,
    /// Half of the best point's seeds or more did not.
    #[error("the best point of every baseline diverged on half of its seeds or more")]
    NoSeed,
}

/// What follows from the trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// The baseline that sets the target.
    pub winner: String,
    /// The evaluation it is taken at.
    pub at_step: u64,
    /// Target on the validation split.
    pub validation: f64,
    /// Target on the test split.
    pub test: f64,
    /// Least and largest validation value of the winner's seeds at that step.
    pub spread: (f64, f64),
    /// Time budget in seconds.
    pub budget_seconds: f64,
    /// How each baseline does on its best point, best first.
    pub standings: Vec<Standing>,
    /// What a person should know before the target is used.
    pub warnings: Vec<String>,
}

/// A baseline on its best point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Standing {
    /// Name of the submission.
    pub submission: String,
    /// Number of its best point.
    pub number: u32,
    /// The point.
    pub point: Point,
    /// Median over seeds of the validation value near the step hint.
    pub value: Option<f64>,
    /// Seeds.
    pub seeds: u32,
    /// Seeds that reached the target.
    pub reached: u32,
    /// Steps to target of each seed that reached it, least first.
    pub steps: Vec<u64>,
    /// Their median, where more than half of the seeds reached it.
    pub median_steps: Option<f64>,
}

/// What a rule needs to know of the workload.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chosen {
    /// Which way is better.
    pub direction: Direction,
    /// Steps of a trial.
    pub step_hint: u64,
    /// Steps that the budget allows.
    pub budget_steps: u64,
    /// Where along the step hint the target is taken, in percent.
    pub at: f64,
}

/// Each baseline's best point, by its value near the step hint; of equals the lower number. A baseline that never came there has none.
pub fn best_points(trials: &[CalibrationTrial], chosen: Chosen) -> BTreeMap<&str, u32> {
    let mut best: BTreeMap<&str, (f64, u32)> = BTreeMap::new();
    // Where nothing was tuned, points were brought: the seeds have them.
    let tuned = trials.iter().any(CalibrationTrial::tunes);
    for trial in trials.iter().filter(|trial| trial.tunes() == tuned) {
        if let Some(value) = near_hint(trial, chosen) {
            let candidate = (loss(value, chosen.direction), trial.number);
            let entry = best.entry(&trial.submission).or_insert(candidate);
            if candidate
                .0
                .total_cmp(&entry.0)
                .then(candidate.1.cmp(&entry.1))
                .is_lt()
            {
                *entry = candidate;
            }
        }
    }
    let number = |(name, (_, number))| (name, number);
    best.into_iter().map(number).collect()
}

/// Judges all trials, whatever order they come in.
///
/// # Errors
/// When every baseline diverged.
pub fn find(trials: &[CalibrationTrial], chosen: Chosen) -> Result<Finding, CalibrationError> {
    let best = best_points(trials, chosen);
    if best.is_empty() {
        return Err(CalibrationError::NoPoint);
    }
    let seeds = |name: &str, number: u32| -> Vec<&CalibrationTrial> {
        let is_its = |trial: &&CalibrationTrial| {
            !trial.tunes() && trial.submission == name && trial.number == number
        };
        trials.iter().filter(is_its).collect()
    };
    let judged = best.iter().filter_map(|(&name, &number)| {
        let seeds = seeds(name, number);
        let value = median(seeds.iter().map(|seed| near_hint(seed, chosen)), chosen)?;
        Some((loss(value, chosen.direction), name, number))
    });
    let winner = judged.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(b.1)));
    let (_, winner, number) = winner.ok_or(CalibrationError::NoSeed)?;
    let own = seeds(winner, number);
    let at_step = at_step(&own, chosen).ok_or(CalibrationError::NoSeed)?;
    let at = |pick: fn(&Evaluation) -> f64| {
        let value = |seed: &&CalibrationTrial| {
            let found = seed.evaluations.iter().find(|seen| seen.0 == at_step);
            found.map(pick).filter(|value| value.is_finite())
        };
        own.iter().map(value).collect::<Vec<_>>()
    };
    let (validation, test) = (at(|seen| seen.1.0), at(|seen| seen.2.0));
    let middle = |values: &[Option<f64>]| median(values.iter().copied(), chosen);
    let target = middle(&validation).ok_or(CalibrationError::NoSeed)?;
    let target = reachable(target, chosen.direction);
    let test = reachable(
        middle(&test).ok_or(CalibrationError::NoSeed)?,
        chosen.direction,
    );
    let finite = || validation.iter().flatten().copied();
    let mut standings: Vec<Standing> = best
        .iter()
        .map(|(name, number)| standing(name, *number, &seeds(name, *number), target, chosen))
        .collect();
    standings.sort_by(|a, b| {
        let key = |row: &Standing| {
            (
                row.submission != winner,
                row.value.map(|v| loss(v, chosen.direction)),
            )
        };
        let ((a_other, a_value), (b_other, b_value)) = (key(a), key(b));
        let far = |value: Option<f64>| value.unwrap_or(f64::INFINITY);
        a_other
            .cmp(&b_other)
            .then(far(a_value).total_cmp(&far(b_value)))
    });
    let warnings = standings
        .first()
        .map_or_else(Vec::new, |row| warnings(row, chosen));
    Ok(Finding {
        winner: winner.to_owned(),
        at_step,
        validation: target,
        test,
        spread: (
            finite().fold(f64::INFINITY, f64::min),
            finite().fold(f64::NEG_INFINITY, f64::max),
        ),
        budget_seconds: budget(&own, chosen.budget_steps),
        standings,
        warnings,
    })
}

/// Smaller is better, whichever way the metric goes.
fn loss(value: f64, direction: Direction) -> f64 {
    match direction {
        Direction::Min => value,
        Direction::Max => -value,
    }
}

/// The median of a trial's last evaluations, where it came to the step hint with finite values.
fn near_hint(trial: &CalibrationTrial, chosen: Chosen) -> Option<f64> {
    let seen = &trial.evaluations;
    let arrived = seen.last().is_some_and(|last| last.0 >= chosen.step_hint);
    let last = &seen[seen.len().saturating_sub(NEAR)..];
    let finite = last.iter().all(|seen| seen.1.0.is_finite());
    let values = last
        .iter()
        .map(|&Evaluation(_, Measured(value), _)| Some(value));
    (arrived && finite)
        .then(|| median(values, chosen))
        .flatten()
}

/// The median where what is missing is worst of all; none when the median itself is missing.
fn median(values: impl Iterator<Item = Option<f64>>, chosen: Chosen) -> Option<f64> {
    let losses = values.map(|value| value.map(|value| loss(value, chosen.direction)));
    crate::result::median(losses).map(|middle| loss(middle, chosen.direction))
}

/// The evaluation nearest to the share of the step hint; of two as near, the earlier.
fn at_step(seeds: &[&CalibrationTrial], chosen: Chosen) -> Option<u64> {
    let wanted = chosen.step_hint as f64 * chosen.at / 100.0;
    let steps = seeds
        .iter()
        .flat_map(|seed| &seed.evaluations)
        .map(|seen| seen.0);
    let far = |step: u64| (step as f64 - wanted).abs();
    steps.min_by(|&a, &b| far(a).total_cmp(&far(b)).then(a.cmp(&b)))
}

/// Rounded to a few digits, to the side that is easier to reach.
fn reachable(value: f64, direction: Direction) -> f64 {
    if value == 0.0 {
        return value;
    }
    let decimals = DIGITS - 1 - value.abs().log10().floor() as i32;
    let decimals = usize::try_from(decimals).unwrap_or(0);
    let unit = 10f64.powi(-(decimals as i32));
    let short = |value: f64| format!("{value:.decimals$}").parse().unwrap_or(value);
    let near: f64 = short(value);
    match direction {
        Direction::Min if near < value => short(near + unit),
        Direction::Max if near > value => short(near - unit),
        _ => near,
    }
}

fn standing(
    name: &str,
    number: u32,
    seeds: &[&CalibrationTrial],
    target: f64,
    chosen: Chosen,
) -> Standing {
    let steps: Vec<Option<u64>> = seeds
        .iter()
        .map(|seed| passage(seed, target, chosen))
        .collect();
    let mut hits: Vec<u64> = steps.iter().flatten().copied().collect();
    hits.sort_unstable();
    Standing {
        submission: name.to_owned(),
        number,
        point: seeds
            .first()
            .map(|seed| seed.point.clone())
            .unwrap_or_default(),
        value: median(seeds.iter().map(|seed| near_hint(seed, chosen)), chosen),
        seeds: seeds.len() as u32,
        reached: hits.len() as u32,
        median_steps: crate::result::median(steps.iter().map(|step| step.map(|step| step as f64))),
        steps: hits,
    }
}

/// Steps to target, confirmed by the next evaluation as the referee does it.
pub(crate) fn passage(trial: &CalibrationTrial, target: f64, chosen: Chosen) -> Option<u64> {
    let mut tracker = Tracker::new(
        target,
        chosen.direction,
        true,
        u64::MAX,
        chosen.budget_steps,
    );
    for &Evaluation(step, Measured(value), _) in &trial.evaluations {
        tracker.observe(Seen {
            step,
            submission_ns: 0,
            value,
        });
    }
    tracker.passage().map(|passage| passage.at.step)
}

/// Submission time to allow: rounded up to 5 seconds, from two minutes on to 30.
fn budget(seeds: &[&CalibrationTrial], steps: u64) -> f64 {
    let speeds = seeds.iter().filter_map(|seed| seed.seconds_per_step);
    let least = speeds.fold(f64::INFINITY, f64::min);
    let seconds = least * steps as f64 * FACTOR;
    let unit = if seconds <= 120.0 { 5.0 } else { 30.0 };
    match seconds.is_finite() {
        true => ((seconds / unit).ceil() * unit).max(unit),
        false => unit,
    }
}

fn warnings(winner: &Standing, chosen: Chosen) -> Vec<String> {
    let name = &winner.submission;
    let mut all = Vec::new();
    if f64::from(winner.reached) < REACHED * f64::from(winner.seeds) {
        let (reached, seeds) = (winner.reached, winner.seeds);
        all.push(format!(
            "only {reached} of {seeds} seeds of {name} reach the target; take it earlier (--at)"
        ));
    }
    let Some(median) = winner.median_steps.filter(|median| *median > 0.0) else {
        return all;
    };
    let far = |steps: u64| (steps as f64 - median).abs() / median;
    let most = winner
        .steps
        .iter()
        .map(|&steps| far(steps))
        .fold(0.0, f64::max);
    if most > DISAGREEMENT {
        all.push(format!(
            "a seed of {name} reaches the target {:.0} % from the median of {median:.0} steps: seeds disagree there",
            most * 100.0
        ));
    }
    if median < chosen.step_hint as f64 / 3.0 {
        all.push(format!(
            "the target is reached after {median:.0} of {} steps, in the first third; take it later (--at)",
            chosen.step_hint
        ));
    }
    all
}
