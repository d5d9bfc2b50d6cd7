//! Known functions in a workload's place.

use crate::problem::Problem;
use anyhow::{Context, Result};
use bench_core::protocol::Metrics;
use bench_core::spec::submission::Role;
use bench_torch::random::Key;
use bench_workloads::model::Pass;
use bench_workloads::{Batch, LossValues, Parameter};
use tch::{Device, Kind, Tensor};

/// A mean loss as a function of parameters and batch.
pub(crate) type Loss = dyn Fn(&[&Tensor], &Batch) -> Result<Tensor>;

/// A loss without a model. A batch's inputs are the numbers of its examples; its targets are `targets` zeros an example, or, sampled, as many
/// standard normal numbers.
pub(crate) struct Function {
    parameters: Vec<Parameter>,
    examples: u64,
    targets: i64,
    loss: Box<Loss>,
}

impl Function {
    /// A function of parameters that start at these values, by name.
    pub(crate) fn new(
        start: Vec<(String, Role, Tensor)>,
        examples: u64,
        targets: i64,
        loss: Box<Loss>,
    ) -> Result<Function> {
        let parameter = |(layer, (name, role, value)): (usize, (String, Role, Tensor))| {
            Ok(Parameter {
                name,
                role,
                layer,
                fan_in: value.size().get(1).copied().unwrap_or(1),
                tensor: value.f_detach()?.f_set_requires_grad(true)?,
            })
        };
        Ok(Function {
            parameters: start
                .into_iter()
                .enumerate()
                .map(parameter)
                .collect::<Result<_>>()?,
            examples,
            targets,
            loss,
        })
    }

    /// `x` of one dimension with a least-squares loss: half the mean squared distance of residuals from targets.
    pub(crate) fn least_squares(
        start: &[f64],
        residuals: impl Fn(&Tensor) -> Tensor + 'static,
    ) -> Result<Function> {
        let x = Tensor::from_slice(start).to_kind(Kind::Float);
        let targets = residuals(&x).numel() as i64;
        let loss = move |x: &[&Tensor], batch: &Batch| {
            let difference = residuals(x[0]) - &batch.targets;
            let count = batch.examples().max(1) as f64;
            Ok((&difference * &difference).f_sum(Kind::Float)? * (0.5 / count))
        };
        let start = vec![("x".to_owned(), Role::Weight, x)];
        Function::new(start, 1024, targets, Box::new(loss))
    }

    /// Half `sum a_i (x_i - 1)^2` with curvatures from 0.1 to 10.
    pub(crate) fn parabola() -> Result<Function> {
        let roots = Tensor::from_slice(&[0.1_f32, 1.0, 10.0]).sqrt();
        Function::least_squares(&[0.0, -1.0, 0.5], move |x| (x - 1.0) * &roots)
    }

    /// A two-hundredth of Rosenbrock's valley, `(1 - x)^2 + 100 (y - x^2)^2`, from (-1.2, 1): no steeper than the parabola.
    pub(crate) fn rosenbrock() -> Result<Function> {
        Function::least_squares(&[-1.2, 1.0], |p| {
            let (x, y) = (p.get(0), p.get(1));
            Tensor::stack(&[1.0 - &x, (y - &x * &x) * 10.0], 0) * 0.1
        })
    }
}

impl Problem for Function {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn examples(&self) -> u64 {
        self.examples
    }

    fn batch(&self, indices: &Tensor, _augmentation: &Key) -> Result<Batch> {
        let kind = self
            .parameters
            .first()
            .map_or(Kind::Float, |p| p.tensor.kind());
        let shape = [indices.numel() as i64, self.targets];
        Ok(Batch::new(
            indices.shallow_clone(),
            Tensor::f_zeros(shape, (kind, Device::Cpu))?,
        ))
    }

    /// There is no model: the loss is of the parameters themselves.
    fn outputs(&self, batch: &Batch, _pass: &Pass) -> Result<Tensor> {
        Ok(batch.targets.shallow_clone())
    }

    fn losses(&self, outputs: &Tensor, batch: &Batch) -> Result<LossValues> {
        let (loss, count) = (self.loss(outputs, batch)?, batch.examples());
        Ok(LossValues {
            per_example: loss.f_expand([count], false)?,
            summed: loss.f_mul_scalar(count)?,
            valid: Tensor::f_full([] as [i64; 0], count, (loss.kind(), Device::Cpu))?,
        })
    }

    fn loss(&self, _outputs: &Tensor, batch: &Batch) -> Result<Tensor> {
        let parameters: Vec<&Tensor> = self.parameters.iter().map(|p| &p.tensor).collect();
        (self.loss)(&parameters, batch)
    }

    fn sample_targets(&self, _outputs: &Tensor, uniform: &Tensor) -> Result<Tensor> {
        // The inverse of the normal distribution: a least-squares loss is one's negative logarithm.
        Ok((uniform * 2.0 - 1.0).f_erfinv()? * std::f64::consts::SQRT_2)
    }

    fn metrics(&self, indices: &Tensor) -> Result<Metrics> {
        let loss = bench_core::number::Measured(self.mean_loss(indices)?);
        Ok(Metrics::from([("loss".to_owned(), loss)]))
    }

    fn mean_loss(&self, indices: &Tensor) -> Result<f64> {
        let _guard = tch::no_grad_guard();
        let batch = self.batch(indices, &Key::new(0, "metrics"))?;
        self.loss(&batch.targets, &batch)?
            .f_double_value(&[])
            .context("the loss")
    }
}
