//! Python entrants: the SDK's worker in a Python process.
//!
//! `python -m bench.worker` imports torch, then this library, whose libtorch is then the one that torch has loaded. The worker's loop, the models, the draws,
//! snapshots and the protocol are the SDK's; an object of Python is its training algorithm. See README.md.

mod algorithm;
mod bridge;
mod error;
mod view;

use algorithm::PythonAlgorithm;
use bench_sdk::Program;
use pyo3::prelude::*;

/// Runs the worker, or what the arguments ask for, with the algorithms that `factory` makes; gives the process' exit code. `command` is what starts the same
/// program in another process.
#[pyfunction]
fn run(
    py: Python<'_>,
    factory: Py<PyAny>,
    arguments: Vec<String>,
    command: Vec<String>,
) -> PyResult<u8> {
    bridge::open(py)?;
    algorithm::set_factory(py, factory);
    let program = Program {
        arguments,
        command: command.into_iter().map(Into::into).collect(),
    };
    // The loop waits for the referee most of the time, and Python's lock is taken for each call into Python.
    let code = py.detach(|| program.run::<PythonAlgorithm>());
    Ok(u8::from(code != std::process::ExitCode::SUCCESS))
}

/// The native half of the package `bench`.
#[pymodule(name = "_native")]
fn native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<view::Training>()?;
    module.add_class::<view::Parameter>()?;
    module.add_class::<view::Batch>()?;
    module.add_class::<view::Replica>()?;
    module.add(
        "TrainingError",
        module.py().get_type::<error::TrainingError>(),
    )?;
    module.add_function(wrap_pyfunction!(run, module)?)
}
