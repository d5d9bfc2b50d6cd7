//! `<program> time`: how long steps take, or the update alone, in turns that another program asks for.
//!
//! Standard input is a resolved run (`bench spec show WORKLOAD SUBMISSION`), then a line an order; each is answered by one line of JSON:
//!
//! | order | answer |
//! |---|---|
//! | `steps N` | `step-ms`, `update-ms`: milliseconds of each of the next N steps, and of the update rules in it |
//! | `triad N` | `triad-ms`: milliseconds of `p -= c g` over copies of all parameters in the place of an update, N times: the least that any update can cost |
//! | `memory N` | as `steps N`, and `state`: numbers that the algorithm keeps; `state-bytes`: what they take; `temporary-bytes`: the most in other tensors beside parameters and one gradient |
//! | `save FILE` | `loss`; the file has parameters, buffers, this step's batch, its loss and gradients |
//!
//! With `--update model` there is no model: the gradients are those of a quadratic function of the workload's parameters. With `--update large` its
//! parameters are 10.0 million in 60 tensors.

mod quadratic;

use crate::algorithm::TrainingAlgorithm;
use crate::problem::{Problem, WorkloadProblem};
use crate::state::Contents;
use crate::tensor::copy_of;
use crate::training::{Budget, Settings, Training};
use crate::worker::failure;
use anyhow::{Context, Result, bail};
use bench_core::protocol::Task;
use bench_core::run::SplitName;
use bench_torch::one_pass::{self, Elementwise, Float};
use bench_torch::{counted, runtime, snapshot};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tch::Tensor;

