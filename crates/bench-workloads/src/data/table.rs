//! Examples of their own: one row, or any number of rows, of each column. Numbers stay as they are on disk; a batch of them is made of what a model reads.

use super::augment::{Augment, View, mixed};
use super::regime::replace_labels;
use super::split_file::{Stored, checked, floats, integers};
use super::{DataError, Examples, SplitFile};
use crate::batch::{Batch, Named};
use bench_core::run::DatasetIdentity;
use bench_core::spec::columns::{Column, Number, Rows, Values};
use bench_core::spec::interface::{Interface, Slot};
use bench_core::spec::workload::{Input, Pixels};
use bench_torch::errors::LibtorchError;
use bench_torch::fill::{filled, scaled_bytes, will_read};
use bench_torch::random::Key;
use std::ops::{Add, Mul};
use std::path::Path;
use std::sync::Arc;
use tch::{Device, Kind, Tensor};

/// How many rows before its turn a row is asked for.
const AHEAD: usize = 4;
/// Rows of which classes and tokens are looked at before training; the rest is as it is used.
const BEGINNING: usize = 1 << 20;
/// So many at once.
const AT_ONCE: usize = 1 << 12;

/// A split of such examples.
///
/// Pixels stay bytes: gathering and normalising a batch in one plain loop takes less time than copying it out of a normalised copy
/// of the split, and a quarter of the memory.
#[derive(Debug)]
pub struct Table {
    file: SplitFile,
    examples: usize,
    first: Reader,
    others: Vec<Reader>,
    target: Reader,
    /// Labels in place of those in the file.
    labels: Option<Vec<i64>>,
    augment: Augment,
    device: Device,
    kind: Kind,
}

/// A column as a model reads it.
#[derive(Debug)]
struct Reader {
    name: Arc<str>,
    stored: Stored,
    normalise: Vec<Normalise<f32>>,
}

/// `number * scale + shift`, of one channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Normalise<T> {
    pub(crate) scale: T,
    pub(crate) shift: T,
}

impl<T: Copy + Mul<Output = T> + Add<Output = T>> Normalise<T> {
    pub(crate) fn apply(self, number: impl Into<T>) -> T {
        number.into() * self.scale + self.shift
    }
}

impl Normalise<f32> {
    const NONE: Normalise<f32> = Normalise {
        scale: 1.0,
        shift: 0.0,
    };
}

impl Table {
    /// Opens a split of the columns that a model reads; `examples` is how many the data set says it has.
    ///
    /// # Errors
    /// When the split holds anything else: other columns or numbers of examples, labels beyond the classes.
    pub fn open(
        path: &Path,
        interface: &Interface,
        dataset: &DatasetIdentity,
        examples: Option<u64>,
        input: &Input,
        device: Device,
        kind: Kind,
    ) -> Result<Table, DataError> {
        let file = SplitFile::open(path)?;
        let beside = |slot: &Slot| interface.beside.iter().any(|other| other.name == slot.name);
        let reader = |slot: &Slot| -> Result<Reader, DataError> {
            let column = dataset.columns.get(&slot.column);
            let missing = || file.content(format!("the data set has no column `{}`", slot.column));
            let stored = file.column(&slot.column, column.ok_or_else(missing)?)?;
            let normalise = match slot.values {
                Values::Real if slot.name != interface.target.name && !beside(slot) => {
                    normalise(input, &stored.column).map_err(|problem| file.content(problem))?
                }
                _ => vec![Normalise::NONE],
            };
            Ok(Reader {
                name: slot.name.as_str().into(),
                stored,
                normalise,
            })
        };
        let mut inputs = interface.inputs.iter().chain(&interface.beside).map(reader);
        let first = inputs.next().unwrap_or_else(|| reader(&interface.target))?;
        let others = inputs.collect::<Result<Vec<_>, _>>()?;
        let target = reader(&interface.target)?;
        let table = Table {
            examples: first.stored.examples(),
            first,
            others,
            target,
            labels: None,
            augment: Augment::new(input),
            device,
            kind,
            file,
        };
        match table.problem(examples) {
            Some(problem) => Err(table.file.content(problem)),
            None => Ok(table),
        }
    }

