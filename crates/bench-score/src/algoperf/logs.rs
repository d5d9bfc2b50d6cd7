//! All logs of a competition, read.

use super::evaluation::Evaluation;
use super::finding::Finding;
use std::collections::BTreeSet;

/// What a folder of logs holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Logs {
    /// All submissions, those without a usable log too.
    pub submissions: BTreeSet<String>,
    /// One for each trial of a scored workload.
    pub logs: Vec<Log>,
    /// What was odd.
    pub findings: Vec<Finding>,
}

/// One trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// Its submission.
    pub submission: String,
    /// Its study's folder.
    pub study: String,
    /// Its workload's folder, with the framework's suffix.
    pub workload: String,
    /// Its folder.
    pub trial: String,
    /// Its file, relative to the logs.
    pub file: String,
    /// In the file's order.
    pub evaluations: Vec<Evaluation>,
}

/// A key that sorts `study_10` after `study_2`.
pub fn natural(name: &str) -> (&str, u64, &str) {
    let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (stem, number) = name.split_at(name.len() - digits);
    (stem, number.parse().unwrap_or(u64::MAX), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_as_numbers() {
        let mut names = ["study_10", "study_2", "study", "a_3"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["a_3", "study", "study_2", "study_10"]);
    }
}
