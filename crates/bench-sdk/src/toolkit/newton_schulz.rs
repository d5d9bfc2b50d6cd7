//! Newton and Schulz' iteration towards the nearest matrix whose singular values are 1 (Muon; Jordan et al. 2024).

use anyhow::Result;
use tch::{Kind, Tensor};

/// The quintic's coefficients: as steep at 0 as it can be, so singular values end near 1 rather than at it.
const A: f64 = 3.4445;
const B: f64 = -4.7750;
const C: f64 = 2.0315;
const STEPS: u32 = 5;

/// The nearest orthogonal one of a tensor of two dimensions or more, roughly, in five steps: more than two are flattened behind the first. Counted
/// in `precision`, or in the tensor's own kind of number.
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
    let is_half = matches!(x.kind(), Kind::Half | Kind::BFloat16);
    // Half precision would not survive that many products of small squares.
    let x = match !is_half && rows.max(columns) > 2 * rows.min(columns) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn singular_values_end_near_one() {
        let matrix = Tensor::eye(8, (Kind::Double, Device::Cpu)) * 3.0 + 0.1;
        let (_, values, _) = orthogonal(&matrix, None).unwrap().svd(true, true);
        let (low, high) = (
            values.min().double_value(&[]),
            values.max().double_value(&[]),
        );
        assert!(low > 0.65 && high < 1.25, "{low} to {high}");
        let empty = Tensor::zeros([3, 0], (Kind::Float, Device::Cpu));
        assert_eq!(orthogonal(&empty, None).unwrap().size(), [3, 0]);
    }

    /// Wide and tall matrices take another way to the same result, also where they have no full rank.
    #[test]
    fn wide_matrices_come_out_as_the_formula_has_them() {
        let plain = |g: &Tensor| {
            let mut x: Tensor = g / (g.norm() + 1e-7);
            for _ in 0..5 {
                let s: Tensor = x.matmul(&x.tr());
                let polynomial: Tensor = -4.7750 * &s + 2.0315 * s.matmul(&s);
                x = 3.4445 * &x + polynomial.matmul(&x);
            }
            x
        };
        tch::manual_seed(1);
        for (kind, allowed) in [(Kind::Double, 1e-12), (Kind::Float, 1e-4)] {
            let normal = |rows, columns| Tensor::randn([rows, columns], (kind, Device::Cpu));
            let of_rank_2 = normal(5, 2).matmul(&normal(2, 40));
            for wide in [normal(5, 40), of_rank_2, normal(16, 33)] {
                let expected = plain(&wide);
                let tall = orthogonal(&wide.tr(), None).unwrap().tr();
                for found in [orthogonal(&wide, None).unwrap(), tall] {
                    let worst = (found - &expected).abs().max().double_value(&[]);
                    assert!(worst <= allowed, "{:?} {kind:?}: {worst:e}", wide.size());
                }
            }
        }
    }
}
