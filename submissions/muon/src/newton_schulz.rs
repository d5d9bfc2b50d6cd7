//! Newton and Schulz' iteration towards the nearest matrix whose singular values are 1.

use bench_sdk::prelude::*;

/// The quintic's coefficients: as steep at 0 as it can be, so singular values end near 1 rather than at it.
const A: f64 = 3.4445;
const B: f64 = -4.7750;
const C: f64 = 2.0315;
const STEPS: u32 = 5;

/// A tensor's nearest orthogonal one, roughly: more dimensions than two are flattened behind the first. Counted in `precision`, or in the
/// tensor's own kind of number.
///
/// # Errors
/// What libtorch says.
pub fn orthogonal(tensor: &Tensor, precision: Option<Kind>) -> Result<Tensor> {
    if tensor.numel() == 0 {
        return Ok(tensor.shallow_clone());
    }
    let matrix = tensor.f_flatten(1, -1)?;
    let x = matrix.f_to_kind(precision.unwrap_or(tensor.kind()))?;
    let tall = x.size()[0] > x.size()[1];
    let mut x = if tall { x.f_transpose(0, 1)? } else { x };
    x = &x / (x.f_norm()? + 1e-7);
    for _ in 0..STEPS {
        let gram = x.f_matmul(&x.f_transpose(0, 1)?)?;
        let polynomial = B * &gram + C * gram.f_matmul(&gram)?;
        x = A * &x + polynomial.f_matmul(&x)?;
    }
    let x = if tall { x.f_transpose(0, 1)? } else { x };
    Ok(x.f_reshape(tensor.size())?.f_to_kind(tensor.kind())?)
}
