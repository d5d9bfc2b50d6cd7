//! Labelled images: bytes in memory, normalised floating-point numbers in a batch.

use super::augment::{Augment, View};
use super::regime::replace_labels;
use super::split_file::{Array, checked};
use super::{DataError, Examples, SplitFile};
use crate::batch::Batch;
use bench_core::spec::dataset::ImageFormat;
use bench_core::spec::workload::{Input, Pixels};
use bench_torch::errors::LibtorchError;
use bench_torch::fill::{filled, scaled_bytes, will_read};
use bench_torch::random::Key;
use std::ops::{Add, Mul};
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// How many rows before its turn a row is asked for.
const AHEAD: usize = 4;

/// A split of labelled images.
///
/// The bytes stay bytes: gathering and normalising a batch in one plain loop takes less time than copying it out of a normalised copy
/// of the split, and a quarter of the memory.
#[derive(Debug)]
pub struct Images {
    file: SplitFile,
    pixels: Array,
    labels: Vec<u8>,
    classes: u64,
    shape: [usize; 3],
    normalise: Vec<Normalise<f32>>,
    augment: Augment,
    device: Device,
    kind: Kind,
}

/// `byte * scale + shift`, of one channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Normalise<T> {
    pub(crate) scale: T,
    pub(crate) shift: T,
}

impl<T: From<u8> + Copy + Mul<Output = T> + Add<Output = T>> Normalise<T> {
    pub(crate) fn apply(self, byte: u8) -> T {
        T::from(byte) * self.scale + self.shift
    }
}

impl Images {
    /// Opens a split of images of this format; `examples` is how many the data set says it has.
    ///
    /// # Errors
    /// When the file holds anything else: other shapes or numbers of examples, labels beyond the classes.
    pub fn open(
        path: &Path,
        format: &ImageFormat,
        examples: Option<u64>,
        input: &Input,
        device: Device,
        kind: Kind,
    ) -> Result<Images, DataError> {
        let file = SplitFile::read(path)?;
        let (pixels, labels) = (file.byte_array("images")?, file.byte_array("labels")?);
        let shape = [format.channels, format.height, format.width].map(|size| size as usize);
        let problem = check_shapes(&pixels.shape, &labels.shape, shape, examples)
            .or_else(|| check_labels(file.bytes(&labels), format.classes));
        if let Some(problem) = problem {
            return Err(file.content(problem));
        }
        let normalise = normalise(input, shape[0]).map_err(|problem| file.content(problem))?;
        let narrow = |exact: Normalise<f64>| Normalise {
            scale: exact.scale as f32,
            shift: exact.shift as f32,
        };
        Ok(Images {
            labels: file.bytes(&labels).to_vec(),
            classes: format.classes,
            pixels,
            shape,
            normalise: normalise.into_iter().map(narrow).collect(),
            augment: Augment::new(input),
            device,
            kind,
            file,
        })
    }

    /// The same with this share of the labels replaced by another class.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn with_label_noise(mut self, share: f64) -> Result<Images, LibtorchError> {
        replace_labels(&mut self.labels, self.classes, share)?;
        Ok(self)
    }

    fn write(&self, indices: &[usize], views: Option<&[View]>, batch: &mut [f32]) {
        let [_, height, width] = self.shape;
        let (plane, image) = (height * width, self.shape.iter().product::<usize>());
        let pixels = self.file.bytes(&self.pixels);
        for (row, (&index, target)) in indices
            .iter()
            .zip(batch.chunks_exact_mut(image))
            .enumerate()
        {
            if let Some(&later) = indices.get(row + AHEAD) {
                will_read(&pixels[later * image..][..image]);
            }
            let source = &pixels[index * image..][..image];
            let channels = source
                .chunks_exact(plane)
                .zip(target.chunks_exact_mut(plane));
            for ((source, target), normalise) in channels.zip(&self.normalise) {
                match views {
                    None => scaled_bytes(source, target, normalise.scale, normalise.shift),
                    Some(views) => {
                        views[row].write(source, target, width, |byte| normalise.apply(byte));
                    }
                }
            }
        }
    }
}

impl Examples for Images {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn batch(&self, indices: &Tensor, augmentation: Option<&Key>) -> Result<Batch, LibtorchError> {
        let indices = checked(indices, self.len())?;
        let views = match augmentation {
            Some(key) => self.augment.draw(indices.len(), key)?,
            None => None,
        };
        let count = indices.len() as i64;
        let [channels, height, width] = self.shape.map(|size| size as i64);
        let inputs = filled(&[count, channels, height, width], |batch| {
            self.write(&indices, views.as_deref(), batch);
        })?;
        let targets = filled(&[count], |targets: &mut [i64]| {
            for (target, &index) in targets.iter_mut().zip(&indices) {
                *target = i64::from(self.labels[index]);
            }
        })?;
        Ok(Batch::new(
            inputs.f_to_device(self.device)?.f_to_kind(self.kind)?,
            targets.f_to_device(self.device)?,
        ))
    }
}

/// One for each channel, from one value for each or one for all.
pub(crate) fn normalise(input: &Input, channels: usize) -> Result<Vec<Normalise<f64>>, String> {
    for (key, values) in [("mean", &input.mean), ("std", &input.std)] {
        if values.len() != channels && values.len() != 1 {
            return Err(format!(
                "its images have {channels} channels, but the workload's `input.{key}` has {} values",
                values.len()
            ));
        }
    }
    let unit = match input.pixels {
        Pixels::Unit => 1.0 / 255.0,
        Pixels::Byte => 1.0,
    };
    let statistics = input.mean.iter().cycle().zip(input.std.iter().cycle());
    let of_channel = |(mean, std): (&f64, &f64)| Normalise {
        scale: unit / std,
        shift: -mean / std,
    };
    Ok(statistics.take(channels).map(of_channel).collect())
}

/// What is wrong with shapes and count, if anything.
fn check_shapes(
    images: &[usize],
    labels: &[usize],
    expected: [usize; 3],
    examples: Option<u64>,
) -> Option<String> {
    let [channels, height, width] = expected;
    let fits = match images {
        [_, h, w] => [1, *h, *w] == expected,
        [_, c, h, w] => [*c, *h, *w] == expected,
        _ => false,
    };
    if !fits {
        return Some(format!(
            "images have shape {images:?} where [examples, {channels}, {height}, {width}] was expected"
        ));
    }
    if labels != [images[0]] {
        return Some(format!(
            "there are {} images, but labels have shape {labels:?}",
            images[0]
        ));
    }
    match (images[0] as u64, examples) {
        (0, _) => Some("there are no examples".to_owned()),
        (found, Some(examples)) if found != examples => Some(format!(
            "there are {found} examples where {examples} were expected"
        )),
        _ => None,
    }
}

/// What is wrong with the labels, if anything.
fn check_labels(labels: &[u8], classes: u64) -> Option<String> {
    let at = labels
        .iter()
        .position(|&label| u64::from(label) >= classes)?;
    Some(format!(
        "example {at} has label {} where {classes} classes were expected",
        labels[at]
    ))
}
