//! Two things that tch has under no name of its own.

use tch::{Kind, TchError, Tensor};

/// A tensor of the same values and layout with memory of its own and no graph.
pub(crate) fn copy_of(tensor: &Tensor) -> Result<Tensor, TchError> {
    let _guard = tch::no_grad_guard();
    let mut copy = tensor.f_empty_like()?;
    copy.f_copy_(tensor)?;
    Ok(copy)
}

/// Whether two tensors are equal in shape, kind and every bit: 0 is not -0.
pub(crate) fn same_bits(a: &Tensor, b: &Tensor) -> Result<bool, TchError> {
    if a.size() != b.size() || a.kind() != b.kind() {
        return Ok(false);
    }
    let _guard = tch::no_grad_guard();
    let bits = |tensor: &Tensor| match tensor.kind() {
        Kind::Float => tensor.f_view_dtype(Kind::Int),
        Kind::Double => tensor.f_view_dtype(Kind::Int64),
        Kind::Half | Kind::BFloat16 => tensor.f_view_dtype(Kind::Int16),
        _ => Ok(tensor.shallow_clone()),
    };
    bits(a)?.f_equal(&bits(b)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_tell_zeros_apart_and_nan_from_nothing() {
        let of = |values: &[f64]| Tensor::from_slice(values);
        assert!(same_bits(&of(&[f64::NAN, 1.0]), &of(&[f64::NAN, 1.0])).unwrap());
        assert!(!same_bits(&of(&[0.0]), &of(&[-0.0])).unwrap());
        assert!(!same_bits(&of(&[1.0]), &of(&[1.0]).to_kind(Kind::Float)).unwrap());
        let half = |value: f64| of(&[value]).to_kind(Kind::BFloat16);
        assert!(!same_bits(&half(1.0), &half(1.01)).unwrap());
    }
}
