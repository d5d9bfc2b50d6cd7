//! From spawn until both programs are ready: off the clock.

use super::supervisor::{Flow, Heard, Supervisor, Wait};
use super::tally::nanoseconds;
use crate::channel::Source;
use bench_core::outcome::Phase;
use bench_core::passage::Point;
use bench_core::protocol::{DeviceReport, Evaluation, Event, Task};
use bench_core::record::TrialEvent;
use bench_core::run::{Local, Resume, SplitName};
use bench_score::TrialSummary;
use std::time::Instant;

/// What start-up has shown so far.
#[derive(Debug, Default)]
struct Progress {
    loaded: Option<Instant>,
    ready: Option<(Instant, u64, DeviceReport)>,
    evaluator: bool,
}

impl Supervisor<'_> {
    /// Gives both programs their task and waits until they are ready.
    pub(super) fn start_up(&mut self) -> Flow<()> {
        self.assign();
        let limits = self.trial.limits;
        let mut progress = Progress::default();
        loop {
            let wait = match progress.loaded {
                None => Wait::phase(Phase::StartUp, self.spawned, limits.start_up),
                Some(loaded) if progress.ready.is_none() => {
                    Wait::phase(Phase::WarmUp, loaded, limits.warm_up)
                }
                // The worker is ready: what is late is the evaluator.
                Some(loaded) => Wait::evaluator(loaded, limits.start_up),
            };
            let heard = self.next(&wait)?;
            self.note(&mut progress, heard)?;
            if let (Some(loaded), Some((ready, parameters, device)), true) =
                (progress.loaded, &progress.ready, progress.evaluator)
            {
                self.tally.enter(None, Instant::now());
                return self.record(TrialEvent::Ready {
                    start_up_ns: nanoseconds(self.spawned, loaded),
                    warm_up_ns: nanoseconds(loaded, *ready),
                    parameters: *parameters,
                    device: device.clone(),
                });
            }
        }
    }

    fn note(&mut self, progress: &mut Progress, heard: Heard) -> Flow<()> {
        match (heard.source, &heard.event) {
            (Source::Worker, Event::Loaded) if progress.loaded.is_none() => {
                progress.loaded = Some(heard.at);
                self.tally.enter(Some(Phase::WarmUp), heard.at);
            }
            (Source::Worker, Event::Ready { parameters, device })
                if progress.loaded.is_some() && progress.ready.is_none() =>
            {
                progress.ready = Some((heard.at, *parameters, device.clone()));
                self.snapshots.make_room(*parameters);
                // The evaluator may need longer.
                self.tally.enter(Some(Phase::StartUp), heard.at);
            }
            (Source::Evaluator, Event::Loaded) => {}
            (Source::Evaluator, Event::Ready { .. }) => progress.evaluator = true,
            _ => return Err(self.unexpected(&heard)),
        }
        Ok(())
    }

    /// Until another evaluator, in the place of one that failed, is ready.
    pub(super) fn await_evaluator(&mut self) -> Flow<()> {
        let limit = self.trial.limits.start_up;
        let wait = Wait::evaluator(Instant::now(), limit);
        loop {
            let heard = self.next(&wait)?;
            match (heard.source, &heard.event) {
                (Source::Evaluator, Event::Loaded) => {}
                (Source::Evaluator, Event::Ready { .. }) => return Ok(()),
                _ => return Err(self.unexpected(&heard)),
            }
        }
    }

    /// The worker is told of the training split alone.
    fn assign(&mut self) {
        self.assign_evaluator();
        let mut task = self.task();
        let local = &mut task.local;
        local.data = self.trial.data_of(Source::Worker);
        local.resume = self.trial.resume.as_ref().map(|point| Resume {
            snapshot: point.snapshot.clone(),
            step: point.step,
            submission_seconds: point.submission_ns as f64 / 1e9,
        });
        // A program that is gone already tells by the end of its output.
        let _ = self.worker.assign(&task);
    }

    pub(super) fn assign_evaluator(&mut self) {
        let task = self.task();
        let _ = self.evaluator.assign(&task);
    }

    fn task(&self) -> Task {
        let trial = self.trial;
        Task {
            run: trial.run().clone(),
            local: Local {
                data: trial.data_of(Source::Evaluator),
                scratch: self.snapshots.scratch().to_owned(),
                device_index: trial.device_index,
                resume: None,
            },
        }
    }

    /// Brings clock, rules and the last evaluation to where a resumed trial was; none of it at a trial's start.
    pub(super) fn recall(&mut self) -> Option<Evaluation> {
        let point = self.trial.resume.as_ref()?;
        self.step = point.step;
        self.heard_of = point.step;
        self.submission_ns = point.submission_ns;
        let summary = TrialSummary::fold(self.trial.run(), self.recorder.lines());
        let target = self.trial.run().workload.target.metric.name();
        for past in &summary.curve {
            let value = past.metric(SplitName::Validation, target);
            self.rules.judge(
                Point {
                    step: past.step,
                    submission_ns: past.submission_ns,
                    value: value.unwrap_or(f64::NAN),
                },
                false,
                true,
            );
        }
        summary.curve.last().map(|last| Evaluation {
            step: last.step,
            submission_seconds: last.submission_ns as f64 / 1e9,
            metrics: last.metrics.clone().into(),
        })
    }
}
