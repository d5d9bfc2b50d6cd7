//! Rotary positions: pairs of channels turned by an angle that grows with the token's place.

use bench_torch::errors::LibtorchError;
use tch::{Kind, Tensor};

/// Ratio of the fastest and the slowest turn.
const BASE: f64 = 500_000.0;

/// The turns of all places, as complex numbers `[T, 1, 1, head / 2]`.
pub(super) struct Rotary {
    turns: Tensor,
}

impl Rotary {
    /// For sequences up to this length, heads of this size, and numbers like those of `model`.
    pub(super) fn new(length: i64, head: i64, model: &Tensor) -> Result<Rotary, LibtorchError> {
        let options = (Kind::Double, model.device());
        let places = Tensor::f_arange(length, options)?;
        let channels = Tensor::f_arange(head / 2, options)?;
        let speeds = channels
            .f_mul_scalar(-2.0 / head as f64 * BASE.ln())?
            .f_exp()?;
        let angles = places.f_outer(&speeds)?;
        let kind = match model.kind() {
            Kind::Double => Kind::ComplexDouble,
            _ => Kind::ComplexFloat,
        };
        let turns = Tensor::f_polar(&angles.f_ones_like()?, &angles)?.f_to_kind(kind)?;
        Ok(Rotary {
            turns: turns.f_view([length, 1, 1, head / 2])?,
        })
    }

    /// Turns channels 2j and 2j + 1 of `[B, T, …, …, head]`.
    pub(super) fn turn(&self, x: &Tensor) -> Result<Tensor, LibtorchError> {
        let mut pairs = x.size();
        let (length, head) = (pairs[1], pairs.pop().unwrap_or(0));
        pairs.extend([head / 2, 2]);
        let turns = self.turns.f_narrow(0, 0, length)?;
        // There are no complex numbers of 16-bit parts; wider ones stay as they are.
        let x = match x.kind() {
            Kind::BFloat16 => x.f_to_kind(Kind::Float)?,
            _ => x.shallow_clone(),
        };
        let turned = x.f_reshape(&pairs)?.f_view_as_complex()?.f_mul(&turns)?;
        Ok(turned.f_view_as_real()?.f_flatten(-2, -1)?)
    }
}
