//! Attention of several heads.

use super::Pass;
use bench_torch::errors::LibtorchError;
use tch::Tensor;

/// What queries take from values whose keys they are like. All are `[B, T, width]`, the heads side by side; a mask is added to the scores `[B, heads, Tq, Tk]`
/// or says which of them count.
pub(super) struct Attention<'a> {
    pub(super) heads: i64,
    /// Factor on the products of queries and keys.
    pub(super) scale: f64,
    /// Share of the weights that is left out in training.
    pub(super) dropout: f64,
    pub(super) mask: Option<&'a Tensor>,
}

impl Attention<'_> {
    pub(super) fn mix(
        &self,
        [queries, keys, values]: [&Tensor; 3],
        pass: &Pass,
    ) -> Result<Tensor, LibtorchError> {
        let by_head = |x: &Tensor| by_head(x, self.heads);
        let y = Tensor::f_scaled_dot_product_attention(
            &by_head(queries)?,
            &by_head(keys)?,
            &by_head(values)?,
            self.mask,
            if pass.train { self.dropout } else { 0.0 },
            false,
            self.scale,
            false,
        )?;
        Ok(y.f_transpose(1, 2)?.f_flatten(2, 3)?)
    }
}

/// `[B, T, width]` to `[B, heads, T, width / heads]`.
pub(super) fn by_head(x: &Tensor, heads: i64) -> Result<Tensor, LibtorchError> {
    let (batch, length, width) = x.size3()?;
    Ok(x.f_reshape([batch, length, heads, width / heads])?
        .f_transpose(1, 2)?)
}
