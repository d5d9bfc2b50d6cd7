//! What a Python algorithm sees of a trial: a thin view of [`bench_sdk::Training`], with the same names.
//!
//! The view lives as long as its algorithm, the training behind it as long as a call: asked for anything in between, it says so.

mod given;

pub(crate) use given::{Batch, Replica};

use crate::bridge::{from_python, set_gradient, to_parameter, to_python};
use crate::error::{caught, raised};
use anyhow::Result;
use bench_core::spec::submission::Value;
use bench_sdk::Pass;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use std::cell::Cell;
use std::ptr;
use tch::Tensor;

/// A pointer to what one thread uses at a time.
struct Lent<T>(T);

// SAFETY: the thread that leaves Python's lock is the one that runs what it is left for, and takes it again before it goes on.
unsafe impl<T> Send for Lent<T> {}

impl<T> Lent<T> {
    /// By a method, so that a closure takes the whole.
    fn into_inner(self) -> T {
        self.0
    }
}

/// A trial: model and derivatives, training examples, budget, randomness.
#[pyclass(unsendable, module = "bench")]
pub(crate) struct Training {
    training: Cell<*mut bench_sdk::Training>,
    parameters: Py<PyList>,
    buffers: Py<PyDict>,
}

/// A trained tensor with its name, role and layer.
#[pyclass(frozen, get_all, module = "bench")]
pub(crate) struct Parameter {
    name: String,
    role: String,
    layer: usize,
    tensor: Py<PyAny>,
}

impl Training {
    pub(crate) fn new(py: Python<'_>, training: &bench_sdk::Training) -> PyResult<Training> {
        let parameters = PyList::empty(py);
        for parameter in training.parameters() {
            parameters.append(Parameter {
                name: parameter.name.clone(),
                role: role(parameter.role),
                layer: parameter.layer,
                tensor: to_parameter(py, &parameter.tensor)?.unbind(),
            })?;
        }
        let buffers = PyDict::new(py);
        for buffer in training.buffers() {
            buffers.set_item(&buffer.name, to_python(py, &buffer.tensor)?)?;
        }
        Ok(Training {
            training: Cell::new(ptr::null_mut()),
            parameters: parameters.unbind(),
            buffers: buffers.unbind(),
        })
    }

    /// Shows a training through a view while `work` lasts.
    pub(crate) fn lend<T>(
        view: &Bound<'_, Training>,
        training: &mut bench_sdk::Training,
        work: impl FnOnce() -> T,
    ) -> T {
        let before = view.borrow().training.replace(training);
        let result = work();
        view.borrow().training.set(before);
        result
    }

    /// Looks at the training.
    fn look<T>(&self, work: impl FnOnce(&bench_sdk::Training) -> T) -> PyResult<T> {
        let pointer = self.training.get();
        // SAFETY: what is not null was lent by `lend`, whose caller holds the training and waits; nobody else has it while Python's lock is held.
        match unsafe { pointer.as_ref() } {
            Some(training) => Ok(work(training)),
            None => Err(closed()),
        }
    }

    /// Does something with the training outside of Python's lock, which automatic differentiation cannot have. Meanwhile it is nobody else's.
    fn with<T>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut bench_sdk::Training) -> Result<T>,
    ) -> PyResult<T> {
        let pointer = self.training.replace(ptr::null_mut());
        if pointer.is_null() {
            return Err(closed());
        }
        let lent = Lent((pointer, work));
        let result = py.detach(move || {
            let (pointer, work) = lent.into_inner();
            // SAFETY: as in `look`; the view holds no pointer until this is over.
            Lent(work(unsafe { &mut *pointer }))
        });
        self.training.set(pointer);
        result.into_inner().map_err(raised)
    }

    /// A Python callable in the middle of something of the SDK's: the training is lent to it again.
    fn call_back<'py>(
        view: &Bound<'py, Training>,
        training: &mut bench_sdk::Training,
        work: &Py<PyAny>,
    ) -> Result<Py<PyAny>> {
        Python::attach(|py| {
            Training::lend(view, training, || work.call0(py)).map_err(|error| caught(py, error))
        })
    }
}

