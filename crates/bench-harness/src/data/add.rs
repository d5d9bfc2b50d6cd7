//! `bench data add`: the entry of a data set out of what a folder holds, and the hashes of one that is there.

use super::arrays::{self, ArrayError, Survey, TargetKind};
use super::block::Block;
use super::source::{Files, SourceError};
use super::{DataError, Manifest, cache, fetch, place, shard, source, split, split_folder};
use crate::home::Home;
use crate::progress::Listener;
use bench_core::run::SplitName;
use bench_core::spec::columns::{Column, Number, Rows, Values};
use bench_core::spec::dataset::{ArrayFormat, Dataset, Format, Source, Split, Splits};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A data set that a folder became.
#[derive(Debug, Clone, PartialEq)]
pub struct Added {
    /// With its hashes, prepared in the cache.
    pub dataset: Dataset,
    /// What was decided about it, a line each.
    pub notes: Vec<String>,
    /// Mean of each channel or number that a model is given, over the training split, and standard deviation; empty where it is given no real numbers.
    pub statistics: Vec<(f64, f64)>,
}

/// Numbers and hashes of a data set's splits as they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Hashed {
    /// With all of them.
    pub dataset: Dataset,
    /// Where it is.
    pub folder: PathBuf,
}

/// Surveys a folder (or one file), makes a data set of it, prepares that, and fills its hashes in. Its file is to lie in `beside`: files below that
/// are named from there, others by their whole path.
///
/// # Errors
/// [`DataError::Survey`] where nothing can be made of the files, and as [`fetch`].
pub fn add(
    home: &Home,
    name: &str,
    folder: &Path,
    beside: &Path,
    asked: (Option<&str>, Option<TargetKind>),
    listener: &mut Listener,
) -> Result<Added, DataError> {
    let folder = folder.canonicalize().map_err(cache("read", folder))?;
    let beside = beside.canonicalize().map_err(cache("read", beside))?;
    let Survey {
        format,
        files,
        notes,
    } = arrays::survey(&folder, asked.0, asked.1)?;
    let place = if folder.is_file() {
        folder.parent().unwrap_or(&folder)
    } else {
        &folder
    };
    let path = |(role, file): (String, String)| {
        let path = place.join(file);
        let path = path.strip_prefix(&beside).unwrap_or(&path);
        (role, path.to_string_lossy().into_owned())
    };
    let files: BTreeMap<String, String> = files.into_iter().map(path).collect();
    let one = |from: &str| Split {
        from: from.to_owned(),
        start: 0,
        count: 0,
        hash: Split::UNPINNED.to_owned(),
    };
    let mut dataset = Dataset {
        schema: 1,
        about: None,
        licence: "your own".to_owned(),
        format: Format::Arrays(format),
        sources: vec![Source::Files(files)],
        sha256: BTreeMap::new(),
        splits: Splits {
            train: one("train"),
            validation: one("validation"),
            test: one("test"),
        },
        folder: beside,
    };
    divide(&mut dataset)?;
    let hashed = hashed(home, name, &dataset, listener)?;
    let statistics = statistics(&hashed)?;
    Ok(Added {
        dataset: hashed.dataset,
        notes,
        statistics,
    })
}

/// The same data set with the numbers and hashes of what is there, whatever its own file says of them.
///
/// # Errors
/// As [`fetch`].
pub fn hashed(
    home: &Home,
    name: &str,
    dataset: &Dataset,
    listener: &mut Listener,
) -> Result<Hashed, DataError> {
    let mut dataset = dataset.clone();
    if let Format::Arrays(ArrayFormat { split: Some(_), .. }) = dataset.format {
        divide(&mut dataset)?;
    }
    for (_, split) in named(&mut dataset.splits) {
        split.hash = Split::UNPINNED.to_owned();
    }
    let prepared = fetch(home, name, &dataset, listener)?;
    let manifest = Manifest::read(&prepared.folder)?;
    for (name, split) in named(&mut dataset.splits) {
        if let Some(held) = manifest.splits.get(&name) {
            split.hash.clone_from(&held.hash);
        }
    }
    // What is pinned now is what was just prepared.
    let folder = place(home, name, &dataset)?;
    match folder.exists() {
        true => super::store::remove(&prepared.folder)?,
        false => std::fs::rename(&prepared.folder, &folder)
            .map_err(cache("rename a folder to", &folder))?,
    }
    Ok(Hashed { dataset, folder })
}

fn named(splits: &mut Splits) -> [(SplitName, &mut Split); 3] {
    [
        (SplitName::Train, &mut splits.train),
        (SplitName::Validation, &mut splits.validation),
        (SplitName::Test, &mut splits.test),
    ]
}

