//! Trials inside a page: compact, and complete enough to run any of them again.

use crate::grid::{Cell, Column, Grid};
use bench_core::canonical::CanonicalError;
use bench_core::outcome::Outcome;
use bench_core::record::{Machine, RecordedRun};
use bench_core::run::{Purpose, Seed, SplitName};
use bench_core::spec::submission;
use bench_score::Trial;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Where a page keeps it.
const OPENS: &str = "<script type=\"application/json\" id=\"bench-trials\">";
const CLOSES: &str = "</script>";

/// All trials of a page. What many share is written once.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Embedded {
    /// Resolved configurations without hyperparameters and seed.
    pub runs: Vec<Shared>,
    /// Source hashes.
    pub sources: Vec<String>,
    /// Where trials ran.
    pub machines: Vec<Machine>,
    /// Sets of marks on trials whose seconds are worth less.
    #[serde(default)]
    pub marks: Vec<String>,
    /// Base, study, trial and value of each seed, the last as text: scripts lose digits of numbers that large.
    pub seeds: Vec<(u64, u32, u32, String)>,
    /// Every trial.
    pub trials: Vec<Entry>,
}

/// What trials that differ in their points and seeds alone share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shared {
    /// The configuration.
    pub run: Map<String, Value>,
    /// Names of the hyperparameters, in the order of an entry's values.
    pub names: Vec<String>,
    /// Of the seeds.
    pub purpose: Purpose,
}

/// One trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The twelve digits of its folder: the fragment that opens it.
    pub id: String,
    /// Positions in [`Embedded`]'s lists.
    pub run: usize,
    /// Of the source hash.
    pub source: usize,
    /// Of the machine.
    pub machine: usize,
    /// Of the marks.
    #[serde(default)]
    pub marks: usize,
    /// Values of the hyperparameters.
    pub point: Vec<submission::Value>,
    /// Of the seed.
    pub seed: usize,
    /// Of the configuration.
    pub config_hash: String,
    /// How it ended.
    pub outcome: String,
    /// Submission time to target.
    pub seconds_to_target: Option<f64>,
    /// Steps to target.
    pub steps_to_target: Option<u64>,
    /// Submission time spent.
    pub seconds: f64,
    /// Steps done.
    pub steps: u64,
    /// Last value of the target's metric on the validation split.
    pub validation: Option<f64>,
}

/// Why a trial cannot be taken out of a page.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// Not a page, or one of another program's logs.
    #[error("the file holds no trials that can be run again")]
    NoTrials,
    /// Broken JSON.
    #[error("the page's trials cannot be read")]
    Json(#[from] serde_json::Error),
    /// A position beyond a list.
    #[error("the page's trial `{0}` is incomplete")]
    Incomplete(String),
    /// The configuration has no hash.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// The page was changed.
    #[error(
        "the configuration of `{id}` has the hash {found:.12}, but the page says {said:.12}: it was changed"
    )]
    Changed {
        /// The trial.
        id: String,
        /// Of the configuration as it stands.
        found: String,
        /// What the page says.
        said: String,
    },
}