    /// What is wrong with the number of examples or with those at the beginning, if anything.
    fn problem(&self, expected: Option<u64>) -> Option<String> {
        let readers = std::iter::once(&self.first).chain(&self.others);
        for reader in readers.chain([&self.target]) {
            let (name, found) = (&reader.name, reader.stored.examples());
            if found != self.examples {
                return Some(format!(
                    "there are {} examples of `{}`, but {found} of `{name}`",
                    self.examples, self.first.name
                ));
            }
        }
        match (self.examples as u64, expected) {
            (0, _) => return Some("there are no examples".to_owned()),
            (found, Some(examples)) if found != examples => {
                return Some(format!(
                    "there are {found} examples where {examples} were expected"
                ));
            }
            _ => {}
        }
        let beginning: Vec<usize> = (0..self.examples.min(BEGINNING)).collect();
        let below = |reader: &&Reader| reader.stored.column.values.below().is_some();
        let readers = std::iter::once(&self.first).chain(&self.others);
        let mut readers = readers.chain([&self.target]).filter(below);
        readers.find_map(|reader| {
            let look = |examples: &[usize]| reader.whole(&self.file, examples).err();
            let error = beginning.chunks(AT_ONCE).find_map(look);
            error.map(|error| error.to_string())
        })
    }

    /// The same with this share of the labels replaced by another class.
    ///
    /// # Errors
    /// What libtorch says, and labels beyond the classes.
    pub fn with_label_noise(mut self, share: f64) -> Result<Table, LibtorchError> {
        let classes = self.target.stored.column.values.below().unwrap_or(1);
        let all: Vec<usize> = (0..self.examples).collect();
        let labels = self.target.whole(&self.file, &all)?.0;
        let mut labels = Vec::<i64>::try_from(labels.f_flatten(0, -1)?)?;
        replace_labels(&mut labels, classes, share)?;
        self.labels = Some(labels);
        Ok(self)
    }

    fn named(
        &self,
        reader: &Reader,
        examples: &[usize],
        views: Option<&[View]>,
    ) -> Result<Named, LibtorchError> {
        let (values, lengths) = match reader.stored.column.values {
            Values::Real | Values::Binary => {
                let (values, lengths) = reader.real(&self.file, examples, views)?;
                (
                    values.f_to_device(self.device)?.f_to_kind(self.kind)?,
                    lengths,
                )
            }
            Values::Classes(_) | Values::Tokens(_) | Values::Index => {
                let (values, lengths) = reader.whole(&self.file, examples)?;
                (values.f_to_device(self.device)?, lengths)
            }
        };
        let lengths = lengths.map(|lengths| lengths.f_to_device(self.device));
        Ok(Named {
            name: reader.name.clone(),
            values,
            lengths: lengths.transpose()?,
        })
    }

    fn targets(&self, examples: &[usize]) -> Result<Named, LibtorchError> {
        let Some(labels) = &self.labels else {
            return self.named(&self.target, examples, None);
        };
        let chosen: Vec<i64> = examples.iter().map(|&example| labels[example]).collect();
        let values = Tensor::from_slice(&chosen).f_to_device(self.device)?;
        Ok(Named::new(&self.target.name, values))
    }
}

impl Reader {
    /// Shape of a batch of these examples, its rows of memory, and the lengths of ragged ones.
    fn layout(&self, file: &SplitFile, examples: &[usize]) -> Result<Layout, LibtorchError> {
        let column = &self.stored.column;
        let sizes = column.shape.iter().map(|&size| size as i64);
        let count = examples.len() as i64;
        if column.rows != Rows::Ragged {
            return Ok(Layout {
                shape: std::iter::once(count).chain(sizes).collect(),
                numbers: column.row_numbers() as usize,
                lengths: None,
            });
        }
        let row = column.row_bytes().max(1);
        let length = |&example: &usize| Ok((file.rows(&self.stored, example)?.len() / row) as i64);
        let lengths: Vec<i64> = examples
            .iter()
            .map(length)
            .collect::<Result<_, LibtorchError>>()?;
        let longest = lengths.iter().copied().max().unwrap_or(0);
        Ok(Layout {
            shape: [count, longest].into_iter().chain(sizes).collect(),
            numbers: longest as usize * column.row_numbers() as usize,
            lengths: Some(Tensor::from_slice(&lengths)),
        })
    }