/// Counts the examples of all files, and cuts what is not split yet: of a text the last tenth is validation and test, of other training data without
/// validation the last tenth validates.
fn divide(dataset: &mut Dataset) -> Result<(), DataError> {
    let files = match dataset.sources.first() {
        Some(Source::Files(files)) => source::supplied(&dataset.folder, files).map_err(told)?,
        _ => Files::new(),
    };
    let has = |role: &str| files.keys().any(|key| super::pattern::role(key) == role);
    let count = |file: &str| split::count(&dataset.format, file, &files).map_err(told);
    let whole = has(ArrayFormat::WHOLE);
    let train = count("train")?;
    let splits = match (whole || has("validation"), whole || has("test")) {
        (true, true) => [
            ("train", 0, train),
            ("validation", 0, count("validation")?),
            ("test", 0, count("test")?),
        ],
        (_, true) => {
            let kept = train - train / 10;
            [
                ("train", 0, kept),
                ("train", kept, train - kept),
                ("test", 0, count("test")?),
            ]
        }
        (_, false) => {
            let (kept, held) = (train - train / 10, train / 20);
            [
                ("train", 0, kept),
                ("train", kept, held),
                ("train", kept + held, train - kept - held),
            ]
        }
    };
    if let Some((from, ..)) = splits.iter().find(|(.., count)| *count == 0) {
        let problem = format!(
            "of `{from}` no examples are left for one of the three splits: there are too few"
        );
        return Err(DataError::Survey(ArrayError {
            file: "these files".to_owned(),
            place: None,
            problem,
        }));
    }
    for ((_, split), (from, start, count)) in named(&mut dataset.splits).into_iter().zip(splits) {
        (split.from, split.start, split.count) = (from.to_owned(), start, count);
    }
    Ok(())
}

fn told(error: SourceError) -> DataError {
    DataError::Unobtainable {
        name: "of these files".to_owned(),
        failures: vec![("your files".to_owned(), error)],
        help: "mend the file that is named and run the same command again".to_owned(),
    }
}

/// Mean and deviation of what a model is given, bytes counting 0 to 1, as `input` wants them.
fn statistics(hashed: &Hashed) -> Result<Vec<(f64, f64)>, DataError> {
    let columns = hashed.dataset.format.columns();
    let real =
        |(_, column): &(&str, &Column)| column.values == Values::Real && column.rows == Rows::One;
    let Some((name, column)) = columns.inputs().find(real) else {
        return Ok(Vec::new());
    };
    let parts = column.shape.first().copied().unwrap_or(1).max(1) as usize;
    let mut sums = vec![Sum::default(); parts];
    let folder = split_folder(&hashed.folder, SplitName::Train);
    let failed = |error| DataError::written(&folder, error);
    for path in shard::files(&folder).map_err(failed)? {
        let block = shard::load(&path, &columns).map_err(failed)?;
        add_up(&block, name, column, &mut sums);
    }
    let unit = if column.number == Number::U8 {
        1.0 / 255.0
    } else {
        1.0
    };
    Ok(sums.iter().map(|sum| sum.moments(unit)).collect())
}

/// Count, sum and sum of squares, less the first number so that none of them loses digits.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    first: f64,
    count: f64,
    sum: f64,
    squares: f64,
}

impl Sum {
    fn add(&mut self, number: f64) {
        if self.count == 0.0 {
            self.first = number;
        }
        let number = number - self.first;
        self.count += 1.0;
        self.sum += number;
        self.squares += number * number;
    }

    /// What never differs is divided by 1.
    fn moments(&self, unit: f64) -> (f64, f64) {
        let mean = self.sum / self.count;
        let deviation = (self.squares / self.count - mean * mean).max(0.0).sqrt();
        let deviation = if deviation > 0.0 {
            deviation * unit
        } else {
            1.0
        };
        ((mean + self.first) * unit, deviation)
    }
}

fn add_up(block: &Block, name: &str, column: &Column, sums: &mut [Sum]) {
    let Some(cells) = block.get(name) else { return };
    let width = column.number.width();
    let each = (column.row_numbers() as usize / sums.len()).max(1);
    for (place, bytes) in cells.bytes.chunks_exact(width).enumerate() {
        let part = place / each % sums.len();
        sums[part].add(number(column.number, bytes));
    }
}

fn number(kind: Number, bytes: &[u8]) -> f64 {
    match (kind, bytes) {
        (Number::U8, [byte]) => (*byte).into(),
        (Number::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]).into(),
        _ => 0.0,
    }
}
