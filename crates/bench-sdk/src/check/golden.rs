//! Comparison with a reference implementation's trajectory on functions that can be rebuilt bit for bit anywhere.
//!
//! The ordinary [`Training`] is driven; only the loss is given. Its gradients are those of the file's problem: `fixed` and `fixedz` are linear
//! in the parameters, `quad` is quadratic.

use super::function::{Function, Loss};
use super::report::{Finding, Verdict};
use super::run_steps;
use crate::algorithm::TrainingAlgorithm;
use crate::hyperparameters::Hyperparameters;
use crate::state::Contents;
use crate::toolkit::elementwise::Form;
use crate::training::{Settings, Training};
use crate::worker::failure;
use anyhow::{Context, Result, bail, ensure};
use bench_core::spec::submission::{Role, Value};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use tch::{Device, Kind, Tensor};

/// Steps of every trajectory.
const STEPS: u64 = 50;
/// Name and shape of the problem's parameters.
const PARAMETERS: [(&str, &[i64]); 4] = [
    ("w", &[6, 4]),
    ("u", &[3, 7]),
    ("b", &[5]),
    ("k", &[2, 3, 3, 3]),
];

#[derive(Debug, Deserialize)]
struct File {
    seed: u64,
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    case: String,
    problem: String,
    dtype: String,
    lr_schedule: String,
    hyper: BTreeMap<String, serde_json::Value>,
    steps: BTreeMap<String, BTreeMap<String, Vec<f64>>>,
    #[serde(default)]
    state: BTreeMap<String, StateSize>,
}

#[derive(Debug, Deserialize)]
struct StateSize {
    state_numel: u64,
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
    file.cases
        .iter()
        .enumerate()
        .map(|(number, case)| {
            let rule = format!("golden/{}-{}", number + 1, case.case);
            match failure::fence(|| case.compare::<A>(file.seed)) {
                Ok(finding) => Finding { rule, ..finding },
                Err(failure) => Finding::new(rule, Verdict::Failed, failure.to_string()),
            }
        })
        .collect()
}

fn read(path: &Path) -> Result<File> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("failed to read {}", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is no file of trajectories", path.display()))
}

impl Case {
    fn compare<A: TrainingAlgorithm>(&self, seed: u64) -> Result<Finding> {
        let (kind, tolerance) = match self.dtype.as_str() {
            "float64" => (Kind::Double, 1e-12),
            "float32" => (Kind::Float, 1e-5),
            other => {
                return Ok(Finding::new(
                    "",
                    Verdict::Skipped,
                    format!("numbers of kind {other}"),
                ));
            }
        };
        let Some(loss) = loss(&self.problem, seed, kind) else {
            let why = format!(
                "problem `{}` is not one of fixed, fixedz, quad",
                self.problem
            );
            return Ok(Finding::new("", Verdict::Skipped, why));
        };
        let (fastest, numbers) = self.worst_difference::<A>(seed, kind, Form::Fastest, loss)?;
        let loss = self::loss(&self.problem, seed, kind).context("the loss")?;
        let (reference, _) = self.worst_difference::<A>(seed, kind, Form::Reference, loss)?;
        let mut detail = format!(
            "worst difference {fastest:.1e}, by tensor expressions {reference:.1e} (allowed {tolerance:.0e})"
        );
        let expected: u64 = self.state.values().map(|size| size.state_numel).sum();
        let state_fits = self.state.is_empty() || expected == numbers;
        if !state_fits {
            detail +=
                &format!("; its state has {numbers} numbers where the reference has {expected}");
        }
        let passed = fastest.max(reference) <= tolerance && state_fits;
        Ok(Finding::new(
            "",
            if passed {
                Verdict::Passed
            } else {
                Verdict::Failed
            },
            detail,
        ))
    }

    /// Largest difference from the file over all its steps, and the size of the algorithm's state.
    fn worst_difference<A: TrainingAlgorithm>(
        &self,
        seed: u64,
        kind: Kind,
        form: Form,
        loss: Box<Loss>,
    ) -> Result<(f64, u64)> {
        let start = PARAMETERS.iter().enumerate().map(|(p, (name, shape))| {
            (
                (*name).to_owned(),
                Role::Weight,
                filled(shape, kind, |i| 0.5 * uniform(seed, 0, p, i)),
            )
        });
        let problem = Function::new(start.collect(), STEPS, 1, loss)?;
        let mut training = Training::new(Box::new(problem), Rc::new(self.settings(form)?));
        let mut algorithm = A::init(&mut training)?;
        let mut worst = 0.0_f64;
        for step in 1..=STEPS {
            run_steps(&mut training, &mut algorithm, 1)?;
            if let Some(expected) = self.steps.get(&step.to_string()) {
                worst = worst.max(difference(&training, expected)?);
            }
        }
        let state = Contents::save(&mut |state| algorithm.state(state))?;
        Ok((worst, state.numbers()))
    }

