//! A record's two files as values.

use crate::trial::TrialSummary;
use bench_core::record::{FORMAT, Line, RunRecord, TrialEvent};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One trial as tables see it. Its JSON is what `bench show --format json` prints and what a committed reference is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Trial {
    /// `run.json`.
    pub record: RunRecord,
    /// What `events.jsonl` adds up to.
    pub summary: TrialSummary,
}

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not the JSON of a run.
    #[error("run.json is not a record of bench")]
    Record(#[source] serde_json::Error),
    /// Written by a later bench.
    #[error("the record has format {found}, this bench reads up to {FORMAT}")]
    Format {
        /// The record's.
        found: u32,
    },
    /// A line that is not an event, and not the torn last one.
    #[error("line {line} of events.jsonl is not an event")]
    Event {
        /// 1-based.
        line: usize,
        /// What is wrong with it.
        #[source]
        cause: serde_json::Error,
    },
}

impl Trial {
    /// Reads the texts of `run.json` and `events.jsonl`.
    ///
    /// # Errors
    /// When either is not what a record holds.
    pub fn parse(run: &str, events: &str) -> Result<Trial, ReadError> {
        let record: RunRecord = serde_json::from_str(run).map_err(ReadError::Record)?;
        if record.format > FORMAT {
            return Err(ReadError::Format {
                found: record.format,
            });
        }
        Ok(Trial::new(record, &parse_events(events)?))
    }

    /// Adds up a record's lines.
    pub fn new(record: RunRecord, lines: &[Line]) -> Trial {
        let summary = TrialSummary::fold(&record.run, lines);
        Trial { record, summary }
    }
}

/// The lines of `events.jsonl`. A torn line is ignored where a kill leaves one: at the end, and before the `started` of a resumed part.
///
/// # Errors
/// When any other line is not an event.
pub fn parse_events(text: &str) -> Result<Vec<Line>, ReadError> {
    let mut lines = Vec::new();
    let mut torn = None;
    for (index, text) in text.lines().enumerate() {
        match serde_json::from_str::<Line>(text) {
            Ok(line) => {
                if !matches!(line.event, TrialEvent::Started { .. }) {
                    torn.take().map_or(Ok(()), Err)?;
                }
                torn = None;
                lines.push(line);
            }
            Err(_) if text.trim().is_empty() => {}
            Err(cause) => {
                torn.take().map_or(Ok(()), Err)?;
                let line = index + 1;
                torn = Some(ReadError::Event { line, cause });
            }
        }
    }
    Ok(lines)
}

/// Numbers of the lines of `events.jsonl` that hold the evaluations which count, from 1, by step. A step that was repeated after an interruption counts as it was repeated.
pub fn evaluation_lines(text: &str) -> BTreeMap<u64, usize> {
    let step = |(index, text): (usize, &str)| {
        let line: Line = serde_json::from_str(text).ok()?;
        match line.event {
            TrialEvent::Evaluated { step, .. } => Some((step, index + 1)),
            _ => None,
        }
    };
    text.lines().enumerate().filter_map(step).collect()
}
