//! From sound to the logarithms of its energies in bands of the mel scale.

use super::librispeech;
use bench_core::spec::model::speech::{FRAME, HOP};
use bench_core::spec::workload::LogMel as Spec;
use bench_torch::errors::LibtorchError;
use tch::{Device, Kind, Tensor};

/// Of 16-bit samples.
pub(crate) const SCALE: f64 = 1.0 / 32_768.0;
/// Share of the sample before that is taken off each.
pub(crate) const PREEMPHASIS: f64 = 0.97;
/// Samples of a frame that are used.
pub(crate) const WINDOW: i64 = 400;
/// Samples that are transformed, zeros among them.
pub(crate) const FFT: i64 = 512;
/// Least energy of a band.
pub(crate) const FLOOR: f64 = 1e-5;
/// Samples a second.
const RATE: f64 = 16_000.0;
/// Hertz that bands are between.
const EDGES: [f64; 2] = [125.0, 7_600.0];

/// Window, bands and statistics, like a model's numbers.
pub(crate) struct LogMel {
    window: Tensor,
    bands: Tensor,
    mean: Tensor,
    std: Tensor,
}

impl LogMel {
    /// # Errors
    /// What libtorch says.
    pub(crate) fn new(spec: &Spec, kind: Kind, device: Device) -> Result<LogMel, LibtorchError> {
        let tensor = |values: &[f64]| -> Result<Tensor, LibtorchError> {
            Ok(Tensor::f_from_slice(values)?
                .f_to_device(device)?
                .f_to_kind(kind)?)
        };
        let (bins, spectrum) = (spec.bins as usize, FFT as usize / 2 + 1);
        let bands = bands(bins, spectrum, RATE, EDGES);
        let shape = [spectrum as i64, bins as i64];
        Ok(LogMel {
            window: tensor(&hann(WINDOW as usize))?,
            bands: tensor(&bands)?.f_view(shape)?,
            mean: tensor(spec.mean.as_deref().unwrap_or(&librispeech::MEAN))?,
            std: tensor(spec.std.as_deref().unwrap_or(&librispeech::STD))?,
        })
    }

    /// Sound `[N, T]`, 0 where it is padding, to `[N, frames, bins]`, normalised.
    ///
    /// # Errors
    /// When there is not one whole frame.
    pub(crate) fn features(&self, sound: &Tensor) -> Result<Tensor, LibtorchError> {
        let energies = self.logarithms(sound)?;
        Ok(energies.f_sub(&self.mean)?.f_div(&self.std)?)
    }

    /// The same before it is normalised.
    pub(crate) fn logarithms(&self, sound: &Tensor) -> Result<Tensor, LibtorchError> {
        let (frame, samples) = (FRAME as i64, sound.size()[1]);
        if samples < frame {
            return Err(LibtorchError::new(&format!(
                "the longest sound of a batch has {samples} samples, and a frame has {frame}"
            )));
        }
        let frames = sound.f_mul_scalar(SCALE)?.f_unfold(1, frame, HOP as i64)?;
        let used = frames.f_narrow(2, 0, WINDOW)?;
        let first = frames.f_narrow(2, 0, 1)?;
        let before = Tensor::f_cat(&[first, frames.f_narrow(2, 0, WINDOW - 1)?], 2)?;
        let sharpened = used.f_sub(&before.f_mul_scalar(PREEMPHASIS)?)?;
        let spectrum = sharpened
            .f_mul(&self.window)?
            .f_fft_rfft(FFT, -1, "backward")?;
        let parts = spectrum.f_view_as_real()?;
        let energies =
            parts
                .f_square()?
                .f_sum_dim_intlist([-1_i64].as_slice(), false, None::<Kind>)?;
        Ok(energies
            .f_matmul(&self.bands)?
            .f_clamp_min(FLOOR)?
            .f_log()?)
    }
}

/// Hann's window for a period of so many samples.
pub(crate) fn hann(samples: usize) -> Vec<f64> {
    let turn = std::f64::consts::TAU / samples as f64;
    let weight = |i: usize| 0.5 - 0.5 * (turn * i as f64).cos();
    (0..samples).map(weight).collect()
}

/// How much of each of `spectrum` frequencies from 0 to half the rate goes into each band, `[spectrum, bins]` row by row: triangles, straight on the mel
/// scale, each from the middle of one neighbour to that of the other. Frequency 0 goes into none.
pub(crate) fn bands(bins: usize, spectrum: usize, rate: f64, edges: [f64; 2]) -> Vec<f64> {
    let mel = |hertz: f64| 1127.0 * (1.0 + hertz / 700.0).ln();
    let [low, high] = edges.map(mel);
    let edge = |number: usize| low + (high - low) * number as f64 / (bins + 1) as f64;
    let mut weights = vec![0.0; bins];
    for frequency in 1..spectrum {
        let at = mel(rate / 2.0 * frequency as f64 / (spectrum - 1) as f64);
        for bin in 0..bins {
            let [left, middle, right] = [edge(bin), edge(bin + 1), edge(bin + 2)];
            let rising = (at - left) / (middle - left);
            let falling = (right - at) / (right - middle);
            weights.push(rising.min(falling).max(0.0));
        }
    }
    weights
}