    /// Whole numbers: classes or tokens. Ragged ones are padded with 0.
    fn whole(
        &self,
        file: &SplitFile,
        examples: &[usize],
    ) -> Result<(Tensor, Option<Tensor>), LibtorchError> {
        let Layout {
            shape,
            numbers,
            lengths,
        } = self.layout(file, examples)?;
        let column = &self.stored.column;
        let below = column.values.below().map_or(i64::MAX, |below| below as i64);
        let mut wrong = None;
        let mut result = Ok(());
        let tensor = filled(&shape, |batch: &mut [i64]| {
            for (&example, row) in examples.iter().zip(batch.chunks_exact_mut(numbers.max(1))) {
                match file.rows(&self.stored, example) {
                    Ok(bytes) => {
                        let (there, padding) =
                            row.split_at_mut(bytes.len() / column.number.width());
                        integers(column.number, bytes, there);
                        padding.fill(0);
                        let outside = there.iter().find(|number| !(0..below).contains(*number));
                        wrong = wrong.or(outside.map(|&number| (example, number)));
                    }
                    Err(error) => result = Err(error),
                }
            }
        })?;
        result?;
        match wrong {
            None => Ok((tensor, lengths)),
            Some((example, number)) => Err(LibtorchError::new(&format!(
                "example {example} has {number} in column `{}` of {column}",
                self.name
            ))),
        }
    }

    /// Floating-point numbers, normalised. Ragged ones are padded with 0.
    fn real(
        &self,
        file: &SplitFile,
        examples: &[usize],
        views: Option<&[View]>,
    ) -> Result<(Tensor, Option<Tensor>), LibtorchError> {
        let Layout {
            shape,
            numbers,
            lengths,
        } = self.layout(file, examples)?;
        let rows = examples
            .iter()
            .map(|&example| file.rows(&self.stored, example));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let tensor = filled(&shape, |batch: &mut [f32]| {
            for (place, target) in batch.chunks_exact_mut(numbers.max(1)).enumerate() {
                if let Some(later) = rows.get(place + AHEAD) {
                    will_read(later);
                }
                let view = views.map(|views| views[place]);
                self.write(rows[place], target, view);
            }
        })?;
        Ok((tensor, lengths))
    }

    /// One example: its rows, and zeros behind them.
    fn write(&self, source: &[u8], target: &mut [f32], view: Option<View>) {
        let Column { number, shape, .. } = &self.stored.column;
        let (target, padding) = target.split_at_mut(source.len() / number.width());
        padding.fill(0.0);
        let channels = self.normalise.len();
        let plane = (self.stored.column.row_numbers() as usize / channels).max(1);
        let width = shape.last().map_or(1, |&width| width as usize);
        let changed = view
            .filter(|view| view.changes[0].is_some() && *number == Number::U8)
            .map(|view| view.changed(source, width));
        // What is changed has been cut and mirrored before.
        let (source, view) = match &changed {
            None => (source, view),
            Some(changed) => (changed.as_slice(), None),
        };
        let parts = source
            .chunks_exact(plane * number.width())
            .zip(target.chunks_exact_mut(plane))
            .zip(self.normalise.iter().cycle());
        for ((source, target), normalise) in parts {
            match (number, view) {
                (Number::U8, None) => {
                    scaled_bytes(source, target, normalise.scale, normalise.shift);
                }
                (Number::U8, Some(view)) => {
                    view.write(source, target, width, |byte: u8| normalise.apply(byte));
                }
                (_, None) => {
                    floats(*number, source, target);
                    target.iter_mut().for_each(|x| *x = normalise.apply(*x));
                }
                (_, Some(view)) => {
                    let mut seen = vec![0.0; plane];
                    floats(*number, source, &mut seen);
                    view.write(&seen, target, width, |x: f32| normalise.apply(x));
                }
            }
        }
    }
}