fn closed() -> PyErr {
    raised(anyhow::anyhow!(
        "the training is open only while one of its hooks runs, and for one call at a time"
    ))
}

fn role(role: bench_core::spec::submission::Role) -> String {
    let name = serde_json::to_value(role).unwrap_or_default();
    name.as_str().unwrap_or_default().to_owned()
}

fn value<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Number(number) => number.into_pyobject(py)?.into_any(),
        Value::Flag(flag) => flag.into_pyobject(py)?.to_owned().into_any(),
        Value::Text(text) => text.into_pyobject(py)?.into_any(),
    })
}

fn tensors(list: &[Bound<'_, PyAny>]) -> PyResult<Vec<Tensor>> {
    list.iter().map(from_python).collect()
}

fn objects<'py>(py: Python<'py>, tensors: &[Tensor]) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let objects = tensors.iter().map(|tensor| to_python(py, tensor));
    objects.collect()
}

#[pymethods]
impl Training {
    #[getter]
    fn parameters(&self, py: Python<'_>) -> Py<PyList> {
        self.parameters.clone_ref(py)
    }

    #[getter]
    fn buffers(&self, py: Python<'_>) -> Py<PyDict> {
        self.buffers.clone_ref(py)
    }

    #[getter]
    fn step(&self) -> PyResult<u64> {
        self.look(bench_sdk::Training::step)
    }

    #[getter]
    fn step_hint(&self) -> PyResult<u64> {
        self.look(bench_sdk::Training::step_hint)
    }

    #[getter]
    fn batch_size(&self) -> PyResult<u64> {
        self.look(bench_sdk::Training::batch_size)
    }

    #[getter]
    fn examples(&self) -> PyResult<u64> {
        self.look(bench_sdk::Training::examples)
    }

    #[getter]
    fn budget_steps(&self) -> PyResult<u64> {
        self.look(|training| training.budget().steps)
    }

    #[getter]
    fn budget_seconds(&self) -> PyResult<f64> {
        self.look(|training| training.budget().seconds)
    }

    #[getter]
    fn seconds(&self) -> PyResult<f64> {
        self.look(bench_sdk::Training::seconds)
    }

    fn schedule(&self) -> PyResult<f64> {
        self.look(bench_sdk::Training::schedule)
    }

    fn hyperparameter_names(&self) -> PyResult<Vec<String>> {
        self.look(|training| {
            let names = training.hyperparameters().names();
            names.map(str::to_owned).collect()
        })
    }

