//! Two things that tch has under no name of its own.

use tch::{TchError, Tensor};

/// A tensor of the same values and layout with memory of its own and no graph.
pub(crate) fn copy_of(tensor: &Tensor) -> Result<Tensor, TchError> {
    let _guard = tch::no_grad_guard();
    let mut copy = tensor.f_empty_like()?;
    copy.f_copy_(tensor)?;
    Ok(copy)
}

/// Whether two tensors are equal in shape, kind and values, NaN to NaN.
pub(crate) fn same_values(a: &Tensor, b: &Tensor) -> Result<bool, TchError> {
    if a.size() != b.size() || a.kind() != b.kind() {
        return Ok(false);
    }
    let _guard = tch::no_grad_guard();
    let both_nan = a.f_isnan()?.f_logical_and(&b.f_isnan()?)?;
    let same = a.f_eq_tensor(b)?.f_logical_or(&both_nan)?;
    Ok(same.f_all()?.f_int64_value(&[])? != 0)
}
