//! Comparison with a reference implementation's trajectory on functions that can be rebuilt bit for bit anywhere, or with what an algorithm
//! compares itself.
//!
//! The ordinary [`Training`](crate::Training) is driven; only the loss is given. What a trial draws or factorises (the signs of a probe, bases
//! of singular vectors) is given too, where the file has it.

mod difference;
mod estimator;
mod problem;
mod trajectory;

use super::report::{Finding, Verdict};
use crate::algorithm::TrainingAlgorithm;
use crate::worker::failure;
use anyhow::{Context, Result, bail, ensure};
use bench_core::spec::submission::Value;
use estimator::Estimator;
pub use problem::uniform as reference_uniform;
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

/// One thing that an algorithm compares with a reference file of its own format: [`TrainingAlgorithm::compare`].
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What is compared: `golden/` and this name the finding.
    pub name: String,
    /// The largest difference from the file; of decisions, how many are others.
    pub difference: f64,
    /// The largest that passes.
    pub allowed: f64,
}

impl Comparison {
    /// Of two lists of numbers, which differ infinitely where they have not the same length or a number is none.
    pub fn of(name: &str, ours: &[f64], theirs: &[f64], allowed: f64) -> Comparison {
        let distances = ours.iter().zip(theirs).map(|(a, b)| match (a - b).abs() {
            distance if distance.is_nan() => f64::INFINITY,
            distance => distance,
        });
        let difference = match ours.len() == theirs.len() {
            true => distances.fold(0.0, f64::max),
            false => f64::INFINITY,
        };
        Comparison {
            name: name.to_owned(),
            difference,
            allowed,
        }
    }

    fn finding(&self) -> Finding {
        let detail = format!(
            "worst difference {:.1e} (allowed {:.0e})",
            self.difference, self.allowed
        );
        let passed = self.difference <= self.allowed;
        Finding::new(format!("golden/{}", self.name), verdict(passed), detail)
    }
}

/// Compares with a file: what the algorithm itself compares, and every trajectory in both forms of elementwise rules.
pub(super) fn compare<A: TrainingAlgorithm>(path: &Path) -> Vec<Finding> {
    let failed = |told: String| vec![Finding::new("golden", Verdict::Failed, told)];
    let reference = match read(path) {
        Ok(reference) => reference,
        Err(error) => return failed(format!("{error:#}")),
    };
    let own = match failure::fence(|| A::compare(&reference)) {
        Ok(own) => own,
        Err(failure) => return failed(failure.to_string()),
    };
    let mut findings: Vec<Finding> = own.iter().map(Comparison::finding).collect();
    if findings.is_empty() || reference["cases"][0].get("steps").is_some() {
        match trajectories(path, reference) {
            Ok(file) => findings.extend(file.compare::<A>()),
            Err(error) => findings.extend(failed(format!("{error:#}"))),
        }
    }
    let is_skipped = |finding: &Finding| finding.verdict == Verdict::Skipped;
    if findings.iter().all(is_skipped) {
        findings.extend(failed("nothing of the file was compared".to_owned()));
    }
    findings
}

