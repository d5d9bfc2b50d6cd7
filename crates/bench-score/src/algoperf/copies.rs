//! Studies that are copies of others.

use super::finding::{Finding, Problem};
use super::logs::{Log, Logs, natural};
use std::collections::BTreeMap;
use std::path::Path;

/// Findings about workloads of studies whose evaluations equal another's, times included: no two runs take the same time to the last digit.
pub(super) fn findings(logs: &Logs) -> Vec<Finding> {
    let mut groups: BTreeMap<_, Vec<&Log>> = BTreeMap::new();
    for log in &logs.logs {
        let key = (&log.submission, natural(&log.study), &log.workload);
        groups.entry(key).or_default().push(log);
    }
    let mut seen: BTreeMap<[u8; 32], String> = BTreeMap::new();
    let mut findings = Vec::new();
    for mut group in groups.into_values() {
        group.sort_by_key(|log| natural(&log.trial));
        let is_timed = |log: &&Log| log.evaluations.iter().any(|one| one.seconds.is_finite());
        let folder = Path::new(&group[0].file).ancestors().nth(2);
        let folder = folder.map_or_else(String::new, |folder| folder.display().to_string());
        if !group.iter().any(is_timed) {
            continue;
        }
        match seen.get(&digest(&group)) {
            Some(of) => findings.push(Finding::of(folder, Problem::Copy { of: of.clone() })),
            None => drop(seen.insert(digest(&group), folder)),
        }
    }
    findings
}

fn digest(trials: &[&Log]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for trial in trials {
        hasher.update(&(trial.evaluations.len() as u64).to_le_bytes());
        for one in &trial.evaluations {
            for number in [one.step, one.seconds, one.value] {
                hasher.update(&number.to_bits().to_le_bytes());
            }
        }
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algoperf::Evaluation;

    #[test]
    fn a_copied_study_is_found_and_an_empty_one_is_none() {
        let log = |study: &str, trial: &str, seconds: &[f64]| Log {
            submission: "a".to_owned(),
            study: study.to_owned(),
            workload: "w_jax".to_owned(),
            trial: trial.to_owned(),
            file: format!("a/{study}/w_jax/{trial}/eval_measurements.csv"),
            evaluations: seconds
                .iter()
                .map(|&seconds| Evaluation {
                    line: 2,
                    step: 1.0,
                    seconds,
                    value: 0.5,
                })
                .collect(),
        };
        let logs = Logs {
            logs: vec![
                log("study_0", "trial_1", &[1.5, 2.5]),
                log("study_1", "trial_1", &[1.5, 2.5]),
                log("study_2", "trial_1", &[1.5, 2.75]),
                log("study_3", "trial_1", &[]),
                log("study_4", "trial_1", &[]),
            ],
            ..Logs::default()
        };
        let of = "a/study_0/w_jax".to_owned();
        let expected = Finding::of("a/study_1/w_jax", Problem::Copy { of });
        assert_eq!(findings(&logs), [expected]);
    }
}