    fn hyperparameter<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let found = self.look(|training| training.hyperparameters().value(name).cloned())?;
        value(py, &found.map_err(|error| raised(error.into()))?)
    }

    /// Groups of `submission.yaml`: hyperparameters and places of the parameters.
    fn groups<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Bound<'py, PyDict>, Vec<String>)>> {
        let groups = self.look(bench_sdk::Training::groups)?;
        let group = |group: &bench_sdk::Group| {
            let values = PyDict::new(py);
            for name in group.hyperparameters.names() {
                let found = group.hyperparameters.value(name);
                let found = found.map_err(|error| raised(error.into()))?;
                values.set_item(name, value(py, found)?)?;
            }
            let members = group.parameters.iter();
            Ok((values, members.map(|member| member.name.clone()).collect()))
        };
        groups.iter().map(group).collect()
    }

    /// Validation and train metrics of the evaluations so far, as JSON.
    fn evaluations_json(&self) -> PyResult<String> {
        self.look(|training| serde_json::to_string(training.evaluations()).unwrap_or_default())
    }

    fn next_batch(&self, py: Python<'_>) -> PyResult<Batch> {
        self.with(py, bench_sdk::Training::next_batch).map(Batch)
    }

    fn next_batch_of(&self, py: Python<'_>, size: u64) -> PyResult<Batch> {
        self.with(py, |training| training.next_batch_of(size))
            .map(Batch)
    }

    fn hold_out<'py>(&self, py: Python<'py>, count: u64) -> PyResult<Bound<'py, PyAny>> {
        let places = self.with(py, |training| training.hold_out(count))?;
        to_python(py, &places)
    }

    fn batch(&self, py: Python<'_>, indices: &Bound<'_, PyAny>) -> PyResult<Batch> {
        let indices = from_python(indices)?;
        self.with(py, |training| training.batch(&indices))
            .map(Batch)
    }

    fn outputs<'py>(&self, py: Python<'py>, batch: &Batch) -> PyResult<Bound<'py, PyAny>> {
        let outputs = self.with(py, |training| training.outputs(&batch.0))?;
        to_python(py, &outputs)
    }

    fn loss<'py>(&self, py: Python<'py>, batch: &Batch) -> PyResult<Bound<'py, PyAny>> {
        let loss = self.with(py, |training| training.loss(&batch.0))?;
        to_python(py, &loss)
    }

    /// Outputs as asked: training mode or not, running statistics moved or not, another dropout.
    #[pyo3(signature = (batch, train, update_statistics, dropout=None))]
    fn forward<'py>(
        &self,
        py: Python<'py>,
        batch: &Batch,
        train: bool,
        update_statistics: bool,
        dropout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let pass = Pass {
            train,
            update_buffers: update_statistics,
            dropout,
            observer: None,
        };
        let outputs = self.with(py, |training| training.outputs_by(&batch.0, &pass))?;
        to_python(py, &outputs)
    }

    /// Every example's loss of a batch's outputs on these targets, their sum, and what it counts.
    #[pyo3(signature = (batch, outputs, targets, weights=None, label_smoothing=0.0))]
    fn losses_of<'py>(
        &self,
        py: Python<'py>,
        batch: &Batch,
        outputs: &Bound<'py, PyAny>,
        targets: &Bound<'py, PyAny>,
        weights: Option<&Bound<'py, PyAny>>,
        label_smoothing: f64,
    ) -> PyResult<[Bound<'py, PyAny>; 3]> {
        let outputs = from_python(outputs)?;
        let mut batch = batch.0.with_targets(from_python(targets)?);
        if let Some(weights) = weights {
            batch = batch.weighted(from_python(weights)?);
        }
        let losses = self.with(py, |training| {
            training.losses_of(&outputs, &batch, label_smoothing)
        })?;
        Ok([
            to_python(py, &losses.per_example)?,
            to_python(py, &losses.summed)?,
            to_python(py, &losses.valid)?,
        ])
    }

    /// Somebody differentiates what `outputs`, `loss` or `forward` gave, by torch itself. While a call of the view's own does so there is nothing to count.
    fn went_backward(&self) -> PyResult<()> {
        match self.training.get().is_null() {
            true => Ok(()),
            false => self
                .look(bench_sdk::Training::went_backward)?
                .map_err(raised),
        }
    }

    /// What a submission may be told of the workload, as JSON.
    fn facts_json(&self) -> PyResult<String> {
        self.look(|training| serde_json::to_string(training.facts()).unwrap_or_default())
    }

    /// Loss and gradients at the model's weights.
    fn gradients<'py>(
        &self,
        py: Python<'py>,
        batch: &Batch,
    ) -> PyResult<(Bound<'py, PyAny>, Vec<Bound<'py, PyAny>>)> {
        let gradients = self.with(py, |training| training.gradients(&batch.0))?;
        Ok((
            to_python(py, &gradients.loss)?,
            objects(py, &gradients.values)?,
        ))
    }

    /// The same, clipped as `submission.yaml` says, in every parameter's `.grad`.
    fn backward<'py>(&self, py: Python<'py>, batch: &Batch) -> PyResult<Bound<'py, PyAny>> {
        let loss = self.with(py, |training| {
            let mut gradients = training.gradients(&batch.0)?;
            training.clip(&mut gradients)?;
            for (parameter, gradient) in training.parameters().iter().zip(&gradients.values) {
                set_gradient(&parameter.tensor, gradient)?;
            }
            Ok(gradients.loss)
        })?;
        to_python(py, &loss)
    }

    /// Gradients of a number computed from the model.
    fn gradients_of<'py>(
        &self,
        py: Python<'py>,
        loss: &Bound<'py, PyAny>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let loss = from_python(loss)?;
        let gradients = self.with(py, |training| training.gradients_of(&loss))?;
        objects(py, &gradients)
    }

    fn hessian_vector_product<'py>(
        &self,
        py: Python<'py>,
        batch: &Batch,
        vector: Vec<Bound<'py, PyAny>>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let vector = tensors(&vector)?;
        let products = self.with(py, |training| {
            training.hessian_vector_product(&batch.0, &vector)
        })?;
        objects(py, &products)
    }

    /// Something a second time in a step.
    fn again(slf: &Bound<'_, Self>, py: Python<'_>, work: Py<PyAny>) -> PyResult<Py<PyAny>> {
        let view = slf.clone().unbind();
        slf.get_training().with(py, |training| {
            training.again(|training| {
                Python::attach(|py| Training::call_back(view.bind(py), training, &work))
            })
        })
    }

    /// Something with the model standing at another point.
    fn at(
        slf: &Bound<'_, Self>,
        py: Python<'_>,
        point: Vec<Bound<'_, PyAny>>,
        work: Py<PyAny>,
    ) -> PyResult<Py<PyAny>> {
        let (view, point) = (slf.clone().unbind(), tensors(&point)?);
        slf.get_training().with(py, |training| {
            training.at(&point, |training| {
                Python::attach(|py| Training::call_back(view.bind(py), training, &work))
            })
        })
    }

    fn replica(&self, member: u64) -> PyResult<Replica> {
        let replica = self.look(|training| training.replica(member))?;
        replica.map(Replica).map_err(raised)
    }

    fn restore(&self, py: Python<'_>, replica: &Replica) -> PyResult<()> {
        self.with(py, |training| training.restore(&replica.0))
    }

    /// Something with the model being the replica.
    fn within(
        slf: &Bound<'_, Self>,
        py: Python<'_>,
        replica: &Replica,
        work: Py<PyAny>,
    ) -> PyResult<Py<PyAny>> {
        let view = slf.clone().unbind();
        slf.get_training().with(py, |training| {
            training.within(&replica.0, |training| {
                Python::attach(|py| Training::call_back(view.bind(py), training, &work))
            })
        })
    }

    /// Running statistics of so many batches at the present weights; gives what they were.
    fn recalibrate<'py>(&self, py: Python<'py>, batches: u64) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let before = self.with(py, |training| training.recalibrate(batches))?;
        objects(py, &before)
    }

    fn put_statistics_back(
        &self,
        py: Python<'_>,
        statistics: Vec<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let statistics = tensors(&statistics)?;
        self.with(py, |training| training.put_statistics_back(statistics))
    }

    fn log(&self, py: Python<'_>, name: &str, value: f64) -> PyResult<()> {
        self.with(py, |training| {
            training.log(name, value);
            Ok(())
        })
    }

    fn tell_loss(&self, py: Python<'_>, loss: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let loss = loss.map(from_python).transpose()?;
        self.with(py, |training| {
            training.tell_loss(loss.as_ref());
            Ok(())
        })
    }

    fn seed(&self, py: Python<'_>, purpose: &str) -> PyResult<u64> {
        self.with(py, |training| training.seed(purpose))
    }

    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, |training| {
            training.finish();
            Ok(())
        })
    }
}

/// A view out of its Python object, for calls that give the object on.
trait Viewed {
    fn get_training(&self) -> PyRef<'_, Training>;
}

impl Viewed for Bound<'_, Training> {
    fn get_training(&self) -> PyRef<'_, Training> {
        self.borrow()
    }
}
