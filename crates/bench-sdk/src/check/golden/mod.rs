//! Comparison with a reference implementation's trajectory on functions that can be rebuilt bit for bit anywhere.
//!
//! The ordinary [`Training`](crate::Training) is driven; only the loss is given. What a trial draws or factorises (the signs of a probe, bases
//! of singular vectors) is given too, where the file has it.

mod estimator;
mod problem;
mod trajectory;

use super::report::{Finding, Verdict};
use crate::algorithm::TrainingAlgorithm;
use crate::worker::failure;
use anyhow::{Context, Result, bail, ensure};
use bench_core::spec::submission::Value;
use estimator::Estimator;
use serde::Deserialize;
use std::path::Path;
use trajectory::Case;

#[derive(Debug, Deserialize)]
struct File {
    #[serde(default)]
    algorithm: String,
    seed: u64,
    #[serde(default)]
    cases: Vec<Case>,
    #[serde(flatten)]
    estimator: Option<Estimator>,
}

/// Compares every case of a file, in both forms of elementwise rules.
pub(super) fn compare<A: TrainingAlgorithm>(path: &Path) -> Vec<Finding> {
    let file = match read(path) {
        Ok(file) => file,
        Err(error) => {
            return vec![Finding::new(
                "golden",
                Verdict::Failed,
                format!("{error:#}"),
            )];
        }
    };
    let mut findings: Vec<Finding> = file
        .cases
        .iter()
        .enumerate()
        .map(|(number, case)| {
            let name = format!("golden/{}-{}", number + 1, case.case);
            finding(name, || case.compare::<A>(&file.algorithm, file.seed))
        })
        .collect();
    if let Some(estimator) = &file.estimator {
        findings.push(finding("golden/estimate".to_owned(), || {
            estimator.compare::<A>()
        }));
        findings.push(finding("golden/estimate-unbiased".to_owned(), || {
            estimator.is_unbiased()
        }));
    }
    findings
}

fn finding(rule: String, check: impl FnOnce() -> Result<(Verdict, String)>) -> Finding {
    match failure::fence(check) {
        Ok((verdict, detail)) => Finding::new(rule, verdict, detail),
        Err(failure) => Finding::new(rule, Verdict::Failed, failure.to_string()),
    }
}

fn verdict(passed: bool) -> Verdict {
    if passed {
        Verdict::Passed
    } else {
        Verdict::Failed
    }
}

fn read(path: &Path) -> Result<File> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("failed to read {}", path.display()))?;
    let file: File = serde_json::from_str(&text)
        .with_context(|| format!("{} is no file of trajectories", path.display()))?;
    ensure!(
        !file.cases.is_empty() || file.estimator.is_some(),
        "{} has neither trajectories nor an estimate",
        path.display()
    );
    Ok(file)
}

/// The files' names are those of PyTorch's arguments.
fn our_name(name: &str) -> String {
    match name {
        "lr" => "learning-rate".to_owned(),
        "eps" => "epsilon".to_owned(),
        "k" | "hess_interval" => "hessian-interval".to_owned(),
        "update_proj_gap" => "projection-gap".to_owned(),
        other => other.replace('_', "-"),
    }
}

fn our_value(value: &serde_json::Value) -> Result<Value> {
    match value {
        serde_json::Value::Number(number) => {
            Ok(Value::Number(number.as_f64().context("is no number")?))
        }
        serde_json::Value::Bool(flag) => Ok(Value::Flag(*flag)),
        serde_json::Value::String(text) => Ok(Value::Text(text.clone())),
        other => bail!("is {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ours() {
        assert_eq!(
            ["lr", "eps", "weight_decay", "k"].map(our_name),
            [
                "learning-rate",
                "epsilon",
                "weight-decay",
                "hessian-interval"
            ]
        );
    }
}
