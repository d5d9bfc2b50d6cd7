//! Who copies whom (section 3.1). Everybody's scores come in; larger is better, and a score that is no number is the worst.

use bench_sdk::prelude::*;
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::cmp::Ordering;

/// Scores that the t-test looks back on.
const LOOK_BACK: usize = 10;
/// Chance of a difference between equals, below which it counts.
const SIGNIFICANCE: f64 = 0.05;

/// A way of choosing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Exploit {
    /// The worst of this share copy one of the best.
    Truncation(f64),
    /// Everybody looks at somebody else.
    TTest,
}

impl Exploit {
    /// The one that the hyperparameters name.
    ///
    /// # Errors
    /// When there is none of that name, or the fraction is no share of the members.
    pub(crate) fn of(hyper: &Hyperparameters) -> Result<Exploit> {
        let fraction = hyper.number("fraction")?;
        ensure!(
            fraction > 0.0 && fraction <= 0.5,
            "`fraction` is {fraction}; the worst and the best of a population are shares above 0, and 0.5 at most"
        );
        let truncation = Exploit::Truncation(fraction);
        let choices = [("truncation", truncation), ("t-test", Exploit::TTest)];
        Ok(hyper.choice("exploit", &choices)?)
    }

    /// Whom each member copies, itself where it goes on as it is. `draws` has a uniform number for each.
    pub(crate) fn donors(self, histories: &[&[f64]], draws: &[f64]) -> Vec<usize> {
        match self {
            Exploit::Truncation(fraction) => {
                let last = |history: &&[f64]| history.last().copied().unwrap_or(f64::NAN);
                let scores: Vec<f64> = histories.iter().map(last).collect();
                truncation(&scores, fraction, draws)
            }
            Exploit::TTest => t_test(histories, draws),
        }
    }
}

/// Members from best to worst; of equals the first comes first.
pub(crate) fn ranks(scores: &[f64]) -> Vec<usize> {
    let mut ranks: Vec<usize> = (0..scores.len()).collect();
    ranks.sort_by(|&a, &b| better(scores[b], scores[a]));
    ranks
}

fn better(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// Truncation selection: each of the worst `fraction` copies one of the best `fraction`, drawn evenly, where that one is better.
pub fn truncation(scores: &[f64], fraction: f64, draws: &[f64]) -> Vec<usize> {
    let mut donors: Vec<usize> = (0..scores.len()).collect();
    let count = ((fraction * scores.len() as f64) as usize).clamp(1, scores.len().max(1));
    let ranks = ranks(scores);
    for &member in ranks.iter().rev().take(count) {
        let place = ((draws[member] * count as f64) as usize).min(count - 1);
        let donor = ranks[place];
        if better(scores[donor], scores[member]) == Ordering::Greater {
            donors[member] = donor;
        }
    }
    donors
}

/// T-test selection: each member looks at another, drawn evenly, and copies it where the mean of its last ten scores is larger and Welch's
/// test finds the difference significant, or its own are no numbers.
pub fn t_test(histories: &[&[f64]], draws: &[f64]) -> Vec<usize> {
    let others = histories.len().saturating_sub(1);
    let donor = |(member, own): (usize, &&[f64])| {
        if others == 0 {
            return member;
        }
        let place = ((draws[member] * others as f64) as usize).min(others - 1);
        let other = place + usize::from(place >= member);
        match is_significantly_better(histories[other], own) {
            true => other,
            false => member,
        }
    };
    histories.iter().enumerate().map(donor).collect()
}

fn is_significantly_better(other: &[f64], own: &[f64]) -> bool {
    let Some(a) = Sample::of(other) else {
        return false;
    };
    // No test is wanted beside a member that has diverged.
    if !last(own).iter().all(|score| score.is_finite()) {
        return true;
    }
    let Some(b) = Sample::of(own) else {
        return false;
    };
    if a.mean <= b.mean {
        return false;
    }
    let error = a.square_error + b.square_error;
    if error == 0.0 {
        return true;
    }
    let parts = a.square_error.powi(2) / a.freedom + b.square_error.powi(2) / b.freedom;
    let Ok(law) = StudentsT::new(0.0, 1.0, error * error / parts) else {
        return false;
    };
    2.0 * law.sf((a.mean - b.mean) / error.sqrt()) < SIGNIFICANCE
}

/// What the test looks back on.
fn last(history: &[f64]) -> &[f64] {
    &history[history.len().saturating_sub(LOOK_BACK)..]
}

/// The last scores of a member.
struct Sample {
    mean: f64,
    /// Of the mean.
    square_error: f64,
    freedom: f64,
}

impl Sample {
    /// None where there are fewer than two, or one is no number.
    fn of(history: &[f64]) -> Option<Sample> {
        let last = last(history);
        let count = last.len() as f64;
        if last.len() < 2 || last.iter().any(|score| !score.is_finite()) {
            return None;
        }
        let mean = last.iter().sum::<f64>() / count;
        let squares: f64 = last.iter().map(|score| (score - mean).powi(2)).sum();
        Some(Sample {
            mean,
            square_error: squares / (count - 1.0) / count,
            freedom: count - 1.0,
        })
    }
}
