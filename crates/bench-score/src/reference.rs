//! A finished trial beside a committed one.

use crate::read::Trial;
use crate::result::Setting;

/// How a trial stands to a reference.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Steps to target: the trial's and the reference's.
    pub steps: (Option<u64>, Option<u64>),
    /// Seconds to target, likewise; none where the two ran in different settings, so that times do not compare.
    pub seconds: Option<(Option<f64>, Option<f64>)>,
}

/// Sets a trial beside a reference; none when workload, data, ruleset or protocol differ, so that nothing compares.
pub fn compare(trial: &Trial, reference: &Trial) -> Option<Comparison> {
    if trial.record.comparability_key != reference.record.comparability_key {
        return None;
    }
    let steps = |trial: &Trial| trial.summary.hit().map(|hit| hit.at.step);
    let seconds = |trial: &Trial| {
        let hit = trial.summary.hit()?;
        Some(hit.at.submission_ns as f64 / 1e9)
    };
    Some(Comparison {
        steps: (steps(trial), steps(reference)),
        seconds: (Setting::of(trial) == Setting::of(reference))
            .then(|| (seconds(trial), seconds(reference))),
    })
}
