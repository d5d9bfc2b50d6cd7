//! From files to splits: decoding by format, cutting, and the proof that splits share no example.

use super::arrays::{self, ArrayError};
use super::block::{Block, Cells};
use super::census::Overlap;
use super::cifar::{self, CifarError};
use super::idx::{Idx, IdxError};
use super::source::{Files, SourceError};
use super::tokens::{self, TokenError};
use super::writer::{Writer, Written};
use super::{census, documents, generate, pattern, split_folder};
use bench_core::run::SplitName;
use bench_core::spec::columns::{Columns, Rows};
use bench_core::spec::dataset::{Dataset, Format, ImageFormat, Split, Splits};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// What files hold is not what the spec says.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// A file cannot be decoded.
    #[error(transparent)]
    Idx(#[from] IdxError),
    /// A file of tokens holds anything else.
    #[error(transparent)]
    Tokens(#[from] TokenError),
    /// A file of labelled images holds anything else.
    #[error(transparent)]
    Cifar(#[from] CifarError),
    /// A table or array holds anything else.
    #[error(transparent)]
    Array(#[from] ArrayError),
    /// A role that the format needs has no file.
    #[error("the format needs a file with the role `{role}`, but the source names none")]
    Role {
        /// The role.
        role: String,
    },
    /// Images without labels, or labels without images.
    #[error("`{file}` has {images} images but {labels} labels")]
    Lengths {
        /// The decoded file.
        file: String,
        /// Of images.
        images: usize,
        /// Of labels.
        labels: usize,
    },
    /// A split asks for more examples than there are.
    #[error("split `{split}` takes examples {start} to {end} of `{from}`, which has {examples}", split = split.name())]
    Range {
        /// The split.
        split: SplitName,
        /// First example.
        start: u64,
        /// One past the last.
        end: u64,
        /// The decoded file.
        from: String,
        /// Its length.
        examples: u64,
    },
    /// The content is other than what the spec pins.
    #[error("the content is not the pinned one:{}", list_mismatches(.0))]
    Hash(Vec<Mismatch>),
    /// Two splits share examples.
    #[error(
        "splits `{}` and `{}` share {} examples; the first are number {} and number {}",
        .0.first.name(), .0.second.name(), .0.examples, .0.at.0, .0.at.1
    )]
    Overlap(Overlap),
}

/// A split with other content than pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The split.
    pub split: SplitName,
    /// What the spec says.
    pub expected: String,
    /// What it has.
    pub found: String,
}

/// The three splits by name, each with what the spec says of it.
pub(crate) fn named(splits: &Splits) -> [(SplitName, &Split); 3] {
    [
        (SplitName::Train, &splits.train),
        (SplitName::Validation, &splits.validation),
        (SplitName::Test, &splits.test),
    ]
}

/// Where decoded examples go, block after block.
pub(crate) type Sink<'a> = dyn FnMut(Block) -> Result<(), SourceError> + 'a;

/// Decodes, cuts and writes, in memory of a shard (`limit` bytes) and a few blocks. Neither hashes nor overlaps are checked yet. What lies in the
/// folder from before is gone on with. `told` hears how many bytes were written.
pub(crate) fn write(
    dataset: &Dataset,
    files: &Files,
    folder: &Path,
    limit: usize,
    told: &mut dyn FnMut(u64),
) -> Result<BTreeMap<SplitName, Written>, SourceError> {
    let columns = dataset.format.columns();
    let named = named(&dataset.splits);
    let examples = named.iter().map(|(_, split)| split.count).sum();
    let compared = census::pays(&columns, examples);
    let mut written = BTreeMap::new();
    for from in dataset.format.files() {
        let mut writers = Vec::new();
        for (name, split) in named.iter().filter(|(_, split)| split.from == *from) {
            let range = split.start..split.start.saturating_add(split.count);
            let folder = split_folder(folder, *name);
            let writer = Writer::open(&folder, &columns, range, limit, compared);
            writers.push((*name, *split, writer.map_err(SourceError::Store)?));
        }
        // What is there from before is not decoded again.
        let first = writers.iter().filter_map(|(_, _, writer)| writer.next());
        if let Some(mut next) = first.min() {
            decode(&dataset.format, from, files, next, &mut |block| {
                for (_, _, writer) in &mut writers {
                    told(writer.take(next, &block).map_err(SourceError::Store)?);
                }
                next += block.examples() as u64;
                Ok(())
            })?;
        }
        for (name, split, writer) in writers {
            if writer.next().is_some() {
                return Err(SourceError::Content(ContentError::Range {
                    split: name,
                    start: split.start,
                    end: split.start.saturating_add(split.count),
                    from: split.from.clone(),
                    examples: count(&dataset.format, from, files)?,
                }));
            }
            written.insert(name, writer.finish().map_err(SourceError::Store)?);
        }
    }
    Ok(written)
}

/// Examples of a file.
pub(crate) fn count(format: &Format, file: &str, files: &Files) -> Result<u64, SourceError> {
    let mut examples = 0;
    decode(format, file, files, 0, &mut |block| {
        examples += block.examples() as u64;
        Ok(())
    })?;
    Ok(examples)
}

/// Bytes that all splits take, where that is known before they are read.
pub(crate) fn size(dataset: &Dataset, columns: &Columns) -> Option<u64> {
    let fixed = columns
        .iter()
        .all(|(_, column)| column.rows != Rows::Ragged);
    let row: u64 = columns
        .iter()
        .map(|(_, column)| column.row_bytes() as u64)
        .sum();
    let examples: u64 = named(&dataset.splits)
        .iter()
        .map(|(_, split)| split.count)
        .sum();
    fixed.then(|| row.saturating_mul(examples))
}

