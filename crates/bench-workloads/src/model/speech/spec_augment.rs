//! Spans of frames and of bands that a training step sets to 0 (SpecAugment, Park et al. 2019).

use super::Frames;
use bench_core::spec::workload::SpecAugment;
use bench_torch::errors::LibtorchError;
use tch::{Kind, Tensor};

/// Draws of one kind of span: `[N, spans]`, each in [0, 1).
pub(crate) struct Draws {
    /// How long: a share of the most there may be.
    pub(crate) portions: Tensor,
    /// Where: a share of the places there are.
    pub(crate) starts: Tensor,
}

/// How long a span may be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Longest {
    /// This share of what there is.
    Share(f64),
    /// Drawn up to so many, and at most this share of what there is.
    Count(f64, f64),
}

/// Frames with spans set to 0, drawn from libtorch's default generator: lengths in time, places in time, then the same in bands.
pub(super) fn augmented(spec: &SpecAugment, frames: &Frames) -> Result<Tensor, LibtorchError> {
    let x = &frames.values;
    let count = x.size()[0];
    let draw = |spans: u64| -> Result<Draws, LibtorchError> {
        let uniform = || Tensor::f_rand([count, spans as i64], (Kind::Double, x.device()));
        Ok(Draws {
            portions: uniform()?,
            starts: uniform()?,
        })
    };
    let in_time = draw(spec.time_masks)?;
    let in_bands = draw(spec.frequency_masks)?;
    masked(spec, frames, &in_time, &in_bands)
}

/// Frames with these spans set to 0.
pub(crate) fn masked(
    spec: &SpecAugment,
    frames: &Frames,
    in_time: &Draws,
    in_bands: &Draws,
) -> Result<Tensor, LibtorchError> {
    let x = &frames.values;
    let (count, longest, bands) = x.size3()?;
    let time = kept(&frames.lengths, longest, time_limit(spec), in_time)?;
    let all = Tensor::f_full([count], bands, (Kind::Int64, x.device()))?;
    let limit = Longest::Count(spec.frequency_bins as f64, 1.0);
    let bands = kept(&all, bands, limit, in_bands)?;
    let both = time.f_unsqueeze(2)?.f_logical_and(&bands.f_unsqueeze(1)?)?;
    Ok(x.f_mul(&both.f_to_kind(x.kind())?)?)
}

/// How long a span in time may be.
pub(crate) fn time_limit(spec: &SpecAugment) -> Longest {
    match spec.time_frames {
        None => Longest::Share(spec.time_share),
        Some(frames) => Longest::Count(frames as f64, spec.time_share),
    }
}

/// Which of `total` places stay `[N, total]`: those in no span of what is there, the first `lengths` of them.
pub(crate) fn kept(
    lengths: &Tensor,
    total: i64,
    longest: Longest,
    draws: &Draws,
) -> Result<Tensor, LibtorchError> {
    let there = lengths.f_to_kind(Kind::Double)?.f_unsqueeze(1)?;
    let (limit, share) = match longest {
        Longest::Share(share) => (there.f_mul_scalar(share)?, share),
        Longest::Count(count, share) => (there.f_full_like(count)?, share),
    };
    let most = there.f_mul_scalar(share)?.f_trunc()?.f_clamp_min(1.0)?;
    let length = limit.f_mul(&draws.portions)?.f_trunc()?.f_minimum(&most)?;
    let places = there.f_sub(&length)?.f_add_scalar(1.0)?;
    let first = draws.starts.f_mul(&places)?.f_trunc()?;
    let after = first.f_add(&length)?.f_unsqueeze(2)?;
    let at = Tensor::f_arange(total, (Kind::Double, lengths.device()))?;
    let inside = at
        .f_ge_tensor(&first.f_unsqueeze(2)?)?
        .f_logical_and(&at.f_lt_tensor(&after)?)?;
    Ok(inside.f_any_dim(1, false)?.f_logical_not()?)
}
