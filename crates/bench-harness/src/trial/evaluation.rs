//! Snapshot, and evaluation of it while the worker stands still: off the clock.

use super::interval::Due;
use super::rules::Verdict;
use super::supervisor::{Flow, Stop, Supervisor, Wait};
use super::tally::nanoseconds;
use crate::channel::Source;
use bench_core::outcome::{FailureKind, Phase};
use bench_core::passage::Point;
use bench_core::protocol::{Command, EVAL_FILE, Evaluation, Event, Metrics};
use bench_core::record::TrialEvent;
use bench_core::run::SplitName;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

/// What the evaluator answered, over one or two questions.
#[derive(Debug, Default)]
struct Scores {
    metrics: BTreeMap<SplitName, Metrics>,
    examples: BTreeMap<SplitName, u64>,
    evaluation_ns: u64,
    /// Whether an evaluator failed on this snapshot before.
    failed: bool,
}

impl Supervisor<'_> {
    /// Has the worker write weights and state, then stops it.
    pub(super) fn snapshot(&mut self) -> Flow<()> {
        let began = Instant::now();
        self.tally.enter(Some(Phase::Snapshot), began);
        let folder = self.snapshots.next_folder().map_err(|cause| {
            Stop::failed(
                FailureKind::Environment,
                format!("no place for a snapshot: {cause}"),
            )
        })?;
        self.send(
            Source::Worker,
            &Command::Snapshot {
                folder: folder.clone(),
            },
        )?;
        let limit = self.trial.limits.snapshot;
        let heard = self.next(&Wait::phase(Phase::Snapshot, began, limit))?;
        let (Source::Worker, &Event::SnapshotWritten { bytes }) = (heard.source, &heard.event)
        else {
            return Err(self.unexpected(&heard));
        };
        self.tally.enter(None, heard.at);
        self.record(TrialEvent::Snapshotted {
            snapshot_ns: nanoseconds(began, heard.at),
            bytes,
        })?;
        self.worker.freeze(limit.0)?;
        self.look_at_processor(Phase::Snapshot);
        self.snapshots.written(folder, self.step, bytes);
        Ok(())
    }

    /// Scores the last snapshot and says what follows.
    pub(super) fn evaluate(&mut self, due: Due) -> Flow<(Evaluation, Verdict)> {
        let snapshot = self.snapshots.latest().join(EVAL_FILE);
        let mut splits = vec![SplitName::Train, SplitName::Validation];
        let sure = self
            .rules
            .wants_test_at(self.step, self.submission_ns, due.complete);
        if sure {
            splits.push(SplitName::Test);
        }
        let mut scores = Scores::default();
        self.score(&snapshot, &splits, &mut scores)?;
        let point = Point {
            step: self.step,
            submission_ns: self.submission_ns,
            value: self.target_value(&scores)?,
        };
        let finite = due.finite && scores.are_finite();
        let (wanted, verdict) = self.rules.judge(point, due.complete, finite);
        if wanted && !sure {
            self.score(&snapshot, &[SplitName::Test], &mut scores)?;
        }
        let evaluation = Evaluation::told(self.step, self.submission_ns, scores.metrics.clone());
        let frozen_cpu_ns = self.look_at_frozen()?;
        self.record(TrialEvent::Evaluated {
            step: self.step,
            submission_ns: self.submission_ns,
            passes: self.passes,
            evaluation_ns: scores.evaluation_ns,
            frozen_cpu_ns,
            metrics: scores.metrics,
            examples: scores.examples,
        })?;
        Ok((evaluation, verdict))
    }

    /// Has the snapshot scored. Where the evaluator fails, another one tries the same weights once: what fails both is the weights' fault.
    fn score(&mut self, snapshot: &Path, splits: &[SplitName], scores: &mut Scores) -> Flow<()> {
        let stop = match self.score_once(snapshot, splits, scores) {
            Err(stop) if stop.is_the_evaluators() => stop,
            other => return other,
        };
        let said = stop.to_string();
        if std::mem::replace(&mut scores.failed, true) {
            return Err(stop.of_the_weights());
        }
        self.warn(format!(
            "{said}; another evaluator scores the weights of step {} again",
            self.step
        ))?;
        self.replace_evaluator()?;
        match self.score_once(snapshot, splits, scores) {
            Err(stop) if stop.is_the_evaluators() => Err(stop.of_the_weights()),
            other => other,
        }
    }

    fn score_once(
        &mut self,
        snapshot: &Path,
        splits: &[SplitName],
        scores: &mut Scores,
    ) -> Flow<()> {
        let began = Instant::now();
        self.tally.enter(Some(Phase::Evaluation), began);
        self.send(
            Source::Evaluator,
            &Command::Evaluate {
                snapshot: snapshot.to_owned(),
                splits: splits.to_vec(),
            },
        )?;
        let limit = self.trial.limits.evaluation;
        let heard = self.next(&Wait::phase(Phase::Evaluation, began, limit))?;
        self.tally.enter(None, heard.at);
        let (Source::Evaluator, Event::Evaluated { metrics, examples }) =
            (heard.source, &heard.event)
        else {
            return Err(self.unexpected(&heard));
        };
        self.check_counts(splits, examples)?;
        scores.metrics.extend(metrics.clone());
        scores.examples.extend(examples.clone());
        scores.evaluation_ns += nanoseconds(began, heard.at);
        self.target_value(scores).map(drop)
    }

    /// Every example exactly once: neither fewer nor more than the split has.
    fn check_counts(&self, splits: &[SplitName], examples: &BTreeMap<SplitName, u64>) -> Flow<()> {
        let run = self.trial.run();
        for split in splits {
            let size = run.examples(*split);
            let expected = match split {
                SplitName::Train => size.min(run.workload.evaluate.train_subset),
                SplitName::Validation | SplitName::Test => size,
            };
            let found = examples.get(split).copied().unwrap_or(0);
            if found != expected {
                let name = split.name();
                return Err(Stop::failed(
                    FailureKind::Evaluator,
                    format!(
                        "the evaluator scored {found} examples of {name} instead of {expected}"
                    ),
                ));
            }
        }
        Ok(())
    }

    fn target_value(&self, scores: &Scores) -> Flow<f64> {
        let metric = self.trial.run().workload.target.metric.name();
        scores
            .metrics
            .get(&SplitName::Validation)
            .and_then(|metrics| metrics.get(metric))
            .map(|value| value.0)
            .ok_or_else(|| {
                let message = format!("the evaluator gave no {metric} of validation");
                Stop::failed(FailureKind::Evaluator, message)
            })
    }
}

impl Scores {
    fn are_finite(&self) -> bool {
        self.metrics
            .values()
            .flat_map(|metrics| metrics.values())
            .all(|value| value.0.is_finite())
    }
}