impl Embedded {
    /// Of trials, each with its digits.
    ///
    /// # Errors
    /// When a configuration has no JSON.
    pub fn of<'a>(
        trials: impl IntoIterator<Item = (&'a str, &'a Trial)>,
        pinned: &[String],
    ) -> Result<Embedded, CanonicalError> {
        let mut embedded = Embedded::default();
        let mut runs = BTreeMap::new();
        for (id, trial) in trials {
            let shared = shared(&trial.record.run)?;
            let key = serde_json::to_string(&shared)?;
            let run = *runs.entry(key).or_insert_with(|| {
                embedded.runs.push(shared);
                embedded.runs.len() - 1
            });
            let source = position(&mut embedded.sources, &trial.record.source_hash);
            let machine = position(&mut embedded.machines, &trial.record.machine);
            let marks = position(&mut embedded.marks, &marks(trial, pinned));
            let seed = &trial.record.run.seed;
            let value = seed.value.to_string();
            let seed = (seed.base, seed.study, seed.trial, value);
            let seed = position(&mut embedded.seeds, &seed);
            embedded.trials.push(Entry {
                marks,
                seed,
                ..entry(id, trial, (run, source, machine))
            });
        }
        Ok(embedded)
    }

    /// The trials in a page.
    ///
    /// # Errors
    /// When there are none that can be run again.
    pub fn read(page: &str) -> Result<Embedded, EmbeddedError> {
        let (_, rest) = page.split_once(OPENS).ok_or(EmbeddedError::NoTrials)?;
        let (json, _) = rest.split_once(CLOSES).ok_or(EmbeddedError::NoTrials)?;
        let value: Value = serde_json::from_str(json)?;
        if value.get("runs").is_none() {
            return Err(EmbeddedError::NoTrials);
        }
        let embedded: Embedded = serde_json::from_value(value)?;
        match embedded.trials.iter().find(|entry| !embedded.has(entry)) {
            Some(entry) => Err(EmbeddedError::Incomplete(entry.id.clone())),
            None => Ok(embedded),
        }
    }

    /// Whether all that a trial points at is there, with a value for every name.
    fn has(&self, entry: &Entry) -> bool {
        let run = self.runs.get(entry.run);
        run.is_some_and(|run| run.names.len() == entry.point.len())
            && entry.source < self.sources.len()
            && entry.machine < self.machines.len()
            && entry.seed < self.seeds.len()
            && (entry.marks < self.marks.len() || self.marks.is_empty())
    }

    /// Every trial as a row, for other programs.
    pub fn grid(&self) -> Grid {
        let columns = vec![
            Column::words("trial", "digits", 0),
            Column::words("submission", "submission", 0),
            Column::words("workload", "workload", 0),
            Column::words("ruleset", "ruleset", 0),
            Column::counts("seed", "seed", 0),
            Column::counts("study", "study", 0),
            Column::counts("point", "trial", 0),
            Column::words("outcome", "outcome", 0),
            Column::numbers("time to target", "seconds-to-target", 0),
            Column::counts("steps to target", "steps-to-target", 0),
            Column::numbers("submission time", "submission-seconds", 0),
            Column::counts("steps", "steps", 0),
            Column::numbers("validation", "validation", 0),
            Column::words("machine", "machine", 0),
            Column::words("marks", "marks", 0),
            Column::words("configuration", "config-hash", 0),
            Column::words("source", "source-hash", 0),
            Column::words("hyperparameters", "hyperparameters", 0),
        ];
        Grid {
            columns,
            rows: self.trials.iter().map(|entry| self.row(entry)).collect(),
        }
    }

    fn row(&self, entry: &Entry) -> Vec<Cell> {
        let shared = &self.runs[entry.run];
        let (base, study, trial, _) = &self.seeds[entry.seed];
        let text = |value: Option<&Value>| Cell::plain(value.and_then(Value::as_str).unwrap_or(""));
        let submission = shared
            .run
            .get("submission")
            .and_then(|value| value.get("name"));
        let point = shared.names.iter().zip(&entry.point);
        let point: Vec<String> = point
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let number = |value: Option<f64>| Cell::optional(value, |value| value.to_string());
        vec![
            Cell::plain(&entry.id),
            text(submission),
            text(shared.run.get("workload-name")),
            text(shared.run.get("ruleset-name")),
            Cell::plain(base),
            Cell::plain(study),
            Cell::plain(trial),
            Cell::plain(&entry.outcome),
            number(entry.seconds_to_target),
            Cell::optional(entry.steps_to_target, |steps| steps.to_string()),
            Cell::plain(entry.seconds),
            Cell::plain(entry.steps),
            number(entry.validation),
            Cell::plain(&self.machines[entry.machine].fingerprint),
            Cell::plain(self.marks.get(entry.marks).map_or("", String::as_str)),
            Cell::plain(&entry.config_hash),
            Cell::plain(&self.sources[entry.source]),
            Cell::plain(point.join(" ")),
        ]
    }

    /// A trial's resolved configuration, checked against its hash.
    ///
    /// # Errors
    /// When it is not complete, or not what was hashed.
    pub fn run(&self, entry: &Entry) -> Result<RecordedRun, EmbeddedError> {
        let incomplete = || EmbeddedError::Incomplete(entry.id.clone());
        let shared = self.runs.get(entry.run).ok_or_else(incomplete)?;
        let (base, study, trial, value) = self.seeds.get(entry.seed).ok_or_else(incomplete)?;
        let seed = Seed {
            purpose: shared.purpose,
            base: *base,
            study: *study,
            trial: *trial,
            value: value.parse().map_err(|_| incomplete())?,
        };
        let point: BTreeMap<_, _> = shared.names.iter().zip(&entry.point).collect();
        let mut run = shared.run.clone();
        run.insert("hyperparameters".to_owned(), serde_json::to_value(point)?);
        run.insert("seed".to_owned(), serde_json::to_value(seed)?);
        let run: RecordedRun = serde_json::from_value(Value::Object(run))?;
        let found = run.identity()?.config_hash;
        if found != entry.config_hash {
            return Err(EmbeddedError::Changed {
                id: entry.id.clone(),
                found,
                said: entry.config_hash.clone(),
            });
        }
        Ok(run)
    }
}

