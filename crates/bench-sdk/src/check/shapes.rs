//! Parameters of all shapes that models have, with gradients of all sorts.

use super::function::Function;
use crate::problem::Problem;
use anyhow::Result;
use bench_core::spec::submission::Role;
use bench_torch::random::{Key, Stream};
use tch::{Kind, Tensor};

/// Name, role and shape.
const SHAPES: [(&str, Role, &[i64]); 12] = [
    ("scalar", Role::NormScale, &[]),
    ("empty", Role::Bias, &[0]),
    ("empty-matrix", Role::Weight, &[3, 0]),
    ("bias", Role::Bias, &[5]),
    ("matrix", Role::Weight, &[6, 4]),
    ("large-matrix", Role::Weight, &[40, 60]),
    ("wide-hidden", Role::Weight, &[2, 700]),
    ("tall-hidden", Role::Weight, &[700, 2]),
    ("wide", Role::OutputHead, &[2, 700]),
    ("tall", Role::Embedding, &[700, 2]),
    ("convolution", Role::Convolution, &[4, 3, 3, 3]),
    ("convolution-1x1", Role::Convolution, &[4, 3, 1, 1]),
];

/// A sort of gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gradient {
    /// Zero everywhere.
    Zero,
    /// One everywhere, as the gradient of a sum is.
    Constant,
    /// Of other strides than the parameter.
    Strided,
    /// Infinite everywhere.
    Infinite,
    /// Normally distributed, new at each step.
    Random,
}

impl Gradient {
    pub(super) const ALL: [Gradient; 5] = [
        Gradient::Zero,
        Gradient::Constant,
        Gradient::Strided,
        Gradient::Infinite,
        Gradient::Random,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Gradient::Zero => "zero",
            Gradient::Constant => "constant",
            Gradient::Strided => "strided",
            Gradient::Infinite => "infinite",
            Gradient::Random => "random",
        }
    }

    /// Whether parameters must stay finite under it.
    pub(super) fn is_finite(self) -> bool {
        self != Gradient::Infinite
    }

    /// The part of the loss that has this gradient at step `t`.
    fn loss(self, x: &Tensor, place: usize, t: u64) -> Result<Tensor> {
        let key = |step| Key::new(1, "gradient").member(place as u64).step(step);
        let weighted = |x: Tensor, step| -> Result<Tensor> {
            let weights = Stream::new(&key(step))?.normal(&x.size(), 0.0, 1.0, x.kind())?;
            Ok((x * weights).f_sum(None::<Kind>)?)
        };
        Ok(match self {
            Gradient::Zero => (x * 0.0).f_sum(None::<Kind>)?,
            Gradient::Constant => x.f_sum(None::<Kind>)?,
            Gradient::Strided if x.dim() > 1 => weighted(x.f_transpose(0, -1)?, 0)?,
            Gradient::Strided => weighted(x.shallow_clone(), 0)?,
            Gradient::Infinite => (x * f64::INFINITY).f_sum(None::<Kind>)?,
            Gradient::Random => weighted(x.shallow_clone(), t)?,
        })
    }
}

/// A sum over all shapes whose gradients are of this sort.
pub(super) fn problem(gradient: Gradient, kind: Kind) -> Result<Box<dyn Problem>> {
    let mut stream = Stream::new(&Key::new(1, "shapes"))?;
    let mut start = Vec::new();
    for (name, role, shape) in SHAPES {
        start.push((name.to_owned(), role, stream.normal(shape, 0.0, 0.5, kind)?));
    }
    let loss = move |parameters: &[&Tensor], batch: &crate::Batch| {
        let t = batch.inputs().f_int64_value(&[0])? as u64;
        let mut total = Tensor::f_zeros([] as [i64; 0], (kind, tch::Device::Cpu))?;
        for (place, x) in parameters.iter().enumerate() {
            total += gradient.loss(x, place, t)?;
        }
        Ok(total)
    };
    Ok(Box::new(Function::new(start, 1024, 1, Box::new(loss))?))
}