/// The examples of one file (`train`, `test`) of a data set, from number `first` on.
pub(crate) fn decode(
    format: &Format,
    file: &str,
    files: &Files,
    first: u64,
    sink: &mut Sink,
) -> Result<(), SourceError> {
    match format {
        Format::IdxImages(image) => idx_images(image, file, files, first, sink),
        Format::CifarImages(image) => cifar::decode(image, parts(file, files)?, first, sink),
        Format::Tokens(format) => tokens::decode(format, parts(file, files)?, first, sink),
        Format::Documents(documents) => {
            let files = parts("documents", files)?;
            let mut behind = Behind::new(&format.columns(), first, sink);
            documents::decode(documents, file, files, &mut |block| behind.take(block))
        }
        Format::Arrays(arrays) => {
            let files: Vec<_> = parts(arrays::role(arrays, file), files)?
                .map(|(key, path)| (arrays::told(key, path), path))
                .collect();
            let mut behind = Behind::new(&format.columns(), first, sink);
            arrays::decode(arrays, file, &files, &mut |block| behind.take(block))
        }
        Format::Generated(spec) => {
            let examples = if file == "test" {
                spec.test
            } else {
                spec.train
            };
            let mut behind = Behind::new(&format.columns(), first, sink);
            generate::file(spec, file, examples as usize, &mut |block| {
                behind.take(block)
            })
        }
    }
}

/// Leaves the first examples out, for decoders that cannot begin in the middle.
struct Behind<'a, 'b> {
    columns: Columns,
    left: u64,
    sink: &'a mut Sink<'b>,
}

impl<'a, 'b> Behind<'a, 'b> {
    fn new(columns: &Columns, first: u64, sink: &'a mut Sink<'b>) -> Behind<'a, 'b> {
        Behind {
            columns: columns.clone(),
            left: first,
            sink,
        }
    }

    fn take(&mut self, block: Block) -> Result<(), SourceError> {
        let out = self.left.min(block.examples() as u64) as usize;
        self.left -= out as u64;
        if out == 0 {
            return (self.sink)(block);
        }
        let mut rest = Block::empty(&self.columns);
        rest.extend(&block, &self.columns, &(out..block.examples()));
        (self.sink)(rest)
    }
}

fn idx_images(
    image: &ImageFormat,
    file: &str,
    files: &Files,
    first: u64,
    sink: &mut Sink,
) -> Result<(), SourceError> {
    let open = |role: &str| Idx::open(role, one(role, files)?);
    let mut images = open(&format!("{file}-images"))?;
    let mut labels = open(&format!("{file}-labels"))?;
    images.check_shape(&match image.channels {
        1 => vec![image.height as usize, image.width as usize],
        channels => [channels, image.height, image.width]
            .map(|size| size as usize)
            .to_vec(),
    })?;
    labels.check_shape(&[])?;
    let (count, labelled) = (images.shape[0], labels.shape[0]);
    if count != labelled {
        return Err(SourceError::Content(ContentError::Lengths {
            file: file.to_owned(),
            images: count,
            labels: labelled,
        }));
    }
    let mut done = (first as usize).min(count);
    images.skip(done as u64)?;
    labels.skip(done as u64)?;
    while done < count {
        let examples = images.at_once().min(count - done);
        let pixels = Cells::fixed(images.next(examples)?);
        let classes = Cells::fixed(labels.labels(examples, image.classes)?);
        sink(Block::new(
            examples,
            [("images", pixels), ("labels", classes)],
        ))?;
        done += examples;
    }
    images.finish()?;
    labels.finish()
}

/// The file of this role, or the several of a role that is a pattern, in the order of their names.
fn parts<'a>(
    name: &'a str,
    files: &'a Files,
) -> Result<impl Iterator<Item = (&'a str, &'a Path)>, ContentError> {
    let parts = files
        .iter()
        .filter(move |(role, _)| pattern::role(role) == name)
        .map(|(role, path)| (role.as_str(), path.as_path()));
    let mut parts = parts.peekable();
    match parts.peek() {
        Some(_) => Ok(parts),
        None => Err(ContentError::Role {
            role: name.to_owned(),
        }),
    }
}

/// The file of this role.
fn one<'a>(name: &str, files: &'a Files) -> Result<&'a Path, ContentError> {
    let file = files.get(name).ok_or_else(|| ContentError::Role {
        role: name.to_owned(),
    })?;
    Ok(file)
}

/// Refuses content that is not what the spec pins, naming all splits that differ: who adds a data set needs all hashes.
pub(crate) fn check_hashes(
    dataset: &Dataset,
    splits: &BTreeMap<SplitName, Written>,
) -> Result<(), ContentError> {
    let mut mismatches = Vec::new();
    for (split, spec) in named(&dataset.splits) {
        let found = splits.get(&split).map(|written| written.hash.clone());
        let found = found.unwrap_or_default();
        if !spec.is_unpinned() && found != spec.hash {
            mismatches.push(Mismatch {
                split,
                expected: spec.hash.clone(),
                found,
            });
        }
    }
    match mismatches.is_empty() {
        true => Ok(()),
        false => Err(ContentError::Hash(mismatches)),
    }
}

fn list_mismatches(mismatches: &[Mismatch]) -> String {
    let mut text = String::new();
    for mismatch in mismatches {
        let (split, expected, found) = (mismatch.split.name(), &mismatch.expected, &mismatch.found);
        let _ = write!(text, "\n  {split}: hash {found}, expected {expected}");
    }
    text
}
