//! Tensors from one language to the other, without a copy.

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::ffi::c_void;
use tch::Tensor;
use torch_sys::C_tensor;

unsafe extern "C" {
    fn bench_bridge_open() -> bool;
    fn bench_bridge_wrap(tensor: *const C_tensor) -> *mut c_void;
    fn bench_bridge_unwrap(object: *mut c_void) -> *mut C_tensor;
    fn bench_bridge_set_gradient(parameter: *const C_tensor, gradient: *const C_tensor) -> bool;
}

/// The only torch whose tensors lie in memory as the bridge takes them to.
const TORCH: &str = "2.11.0";

static TENSOR: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static PARAMETER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Finds torch in this process, and sees that a tensor comes back as it went.
///
/// # Errors
/// When it is another version, or does not share memory with ours.
pub(crate) fn open(py: Python<'_>) -> PyResult<()> {
    let torch = py.import("torch")?;
    let version: String = torch.getattr("__version__")?.str()?.extract()?;
    let plain = version.split('+').next().unwrap_or_default();
    if plain != TORCH {
        return Err(PyRuntimeError::new_err(format!(
            "torch is {version}, and only {TORCH} fits"
        )));
    }
    let enabled = py.import("sys")?.getattr("_is_gil_enabled");
    let enabled = enabled.and_then(|function| function.call0()?.extract::<bool>());
    if enabled.is_ok_and(|enabled| !enabled) {
        return Err(PyRuntimeError::new_err(
            "this Python runs without its lock, and torch's tensors lie elsewhere in it",
        ));
    }
    // SAFETY: looks a function up in a library that is loaded.
    if !unsafe { bench_bridge_open() } {
        return Err(PyRuntimeError::new_err(format!(
            "torch {version} lacks what the bridge needs (THPVariable_Wrap)"
        )));
    }
    let _ = TENSOR.set(py, torch.getattr("Tensor")?.unbind());
    let _ = PARAMETER.set(py, torch.getattr("nn")?.getattr("Parameter")?.unbind());
    let ours = Tensor::from_slice(&[1.0_f32, 2.0]);
    let theirs = to_python(py, &ours)?;
    theirs.call_method1("add_", (1.0,))?;
    let back = from_python(&theirs)?;
    let same = back.data_ptr() == ours.data_ptr();
    if !same || Vec::<f32>::try_from(&ours).ok() != Some(vec![2.0, 3.0]) {
        return Err(PyRuntimeError::new_err(
            "torch does not share its memory with this program: two copies of libtorch are loaded",
        ));
    }
    Ok(())
}

/// The Python object of a tensor.
///
/// # Errors
/// When torch refuses.
pub(crate) fn to_python<'py>(py: Python<'py>, tensor: &Tensor) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the bridge is open, the lock is held, and the tensor lives; the result is a new reference or null with an error set.
    unsafe {
        let object = bench_bridge_wrap(tensor.as_ptr());
        if object.is_null() && PyErr::occurred(py) {
            return Err(PyErr::fetch(py));
        }
        Bound::from_owned_ptr_or_opt(py, object.cast())
            .ok_or_else(|| PyRuntimeError::new_err("torch cannot wrap a tensor"))
    }
}

/// The same object as a `torch.nn.Parameter`: its constructor would make another tensor.
///
/// # Errors
/// As [`to_python`].
pub(crate) fn to_parameter<'py>(py: Python<'py>, tensor: &Tensor) -> PyResult<Bound<'py, PyAny>> {
    let object = to_python(py, tensor)?;
    if let Some(class) = PARAMETER.get(py) {
        object.setattr("__class__", class)?;
    }
    Ok(object)
}

/// What a `torch.Tensor` holds.
///
/// # Errors
/// When the object is none.
pub(crate) fn from_python(object: &Bound<'_, PyAny>) -> PyResult<Tensor> {
    let py = object.py();
    let is_tensor = match TENSOR.get(py) {
        Some(class) => object.is_instance(class.bind(py))?,
        None => false,
    };
    if !is_tensor {
        return Err(PyTypeError::new_err(format!(
            "a torch.Tensor is wanted, not {}",
            object.get_type().name()?
        )));
    }
    // SAFETY: a torch.Tensor has its at::Tensor behind the head, which `open` has seen; the new handle is owned by the result.
    Ok(unsafe { Tensor::from_ptr(bench_bridge_unwrap(object.as_ptr().cast())) })
}

/// Makes a tensor what `.grad` of a parameter shows.
///
/// # Errors
/// When torch refuses.
pub(crate) fn set_gradient(parameter: &Tensor, gradient: &Tensor) -> PyResult<()> {
    // SAFETY: both live; torch takes a handle of its own.
    match unsafe { bench_bridge_set_gradient(parameter.as_ptr(), gradient.as_ptr()) } {
        true => Ok(()),
        false => Err(PyRuntimeError::new_err("torch refuses a gradient")),
    }
}
