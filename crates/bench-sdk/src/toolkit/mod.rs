//! Pieces that many algorithms share, each of them once.

pub mod elementwise;
mod exchange;
mod low_rank;
mod newton_schulz;

pub use elementwise::{Descend, Elementwise, Float, Reference};
pub use exchange::Exchange;
pub use low_rank::{LowRank, Projection};
pub use newton_schulz::orthogonal;

use anyhow::Result;
use bench_torch::foreach;
use std::borrow::Borrow;
use tch::{Kind, Tensor};

/// `1 - beta^t`: what divides an average that began at 0 (Adam, section 3), `t` from 1 on.
pub fn bias_correction(beta: f64, t: u64) -> f64 {
    1.0 - beta.powf(t as f64)
}

/// Moves each average towards its value: `average = beta average + (1 - beta) value`.
///
/// # Errors
/// When the lists do not fit each other.
pub fn ema<T: Borrow<Tensor>>(averages: &mut [Tensor], values: &[T], beta: f64) -> Result<()> {
    Ok(foreach::lerp(averages, values, 1.0 - beta)?)
}

/// Gives a direction the length of another: `direction *= |length_of| / (|direction| + 1e-16)`, as Shampoo is grafted onto Adam (Anil et al.,
/// arXiv:2002.09018, section 4.2).
///
/// # Errors
/// What libtorch says.
pub fn graft(direction: &mut Tensor, length_of: &Tensor) -> Result<()> {
    let _guard = tch::no_grad_guard();
    let factor = length_of.f_norm()? / (direction.f_norm()? + 1e-16);
    let _ = direction.f_mul_(&factor)?;
    Ok(())
}

/// L2 norm over all tensors together, as a tensor: reading it waits for the device. Of none it is 0.
///
/// # Errors
/// What libtorch says.
pub fn global_norm<T: Borrow<Tensor>>(values: &[T]) -> Result<Tensor> {
    Ok(foreach::global_norm(values)?)
}

/// L1 norm over all tensors together, as [`global_norm`] gives the L2 norm.
///
/// # Errors
/// When there is no tensor.
pub fn global_l1_norm<T: Borrow<Tensor>>(values: &[T]) -> Result<Tensor> {
    let _guard = tch::no_grad_guard();
    let norms = values
        .iter()
        .map(|value| value.borrow().f_abs()?.f_sum(Kind::Double))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Tensor::f_stack(&norms, 0)?.f_sum(Kind::Double)?)
}

/// Scales gradients down to a global norm of `limit` where theirs is larger, as PyTorch's `clip_grad_norm_` does: by
/// `limit / (norm + 1e-6)`. Gives the norm before.
///
/// # Errors
/// What libtorch says.
pub fn clip_by_global_norm(gradients: &mut [Tensor], limit: f64) -> Result<Tensor> {
    let _guard = tch::no_grad_guard();
    let norm = global_norm(gradients)?;
    let factor = (limit / (&norm + 1e-6)).f_clamp_max(1.0)?;
    // On the CPU the factor is there already; elsewhere multiplying by 1 is cheaper than waiting.
    if norm.device().is_cuda() || factor.f_double_value(&[])? != 1.0 {
        let factor = factor.f_to_kind(gradients.first().map_or(Kind::Float, Tensor::kind))?;
        foreach::scale_by(gradients, &factor)?;
    }
    Ok(norm)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(values: &[f64]) -> Tensor {
        Tensor::from_slice(values)
    }

    #[test]
    fn clipping_scales_only_what_is_too_long() {
        let mut gradients = [vector(&[3.0]), vector(&[4.0])];
        assert_eq!(
            clip_by_global_norm(&mut gradients, 10.0)
                .unwrap()
                .double_value(&[]),
            5.0
        );
        assert_eq!(gradients[1].double_value(&[0]), 4.0);
        let _ = clip_by_global_norm(&mut gradients, 1.0).unwrap();
        assert_eq!(gradients[0].double_value(&[0]), 3.0 / (5.0 + 1e-6));
        let mixed = [vector(&[-3.0, 1.0]), vector(&[4.0])];
        assert_eq!(global_l1_norm(&mixed).unwrap().double_value(&[]), 8.0);
    }

    #[test]
    fn a_grafted_direction_has_the_others_length() {
        let mut direction = vector(&[3.0, 4.0]);
        graft(&mut direction, &vector(&[0.0, 10.0])).unwrap();
        assert_eq!(Vec::<f64>::try_from(&direction).unwrap(), [6.0, 8.0]);
        let mut nothing = vector(&[0.0]);
        graft(&mut nothing, &vector(&[1.0])).unwrap();
        assert_eq!(nothing.double_value(&[0]), 0.0);
    }

    #[test]
    fn averages_work_in_place() {
        let mut averages = vec![vector(&[1.0])];
        let shared = averages[0].shallow_clone();
        ema(&mut averages, &[vector(&[3.0])], 0.75).unwrap();
        assert_eq!(shared.double_value(&[0]), 1.5);
        assert_eq!(bias_correction(0.9, 1), 1.0 - 0.9);
    }
}
