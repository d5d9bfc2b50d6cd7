//! Weights that somebody wants to look at: of the best evaluation and of the last, kept beside the record.

use super::supervisor::{Flow, Supervisor};
use bench_core::protocol::{EVAL_FILE, Evaluation};
use bench_core::run::{RunSpec, SplitName};
use bench_core::spec::workload::Direction;
use bench_score::TrialSummary;
use std::fs;
use std::io;
use std::path::Path;

/// Folder in a trial's folder.
pub const FOLDER: &str = "weights";
const BEST: &str = "best.safetensors";
const LAST: &str = "last.safetensors";

/// The best value of the target's metric that earlier parts of a trial recorded.
pub(super) fn best(run: &RunSpec, summary: &TrialSummary) -> Option<f64> {
    let target = &run.workload.target;
    let values = summary.curve.iter();
    let values = values.filter_map(|p| p.metric(SplitName::Validation, target.metric.name()));
    values.reduce(|a, b| if is_better(run, b, Some(a)) { b } else { a })
}

fn is_better(run: &RunSpec, value: f64, than: Option<f64>) -> bool {
    let is_better = |than: f64| match run.workload.target.metric.direction() {
        Direction::Min => value < than,
        Direction::Max => value > than,
    };
    value.is_finite() && than.is_none_or(|than| !than.is_finite() || is_better(than))
}

impl Supervisor<'_> {
    /// Keeps the weights that were just evaluated, where they are the best so far.
    pub(super) fn keep_best_weights(&mut self, scores: &Evaluation) -> Flow<()> {
        let metric = self.trial.run().workload.target.metric.name();
        let validation = scores.metrics.get(&SplitName::Validation);
        let value = validation.and_then(|metrics| metrics.get(metric));
        let value = value.map(|value| value.0);
        let Some(value) = value.filter(|&value| is_better(self.trial.run(), value, self.best))
        else {
            return Ok(());
        };
        self.best = Some(value);
        self.keep_weights(BEST)
    }

    /// Keeps the weights of the last snapshot, where it was evaluated.
    pub(super) fn keep_last_weights(&mut self) -> Flow<()> {
        self.keep_weights(LAST)
    }

    fn keep_weights(&mut self, name: &str) -> Flow<()> {
        let evaluated = self.snapshots.last_evaluated();
        let Some(folder) = evaluated.filter(|_| self.trial.keep_weights) else {
            return Ok(());
        };
        let from = folder.join(EVAL_FILE);
        match copy_whole(&from, &self.trial.folder.join(FOLDER), name) {
            Ok(()) => Ok(()),
            Err(cause) => self.warn(format!("{FOLDER}/{name} could not be kept: {cause}")),
        }
    }
}

/// Under its name only once it is whole.
fn copy_whole(from: &Path, folder: &Path, name: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let partial = tempfile::NamedTempFile::new_in(folder)?;
    fs::copy(from, partial.path())?;
    partial.persist(folder.join(name))?;
    Ok(())
}