/// Of what was stored: its hash is over that.
fn shared(run: &RecordedRun) -> Result<Shared, CanonicalError> {
    let mut rest = match run.json()? {
        Value::Object(rest) => rest,
        _ => Map::new(),
    };
    rest.remove("hyperparameters");
    rest.remove("seed");
    Ok(Shared {
        run: rest,
        names: run.hyperparameters.keys().cloned().collect(),
        purpose: run.seed.purpose,
    })
}

fn entry(id: &str, trial: &Trial, (run, source, machine): (usize, usize, usize)) -> Entry {
    let (record, summary) = (&trial.record, &trial.summary);
    let hit = summary.hit().map(|hit| hit.at);
    let metric = record.run.workload.target.metric.name();
    let outcome = summary.outcome.as_ref();
    Entry {
        id: id.to_owned(),
        run,
        source,
        machine,
        marks: 0,
        point: record.run.hyperparameters.values().cloned().collect(),
        seed: 0,
        config_hash: record.config_hash.clone(),
        outcome: outcome
            .map_or("unfinished", |outcome| outcome.name())
            .to_owned(),
        seconds_to_target: hit.map(|at| at.submission_ns as f64 / 1e9),
        steps_to_target: hit.map(|at| at.step),
        seconds: summary.submission_seconds(),
        steps: summary.steps,
        validation: summary
            .last(SplitName::Validation, metric)
            .filter(|value| value.is_finite()),
    }
}

/// What makes a trial's seconds worth less, in words; nothing where nothing does.
fn marks(trial: &Trial, pinned: &[String]) -> String {
    let summary = &trial.summary;
    let is_suspect = summary.outcome == Some(Outcome::TimingSuspect);
    let marks = [
        (trial.record.is_older(), "older-format"),
        (is_suspect, "timing-suspect"),
        (summary.is_throttled(), "throttled"),
        (summary.resumed > 0, "resumed"),
        (!trial.record.loosened().is_empty(), "looser-limits"),
        (
            !pinned.contains(&trial.record.machine.fingerprint),
            "unpinned",
        ),
    ];
    let marks: Vec<&str> = marks
        .iter()
        .filter(|(is, _)| *is)
        .map(|(_, mark)| *mark)
        .collect();
    marks.join(" ")
}

/// Where it is in the list, at whose end it is put when it is new.
fn position<T: PartialEq + Clone>(list: &mut Vec<T>, item: &T) -> usize {
    if let Some(index) = list.iter().position(|other| other == item) {
        return index;
    }
    list.push(item.clone());
    list.len() - 1
}
