//! A submission's program as the referee sees it: one task, then commands, until `stop` or the end of input.

mod channel;
mod diverged;
pub(crate) mod failure;
mod interval;
mod pulse;
pub(crate) mod snapshot;
mod warm_up;

use crate::algorithm::TrainingAlgorithm;
use crate::problem::WorkloadProblem;
use crate::state::Contents;
use crate::training::{Settings, Training};
use anyhow::{Context, Result, bail};
use bench_core::protocol::{Command, Evaluation, Event, Task};
use bench_core::run::{RunSpec, SplitName};
use bench_torch::device;
use bench_torch::runtime::{self, Runtime};
use channel::{Channel, Input};
use failure::{Environment, Failure};
use interval::Cadence;
use pulse::Pulse;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;

/// Speaks the protocol on standard input and output.
pub(crate) fn run<A: TrainingAlgorithm>() -> ExitCode {
    let Ok(channel) = Channel::open() else {
        return ExitCode::FAILURE;
    };
    let pulse = Pulse::start(channel.clone());
    match failure::fence(|| serve::<A>(&channel, &pulse)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&channel, failure, pulse.step()),
    }
}

fn fail(channel: &Channel, failure: Failure, step: u64) -> ExitCode {
    // Where the pipe is gone nobody is left to be told.
    let _ = channel.say(failure.event(Some(step)));
    ExitCode::FAILURE
}

fn serve<A: TrainingAlgorithm>(channel: &Channel, pulse: &Pulse) -> Result<()> {
    let Some((task, input)) = channel::listen()? else {
        bail!(
            "standard input is empty: a worker reads a task, as `bench spec show WORKLOAD SUBMISSION` prints it"
        );
    };
    let (mut trial, runtime) = Trial::<A>::start(&task, channel, pulse)?;
    channel.say(Event::Loaded)?;
    trial.warm_up(&task.run)?;
    channel.say(Event::Ready {
        parameters: trial.parameters(),
        device: runtime.report,
        weights: Some(trial.weights()?),
    })?;
    for input in input {
        match input? {
            Input::Command(Command::Train {
                evaluation,
                submission_seconds,
            }) => {
                trial.train(evaluation, submission_seconds)?;
            }
            Input::Command(Command::Snapshot { folder }) => trial.snapshot(&folder)?,
            Input::Command(Command::Stop) => break,
            Input::Command(Command::Evaluate { .. }) => {
                bail!("a worker takes `train`, `snapshot` and `stop`, not `evaluate`")
            }
            Input::Unsupervised => {
                trial.train_unsupervised()?;
                break;
            }
        }
    }
    trial.stop()
}

/// A trial under way.
struct Trial<'a, A> {
    settings: Rc<Settings>,
    training: Training,
    algorithm: A,
    cadence: Cadence,
    channel: &'a Channel,
    pulse: &'a Pulse,
}

impl<'a, A: TrainingAlgorithm> Trial<'a, A> {
    /// Sets libtorch up, loads the training split, builds model and algorithm, and goes on from a snapshot where the task names one.
    fn start(
        task: &Task,
        channel: &'a Channel,
        pulse: &'a Pulse,
    ) -> Result<(Trial<'a, A>, Runtime)> {
        let run = &task.run;
        let runtime = runtime::start(runtime::Settings {
            threads: run.threads,
            device: run.device,
            device_index: task.local.device_index,
        })
        .context(Environment("the run cannot have what it asks for"))?;
        let train = task.local.data.get(&SplitName::Train);
        let train = train
            .context("the task names no training split")
            .context(Environment("there is no data"))?;
        let problem = WorkloadProblem::open(run, train, runtime.device)
            .context(Environment("the workload cannot be loaded"))?;
        let settings = Rc::new(Settings::of(run));
        let mut training = Training::new(Box::new(problem), settings.clone());
        channel.say(Event::Initialising)?;
        let mut algorithm: A = training.start()?;
        if let Some(resume) = &task.local.resume {
            snapshot::read(resume, &mut training, &mut algorithm)
                .context("the trial cannot go on from its snapshot")?;
            training.clock().spent = resume.submission_seconds;
            pulse.beat(resume.step);
        }
        let trial = Trial {
            settings,
            training,
            algorithm,
            cadence: Cadence::of(run),
            channel,
            pulse,
        };
        Ok((trial, runtime))
    }

    /// On copies: the trial's own model is compared before and after.
    fn warm_up(&mut self, run: &RunSpec) -> Result<()> {
        let (settings, device) = (&self.settings, self.training.device());
        self.training.off_clock("the warm-up", |_| {
            warm_up::warm_up::<A>(run, settings, device)
        })
    }

    /// Digest of weights and buffers, as that of the file that an evaluator would read.
    fn weights(&self) -> Result<String> {
        Ok(bench_torch::snapshot::digest(&self.training.named())?)
    }

    fn parameters(&self) -> u64 {
        self.training
            .parameters()
            .iter()
            .map(|parameter| parameter.tensor.numel() as u64)
            .sum()
    }

    fn train(&mut self, evaluation: Option<Evaluation>, submission_seconds: f64) -> Result<()> {
        let began = Instant::now();
        self.channel.begin_training();
        self.training.clock().spent = submission_seconds;
        if let Some(evaluation) = evaluation {
            self.training.observe(evaluation);
        }
        let Trial {
            training,
            algorithm,
            cadence,
            channel,
            pulse,
            ..
        } = self;
        interval::train(training, algorithm, cadence, pulse, channel, began)
    }

    /// Trains to the step budget with the evaluations left out: a replay by hand.
    fn train_unsupervised(&mut self) -> Result<()> {
        while self.training.step() < self.training.budget().steps && !self.training.is_complete() {
            self.train(None, self.training.seconds())?;
        }
        Ok(())
    }

    fn snapshot(&mut self, folder: &Path) -> Result<()> {
        let bytes = snapshot::write(folder, &mut self.training, &mut self.algorithm)?;
        self.channel.say(Event::SnapshotWritten { bytes })
    }

    fn stop(mut self) -> Result<()> {
        if let Some(message) = diverged::told(&self.training)? {
            self.channel.say(Event::Warned { message })?;
        }
        let algorithm = &mut self.algorithm;
        let state = Contents::save(&mut |state| algorithm.state(state))?.numbers();
        let memory = device::memory(self.training.device())?;
        self.channel.say(Event::Stopped {
            unread: self.settings.hyperparameters.unread(),
            state: Some(state),
            device_memory: memory.map(|memory| memory.allocated_peak),
        })
    }
}