/// Obeys the orders on standard input until it ends.
pub(crate) fn run<A: TrainingAlgorithm>(arguments: &[String]) -> ExitCode {
    match failure::fence(|| obey::<A>(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn obey<A: TrainingAlgorithm>(arguments: &[String]) -> Result<()> {
    let mut lines = std::io::stdin().lock().lines();
    let task = lines.next().context(
        "standard input is empty: a resolved run comes first, as `bench spec show WORKLOAD SUBMISSION` prints it",
    )??;
    let task = task.parse().context("the first line is no resolved run")?;
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut timed = Timed::<A>::start(&task, subject(&words)?)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", timed.parameters())?;
    for line in lines {
        writeln!(out, "{}", timed.obey(&line?)?)?;
    }
    Ok(())
}

/// What is trained.
enum Subject {
    Workload,
    Model,
    Large,
}

fn subject(arguments: &[&str]) -> Result<Subject> {
    match arguments {
        [] => Ok(Subject::Workload),
        ["--update", "model"] => Ok(Subject::Model),
        ["--update", "large"] => Ok(Subject::Large),
        other => bail!(
            "`time {}` means nothing; `time`, `time --update model` and `time --update large` do",
            other.join(" ")
        ),
    }
}

struct Timed<A> {
    training: Training,
    algorithm: A,
    /// Bytes in tensors that the algorithm made at its start.
    state_bytes: u64,
    triad: Option<[Vec<Tensor>; 2]>,
}

impl<A: TrainingAlgorithm> Timed<A> {
    fn start(task: &Task, subject: Subject) -> Result<Timed<A>> {
        let run = &task.run;
        counted::start()?;
        let device = runtime::start(runtime::Settings {
            threads: run.threads,
            device: run.device,
            device_index: task.local.device_index,
        })?
        .device;
        let problem: Box<dyn Problem> = match subject {
            Subject::Workload => {
                let train = task.local.data.get(&SplitName::Train);
                let train = train.context("the task names no training split")?;
                Box::new(WorkloadProblem::open(run, train, device)?)
            }
            Subject::Model => Box::new(quadratic::of(&WorkloadProblem::dummy(run, device)?)?),
            Subject::Large => Box::new(quadratic::large()?),
        };
        let endless = Budget {
            steps: u64::MAX,
            seconds: f64::INFINITY,
        };
        let settings = Settings {
            budget: endless,
            ..Settings::of(run)
        };
        let mut training = Training::new(problem, Rc::new(settings));
        let before = counted::read().now;
        let algorithm = training.start()?;
        training.open();
        let state_bytes = counted::read().now.saturating_sub(before);
        Ok(Timed {
            training,
            algorithm,
            state_bytes,
            triad: None,
        })
    }

    /// What is trained, for a peer that wants the same.
    fn parameters(&self) -> Value {
        let parameters = self.training.parameters().iter();
        let parameters: Vec<Value> = parameters
            .map(|p| json!({ "name": p.name, "role": p.role, "shape": p.tensor.size() }))
            .collect();
        json!({ "parameters": parameters })
    }

    fn obey(&mut self, order: &str) -> Result<Value> {
        let words: Vec<&str> = order.split_whitespace().collect();
        let count = |text: &str| {
            text.parse()
                .with_context(|| format!("`{text}` in `{order}` is no number"))
        };
        match words[..] {
            ["steps", number] => self.steps(count(number)?),
            ["triad", number] => self.triad(count(number)?),
            ["memory", number] => self.memory(count(number)?),
            ["save", file] => self.save(Path::new(file)),
            _ => {
                bail!("`{order}` is no order; `steps N`, `triad N`, `memory N` and `save FILE` are")
            }
        }
    }

    fn steps(&mut self, count: u64) -> Result<Value> {
        let (mut steps, mut updates) = (Vec::new(), Vec::new());
        for _ in 0..count {
            self.training.clock().update = Duration::ZERO;
            let began = Instant::now();
            self.algorithm.step(&mut self.training)?;
            self.training.advance();
            bench_torch::device::synchronise(self.training.device())?;
            steps.push(milliseconds(began.elapsed()));
            updates.push(milliseconds(self.training.clock().update));
        }
        let _ = self.training.take_logged();
        Ok(json!({ "step-ms": steps, "update-ms": updates }))
    }

    fn triad(&mut self, count: u64) -> Result<Value> {
        let [targets, gradients] = match self.triad.take() {
            Some(copies) => copies,
            None => [self.copies()?, self.copies()?],
        };
        let mut times = Vec::new();
        for _ in 0..count {
            // Where an update stands: what the passes leave in the allocator and of spinning threads is the same for both. The copies are as far away as
            // an update's state, which nothing has used since the step before: it is memory's triad and not the cache's.
            let batch = self.training.next_batch()?;
            let _passes = self.training.gradients(&batch)?;
            let began = Instant::now();
            one_pass::update::<0, _, _, _, Tensor>(Triad, &targets, &gradients, [])?;
            times.push(milliseconds(began.elapsed()));
            self.training.advance();
        }
        self.triad = Some([targets, gradients]);
        Ok(json!({ "triad-ms": times }))
    }

    fn copies(&self) -> Result<Vec<Tensor>> {
        let _guard = tch::no_grad_guard();
        let tensors = self.training.tensors().into_iter();
        tensors.map(|tensor| Ok(copy_of(tensor)?)).collect()
    }

    fn memory(&mut self, count: u64) -> Result<Value> {
        let algorithm = &mut self.algorithm;
        let state = Contents::save(&mut |state| algorithm.state(state))?.numbers();
        let before = counted::read().now;
        let mut measured = self.steps(count)?;
        let gradients: u64 = self.training.tensors().iter().map(|t| bytes(t)).sum();
        let temporary = counted::read().most.saturating_sub(before + gradients);
        measured["state"] = state.into();
        measured["state-bytes"] = self.state_bytes.into();
        measured["temporary-bytes"] = temporary.into();
        Ok(measured)
    }

    fn save(&mut self, file: &Path) -> Result<Value> {
        let batch = self.training.next_batch()?;
        let gradients = self.training.gradients(&batch)?;
        let mut tensors: Vec<(String, &Tensor)> = vec![
            ("inputs".to_owned(), batch.inputs()),
            ("targets".to_owned(), &batch.targets),
            ("loss".to_owned(), &gradients.loss),
        ];
        for (parameter, gradient) in self.training.parameters().iter().zip(&gradients.values) {
            tensors.push((format!("parameters/{}", parameter.name), &parameter.tensor));
            tensors.push((format!("gradients/{}", parameter.name), gradient));
        }
        snapshot::save(file, &tensors, &BTreeMap::new())?;
        Ok(json!({ "loss": gradients.loss.f_double_value(&[])? }))
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn bytes(tensor: &Tensor) -> u64 {
    (tensor.numel() * tensor.kind().elt_size_in_bytes()) as u64
}

/// Reads a parameter and its gradient, and writes the parameter.
#[derive(Clone, Copy)]
struct Triad;

impl Elementwise<0> for Triad {
    #[inline(always)]
    fn scalar<F: Float>(&self, x: F, g: F, _: [F; 0]) -> (F, [F; 0]) {
        (x - F::of(1e-3) * g, [])
    }
}
