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
    let (rows, columns) = x.size2()?;
    let tall = rows > columns;
    let x = if tall { x.f_transpose(0, 1)? } else { x };
    let x = &x / (x.f_norm()? + 1e-7);
    // Half precision would not survive that many products of small squares.
    let x = match precision.is_none() && rows.max(columns) > 2 * rows.min(columns) {
        true => on_the_square(&x)?,
        false => step_by_step(x)?,
    };
    let x = if tall { x.f_transpose(0, 1)? } else { x };
    Ok(x.f_reshape(tensor.size())?.f_to_kind(tensor.kind())?)
}

/// `x = A x + (B S + C S^2) x` with `S = x x'`, `STEPS` times.
fn step_by_step(mut x: Tensor) -> Result<Tensor> {
    for _ in 0..STEPS {
        let polynomial = of_square(&x.f_matmul(&x.f_transpose(0, 1)?)?)?;
        x = (A * &x).f_addmm_(&polynomial, &x)?;
    }
    Ok(x)
}

/// The same for wide matrices, with two products of their long side instead of ten: every step multiplies `x` by a factor `F = A + B S + C S^2`
/// from the left and so makes `F S F` of the square, and the factors' product multiplies `x` once.
fn on_the_square(x: &Tensor) -> Result<Tensor> {
    let mut square = x.f_matmul(&x.f_transpose(0, 1)?)?;
    let mut product: Option<Tensor> = None;
    for step in 1..=STEPS {
        let factor = of_square(&square)?;
        let _ = factor.f_diagonal(0, 0, 1)?.f_add_scalar_(A)?;
        if step < STEPS {
            square = factor.f_matmul(&square)?.f_matmul(&factor)?;
        }
        product = Some(match product {
            Some(before) => factor.f_matmul(&before)?,
            None => factor,
        });
    }
    match product {
        Some(product) => Ok(product.f_matmul(x)?),
        None => Ok(x.shallow_clone()),
    }
}

/// `B S + C S^2`.
fn of_square(square: &Tensor) -> Result<Tensor> {
    Ok((B * square).f_addmm_(&(C * square), square)?)
}
