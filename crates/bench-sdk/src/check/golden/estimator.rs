//! The Gauss-Newton-Bartlett estimate of curvature (Sophia, algorithm 2) of a softmax regression, from given uniform numbers.

use super::super::report::Verdict;
use super::super::run_steps;
use super::verdict;
use crate::algorithm::TrainingAlgorithm;
use crate::hyperparameters::Hyperparameters;
use crate::problem::Problem;
use crate::state::Contents;
use crate::training::{Settings, Training};
use anyhow::{Context, Result, bail, ensure};
use bench_core::protocol::Metrics;
use bench_core::spec::submission::{Role, Value};
use bench_core::spec::workload::CrossEntropy;
use bench_torch::random::Key;
use bench_workloads::loss::Loss;
use bench_workloads::model::Pass;
use bench_workloads::{Batch, LossValues, Parameter};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::rc::Rc;
use tch::{Kind, Tensor};

/// Draws whose mean is compared with the exact diagonal.
const DRAWS: u64 = 4000;
/// About four times the mean's standard deviation.
const SAMPLING_ERROR: f64 = 0.01;
const TOLERANCE: f64 = 1e-12;

/// Examples, weights, draws, and what comes of them.
#[derive(Debug, Deserialize)]
pub(super) struct Estimator {
    #[serde(rename = "B")]
    examples: i64,
    d: i64,
    k: i64,
    #[serde(rename = "X")]
    inputs: Vec<f64>,
    #[serde(rename = "W")]
    weights: Vec<f64>,
    #[serde(rename = "u")]
    uniform: Vec<f64>,
    ghat: Vec<f64>,
    hhat: Vec<f64>,
    exact_gauss_newton_diag: Vec<f64>,
}

impl Estimator {
    /// Lists are as long as `B`, `d` and `k` make them.
    pub(super) fn check_sizes(&self) -> Result<()> {
        let (weights, inputs) = (self.k * self.d, self.examples * self.d);
        let lists = [
            ("X", &self.inputs, inputs),
            ("W", &self.weights, weights),
            ("u", &self.uniform, self.examples),
            ("ghat", &self.ghat, weights),
            ("hhat", &self.hhat, weights),
            (
                "exact_gauss_newton_diag",
                &self.exact_gauss_newton_diag,
                weights,
            ),
        ];
        for (name, list, wanted) in lists {
            ensure!(
                wanted > 0 && list.len() as i64 == wanted,
                "`{name}` has {} numbers, where B, d and k ({}, {} and {}) make {wanted}",
                list.len(),
                self.examples,
                self.d,
                self.k
            );
        }
        Ok(())
    }

    /// The gradient on sampled labels is the file's; and the submission's running average, begun at zero, takes up its `(1 - beta2)`-th part
    /// of the estimate in a step at learning rate 0.
    pub(super) fn compare<A: TrainingAlgorithm>(&self) -> Result<(Verdict, String)> {
        const BETA2: f64 = 0.75;
        let uniform = Tensor::from_slice(&self.uniform);
        let mut training = self.training(Some(uniform), BETA2)?;
        let batch = training.next_batch()?;
        let loss = training.sampled_loss(&batch)?;
        let gradient = training.gradients_of(&loss)?.remove(0);
        let sampled = training.with_sampled_labels(&batch)?;
        let again = training.gradients(&sampled)?.values.remove(0);
        let mut algorithm: A = training.start()?;
        run_steps(&mut training, &mut algorithm, 1)?;
        let state = Contents::save(&mut |state| algorithm.state(state))?;
        let average = state.tensors.iter().find(|(name, _)| name.ends_with("h/0"));
        let (_, average) = average.context("it has no state `h` of curvature")?;
        let worst = [
            difference(&gradient, &self.ghat)?,
            difference(&again, &self.ghat)?,
            difference(&(average / (1.0 - BETA2)), &self.hhat)?,
        ];
        let worst = worst.into_iter().fold(0.0, f64::max);
        let detail = format!("worst difference {worst:.1e} (allowed {TOLERANCE:.0e})");
        Ok((verdict(worst <= TOLERANCE), detail))
    }

