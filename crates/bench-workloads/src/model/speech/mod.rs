//! What kinds of model for speech share: the way from sound to frames of the model's width.

pub(crate) mod librispeech;
pub(crate) mod log_mel;
pub(crate) mod norm;
pub(crate) mod spec_augment;

use super::builder::{Builder, Initial, Layer};
use super::linear::{Linear, Start};
use super::{Pass, activation};
use crate::batch::Batch;
use bench_core::spec::model::speech::HOP;
use bench_core::spec::submission::Role;
use bench_core::spec::workload::{Activation, FrontEnd, SpecAugment};
use bench_torch::errors::LibtorchError;
use log_mel::LogMel;
use tch::{Device, Kind, Tensor};

/// Sides of the first two convolutions' windows, and how far these move.
const WINDOW: i64 = 3;
const STRIDE: i64 = 2;

/// Frames of a batch, padded, and which of them are there.
pub(crate) struct Frames {
    /// `[N, T, numbers]`.
    pub(crate) values: Tensor,
    /// How many of an example are no padding: `[N]`, whole numbers.
    pub(crate) lengths: Tensor,
    /// 1 where a frame is no padding, else 0: `[N, T, 1]`, like `values`.
    pub(crate) there: Tensor,
}

impl Frames {
    pub(crate) fn new(values: Tensor, lengths: Tensor) -> Result<Frames, LibtorchError> {
        let there = there(&lengths, values.size()[1])?;
        let there = there.f_unsqueeze(2)?.f_to_kind(values.kind())?;
        Ok(Frames {
            values,
            lengths,
            there,
        })
    }
}

/// Whether a place is below its example's length: `[N, count]`.
fn there(lengths: &Tensor, count: i64) -> Result<Tensor, LibtorchError> {
    let places = Tensor::f_arange(count, (Kind::Int64, lengths.device()))?;
    Ok(places
        .f_unsqueeze(0)?
        .f_lt_tensor(&lengths.f_unsqueeze(1)?)?)
}

/// Makes normalised frames of what a batch holds.
pub(crate) struct Ear {
    log_mel: Option<LogMel>,
    augment: Option<SpecAugment>,
    length: i64,
}

impl Ear {
    pub(crate) fn new(
        front_end: &FrontEnd,
        augment: Option<&SpecAugment>,
        length: Option<u64>,
        kind: Kind,
        device: Device,
    ) -> Result<Ear, LibtorchError> {
        let log_mel = match front_end {
            FrontEnd::None => None,
            FrontEnd::LogMel(spec) => Some(LogMel::new(spec, kind, device)?),
        };
        Ok(Ear {
            log_mel,
            augment: augment.cloned(),
            length: length.unwrap_or(0) as i64,
        })
    }

    /// # Errors
    /// When a batch does not say how long its examples are, or has not one whole frame.
    pub(crate) fn frames(&self, batch: &Batch, pass: &Pass) -> Result<Frames, LibtorchError> {
        let missing = "the batch does not say how long its examples are";
        let lengths = batch.lengths().ok_or_else(|| LibtorchError::new(missing))?;
        let inputs = batch.inputs();
        let size = inputs.size();
        let more = (self.length - size[1]).max(0);
        let frames = match &self.log_mel {
            None => {
                let inputs = inputs.f_flatten(2, -1)?;
                Frames::new(
                    inputs.f_constant_pad_nd([0, 0, 0, more])?,
                    lengths.shallow_clone(),
                )?
            }
            Some(log_mel) => {
                let sound = inputs.f_constant_pad_nd([0, more])?;
                let there = there(lengths, sound.size()[1])?;
                let features = log_mel.features(&sound.f_mul(&there)?)?;
                let whole = features.size()[1];
                // A frame counts where any of its samples does.
                let heard = lengths
                    .f_add_scalar(HOP as i64 - 1)?
                    .f_floor_divide_scalar(HOP as i64)?
                    .f_clamp_max(whole)?;
                Frames::new(features, heard)?
            }
        };
        match &self.augment {
            Some(augment) if pass.train => {
                let values = spec_augment::augmented(augment, &frames)?;
                Ok(Frames { values, ..frames })
            }
            _ => Ok(frames),
        }
    }
}

/// Two convolutions that halve frames and bands, rounding up, and a matrix.
pub(crate) struct Subsample {
    convolutions: [Convolution; 2],
    linear: Linear,
    activation: Activation,
}

struct Convolution {
    name: String,
    kernel: Tensor,
    bias: Tensor,
}

impl Subsample {
    /// From frames of so many numbers, by way of so many channels, to a width; `linear` is the matrix' name.
    pub(crate) fn new(
        builder: &mut Builder,
        [features, channels, width]: [i64; 3],
        linear: &str,
        activation: Activation,
    ) -> Result<Subsample, LibtorchError> {
        let mut convolution = |name: &str, inputs: i64| {
            Convolution::new(&mut builder.next_layer(), name, [inputs, channels])
        };
        let convolutions = [
            convolution("subsample.conv1", 1)?,
            convolution("subsample.conv2", channels)?,
        ];
        let halved = |count: i64| (count + 1) / 2;
        let sizes = [halved(halved(features)) * channels, width];
        let name = format!("subsample.{linear}");
        let start = Start::xavier(sizes);
        Ok(Subsample {
            convolutions,
            linear: Linear::new(&mut builder.next_layer(), &name, sizes, start)?,
            activation,
        })
    }

    pub(crate) fn forward(&self, frames: &Frames, pass: &Pass) -> Result<Frames, LibtorchError> {
        let mut x = frames.values.f_unsqueeze(1)?;
        let mut lengths = frames.lengths.shallow_clone();
        for convolution in &self.convolutions {
            let y = convolution.forward(&x, pass)?;
            x = activation::apply(self.activation, &y)?;
            lengths = lengths.f_add_scalar(1)?.f_floor_divide_scalar(STRIDE)?;
            let there = there(&lengths, x.size()[2])?.f_to_kind(x.kind())?;
            x = x.f_mul(&there.f_unsqueeze(1)?.f_unsqueeze(3)?)?;
        }
        // Bands outside, channels inside.
        let rows = x.f_permute([0, 2, 3, 1])?.f_flatten(2, 3)?;
        Frames::new(self.linear.forward(&rows, pass)?, lengths)
    }
}

impl Convolution {
    fn new(
        layer: &mut Layer,
        name: &str,
        [inputs, outputs]: [i64; 2],
    ) -> Result<Convolution, LibtorchError> {
        let area = WINDOW * WINDOW;
        Ok(Convolution {
            kernel: layer.parameter(
                &format!("{name}.kernel"),
                &[outputs, inputs, WINDOW, WINDOW],
                Initial::xavier(inputs * area, outputs * area),
                Role::Convolution,
            )?,
            bias: layer.parameter(
                &format!("{name}.bias"),
                &[outputs],
                Initial::Constant(0.0),
                Role::Bias,
            )?,
            name: name.to_owned(),
        })
    }

    /// Padded to half the size, rounded up: an even side at its end alone, an odd one at both.
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor, LibtorchError> {
        let size = x.size();
        let [above, left] = [size[2] % 2, size[3] % 2];
        let padded = x.f_constant_pad_nd([left, 1, above, 1])?;
        let y = padded.f_conv2d(
            &self.kernel,
            Some(&self.bias),
            [STRIDE; 2],
            [0, 0],
            [1, 1],
            1,
        )?;
        Ok(pass.observed("", &self.name, &padded, y))
    }
}
