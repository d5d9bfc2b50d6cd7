//! A record's two files as values.

use crate::sound::{self, EVENTS_FILE, Fault, RUN_FILE};
use crate::trial::TrialSummary;
use bench_core::outcome::Outcome;
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
    /// `asked.json`: when somebody last asked for this trial although its record stood already, RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
}

/// Why a record cannot be read, or is not to be believed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not the JSON of a run.
    #[error("{RUN_FILE}: {0}")]
    Record(serde_json::Error),
    /// Written by a later bench.
    #[error("{RUN_FILE}: the record has format {found}, this bench reads up to {FORMAT}")]
    Format {
        /// The record's.
        found: u32,
    },
    /// Not the JSON of a time.
    #[error("asked.json: {0}")]
    Asked(serde_json::Error),
    /// A line that is not an event, and not the torn last one.
    #[error("{EVENTS_FILE}:{line}: {cause}")]
    Event {
        /// 1-based.
        line: usize,
        /// What is wrong with it.
        cause: serde_json::Error,
    },
    /// It can be read, and does not add up.
    #[error("{}", told(.0))]
    Unsound(Vec<Fault>),
}

/// The first few; a record that was cut in the middle has hundreds.
fn told(faults: &[Fault]) -> String {
    const FEW: usize = 3;
    let mut all: Vec<String> = faults.iter().take(FEW).map(Fault::to_string).collect();
    if let Some(more) = faults.len().checked_sub(FEW).filter(|more| *more > 0) {
        all.push(format!("{more} more"));
    }
    all.join("; ")
}

impl Trial {
    /// Reads the texts of `run.json` and `events.jsonl`: see [`read`].
    ///
    /// # Errors
    /// As [`read`].
    pub fn parse(run: &str, events: &str) -> Result<Trial, ReadError> {
        read(run, events).map(|(trial, _)| trial)
    }

    /// Adds up a record's lines.
    pub fn new(record: RunRecord, lines: &[Line]) -> Trial {
        let summary = TrialSummary::fold(&record.run, lines);
        Trial {
            record,
            summary,
            asked: None,
        }
    }
}

/// Reads the texts of `run.json` and `events.jsonl`, checks one against itself and against the other, and adds the lines up: the one door through
/// which records come in.
///
/// # Errors
/// When either is not what a record holds, or when they do not add up.
pub fn read(run: &str, events: &str) -> Result<(Trial, Vec<Line>), ReadError> {
    let record: RunRecord = serde_json::from_str(run).map_err(ReadError::Record)?;
    if record.format > FORMAT {
        return Err(ReadError::Format {
            found: record.format,
        });
    }
    let numbered = numbered(events)?;
    let mut faults = sound::of_run(run, &record);
    faults.extend(sound::of_lines(&record, &numbered));
    faults.extend(sound::of_digest(run, &record, events));
    if !faults.is_empty() {
        return Err(ReadError::Unsound(faults));
    }
    let lines: Vec<Line> = numbered.into_iter().map(|(_, line)| line).collect();
    let trial = Trial::new(record, &lines);
    match unreached(&trial) {
        Some(fault) => Err(ReadError::Unsound(vec![fault])),
        None => Ok((trial, lines)),
    }
}

/// A target that no evaluation shows to be reached.
fn unreached(trial: &Trial) -> Option<Fault> {
    let reached = trial.summary.outcome == Some(Outcome::TargetReached);
    let what = "says target-reached, and no evaluation reached it".to_owned();
    (reached && trial.summary.passage.is_none()).then_some(Fault {
        file: EVENTS_FILE,
        line: None,
        what,
    })
}

/// The lines of `events.jsonl`. A torn line is ignored where a kill leaves one: at the end, and before the `started` of a resumed part.
///
/// # Errors
/// When any other line is not an event.
pub fn parse_events(text: &str) -> Result<Vec<Line>, ReadError> {
    let lines = numbered(text)?.into_iter();
    Ok(lines.map(|(_, line)| line).collect())
}

/// The same, each with its number from 1.
fn numbered(text: &str) -> Result<Vec<(usize, Line)>, ReadError> {
    let mut lines = Vec::new();
    let mut torn = None;
    for (index, text) in text.lines().enumerate() {
        let number = index + 1;
        match serde_json::from_str::<Line>(text) {
            Ok(line) => {
                if !matches!(line.event, TrialEvent::Started { .. }) {
                    torn.take().map_or(Ok(()), Err)?;
                }
                torn = None;
                lines.push((number, line));
            }
            Err(_) if text.trim().is_empty() => {}
            Err(cause) => {
                torn.take().map_or(Ok(()), Err)?;
                torn = Some(ReadError::Event {
                    line: number,
                    cause,
                });
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
