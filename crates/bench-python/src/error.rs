//! Errors on their way through both languages: what the SDK says reaches the author as an exception, and, if nobody catches it, the referee as what it was.

use anyhow::{Error, anyhow};
use bench_sdk::Located;
use pyo3::create_exception;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::cell::RefCell;

create_exception!(
    bench,
    TrainingError,
    PyRuntimeError,
    "What `Training` refuses, or libtorch."
);

thread_local! {
    /// The last error that went into Python.
    static RAISED: RefCell<Option<Error>> = const { RefCell::new(None) };
}

/// An error of the SDK's as an exception.
pub(crate) fn raised(error: Error) -> PyErr {
    let message = format!("{error:#}");
    RAISED.with(|raised| *raised.borrow_mut() = Some(error));
    TrainingError::new_err(message)
}

/// An exception as an error, with the author's file and line.
pub(crate) fn caught(py: Python<'_>, exception: PyErr) -> Error {
    // One that was made here has its traceback beside it until somebody in Python has caught it.
    if let Some(traceback) = exception.traceback(py) {
        let _ = exception.value(py).setattr("__traceback__", traceback);
    }
    let told = py
        .import("bench.failure")
        .and_then(|module| module.call_method1("told", (exception.value(py),)))
        .and_then(|told| told.extract::<(String, Option<String>)>());
    let (message, location) = told.unwrap_or_else(|_| (exception.to_string(), None));
    let raised = RAISED.with(|raised| raised.borrow_mut().take());
    match raised.filter(|_| exception.is_instance_of::<TrainingError>(py)) {
        Some(error) => {
            let message = format!("{error:#}");
            error.context(Located { message, location })
        }
        None => anyhow!(Located { message, location }),
    }
}
