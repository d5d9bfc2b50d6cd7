//! Did B get better than A: records of both sides to a verdict, and to what it rests on.
//!
//! The procedure is [`statistics::compare`](mod@crate::statistics::compare); here it is decided which records it may look at, and what a person must see beside the verdict.

mod side;
mod sight;

pub use side::{Observation, Side};
pub use sight::{Noise, NoiseSource, Sight, prior};

use crate::calibration::CalibrationRecord;
use crate::plan::calibrated_noise;
use crate::read::Trial;
use crate::statistics::{self, Pair, Shift, Verdict};
use serde::{Deserialize, Serialize};
use side::{Key, by_workload};
use std::collections::BTreeSet;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Steps to target: the same on every machine.
    Steps,
    /// Seconds to target: only within one machine, device and number of threads.
    Time,
}

/// How strict a comparison is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rule {
    /// Steps or time.
    pub by: By,
    /// A relative difference that does not matter.
    pub margin: f64,
    /// One-sided level: 0.05 is a 90 % interval.
    pub alpha: f64,
}

impl Default for Rule {
    fn default() -> Rule {
        Rule {
            by: By::Steps,
            margin: 0.05,
            alpha: 0.05,
        }
    }
}

/// A verdict on B against A, and what it rests on. Ratios are B over A: below 1, B is faster.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Judgement {
    /// The end of the procedure.
    pub verdict: Verdict,
    /// How strict it was.
    pub rule: Rule,
    /// Over all workloads.
    pub ratio: Option<f64>,
    /// Lower end of its interval; none where so few studies give none.
    pub lower: Option<f64>,
    /// Upper end.
    pub upper: Option<f64>,
    /// What the interval truly covers.
    pub confidence: f64,
    /// Studies of A that missed.
    pub base_misses: usize,
    /// Studies of B that missed.
    pub candidate_misses: usize,
    /// Probability of as many misses of B if both reach equally often.
    pub p_fell: f64,
    /// Probability that B is faster in a pair of studies, mean over workloads.
    pub prob_candidate_faster: Option<f64>,
    /// Whether both sides' runs equal each other in every bit of every evaluation.
    pub identical: bool,
    /// One a workload that both have.
    pub workloads: Vec<Row>,
    /// What was left out, and why.
    pub left_out: Vec<String>,
    /// What these runs could have seen at all.
    pub sight: Sight,
}

/// One workload of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    /// Its name.
    pub workload: String,
    /// A.
    pub base: Side,
    /// B.
    pub candidate: Side,
    /// On this workload alone.
    pub ratio: Option<f64>,
    /// Lower end, at the level divided by the number of workloads.
    pub lower: Option<f64>,
    /// Upper end.
    pub upper: Option<f64>,
    /// Of that interval.
    pub confidence: f64,
    /// Whether B alone is slower here.
    pub slower: bool,
    /// Whether B alone is faster here.
    pub faster: bool,
    /// Median steps of B over those of A.
    pub steps_ratio: Option<f64>,
    /// Seconds a step of B over those of A; none where they ran in different settings.
    pub seconds_per_step_ratio: Option<f64>,
    /// Whether all studies equal each other in every bit.
    pub identical: bool,
}

impl Judgement {
    /// The least number of studies on a side of any workload.
    pub fn studies(&self) -> usize {
        let sides = self
            .workloads
            .iter()
            .flat_map(|row| [&row.base, &row.candidate]);
        sides.map(|side| side.studies.len()).min().unwrap_or(0)
    }

    /// With the noise between the seeds of committed calibrations on workloads whose records show none, in place of what was measured in AlgoPerf.
    #[must_use]
    pub fn knowing(self, trials: &[Trial], calibrations: &[CalibrationRecord]) -> Judgement {
        let known = |noise: Noise| {
            let run = trials.iter().map(|trial| &trial.record.run);
            let run = run.filter(|_| noise.source == NoiseSource::Prior);
            let mut run = run.filter(|run| run.workload_name == noise.workload);
            let sd = run.find_map(|run| calibrated_noise(run, calibrations));
            match sd {
                Some(sd) => Noise {
                    sd,
                    source: NoiseSource::Calibration,
                    ..noise
                },
                None => noise,
            }
        };
        let noise = self.sight.noise.into_iter().map(known).collect();
        let Rule { margin, alpha, .. } = self.rule;
        Judgement {
            sight: Sight::with(noise, self.sight.studies, margin, alpha),
            ..self
        }
    }
}

