//! What a training gives: examples, and copies of the model.

use super::objects;
use crate::bridge::to_python;
use crate::error::raised;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;

/// Some training examples.
#[pyclass(unsendable, frozen, module = "bench")]
pub(crate) struct Batch(pub(super) bench_sdk::Batch);

/// A copy of the model.
#[pyclass(unsendable, module = "bench")]
pub(crate) struct Replica(pub(super) bench_sdk::Replica);

#[pymethods]
impl Batch {
    #[getter]
    fn inputs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, self.0.inputs())
    }

    #[getter]
    fn targets<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.0.targets)
    }

    #[getter]
    fn weights<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let weights = self.0.weights.as_ref();
        weights.map(|weights| to_python(py, weights)).transpose()
    }

    fn input<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let input = self.0.input(name);
        let input = input.map_err(|error| PyKeyError::new_err(error.to_string()))?;
        to_python(py, &input.values)
    }

    fn __len__(&self) -> usize {
        self.0.examples().try_into().unwrap_or(0)
    }
}

#[pymethods]
impl Replica {
    #[getter]
    fn member(&self) -> u64 {
        self.0.member
    }

    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        objects(py, &self.0.parameters)
    }

    #[getter]
    fn buffers<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        objects(py, &self.0.buffers)
    }

    #[getter]
    fn steps(&self) -> u64 {
        self.0.steps
    }

    #[setter]
    fn set_steps(&mut self, steps: u64) {
        self.0.steps = steps;
    }

    fn copy_from(&mut self, other: &Replica) -> PyResult<()> {
        self.0.copy_from(&other.0).map_err(raised)
    }
}