    fn settings(&self, form: Form) -> Result<Settings> {
        let schedule: fn(u64) -> f64 = match self.lr_schedule.as_str() {
            "const" => |_| 1.0,
            "sched" => |step| {
                let t = (step + 1) as f64;
                (t / 5.0).min(1.0) * (1.0 - 0.9 * (t - 5.0).max(0.0) / 45.0)
            },
            other => bail!("learning-rate schedule `{other}` is neither const nor sched"),
        };
        let mut values = BTreeMap::new();
        for (name, value) in &self.hyper {
            values.insert(
                our_name(name),
                our_value(value).with_context(|| format!("hyperparameter `{name}`"))?,
            );
        }
        let hyperparameters = Hyperparameters::new(values);
        Ok(Settings {
            schedule: Box::new(schedule),
            form,
            ..Settings::plain(hyperparameters, STEPS)
        })
    }
}

/// The files' names are those of PyTorch's arguments.
fn our_name(name: &str) -> String {
    match name {
        "lr" => "learning-rate".to_owned(),
        "eps" => "epsilon".to_owned(),
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

/// NaN where a parameter is not finite.
fn difference(training: &Training, expected: &BTreeMap<String, Vec<f64>>) -> Result<f64> {
    let _guard = tch::no_grad_guard();
    let mut worst = 0.0_f64;
    for parameter in training.parameters() {
        let expected = expected
            .get(&parameter.name)
            .with_context(|| format!("no values of `{}`", parameter.name))?;
        ensure!(
            expected.len() == parameter.tensor.numel(),
            "`{}` has another size",
            parameter.name
        );
        let expected = Tensor::from_slice(expected).f_view_as(&parameter.tensor)?;
        let here = (parameter.tensor.f_to_kind(Kind::Double)? - expected)
            .f_abs()?
            .f_max()?
            .f_double_value(&[])?;
        if here.is_nan() {
            return Ok(f64::INFINITY);
        }
        worst = worst.max(here);
    }
    Ok(worst)
}

/// The problem's loss at step t, whose gradient is the file's. With sampled targets it is the one that stands for labels drawn from a model.
fn loss(problem: &str, seed: u64, kind: Kind) -> Option<Box<Loss>> {
    let quad = match problem {
        "fixed" | "fixedz" => false,
        "quad" => true,
        _ => return None,
    };
    let zeros = problem == "fixedz";
    Some(Box::new(move |parameters, batch| {
        let t = batch.inputs.f_int64_value(&[0])? as u64 + 1;
        let sampled = batch.targets.f_double_value(&[0, 0])? != 0.0;
        let mut loss = Tensor::f_zeros([] as [i64; 0], (kind, Device::Cpu))?;
        for (p, x) in parameters.iter().enumerate() {
            let of = |value: &dyn Fn(u64) -> f64| filled(&x.size(), kind, value);
            let part = if sampled {
                of(&|i| 0.5 * uniform(seed, t + 20_000, p, i)) * *x
            } else if quad {
                let a = of(&|i| 0.75 + 0.5 * uniform(seed, 10_002, p, i));
                let c = of(&|i| uniform(seed, 10_003, p, i));
                let n = of(&|i| 0.3 * uniform(seed, t, p, i));
                let distance = *x - c;
                a * &distance * &distance * 0.5 + n * *x
            } else {
                let vanishes = |i| zeros && i % 5 == 0 && t <= 3;
                let g = |i| 0.6 * uniform(seed, 10_001, p, i) + 0.8 * uniform(seed, t, p, i);
                of(&|i| if vanishes(i) { 0.0 } else { g(i) }) * *x
            };
            loss += part.f_sum(kind)?;
        }
        Ok(loss)
    }))
}

fn filled(shape: &[i64], kind: Kind, value: impl Fn(u64) -> f64) -> Tensor {
    let count: i64 = shape.iter().product();
    let values: Vec<f64> = (0..count as u64).map(value).collect();
    Tensor::from_slice(&values).reshape(shape).to_kind(kind)
}

/// A number in [-1, 1) for seed, step, parameter and element: splitmix64 of the four, exact everywhere.
fn uniform(seed: u64, t: u64, p: usize, i: u64) -> f64 {
    let key = (seed << 48) ^ (t << 32) ^ ((p as u64) << 24) ^ i;
    let mut z = key.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 11) as f64 * 2.0_f64.powi(-53) * 2.0 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        for (t, p, i, expected) in [
            (0, 0, 0, -0.1353343240328322),
            (1, 0, 0, -0.809168829904823),
            (50, 3, 53, -0.09161606599427619),
            (10_001, 2, 4, -0.0897466756891776),
        ] {
            assert_eq!(uniform(11, t, p, i), expected);
        }
    }

    #[test]
    fn names_are_ours() {
        assert_eq!(
            ["lr", "eps", "weight_decay", "beta1"].map(our_name),
            ["learning-rate", "epsilon", "weight-decay", "beta1"]
        );
    }
}
