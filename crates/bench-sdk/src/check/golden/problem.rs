//! The functions that the files' trajectories descend, rebuilt bit for bit from a hash.

use super::super::function::{Function, Loss};
use anyhow::Result;
use bench_core::spec::submission::Role;
use tch::{Device, Kind, Tensor};

/// Steps that the files' schedule stretches to, and of every published trajectory.
pub(super) const STEPS: u64 = 50;

/// Name and shape of the parameters of all problems but one.
const PARAMETERS: [(&str, &[i64]); 4] = [
    ("w", &[6, 4]),
    ("u", &[3, 7]),
    ("b", &[5]),
    ("k", &[2, 3, 3, 3]),
];

/// Those of the one whose Hessian has more than a diagonal.
const COUPLED: [(&str, &[i64]); 1] = [("x", &[24])];

/// A problem by its name in the files, for so many steps, with so many labels a batch.
///
/// # Errors
/// What libtorch says.
pub(super) fn build(
    name: &str,
    seed: u64,
    kind: Kind,
    steps: u64,
    labels: i64,
) -> Result<Option<Function>> {
    let (parameters, loss): (&[(&str, &[i64])], Box<Loss>) = match name {
        "fixed" | "fixedz" | "quad" => (&PARAMETERS, separable(name, seed, kind)),
        "hutch24" => (&COUPLED, coupled(seed, kind)),
        _ => return Ok(None),
    };
    let start = parameters.iter().enumerate().map(|(p, (name, shape))| {
        let value = filled(shape, kind, |i| 0.5 * uniform(seed, 0, p, i));
        ((*name).to_owned(), Role::Weight, value)
    });
    Function::new(start.collect(), steps, labels, loss).map(Some)
}

/// The signs of Hutchinson's probe at a step, counted from 0.
pub(super) fn sign(seed: u64, step: u64, place: usize, i: u64) -> f64 {
    if uniform(seed, step + 30_001, place, i) < 0.0 {
        -1.0
    } else {
        1.0
    }
}

/// The loss at step t, whose gradient is the file's. With sampled targets it is the one that stands for labels drawn from a model.
fn separable(problem: &str, seed: u64, kind: Kind) -> Box<Loss> {
    let (quad, zeros) = (problem == "quad", problem == "fixedz");
    Box::new(move |parameters, batch| {
        let t = batch.inputs().f_int64_value(&[0])? as u64 + 1;
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
    })
}

/// `x'Mx/2 + sum x^4/12 + n_t'x` with a symmetric matrix `M`.
fn coupled(seed: u64, kind: Kind) -> Box<Loss> {
    let a = filled(&[24, 24], kind, |i| uniform(seed, 40_000, 0, i));
    let m = (&a + a.transpose(0, 1)) * 0.2 + Tensor::eye(24, (kind, Device::Cpu)) * 1.5;
    Box::new(move |parameters, batch| {
        let t = batch.inputs().f_int64_value(&[0])? as u64 + 1;
        let x = parameters[0];
        let noise = filled(&[24], kind, |i| 0.3 * uniform(seed, t, 0, i));
        let quadratic = m.f_mv(x)?.f_dot(x)? * 0.5;
        Ok(quadratic + x.f_pow_tensor_scalar(4)?.f_sum(kind)? / 12.0 + noise.f_dot(x)?)
    })
}

pub(super) fn filled(shape: &[i64], kind: Kind, value: impl Fn(u64) -> f64) -> Tensor {
    let count: i64 = shape.iter().product();
    let values: Vec<f64> = (0..count as u64).map(value).collect();
    Tensor::from_slice(&values).reshape(shape).to_kind(kind)
}

/// The reference files' number in [-1, 1) for seed, step, parameter and element: splitmix64 of the four, exact everywhere.
pub fn uniform(seed: u64, t: u64, p: usize, i: u64) -> f64 {
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
}
