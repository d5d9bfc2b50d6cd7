//! What is odd or absent in logs, and how it was treated.

use serde::Serialize;
use std::fmt;

/// One kind of oddity in one file or folder.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// File or folder, relative to the logs.
    pub file: String,
    /// First line it was seen on, from 1.
    pub line: Option<u64>,
    /// How many times.
    pub count: u64,
    /// What, and how it was treated.
    pub problem: Problem,
}

/// A finding inside a file that does not know its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Remark {
    /// First line.
    pub line: Option<u64>,
    /// How many times.
    pub count: u64,
    /// What.
    pub problem: Problem,
}

/// What can be odd. Each says how the rules treat it.
#[derive(Debug, Clone, PartialEq, Serialize, thiserror::Error)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum Problem {
    /// A file of no bytes.
    #[error("the file is empty; the trial counts as one that never reached the target")]
    Empty,
    /// A header and nothing else.
    #[error(
        "no evaluation follows the header; the trial counts as one that never reached the target"
    )]
    NoEvaluations,
    /// A trial's folder without its file.
    #[error("no `eval_measurements.csv`; the trial is left out")]
    NoFile,
    /// It exists and cannot be read.
    #[error("cannot be read ({cause}); what is in it is left out")]
    Unreadable {
        /// The system's reason.
        cause: String,
    },
    /// A needed column is not in the header.
    #[error("no column `{column}`; the trial counts as one that never reached the target")]
    NoColumn {
        /// Its name.
        column: String,
    },
    /// A column that only tells about steps is not in the header.
    #[error("no column `{column}`; steps are unknown, the score needs none")]
    NoSteps {
        /// Its name.
        column: String,
    },
    /// A column is there twice.
    #[error("column `{column}` is there more than once; the first counts")]
    DoubleColumn {
        /// Its name.
        column: String,
    },
    /// Not a number.
    #[error(
        "`{text}` in column `{column}` is not a number; it counts as NaN, which never reaches a target"
    )]
    NotANumber {
        /// The column.
        column: String,
        /// The first such text.
        text: String,
    },
    /// NaN, or nothing.
    #[error("no value (NaN) in column `{column}`; it never reaches a target")]
    NaN {
        /// The column.
        column: String,
    },
    /// Fewer fields than the header.
    #[error("fewer fields than the header; those that lack count as NaN")]
    ShortRow,
    /// More fields than the header.
    #[error(
        "more fields than the header, so it is not known which is which; the evaluation counts as NaN"
    )]
    LongRow,
    /// The same evaluation twice in a row.
    #[error("repeats the evaluation before it; both count as evaluations, the first decides")]
    DuplicateRow,
    /// Time falls.
    #[error("{column} falls below a row before; the evaluation never counts")]
    OutOfOrder {
        /// Which.
        column: String,
    },
    /// Steps fall.
    #[error("global_step falls below the row before; rows count in the file's order")]
    StepsFall,
    /// A number that its column cannot have.
    #[error("`{text}` in column `{column}`, which is {range}; it never counts")]
    Impossible {
        /// The column.
        column: String,
        /// The first such text.
        text: String,
        /// What there can be.
        range: String,
    },
    /// The header has no commas, but something else that tells columns apart.
    #[error(
        "columns are separated by `{}`, not by commas; the trial counts as one that never reached the target",
        found.escape_debug()
    )]
    Delimiter {
        /// What stands there.
        found: char,
    },
    /// Text in another encoding.
    #[error("the text is UTF-16, not UTF-8; the trial counts as one that never reached the target")]
    Encoding,
    /// A folder in a submission's place that holds none.
    #[error("no study with a workload in it; it is no submission")]
    NoSubmission,
    /// The same evaluations, times included, as another study's.
    #[error("its evaluations are those of `{of}`, times included: a copy; it counts as it stands")]
    Copy {
        /// The other one.
        of: String,
    },
    /// The last line does not end.
    #[error("the last line has no line end and may be cut off; it counts as it stands")]
    TornLine,
    /// The target is met at an evaluation without a usable time.
    #[error(
        "the target is reached but `score` is no time there; the trial counts as one that never reached the target"
    )]
    NoTime,
    /// A folder or file that is not part of the layout.
    #[error(
        "not part of the layout <submission>/<study>/<workload>/trial_<n>/eval_measurements.csv; left out"
    )]
    Unexpected,
    /// A workload outside the targets.
    #[error("`{workload}` is not in the targets; left out")]
    UnknownWorkload {
        /// Its name.
        workload: String,
    },
    /// A workload of the targets that this version does not score.
    #[error(
        "`{workload}` is neither a base workload nor a sampled variant of this version; left out"
    )]
    NotScored {
        /// Its name.
        workload: String,
    },
    /// A submission's workload in two frameworks.
    #[error("`{workload}` was run as `{kept}` too, in at least as many studies; only that counts")]
    OtherFramework {
        /// The workload.
        workload: String,
        /// The folder's name that counts.
        kept: String,
    },
    /// A study with fewer trials than the rules ask for.
    #[error("{found} of {wanted} trials; the study counts with those there are")]
    FewerTrials {
        /// There.
        found: usize,
        /// Asked for.
        wanted: usize,
    },
    /// A study with more.
    #[error("{found} trials where the rules give {wanted}; all of them count")]
    MoreTrials {
        /// There.
        found: usize,
        /// Allowed.
        wanted: usize,
    },
    /// A submission's workload with fewer studies.
    #[error("`{workload}` has {found} of {wanted} studies; the median is over those there are")]
    FewerStudies {
        /// The workload.
        workload: String,
        /// There.
        found: usize,
        /// Asked for.
        wanted: usize,
    },
    /// A submission's workload with more studies.
    #[error(
        "`{workload}` has {found} studies where the rules ask for {wanted}; the median is over all"
    )]
    MoreStudies {
        /// The workload.
        workload: String,
        /// There.
        found: usize,
        /// Asked for.
        wanted: usize,
    },
    /// A submission without any log of a scored workload.
    #[error("no log of `{workload}`; it counts as missed")]
    NoWorkload {
        /// The workload.
        workload: String,
    },
    /// A scored workload that nobody ran.
    #[error(
        "no submission has a log of `{workload}`; it counts as missed by all, as a share of the base workloads"
    )]
    AbsentWorkload {
        /// The workload.
        workload: String,
    },
}

