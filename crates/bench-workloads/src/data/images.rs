//! Labelled images: bytes on disk, normalised floating-point numbers in a batch.

use super::{DataError, Examples, SplitFile};
use crate::batch::Batch;
use bench_core::spec::dataset::ImageFormat;
use bench_core::spec::workload::{Input, Pixels};
use bench_torch::errors::LibtorchError;
use bench_torch::random::Key;
use tch::{Device, Kind, Tensor};

/// A split of labelled images, all in memory.
#[derive(Debug)]
pub struct Images {
    pixels: Tensor,
    labels: Tensor,
}

impl Images {
    /// Checks shapes, count and labels, and normalises the pixels.
    ///
    /// `expected` is the number of examples that the data set says this split has.
    ///
    /// # Errors
    /// When the file holds anything else than `format` says, or `input` fits no such images.
    pub fn new(
        file: &SplitFile,
        format: &ImageFormat,
        expected: Option<u64>,
        input: &Input,
        device: Device,
        kind: Kind,
    ) -> Result<Images, DataError> {
        let (bytes, labels) = (file.bytes("images")?, file.bytes("labels")?);
        let bytes = checked_shape(file, format, &bytes, &labels, expected)?;
        check_labels(file, format, &labels)?;
        let normalise =
            Normalise::new(input, format, device, kind).map_err(|problem| file.content(problem))?;
        let load = || -> Result<Images, LibtorchError> {
            Ok(Images {
                pixels: normalise.apply(&bytes.f_to_device(device)?)?,
                labels: labels.f_to_device(device)?.f_to_kind(Kind::Int64)?,
            })
        };
        load().map_err(|error| file.torch(error))
    }
}

impl Examples for Images {
    fn len(&self) -> usize {
        self.labels.size()[0] as usize
    }

    fn batch(&self, indices: &Tensor, _augmentation: Option<&Key>) -> Result<Batch, LibtorchError> {
        let indices = indices.f_to_device(self.labels.device())?;
        Ok(Batch::new(
            self.pixels.f_index_select(0, &indices)?,
            self.labels.f_index_select(0, &indices)?,
        ))
    }
}

/// `pixel * scale - shift`, by channel.
#[derive(Debug)]
struct Normalise {
    scale: Tensor,
    shift: Tensor,
    kind: Kind,
}

impl Normalise {
    fn new(
        input: &Input,
        format: &ImageFormat,
        device: Device,
        kind: Kind,
    ) -> Result<Normalise, String> {
        let channels = format.channels as usize;
        for (key, values) in [("mean", &input.mean), ("std", &input.std)] {
            if values.len() != channels && values.len() != 1 {
                return Err(format!(
                    "its images have {channels} channels, but `input.{key}` has {} values",
                    values.len()
                ));
            }
        }
        let unit = match input.pixels {
            Pixels::Unit => 1.0 / 255.0,
            Pixels::Byte => 1.0,
        };
        let per_channel = |values: Vec<f64>| {
            Tensor::from_slice(&values)
                .reshape([-1, 1, 1])
                .to_kind(kind)
                .to_device(device)
        };
        let shift = input
            .mean
            .iter()
            .zip(input.std.iter().cycle())
            .map(|(mean, std)| mean / std);
        Ok(Normalise {
            scale: per_channel(input.std.iter().map(|std| unit / std).collect()),
            shift: per_channel(shift.collect()),
            kind,
        })
    }

    fn apply(&self, bytes: &Tensor) -> Result<Tensor, LibtorchError> {
        Ok(bytes
            .f_to_kind(self.kind)?
            .f_mul_(&self.scale)?
            .f_sub_(&self.shift)?)
    }
}

/// The images as `[N, C, H, W]`, where file and data set agree.
fn checked_shape(
    file: &SplitFile,
    format: &ImageFormat,
    images: &Tensor,
    labels: &Tensor,
    expected: Option<u64>,
) -> Result<Tensor, DataError> {
    let image = [format.channels, format.height, format.width].map(|n| n as i64);
    let shape = images.size();
    let fits = match shape.as_slice() {
        [_, height, width] => [1, *height, *width] == image,
        [_, channels, height, width] => [*channels, *height, *width] == image,
        _ => false,
    };
    if !fits {
        return Err(file.content(format!(
            "images have shape {shape:?} where [examples, {}, {}, {}] was expected",
            image[0], image[1], image[2]
        )));
    }
    if labels.size() != [shape[0]] {
        return Err(file.content(format!(
            "there are {} images, but labels have shape {:?}",
            shape[0],
            labels.size()
        )));
    }
    if let Some(expected) = expected.filter(|&expected| expected != shape[0] as u64) {
        return Err(file.content(format!(
            "it has {} examples where {expected} were expected",
            shape[0]
        )));
    }
    images
        .f_reshape([shape[0], image[0], image[1], image[2]])
        .map_err(|error| file.torch(error))
}

fn check_labels(file: &SplitFile, format: &ImageFormat, labels: &Tensor) -> Result<(), DataError> {
    if labels.numel() == 0 {
        return Err(file.content("it has no examples".to_owned()));
    }
    let largest = labels
        .f_max()
        .and_then(|largest| largest.f_int64_value(&[]))
        .map_err(|error| file.torch(error))?;
    if largest >= format.classes as i64 {
        return Err(file.content(format!(
            "it has label {largest}, but {} classes (labels 0 to {})",
            format.classes,
            format.classes.saturating_sub(1)
        )));
    }
    Ok(())
}
