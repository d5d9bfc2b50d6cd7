//! The timed part: from `train` to `eval-due`.

use super::channel::Channel;
use super::pulse::Pulse;
use crate::algorithm::TrainingAlgorithm;
use crate::training::Training;
use anyhow::{Context, Result};
use bench_core::number::Measured;
use bench_core::protocol::{Claim, Event};
use bench_core::run::RunSpec;
use bench_torch::device;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// When evaluations are due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cadence {
    every_steps: u64,
    every_seconds: Option<Duration>,
    budget_steps: u64,
}

impl Cadence {
    pub(crate) fn of(run: &RunSpec) -> Cadence {
        Cadence {
            every_steps: run.evaluate_steps(),
            every_seconds: run.ruleset.evaluate_every.map(|span| span.0),
            budget_steps: run.budget_steps(),
        }
    }

    /// The step before which no evaluation is due by steps. An interval never passes the step budget; one that begins there is the referee's
    /// wish to see a last passage confirmed.
    fn last_step(&self, step: u64) -> u64 {
        let next = step.saturating_add(self.every_steps);
        if step < self.budget_steps {
            next.min(self.budget_steps)
        } else {
            next
        }
    }
}

/// Trains until an evaluation is due, and says so. The clock runs from `began`.
pub(crate) fn train<A: TrainingAlgorithm>(
    training: &mut Training,
    algorithm: &mut A,
    cadence: &Cadence,
    pulse: &Pulse,
    channel: &Channel,
    began: Instant,
) -> Result<()> {
    let last_step = cadence.last_step(training.step());
    let mut times = Vec::with_capacity((last_step - training.step()).min(1 << 20) as usize);
    start_clock(training, began);
    algorithm
        .resume_training(training)
        .context("in resume_training")?;
    let mut mark = Instant::now();
    while training.step() < last_step && !training.is_complete() {
        training.close(training.step() + 1 == last_step);
        algorithm.step(training)?;
        training.advance();
        pulse.beat(training.step());
        let now = Instant::now();
        times.push(now - mark);
        mark = now;
        if cadence
            .every_seconds
            .is_some_and(|every| now - began >= every)
        {
            break;
        }
    }
    algorithm
        .prepare_for_eval(training)
        .context("in prepare_for_eval")?;
    device::synchronise(training.device())?;
    let prepare = mark.elapsed();
    let loss = training
        .told_loss()
        .map(|loss| loss.f_double_value(&[]))
        .transpose()?;
    let clock = training.clock();
    let claim = Claim {
        seconds: 0.0,
        input_seconds: clock.input.as_secs_f64(),
        update_seconds: clock.update.as_secs_f64(),
        prepare_seconds: prepare.as_secs_f64(),
        step_quantiles: quantiles(&mut times),
    };
    let seconds = began.elapsed().as_secs_f64();
    channel.say(Event::EvalDue {
        step: training.step(),
        complete: training.is_complete(),
        loss: loss.map(Measured),
        passes: training.take_passes(),
        claim: Claim { seconds, ..claim },
    })?;
    stop_clock(training, seconds);
    say_logged(training, channel)
}

fn start_clock(training: &mut Training, began: Instant) {
    training.open();
    training.forget_losses();
    let clock = training.clock();
    clock.since = Some(began);
    clock.input = Duration::ZERO;
    clock.update = Duration::ZERO;
}

fn stop_clock(training: &mut Training, seconds: f64) {
    training.shut();
    let clock = training.clock();
    clock.since = None;
    clock.spent += seconds;
}

/// Writes what the algorithm logged in the interval, one event a step.
fn say_logged(training: &mut Training, channel: &Channel) -> Result<()> {
    let mut steps: BTreeMap<u64, BTreeMap<String, Measured>> = BTreeMap::new();
    for logged in training.take_logged() {
        let value = logged
            .value
            .f_double_value(&[])
            .with_context(|| format!("logged `{}` is not one number", logged.name))?;
        steps
            .entry(logged.step)
            .or_default()
            .insert(logged.name, Measured(value));
    }
    for (step, values) in steps {
        channel.say(Event::Logged { step, values })?;
    }
    Ok(())
}

/// 10th, 50th, 90th and 99th percentile in seconds: the value at or above that share of the times.
fn quantiles(times: &mut [Duration]) -> Option<[f64; 4]> {
    times.sort_unstable();
    let last = times.len().checked_sub(1)?;
    Some(
        [0.10, 0.50, 0.90, 0.99]
            .map(|share| times[(share * last as f64).round() as usize].as_secs_f64()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_end_at_the_budget_and_one_may_follow() {
        let cadence = Cadence {
            every_steps: 40,
            every_seconds: None,
            budget_steps: 100,
        };
        let ends: Vec<u64> = [0, 40, 80, 100]
            .map(|step| cadence.last_step(step))
            .to_vec();
        assert_eq!(ends, [40, 80, 100, 140]);
        let timed = Cadence {
            every_steps: 100,
            every_seconds: Some(Duration::from_secs(1)),
            budget_steps: 100,
        };
        assert_eq!(
            [0, 60, 100].map(|step| timed.last_step(step)),
            [100, 100, 200]
        );
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_times() {
        let mut times: Vec<Duration> = (0..=100).rev().map(Duration::from_secs).collect();
        assert_eq!(quantiles(&mut times), Some([10.0, 50.0, 90.0, 99.0]));
        assert_eq!(quantiles(&mut [Duration::from_secs(2)]), Some([2.0; 4]));
        assert_eq!(quantiles(&mut []), None);
    }
}