impl Problem {
    /// Whether something that the rules ask for is not there: what a half-finished set lacks.
    pub fn is_gap(&self) -> bool {
        matches!(
            self,
            Problem::NoFile
                | Problem::Empty
                | Problem::NoEvaluations
                | Problem::NoColumn { .. }
                | Problem::Delimiter { .. }
                | Problem::Encoding
                | Problem::Unreadable { .. }
                | Problem::FewerTrials { .. }
                | Problem::FewerStudies { .. }
                | Problem::NoWorkload { .. }
                | Problem::AbsentWorkload { .. }
        )
    }

    /// Whether it is the same oddity, whatever text it was first seen on.
    pub(super) fn is_like(&self, other: &Problem) -> bool {
        match (self, other) {
            (Problem::NotANumber { column: a, .. }, Problem::NotANumber { column: b, .. }) => {
                a == b
            }
            (Problem::Impossible { column: a, .. }, Problem::Impossible { column: b, .. }) => {
                a == b
            }
            _ => self == other,
        }
    }
}

impl Finding {
    /// Of a whole file or folder.
    pub fn of(file: impl Into<String>, problem: Problem) -> Finding {
        Finding {
            file: file.into(),
            line: None,
            count: 1,
            problem,
        }
    }
}

impl Remark {
    /// The same with its file's name.
    pub fn within(self, file: &str) -> Finding {
        Finding {
            file: file.to_owned(),
            line: self.line,
            count: self.count,
            problem: self.problem,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.problem)?;
        if self.count > 1 {
            write!(f, " ({} times)", self.count)?;
        }
        Ok(())
    }
}