/// Judges B against A by their records, whatever order they come in.
pub fn judge(base: &[Trial], candidate: &[Trial], rule: Rule) -> Judgement {
    let (a, b) = (by_workload(base, rule.by), by_workload(candidate, rule.by));
    let shared: Vec<&Key> = a.keys().filter(|key| b.contains_key(*key)).collect();
    let pair = |key: &&Key| Pair::new(&a[*key].times(rule.by), &b[*key].times(rule.by));
    let pairs: Vec<Pair> = shared.iter().map(pair).collect();
    let comparison = statistics::compare(&pairs, rule.margin, rule.alpha);
    let workloads: Vec<Row> = shared
        .iter()
        .enumerate()
        .map(|(i, key)| Row {
            slower: comparison.slower_on.contains(&i),
            faster: comparison.faster_on.contains(&i),
            ..row(key, &a[*key], &b[*key], comparison.workloads[i].as_ref())
        })
        .collect();
    let (lower, upper) = ends(&comparison.shift);
    Judgement {
        verdict: comparison.verdict,
        rule,
        ratio: comparison.shift.ratio(),
        lower,
        upper,
        confidence: comparison.shift.confidence,
        base_misses: comparison.reach.misses_a,
        candidate_misses: comparison.reach.misses_b,
        p_fell: comparison.reach.p_fell,
        prob_candidate_faster: comparison.rank.prob_b_faster,
        identical: !workloads.is_empty() && workloads.iter().all(|row| row.identical),
        left_out: left_out(a.keys(), b.keys(), rule.by),
        sight: Sight::of(&workloads, rule),
        workloads,
    }
}

fn row(key: &Key, a: &Side, b: &Side, shift: Option<&Shift>) -> Row {
    let over = |a: Option<f64>, b: Option<f64>| Some(b? / a?);
    let (lower, upper) = shift.map_or((None, None), ends);
    Row {
        workload: key.workload.clone(),
        ratio: shift.and_then(Shift::ratio),
        lower,
        upper,
        confidence: shift.map_or(0.0, |shift| shift.confidence),
        slower: false,
        faster: false,
        steps_ratio: over(a.median_steps, b.median_steps),
        seconds_per_step_ratio: (a.settings == b.settings)
            .then(|| over(a.seconds_per_step, b.seconds_per_step))
            .flatten(),
        identical: a.equals(b),
        base: a.clone(),
        candidate: b.clone(),
    }
}

/// Ends of an interval of ratios, where it has them.
fn ends(shift: &Shift) -> (Option<f64>, Option<f64>) {
    let (lower, upper) = shift.ratios();
    (
        (lower > 0.0).then_some(lower),
        upper.is_finite().then_some(upper),
    )
}

/// Workloads that only one side has, or that the two ran under different rules or on different machines.
fn left_out<'k>(
    a: impl Iterator<Item = &'k Key>,
    b: impl Iterator<Item = &'k Key>,
    by: By,
) -> Vec<String> {
    let (a, b): (BTreeSet<&Key>, BTreeSet<&Key>) = (a.collect(), b.collect());
    let differing: BTreeSet<&Key> = a.symmetric_difference(&b).copied().collect();
    let names: BTreeSet<&str> = differing.iter().map(|key| key.workload.as_str()).collect();
    let reason = |name: &str| {
        let of = |keys: &BTreeSet<&Key>| -> Vec<Key> {
            let named = keys.iter().filter(|key| key.workload == name);
            named.map(|key| (*key).clone()).collect()
        };
        let (a, b) = (of(&a), of(&b));
        let same_rules = || a.iter().any(|x| b.iter().any(|y| x.rules == y.rules));
        match (a.is_empty(), b.is_empty()) {
            (true, _) => format!("{name}: only the candidate ran it"),
            (_, true) => format!("{name}: only the base ran it"),
            _ if by == By::Time && same_rules() => {
                format!("{name}: some runs are of other machines, whose seconds do not compare")
            }
            _ => format!("{name}: some runs are under other rules, or of another version of it"),
        }
    };
    names.into_iter().map(reason).collect()
}
