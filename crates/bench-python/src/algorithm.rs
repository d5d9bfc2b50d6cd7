//! An object of Python as a training algorithm of the SDK's.

use crate::bridge;
use crate::error::caught;
use crate::view::Training as View;
use anyhow::{Context, Result};
use bench_sdk::{State, Training, TrainingAlgorithm};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use tch::Tensor;

/// What makes an algorithm: a Python callable without arguments.
static FACTORY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Says what makes algorithms, once for a process.
pub(crate) fn set_factory(py: Python<'_>, factory: Py<PyAny>) {
    let _ = FACTORY.set(py, factory);
}

/// A Python object with the hooks of [`TrainingAlgorithm`], and what it sees of the training.
pub(crate) struct PythonAlgorithm {
    object: Py<PyAny>,
    view: Py<View>,
}

impl PythonAlgorithm {
    /// Calls a hook with the training. Generators of torch, Python and numpy are seeded before it, so that a resumed trial draws what an uninterrupted one would.
    fn call(&mut self, training: &mut Training, hook: &str) -> Result<()> {
        let seed = training.seed("python")?;
        Python::attach(|py| {
            let view = self.view.bind(py);
            let called = View::lend(view, training, || {
                seed_generators(py, seed)?;
                self.object.call_method1(py, hook, (view,))
            });
            called.map(drop).map_err(|error| caught(py, error))
        })
    }
}

fn seed_generators(py: Python<'_>, seed: u64) -> PyResult<()> {
    static SEED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let function = SEED.get_or_try_init(py, || {
        let module = py.import("bench.randomness")?;
        Ok::<_, PyErr>(module.getattr("seed")?.unbind())
    })?;
    function.call1(py, (seed,)).map(drop)
}

impl TrainingAlgorithm for PythonAlgorithm {
    fn init(training: &mut Training) -> Result<Self> {
        let mut algorithm = Python::attach(|py| {
            let factory = FACTORY.get(py).context("no algorithm is loaded")?;
            let made = factory.call0(py).and_then(|object| {
                let view = Py::new(py, View::new(py, training)?)?;
                Ok(PythonAlgorithm { object, view })
            });
            made.map_err(|error| caught(py, error))
        })?;
        algorithm.call(training, "init")?;
        Ok(algorithm)
    }

    fn step(&mut self, training: &mut Training) -> Result<()> {
        self.call(training, "step")
    }

    fn prepare_for_eval(&mut self, training: &mut Training) -> Result<()> {
        self.call(training, "prepare_for_eval")
    }

    fn resume_training(&mut self, training: &mut Training) -> Result<()> {
        self.call(training, "resume_training")
    }

    fn state(&mut self, state: &mut State) -> Result<()> {
        let mut saved = match state.is_loading() {
            true => Saved::default(),
            false => {
                Python::attach(|py| Saved::of(py, &self.object).map_err(|error| caught(py, error)))?
            }
        };
        state.visit("structure", &mut saved.structure)?;
        let mut names = saved.names.join("\n");
        state.visit("names", &mut names)?;
        let names: Vec<&str> = names.lines().collect();
        saved.tensors.resize_with(names.len(), Tensor::new);
        for (name, tensor) in names.iter().zip(&mut saved.tensors) {
            state.visit(name, tensor)?;
        }
        match state.is_loading() {
            false => Ok(()),
            true => Python::attach(|py| {
                saved
                    .load(py, &self.object)
                    .map_err(|error| caught(py, error))
            }),
        }
    }
}

/// A `state_dict()` as a text, and the tensors that it has by number, each with its name.
#[derive(Default)]
struct Saved {
    structure: String,
    names: Vec<String>,
    tensors: Vec<Tensor>,
}

impl Saved {
    fn of(py: Python<'_>, object: &Py<PyAny>) -> PyResult<Saved> {
        let state = object.call_method0(py, "state_dict")?;
        let flat = py
            .import("bench.state")?
            .call_method1("flatten", (state,))?;
        let (structure, names, tensors): (String, Vec<String>, Vec<Bound<'_, PyAny>>) =
            flat.extract()?;
        let tensors = tensors.iter().map(bridge::from_python);
        Ok(Saved {
            structure,
            names,
            tensors: tensors.collect::<PyResult<_>>()?,
        })
    }

    fn load(&self, py: Python<'_>, object: &Py<PyAny>) -> PyResult<()> {
        let tensors = self.tensors.iter();
        let tensors = tensors.map(|tensor| bridge::to_python(py, tensor));
        let tensors = tensors.collect::<PyResult<Vec<_>>>()?;
        let state = py
            .import("bench.state")?
            .call_method1("rebuild", (&self.structure, tensors))?;
        object
            .call_method1(py, "load_state_dict", (state,))
            .map(drop)
    }
}
