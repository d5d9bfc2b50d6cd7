//! A submission's algorithm on a problem of the suite's choice.

use super::run_steps;
use crate::algorithm::TrainingAlgorithm;
use crate::problem::Problem;
use crate::state::Contents;
use crate::toolkit::elementwise::Form;
use crate::training::{Budget, Settings, Training};
use crate::worker::snapshot;
use anyhow::Result;
use bench_core::run::{Resume, RunSpec};
use std::path::Path;
use std::rc::Rc;
use tch::Tensor;

/// Makes a problem anew: each training changes its own.
pub(super) type Make<'a> = dyn Fn() -> Result<Box<dyn Problem>> + 'a;

/// A submission's settings, and how long it is to train.
pub(super) struct Subject<'a> {
    pub(super) run: &'a RunSpec,
    pub(super) steps: u64,
    pub(super) form: Form,
}

impl<'a> Subject<'a> {
    pub(super) fn new(run: &'a RunSpec, steps: u64) -> Subject<'a> {
        Subject {
            run,
            steps,
            form: Form::Fastest,
        }
    }

    /// The submission's own settings with the schedule stretched to the suite's steps.
    fn settings(&self) -> Settings {
        let horizon = self.steps;
        let schedule = self.run.submission.schedule.over(horizon);
        Settings {
            schedule: Box::new(move |step| schedule.at(step)),
            horizon,
            budget: Budget {
                steps: horizon,
                seconds: f64::INFINITY,
            },
            batch_size: 8,
            form: self.form,
            ..Settings::of(self.run)
        }
    }

    /// An algorithm at step 0, as a worker starts it.
    pub(super) fn start<A: TrainingAlgorithm>(&self, make: &Make) -> Result<Trained<A>> {
        let settings = Rc::new(self.settings());
        let mut training = Training::new(make()?, settings);
        let mut algorithm: A = training.start()?;
        training.open();
        algorithm.resume_training(&mut training)?;
        Ok(Trained {
            training,
            algorithm,
        })
    }

    /// The same after all steps.
    pub(super) fn train<A: TrainingAlgorithm>(&self, make: &Make) -> Result<Trained<A>> {
        let mut trained = self.start(make)?;
        trained.steps(self.steps)?;
        Ok(trained)
    }
}

/// A training and its algorithm.
pub(super) struct Trained<A> {
    pub(super) training: Training,
    pub(super) algorithm: A,
}

impl<A: TrainingAlgorithm> Trained<A> {
    pub(super) fn steps(&mut self, steps: u64) -> Result<()> {
        run_steps(&mut self.training, &mut self.algorithm, steps)
    }

    pub(super) fn prepare(&mut self) -> Result<()> {
        self.algorithm.prepare_for_eval(&mut self.training)
    }

    pub(super) fn resume(&mut self) -> Result<()> {
        self.algorithm.resume_training(&mut self.training)
    }

    /// The algorithm's state.
    pub(super) fn state(&mut self) -> Result<Contents> {
        let algorithm = &mut self.algorithm;
        Contents::save(&mut |state| algorithm.state(state))
    }

    /// Parameters and buffers by name.
    fn weights(&self) -> impl Iterator<Item = (&String, &Tensor)> {
        let parameters = self.training.parameters().iter();
        let buffers = self.training.buffers().iter();
        (parameters.map(|p| (&p.name, &p.tensor))).chain(buffers.map(|b| (&b.name, &b.tensor)))
    }

    /// A copy of the parameters that an evaluation sees.
    pub(super) fn evaluated(&mut self) -> Result<Contents> {
        self.prepare()?;
        let parameters = self.parameters();
        self.resume()?;
        parameters
    }

    /// A copy of the parameters.
    pub(super) fn parameters(&self) -> Result<Contents> {
        let parameters = self.training.parameters().iter();
        let named = parameters.map(|p| Ok((p.name.clone(), p.tensor.f_detach()?)));
        let contents = Contents {
            tensors: named.collect::<Result<_>>()?,
            ..Contents::default()
        };
        contents.deep_copy()
    }

    /// A copy of everything that a snapshot holds.
    pub(super) fn snapshot(&mut self) -> Result<Contents> {
        let mut contents = self.state()?;
        for (name, tensor) in self.weights() {
            contents
                .tensors
                .insert(format!("weights: {name}"), tensor.f_detach()?);
        }
        contents
            .values
            .insert("step".to_owned(), self.training.step().to_string());
        contents.deep_copy()
    }

    /// The [`Trained::snapshot`] with the weights to be evaluated in place.
    pub(super) fn as_evaluated(&mut self) -> Result<Contents> {
        self.prepare()?;
        let shown = self.snapshot()?;
        self.resume()?;
        Ok(shown)
    }

    /// Writes a snapshot as a worker does, with the weights to be evaluated in place.
    pub(super) fn write(&mut self, folder: &Path) -> Result<()> {
        self.prepare()?;
        snapshot::write(folder, &mut self.training, &mut self.algorithm)?;
        self.resume()
    }

    /// Goes on from a written snapshot as a worker does.
    pub(super) fn read(&mut self, folder: &Path, step: u64) -> Result<()> {
        let resume = Resume {
            snapshot: folder.to_owned(),
            step,
            submission_seconds: 0.0,
        };
        snapshot::read(&resume, &mut self.training, &mut self.algorithm)?;
        self.resume()
    }

    /// Loss on the first examples, without a graph.
    pub(super) fn loss(&mut self) -> Result<f64> {
        let _guard = tch::no_grad_guard();
        let indices = self.training.shuffled(0, 8)?;
        let batch = self.training.batch(&indices)?;
        Ok(self.training.loss(&batch)?.f_double_value(&[])?)
    }
}
