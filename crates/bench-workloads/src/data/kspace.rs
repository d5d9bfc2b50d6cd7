//! Images out of measured frequencies of which some columns are left out, as AlgoPerf's `fastmri` has them.

use bench_torch::errors::LibtorchError;
use tch::{Kind, Tensor};

/// Largest distance from the mean, in deviations.
const CLIP: f64 = 6.0;

/// Which columns are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mask {
    /// Share of the columns that are kept in the middle.
    pub(crate) centre: f64,
    /// How many columns there are for each that is kept.
    pub(crate) acceleration: f64,
}

/// The middle, and how likely each other column is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Columns {
    pub(crate) low: usize,
    pub(crate) start: usize,
    pub(crate) probability: f64,
}

impl Mask {
    pub(crate) fn columns(&self, width: usize) -> Columns {
        let low = (self.centre * width as f64) as usize;
        Columns {
            low,
            start: (width + 1 - low) / 2,
            probability: (width as f64 / self.acceleration - low as f64)
                / (width - low).max(1) as f64,
        }
    }

    /// Which columns are kept, of a uniform number for each.
    pub(crate) fn kept(&self, draws: &[f64]) -> Vec<bool> {
        let columns = self.columns(draws.len());
        let middle = columns.start..columns.start + columns.low;
        let kept =
            |(column, &draw): (usize, &f64)| middle.contains(&column) || draw < columns.probability;
        draws.iter().enumerate().map(kept).collect()
    }
}

/// What a model is given and asked for.
#[derive(Debug)]
pub(crate) struct Example {
    /// Before it is normalised.
    pub(crate) image: Tensor,
    pub(crate) inputs: Tensor,
    pub(crate) targets: Tensor,
    pub(crate) mean: f64,
    pub(crate) std: f64,
}

/// Frequencies, real and imaginary `[H, W]`, and the target `[h, w]`: both normalised by the input's statistics.
pub(crate) fn example(
    [real, imaginary]: &[Tensor; 2],
    target: &Tensor,
    mask: &Mask,
    draws: &[f64],
) -> Result<Example, LibtorchError> {
    let kept: Vec<f64> = mask
        .kept(draws)
        .into_iter()
        .map(|kept| f64::from(u8::from(kept)))
        .collect();
    let kept = Tensor::from_slice(&kept);
    let frequencies = Tensor::f_complex(&real.f_mul(&kept)?, &imaginary.f_mul(&kept)?)?;
    let (height, width) = frequencies.size2()?;
    let sides = [0_i64, 1];
    let image = frequencies
        .f_fft_ifftshift(sides.as_slice())?
        .f_fft_ifft2(None::<&[i64]>, sides.as_slice(), "backward")?
        .f_fft_fftshift(sides.as_slice())?
        .f_abs()?
        .f_mul_scalar(((height * width) as f64).sqrt())?;
    let (rows, columns) = target.size2()?;
    let image = image.f_narrow(0, (height - rows) / 2, rows)?.f_narrow(
        1,
        (width - columns) / 2,
        columns,
    )?;
    let mean = image.f_mean(Kind::Double)?.f_double_value(&[])?;
    let std = image.f_std(false)?.f_double_value(&[])?;
    let normalised = |x: &Tensor| -> Result<Tensor, LibtorchError> {
        let x = x.f_sub_scalar(mean)?.f_div_scalar(std)?;
        Ok(x.f_clamp(-CLIP, CLIP)?)
    };
    Ok(Example {
        inputs: normalised(&image)?,
        targets: normalised(target)?,
        image,
        mean,
        std,
    })
}