    /// The mean of many estimates is the exact diagonal of the Gauss-Newton matrix.
    pub(super) fn is_unbiased(&self) -> Result<(Verdict, String)> {
        let mut training = self.training(None, 0.0)?;
        let batch = training.next_batch()?;
        let mut sum = vec![0.0; self.weights.len()];
        for _ in 0..DRAWS {
            let loss = training.sampled_loss(&batch)?;
            let gradient = training.gradients_of(&loss)?.remove(0);
            let gradient = Vec::<f64>::try_from(gradient.f_reshape([-1])?)?;
            for (sum, g) in sum.iter_mut().zip(gradient) {
                *sum += self.examples as f64 * g * g / DRAWS as f64;
            }
        }
        let worst = difference(&Tensor::from_slice(&sum), &self.exact_gauss_newton_diag)?;
        let detail = format!(
            "the mean of {DRAWS} estimates is {worst:.1e} from the exact diagonal (allowed {SAMPLING_ERROR:.0e})"
        );
        Ok((verdict(worst <= SAMPLING_ERROR), detail))
    }

    fn training(&self, uniform: Option<Tensor>, beta2: f64) -> Result<Training> {
        let number = |name: &str, value: f64| (name.to_owned(), Value::Number(value));
        let values = BTreeMap::from([
            number("learning-rate", 0.0),
            number("beta1", 0.9),
            number("beta2", beta2),
            number("rho", 0.04),
            number("weight-decay", 0.0),
            number("hessian-interval", 1.0),
        ]);
        let settings = Settings {
            batch_size: self.examples as u64,
            ..Settings::plain(Hyperparameters::new(values), 1)
        };
        let problem = Box::new(Softmax::new(self, uniform)?);
        let mut training = Training::new(problem, Rc::new(settings));
        training.open();
        Ok(training)
    }
}

fn difference(found: &Tensor, expected: &[f64]) -> Result<f64> {
    let _guard = tch::no_grad_guard();
    let difference = found.f_reshape([-1])? - Tensor::from_slice(expected);
    Ok(difference.f_abs()?.f_max()?.f_double_value(&[])?)
}

/// Softmax regression without a bias.
struct Softmax {
    parameters: Vec<Parameter>,
    inputs: Tensor,
    loss: Loss,
    uniform: Option<Tensor>,
}

impl Softmax {
    fn new(file: &Estimator, uniform: Option<Tensor>) -> Result<Softmax> {
        let weights = Tensor::from_slice(&file.weights).f_view([file.k, file.d])?;
        Ok(Softmax {
            parameters: vec![Parameter {
                name: "w".to_owned(),
                role: Role::OutputHead,
                layer: 0,
                fan_in: file.d,
                tensor: weights.f_set_requires_grad(true)?,
            }],
            inputs: Tensor::from_slice(&file.inputs).f_view([file.examples, file.d])?,
            loss: Loss::cross_entropy(CrossEntropy::default()),
            uniform,
        })
    }
}

impl Problem for Softmax {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn examples(&self) -> u64 {
        self.inputs.size()[0] as u64
    }

    fn batch(&self, indices: &Tensor, _augmentation: &Key) -> Result<Batch> {
        let inputs = self.inputs.f_index_select(0, indices)?;
        Ok(Batch::new(inputs, indices.f_zeros_like()?))
    }

    fn outputs(&self, batch: &Batch, _pass: &Pass) -> Result<Tensor> {
        Ok(batch
            .inputs()
            .f_matmul(&self.parameters[0].tensor.f_tr()?)?)
    }

    fn losses(&self, outputs: &Tensor, batch: &Batch) -> Result<LossValues> {
        Ok(self.loss.values(outputs, batch)?)
    }

    fn sample_targets(&self, outputs: &Tensor, uniform: &Tensor) -> Result<Tensor> {
        let uniform = self.uniform.as_ref().unwrap_or(uniform);
        Ok(self
            .loss
            .sample_targets(outputs, &uniform.f_to_kind(Kind::Double)?)?)
    }

    fn metrics(&self, _indices: &Tensor) -> Result<Metrics> {
        bail!("a regression on random labels has no metrics")
    }

    fn mean_loss(&self, _indices: &Tensor) -> Result<f64> {
        bail!("a regression on random labels has no validation loss")
    }
}
