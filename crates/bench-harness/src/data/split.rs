//! From files to splits: decoding by format, cutting, and the proof that splits share no example.

use super::cifar::{self, CifarError};
use super::columns::{Array, Columns};
use super::idx::{self, IdxError};
use super::tokens::{self, TokenError};
use super::{documents, generate, image_shape, pattern, source::Files};
use bench_core::run::SplitName;
use bench_core::spec::dataset::{Dataset, Format, ImageFormat, Split, Splits};
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

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
        examples: usize,
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

/// Examples of one split that are in another one too, by content of their inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlap {
    /// One split.
    pub first: SplitName,
    /// The other.
    pub second: SplitName,
    /// How many examples of `second` are in `first` too.
    pub examples: u64,
    /// Positions of the first pair.
    pub at: (u64, u64),
}

/// The column that decides whether two examples are the same one.
pub(crate) const INPUTS: &str = "images";
/// What a model is asked for.
pub(crate) const TARGETS: &str = "labels";

/// The three splits by name, each with what the spec says of it.
pub(crate) fn named(splits: &Splits) -> [(SplitName, &Split); 3] {
    [
        (SplitName::Train, &splits.train),
        (SplitName::Validation, &splits.validation),
        (SplitName::Test, &splits.test),
    ]
}

/// Decodes and cuts. Neither hashes nor overlaps are checked yet.
pub(crate) fn cut(
    dataset: &Dataset,
    files: &Files,
) -> Result<BTreeMap<SplitName, Columns>, ContentError> {
    let mut decoded: BTreeMap<&str, Columns> = BTreeMap::new();
    let mut splits = BTreeMap::new();
    for (name, split) in named(&dataset.splits) {
        if !decoded.contains_key(split.from.as_str()) {
            decoded.insert(&split.from, decode(&dataset.format, &split.from, files)?);
        }
        let whole = &decoded[split.from.as_str()];
        let part = whole.slice(split.start as usize, split.count as usize);
        let part = part.ok_or_else(|| ContentError::Range {
            split: name,
            start: split.start,
            end: split.start.saturating_add(split.count),
            from: split.from.clone(),
            examples: whole.examples(),
        })?;
        splits.insert(name, part);
    }
    Ok(splits)
}

/// The examples of one file (`train`, `test`) of a data set.
fn decode(format: &Format, file: &str, files: &Files) -> Result<Columns, ContentError> {
    match format {
        Format::IdxImages(image) => idx_images(image, file, files),
        Format::CifarImages(image) => Ok(cifar::decode(image, slices(parts(file, files)?))?),
        Format::Tokens(format) => Ok(tokens::decode(format, parts(file, files)?)?),
        Format::Documents(format) => Ok(documents::decode(
            format,
            file,
            slices(parts("documents", files)?),
        )),
        Format::Generated(spec) => {
            let examples = if file == "test" {
                spec.test
            } else {
                spec.train
            };
            Ok(generate::file(spec, file, examples as usize))
        }
    }
}

fn idx_images(image: &ImageFormat, file: &str, files: &Files) -> Result<Columns, ContentError> {
    let content = |name: &str| role(name, files);
    let (images_role, labels_role) = (format!("{file}-images"), format!("{file}-labels"));
    let images = idx::decode(&images_role, content(&images_role)?)?;
    let labels = idx::decode(&labels_role, content(&labels_role)?)?;
    let count = images.shape.first().copied().unwrap_or_default();
    check_shape(&images_role, &images, &image_shape(image, count))?;
    let labelled = labels.shape.first().copied().unwrap_or_default();
    check_shape(&labels_role, &labels, &[labelled])?;
    idx::check_labels(&labels_role, &labels, image.classes)?;
    if count != labelled {
        return Err(ContentError::Lengths {
            file: file.to_owned(),
            images: count,
            labels: labelled,
        });
    }
    Ok(Columns::pair(images, labels))
}

/// The file of this role, or the several of a role that is a pattern, in the order of their names.
fn parts<'a>(
    name: &'a str,
    files: &'a Files,
) -> Result<impl Iterator<Item = (&'a str, &'a Bytes)> + Clone, ContentError> {
    let parts = files
        .iter()
        .filter(move |(role, _)| pattern::role(role) == name)
        .map(|(role, bytes)| (role.as_str(), bytes));
    match parts.clone().next() {
        Some(_) => Ok(parts),
        None => Err(ContentError::Role {
            role: name.to_owned(),
        }),
    }
}

fn slices<'a>(
    parts: impl Iterator<Item = (&'a str, &'a Bytes)>,
) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    parts.map(|(name, bytes)| (name, &bytes[..]))
}

/// The file of this role.
fn role<'a>(name: &str, files: &'a Files) -> Result<&'a Bytes, ContentError> {
    files.get(name).ok_or_else(|| ContentError::Role {
        role: name.to_owned(),
    })
}

fn check_shape(file: &str, array: &Array, expected: &[usize]) -> Result<(), IdxError> {
    if array.shape == expected {
        return Ok(());
    }
    Err(IdxError::Shape {
        file: file.to_owned(),
        found: array.shape.clone(),
        expected: expected.to_vec(),
    })
}

/// Refuses content that is not what the spec pins, naming all splits that differ: who adds a data set needs all hashes.
pub(crate) fn check_hashes(
    dataset: &Dataset,
    splits: &BTreeMap<SplitName, Columns>,
) -> Result<(), ContentError> {
    let mut mismatches = Vec::new();
    for (split, spec) in named(&dataset.splits) {
        let found = splits.get(&split).map(Columns::hash).unwrap_or_default();
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

/// What a census of all examples found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Census {
    /// Split to the number of its examples whose inputs occur earlier in the same split.
    pub duplicates: BTreeMap<SplitName, u64>,
    /// Pairs of splits that share inputs. Empty: the splits are disjoint.
    pub overlaps: Vec<Overlap>,
}

/// Hashes the inputs of every example of every split, and compares all with all. Text has no examples yet: how it is cut is the
/// workload's choice, and its splits are disjoint by their ranges.
pub(crate) fn census(splits: &BTreeMap<SplitName, Columns>) -> Census {
    let mut census = Census::default();
    let mut seen: Vec<(SplitName, HashMap<blake3::Hash, u64>)> = Vec::new();
    for (&name, columns) in splits {
        let hashes = columns.example_hashes(INPUTS);
        for (other, positions) in &seen {
            let shared: Vec<(u64, u64)> = hashes
                .iter()
                .zip(0..)
                .filter_map(|(hash, here)| Some((*positions.get(hash)?, here)))
                .collect();
            if let Some(&at) = shared.first() {
                census.overlaps.push(Overlap {
                    first: *other,
                    second: name,
                    examples: shared.len() as u64,
                    at,
                });
            }
        }
        let mut own = HashMap::with_capacity(hashes.len());
        for (hash, position) in hashes.iter().zip(0..) {
            own.entry(*hash).or_insert(position);
        }
        let duplicates = (hashes.len() - own.len()) as u64;
        census.duplicates.insert(name, duplicates);
        seen.push((name, own));
    }
    census
}