/// A column's place in a batch.
struct Layout {
    shape: Vec<i64>,
    /// Numbers of an example, padding included.
    numbers: usize,
    lengths: Option<Tensor>,
}

impl Examples for Table {
    fn len(&self) -> usize {
        self.examples
    }

    fn batch(&self, indices: &Tensor, augmentation: Option<&Key>) -> Result<Batch, LibtorchError> {
        let examples = checked(indices, self.len())?;
        let views = match augmentation {
            Some(key) => self.augment.draw(examples.len(), key)?,
            None => None,
        };
        let mut first = self.named(&self.first, &examples, views.as_deref())?;
        let others = self.others.iter();
        let others = others.map(|reader| self.named(reader, &examples, None));
        let mut targets = self.targets(&examples)?;
        let others = others.collect::<Result<_, _>>()?;
        let mixing = augmentation.map(|key| self.augment.mixing(key));
        let mixing = mixing.transpose()?.flatten();
        if let Some(share) = mixing {
            let classes = self.target.stored.column.values.below().unwrap_or(1);
            let each = targets.values.f_one_hot(classes as i64)?;
            targets.values = mixed(&each.f_to_kind(self.kind)?, share)?;
            first.values = mixed(&first.values, share)?;
        }
        let missing = match self.target.stored.column.values {
            Values::Binary => missing(&mut targets.values)?,
            _ => None,
        };
        let mut batch = Batch::of(first, others, targets);
        if mixing.is_some() || self.target.stored.column.values == Values::Real {
            batch = batch.of_wholes();
        }
        Ok(match missing {
            None => batch,
            Some(weights) => batch.weighted(weights),
        })
    }
}

/// Puts 0 where an answer is neither 0 nor 1; the weights that say so, where there is any such.
pub(crate) fn missing(answers: &mut Tensor) -> Result<Option<Tensor>, LibtorchError> {
    let there = answers.f_eq(0.0)?.f_logical_or(&answers.f_eq(1.0)?)?;
    if there.f_all()?.f_int64_value(&[])? == 1 {
        return Ok(None);
    }
    *answers = answers.f_masked_fill(&there.f_logical_not()?, 0.0)?;
    Ok(Some(there.f_to_kind(answers.kind())?))
}

/// One for each channel of images, or for each number of a row, from one value for each or one for all.
fn normalise(input: &Input, column: &Column) -> Result<Vec<Normalise<f32>>, String> {
    let first = column.shape.first().map_or(1, |&size| size as usize);
    let parts = match column.shape.len() {
        // Views are of one channel at a time.
        3 => first,
        _ if input.mean.len() == 1 && input.std.len() == 1 => 1,
        _ => first,
    };
    let exact = channels(input, parts, column.number == Number::U8)?;
    let narrow = |exact: Normalise<f64>| Normalise {
        scale: exact.scale as f32,
        shift: exact.shift as f32,
    };
    Ok(exact.into_iter().map(narrow).collect())
}

/// The same for so many channels, of bytes or of other numbers, which are not scaled to 0 to 1.
pub(crate) fn channels(
    input: &Input,
    channels: usize,
    bytes: bool,
) -> Result<Vec<Normalise<f64>>, String> {
    for (key, values) in [("mean", &input.mean), ("std", &input.std)] {
        if values.len() != channels && values.len() != 1 {
            return Err(format!(
                "its examples have {channels} channels, but the workload's `input.{key}` has {} values",
                values.len()
            ));
        }
    }
    let unit = match (input.pixels, bytes) {
        (Pixels::Unit, true) => 1.0 / 255.0,
        _ => 1.0,
    };
    let statistics = input.mean.iter().cycle().zip(input.std.iter().cycle());
    let of_channel = |(mean, std): (&f64, &f64)| Normalise {
        scale: unit / std,
        shift: -mean / std,
    };
    Ok(statistics.take(channels).map(of_channel).collect())
}
