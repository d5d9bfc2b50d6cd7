//! A loss whose gradients cost little and are of every parameter: what an update is timed on by itself.

use crate::check::function::{Function, Loss};
use crate::problem::Problem;
use anyhow::Result;
use bench_core::spec::submission::Role;
use bench_torch::random::{Key, Stream};
use bench_workloads::Batch;
use tch::{Kind, Tensor};

/// Layers of the large function, and the side of their matrices.
const LAYERS: usize = 30;
const SIDE: i64 = 577;
/// Size of gradients at the start.
const SLOPE: f64 = 0.01;

/// Of a problem's parameters, in their shapes, layouts and roles.
///
/// # Errors
/// What libtorch says.
pub(super) fn of(problem: &dyn Problem) -> Result<Function> {
    let _guard = tch::no_grad_guard();
    let start = problem.parameters().iter().map(|parameter| {
        let value = parameter.tensor.f_detach()?;
        Ok((parameter.name.clone(), parameter.role, value))
    });
    function(start.collect::<Result<_>>()?)
}

/// Of 30 square matrices with a bias each.
///
/// # Errors
/// When there is no memory for them.
pub(super) fn large() -> Result<Function> {
    let mut stream = Stream::new(&Key::new(0, "large"))?;
    let mut start = Vec::new();
    for layer in 0..LAYERS {
        for (part, role, shape) in [
            ("weight", Role::Weight, &[SIDE, SIDE][..]),
            ("bias", Role::Bias, &[SIDE]),
        ] {
            let value = stream.normal(shape, 0.0, 0.05, Kind::Float)?;
            start.push((format!("layers.{layer}.{part}"), role, value));
        }
    }
    function(start)
}

/// `sum(g x) + sum(x^2) / 2`: a second derivative for those that ask, and hardly a temporary.
fn function(start: Vec<(String, Role, Tensor)>) -> Result<Function> {
    let mut stream = Stream::new(&Key::new(0, "slopes"))?;
    let mut slope = |x: &Tensor| -> Result<Tensor> {
        let mut slope = x.f_empty_like()?;
        slope.f_copy_(&stream.normal(&x.size(), 0.0, SLOPE, Kind::Float)?)?;
        Ok(slope)
    };
    let slopes = start.iter().map(|(_, _, value)| slope(value));
    let slopes: Vec<Tensor> = slopes.collect::<Result<_>>()?;
    let loss: Box<Loss> = Box::new(move |parameters: &[&Tensor], _: &Batch| {
        let mut loss = Tensor::from(0.0_f32);
        for (x, slope) in parameters.iter().zip(&slopes) {
            let linear = x.f_mul(slope)?.f_sum(Kind::Float)?;
            loss = loss + linear + x.f_mul(x)?.f_sum(Kind::Float)? * 0.5;
        }
        Ok(loss)
    });
    // As many examples as an epoch needs not to be reshuffled all the time.
    Function::new(start, 1 << 20, 1, loss)
}