impl File {
    fn compare<A: TrainingAlgorithm>(&self) -> Vec<Finding> {
        let second_opinion = self
            .cases
            .iter()
            .map(Case::second_opinion)
            .fold(0.0, f64::max);
        let mut findings: Vec<Finding> = self
            .cases
            .iter()
            .enumerate()
            .map(|(number, case)| {
                let name = format!("golden/{}-{}", number + 1, case.case);
                finding(name, || {
                    case.compare::<A>(&self.algorithm, self.seed, second_opinion)
                })
            })
            .collect();
        if let Some(estimator) = &self.estimator {
            findings.push(finding("golden/estimate".to_owned(), || {
                estimator.compare::<A>()
            }));
            findings.push(finding("golden/estimate-unbiased".to_owned(), || {
                estimator.is_unbiased()
            }));
        }
        findings
    }
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

fn read(path: &Path) -> Result<serde_json::Value> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("failed to read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))
}

/// A file that the algorithm has nothing of its own to say of.
fn trajectories(path: &Path, reference: serde_json::Value) -> Result<File> {
    let whose = match reference["algorithm"].as_str() {
        Some(algorithm) => {
            format!(", nor does this submission compare what it has of `{algorithm}`")
        }
        None => String::new(),
    };
    let told = format!("{} is no file of trajectories{whose}", path.display());
    let file: File = serde_json::from_value(reference).with_context(|| told.clone())?;
    ensure!(
        !file.cases.is_empty() || file.estimator.is_some(),
        "{told}: it has no `cases`"
    );
    if let Some(estimator) = &file.estimator {
        estimator.check_sizes()?;
    }
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
    use crate::prelude::*;
    use serde_json::json;

    /// Counts, and compares its count with a file's.
    struct Counter;

    impl TrainingAlgorithm for Counter {
        fn init(_training: &mut Training) -> Result<Counter> {
            bail!("it is not to be trained")
        }

        fn step(&mut self, _training: &mut Training) -> Result<()> {
            Ok(())
        }

        fn state(&mut self, _state: &mut State) -> Result<()> {
            Ok(())
        }

        fn compare(reference: &serde_json::Value) -> Result<Vec<Comparison>> {
            if reference["algorithm"] != "counter" {
                return Ok(Vec::new());
            }
            let count = reference["count"].as_f64().context("no `count`")?;
            Ok(vec![
                Comparison::of("count", &[2.0], &[count], 0.5),
                Comparison::of("nothing", &[], &[count], 0.5),
            ])
        }
    }

    /// What is told of a file with this in it, without its folder.
    fn told(reference: &serde_json::Value) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), reference.to_string()).unwrap();
        let findings = compare::<Counter>(file.path()).into_iter();
        let lines = findings.map(|finding| {
            let Finding {
                rule,
                verdict,
                detail,
            } = finding;
            format!("{rule} {verdict:?}: {detail}")
        });
        let lines: Vec<String> = lines.collect();
        let path = file.path().display().to_string();
        lines.join("\n").replace(&path, "FILE")
    }

    #[test]
    fn an_algorithm_compares_files_of_its_own_format() {
        insta::assert_snapshot!(told(&json!({ "algorithm": "counter", "count": 2.25 })), @r"
        golden/count Passed: worst difference 2.5e-1 (allowed 5e-1)
        golden/nothing Failed: worst difference inf (allowed 5e-1)
        ");
        insta::assert_snapshot!(told(&json!({ "algorithm": "counter" })), @"golden Failed: no `count`");
        // Its trajectories are followed as well, or what is wrong with them is told.
        let trajectory = json!({
            "case": "none", "problem": "none", "dtype": "float64", "lr_schedule": "const", "hyper": {}, "steps": { "1": {} },
        });
        let both =
            json!({ "algorithm": "counter", "count": 2.0, "seed": 1, "cases": [trajectory] });
        insta::assert_snapshot!(told(&both), @r"
        golden/count Passed: worst difference 0.0e0 (allowed 5e-1)
        golden/nothing Failed: worst difference inf (allowed 5e-1)
        golden/1-none Skipped: problem `none` is not one of fixed, fixedz, quad, hutch24
        ");
        let broken =
            json!({ "algorithm": "counter", "count": 2.0, "seed": 1, "cases": [{ "steps": {} }] });
        insta::assert_snapshot!(told(&broken), @r"
        golden/count Passed: worst difference 0.0e0 (allowed 5e-1)
        golden/nothing Failed: worst difference inf (allowed 5e-1)
        golden Failed: FILE is no file of trajectories, nor does this submission compare what it has of `counter`: missing field `case`
        ");
    }

    /// Takes no notice of anything.
    struct Idle;

    impl UpdateRule for Idle {
        fn new(_group: &Group) -> Result<Idle> {
            Ok(Idle)
        }

        fn update(&mut self, _update: &Update) -> Result<()> {
            Ok(())
        }

        fn state(&mut self, _state: &mut State) -> Result<()> {
            Ok(())
        }
    }

    /// What is told of a trajectory that stays where it starts, but for changes to the case.
    fn of_idle(change: impl Fn(&mut serde_json::Value)) -> String {
        let sizes = [("w", 24), ("u", 21), ("b", 5), ("k", 54)];
        let start = sizes.iter().enumerate().map(|(p, (name, size))| {
            let values = (0..*size).map(|i| 0.5 * reference_uniform(11, 0, p, i));
            ((*name).to_owned(), json!(values.collect::<Vec<f64>>()))
        });
        let start: serde_json::Map<_, _> = start.collect();
        let mut case = json!({
            "case": "fixed", "problem": "fixed", "dtype": "float64", "lr_schedule": "const", "steps": { "1": start },
            "hyper": { "lr": 0.1, "bs": 3 },
        });
        change(&mut case);
        let reference = json!({ "algorithm": "idle", "seed": 11, "cases": [case] });
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), reference.to_string()).unwrap();
        let findings = compare::<crate::FirstOrder<Idle>>(file.path()).into_iter();
        let told = findings.map(|found| format!("{:?}: {}", found.verdict, found.detail));
        told.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_of_a_file_is_not_read_is_told() {
        insta::assert_snapshot!(of_idle(|_| {}), @"Passed: worst difference 0.0e0, by tensor expressions 0.0e0 (allowed 1e-12)");
        insta::assert_snapshot!(of_idle(|case| case["hyper"]["weight_decay"] = json!(0.1)), @"Passed: worst difference 0.0e0, by tensor expressions 0.0e0 (allowed 1e-12); it does not read the file's `weight_decay`");
        // What is settled may be named, as what it is.
        insta::assert_snapshot!(of_idle(|case| case["hyper"]["exponent_multiplier"] = json!(1)), @"Passed: worst difference 0.0e0, by tensor expressions 0.0e0 (allowed 1e-12)");
        insta::assert_snapshot!(of_idle(|case| case["hyper"]["grafting"] = json!("SGD")), @r#"Failed: worst difference 0.0e0, by tensor expressions 0.0e0 (allowed 1e-12); the file's `grafting` is "SGD", and this is what "ADAM" makes"#);
    }

    #[test]
    fn where_a_trajectory_differs_is_told() {
        insta::assert_snapshot!(of_idle(|case| case["steps"]["1"]["u"][20] = json!(1.0)), @"Failed: worst difference 1.3e0, by tensor expressions 1.3e0 (allowed 1e-12), of `u` at step 1");
        insta::assert_snapshot!(of_idle(|case| case["steps"]["1"]["u"] = json!([1.0])), @"Failed: step 1 has 1 values of `u`, which has 21");
        insta::assert_snapshot!(of_idle(|case| case["steps"]["1"]["y"] = json!([1.0])), @"Failed: step 1 has values of `y`, which is no parameter of the problem");
        insta::assert_snapshot!(of_idle(|case| case["steps"]["120"] = case["steps"]["1"].clone()), @"Passed: worst difference 0.0e0, by tensor expressions 0.0e0 (allowed 1e-12)");
        insta::assert_snapshot!(of_idle(|case| case["steps"]["0"] = case["steps"]["1"].clone()), @"Failed: step 0 is not one of the steps 1 to 10000 that can be followed");
        insta::assert_snapshot!(of_idle(|case| case["dtype"] = json!("float16")), @r"
        Skipped: numbers of kind float16
        Failed: nothing of the file was compared
        ");
    }

    #[test]
    fn a_file_of_another_format_is_named() {
        insta::assert_snapshot!(told(&json!({ "algorithm": "pbt", "seed": 1, "toy": {} })), @"golden Failed: FILE is no file of trajectories, nor does this submission compare what it has of `pbt`: it has no `cases`");
        insta::assert_snapshot!(told(&json!({ "algorithm": "autolrs", "cases": [{ "loss": [1.0] }] })), @"golden Failed: FILE is no file of trajectories, nor does this submission compare what it has of `autolrs`: missing field `case`");
        insta::assert_snapshot!(told(&json!([1.0])), @"golden Failed: FILE is no file of trajectories: invalid type: sequence, expected struct File");
    }

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
