//! Fixed sine positions.

use bench_torch::errors::LibtorchError;
use tch::{Device, Kind, Tensor};

/// Ratio of the fastest and the slowest wave, about.
const BASE: f64 = 10_000.0;

/// Sines, then cosines, of each place times each of `width / 2` speeds from 1 down to 1 / 10,000: `[places, width]`, like `model`'s numbers.
pub(super) fn places(count: i64, width: i64, model: &Tensor) -> Result<Tensor, LibtorchError> {
    let places = Tensor::f_arange(count, (Kind::Double, Device::Cpu))?;
    let waves = waves(&places, width / 2)?;
    like(&Tensor::f_cat(&waves, 1)?, model)
}

/// The same for the columns and then for the rows of a grid, in `width / 4` speeds each: `[height * width, width]`.
pub(super) fn grid(
    [height, across]: [i64; 2],
    width: i64,
    model: &Tensor,
) -> Result<Tensor, LibtorchError> {
    let options = (Kind::Double, Device::Cpu);
    let columns = Tensor::f_arange(across, options)?.f_repeat([height])?;
    let rows = Tensor::f_arange(height, options)?.f_repeat_interleave_self_int(across, 0, None)?;
    let [a, b] = waves(&columns, width / 4)?;
    let [c, d] = waves(&rows, width / 4)?;
    like(&Tensor::f_cat(&[a, b, c, d], 1)?, model)
}

fn waves(places: &Tensor, speeds: i64) -> Result<[Tensor; 2], LibtorchError> {
    let each = Tensor::f_arange(speeds, (Kind::Double, Device::Cpu))?;
    let speeds = each
        .f_mul_scalar(-BASE.ln() / (speeds - 1) as f64)?
        .f_exp()?;
    let angles = places.f_outer(&speeds)?;
    Ok([angles.f_sin()?, angles.f_cos()?])
}

fn like(table: &Tensor, model: &Tensor) -> Result<Tensor, LibtorchError> {
    Ok(table.f_to_device(model.device())?.f_to_kind(model.kind())?)
}
