//! From spawn until both programs are ready: off the clock.

use super::supervisor::{Flow, Heard, Stop, Supervisor, Wait};
use super::tally::nanoseconds;
use crate::channel::Source;
use crate::file;
use bench_core::outcome::{FailureKind, Phase};
use bench_core::passage::Point;
use bench_core::protocol::{DeviceReport, EVAL_FILE, Evaluation, Event, Task};
use bench_core::record::{FREE_INIT, TrialEvent};
use bench_core::run::{Local, Resume, SplitName};
use bench_score::TrialSummary;
use std::time::Instant;

/// What start-up has shown so far.
#[derive(Debug, Default)]
struct Progress {
    initialising: Option<Instant>,
    loaded: Option<Instant>,
    ready: Option<Ready>,
    evaluator: Option<Weights>,
}

/// The worker's word that it is ready.
#[derive(Debug)]
struct Ready {
    at: Instant,
    parameters: u64,
    device: DeviceReport,
    weights: Weights,
}

/// Digest of weights and buffers, where a program told one.
type Weights = Option<String>;

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
            if let Progress {
                initialising: Some(initialising),
                loaded: Some(loaded),
                ready: Some(ready),
                evaluator: Some(weights),
            } = &progress
            {
                self.tally.enter(None, Instant::now());
                self.compare_weights(&ready.weights, weights)?;
                let init_ns = nanoseconds(*initialising, *loaded);
                let charged_ns = self.charge(init_ns);
                return self.record(TrialEvent::Ready {
                    start_up_ns: nanoseconds(self.spawned, *loaded),
                    init_ns,
                    charged_ns,
                    warm_up_ns: nanoseconds(*loaded, ready.at),
                    parameters: ready.parameters,
                    device: ready.device.clone(),
                });
            }
        }
    }

    /// What `init` took beyond what is free is submission time, once: a resumed trial has paid.
    fn charge(&mut self, init_ns: u64) -> u64 {
        if self.trial.resume.is_some() {
            return 0;
        }
        let free = u64::try_from(FREE_INIT.as_nanos()).unwrap_or(u64::MAX);
        let charged = init_ns.saturating_sub(free);
        self.submission_ns += charged;
        charged
    }

    /// Before the clock runs the worker's weights are the evaluator's, who builds the same model and has no submission's code in it; or those of
    /// the snapshot, as they lie on the disk. Others were made off the clock.
    fn compare_weights(&self, worker: &Weights, evaluator: &Weights) -> Flow<()> {
        let (expected, whose) = match &self.trial.resume {
            None => (evaluator.clone(), "that the evaluator builds"),
            Some(point) => {
                let path = point.snapshot.join(EVAL_FILE);
                let digest = file::digest(&path).map_err(|cause| {
                    let message = format!("{} cannot be read: {cause}", path.display());
                    Stop::failed(FailureKind::Environment, message)
                })?;
                (Some(digest), "of the snapshot that it goes on from")
            }
        };
        if *worker == expected {
            return Ok(());
        }
        let short = |weights: &Weights| match weights {
            Some(digest) => digest.get(..12).unwrap_or(digest).to_owned(),
            None => "none".to_owned(),
        };
        Err(Stop::failed(
            FailureKind::OffClock,
            format!(
                "weights or buffers changed before the clock ran: the worker's digest is {}, that of the model {whose} is {}",
                short(worker),
                short(&expected)
            ),
        ))
    }

    fn note(&mut self, progress: &mut Progress, heard: Heard) -> Flow<()> {
        match (heard.source, &heard.event) {
            (Source::Worker, Event::Initialising) if progress.initialising.is_none() => {
                progress.initialising = Some(heard.at);
            }
            (Source::Worker, Event::Loaded)
                if progress.initialising.is_some() && progress.loaded.is_none() =>
            {
                progress.loaded = Some(heard.at);
                self.tally.enter(Some(Phase::WarmUp), heard.at);
                self.look_at_processor(Phase::StartUp);
            }
            (
                Source::Worker,
                Event::Ready {
                    parameters,
                    device,
                    weights,
                },
            ) if progress.loaded.is_some() && progress.ready.is_none() => {
                self.look_at_processor(Phase::WarmUp);
                progress.ready = Some(Ready {
                    at: heard.at,
                    parameters: *parameters,
                    device: device.clone(),
                    weights: weights.clone(),
                });
                self.snapshots.make_room(*parameters);
                // The evaluator may need longer.
                self.tally.enter(Some(Phase::StartUp), heard.at);
            }
            (Source::Evaluator, Event::Loaded) => {}
            (Source::Evaluator, Event::Ready { weights, .. }) => {
                progress.evaluator = Some(weights.clone());
            }
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
        self.passes = summary.passes;
        let last = summary.curve.last()?;
        let metrics = last.metrics.clone().into();
        Some(Evaluation::told(last.step, last.submission_ns, metrics))
    }
}
