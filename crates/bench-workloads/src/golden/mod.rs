//! Comparison with reference numbers: models against model goldens, losses and metrics against metric goldens.

mod case;
mod config;
mod file;
mod findings;
mod full_size;
mod function;
mod inputs;
mod metrics;
mod outputs;
mod subject;
mod tensor;

use bench_torch::errors::LibtorchError;
use bench_torch::gradient::GradientError;
use std::fmt;
use std::path::{Path, PathBuf};

/// Largest relative difference of a model from its golden.
const TOLERANCE: f64 = 1e-9;

/// Why a comparison could not be made.
#[derive(Debug, thiserror::Error)]
pub enum GoldenError {
    /// The file cannot be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not of the format.
    #[error("{} is no golden of a known format", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// It is of another version.
    #[error("{} has format {format}; this program reads format 1", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        format: u32,
    },
    /// A tensor cannot be rebuilt.
    #[error("tensor `{name}` cannot be rebuilt: {problem}")]
    Entry {
        /// The tensor.
        name: String,
        /// Why.
        problem: String,
    },
    /// A value is missing or of the wrong type.
    #[error("`{key}` is missing or is not {expected}")]
    Value {
        /// Its key.
        key: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A case cannot be read.
    #[error("{0}")]
    Case(String),
    /// Our model cannot be built or run.
    #[error(transparent)]
    Model(#[from] crate::model::ModelError),
    /// It has no gradient.
    #[error(transparent)]
    Gradient(#[from] GradientError),
    /// libtorch failed.
    #[error(transparent)]
    Torch(#[from] LibtorchError),
}

impl From<tch::TchError> for GoldenError {
    fn from(error: tch::TchError) -> GoldenError {
        GoldenError::Torch(error.into())
    }
}

/// What became of one case or group.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Within the tolerance; this is the largest relative difference.
    Equal(f64),
    /// Beyond it, here.
    Differs(Vec<String>),
    /// As far as there are such kinds here, within it.
    Partly {
        /// The largest relative difference.
        worst: f64,
        /// Cases that were compared.
        built: usize,
        /// Cases that there are.
        cases: usize,
    },
    /// No such kind here.
    NotBuilt,
}

/// One line of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// File's workload and case, or group.
    pub name: String,
    /// The result.
    pub verdict: Verdict,
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match &self.verdict {
            Verdict::Equal(worst) => write!(
                f,
                "equal          {} (worst difference {worst:.1e})",
                self.name
            ),
            Verdict::Partly {
                worst,
                built,
                cases,
            } => write!(
                f,
                "equal in part  {} (worst difference {worst:.1e} in {built} of {cases} cases; the others are not built yet)",
                self.name
            ),
            Verdict::NotBuilt => write!(f, "not built yet  {}", self.name),
            Verdict::Differs(places) => {
                write!(f, "differs        {}", self.name)?;
                places
                    .iter()
                    .try_for_each(|place| write!(f, "\n               {place}"))
            }
        }
    }
}

/// Compares every case of a model golden, and the real model's parameters, in float64.
///
/// # Errors
/// When the file cannot be read or is of another format. A model that fails is a verdict.
pub fn compare_models(path: &Path) -> Result<Vec<Compared>, GoldenError> {
    let file: file::File = read(path)?;
    if file.format != 1 {
        return Err(GoldenError::Version {
            path: path.to_owned(),
            format: file.format,
        });
    }
    let named = |name: &str, verdict| Compared {
        name: format!("{} {name}", file.workload),
        verdict,
    };
    let mut report: Vec<Compared> = file
        .cases
        .iter()
        .map(|case| {
            named(
                &format!("{} ({})", case.case, case.variant),
                case::compare(&file, case),
            )
        })
        .collect();
    report.extend(
        file.functions
            .iter()
            .map(|function| named(&function.function, function::compare(&file, function))),
    );
    report.extend(
        full_size::compare(&file)
            .into_iter()
            .map(|(variant, verdict)| named(&format!("full size ({variant})"), verdict)),
    );
    Ok(report)
}

/// Compares every group of a metric golden.
///
/// # Errors
/// As [`compare_models`].
pub fn compare_metrics(path: &Path) -> Result<Vec<Compared>, GoldenError> {
    Ok(metrics::compare(read(path)?))
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, GoldenError> {
    let text = std::fs::read_to_string(path).map_err(|source| GoldenError::Read {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_str(&text).map_err(|source| GoldenError::Format {
        path: path.to_owned(),
        source,
    })
}
