//! Elementwise updates in one pass over all parameters' memory.
//!
//! An author writes the rule for one element, over `f32` and `f64` alike:
//!
//! ```
//! use bench_torch::one_pass::{Elementwise, Float};
//!
//! #[derive(Clone, Copy)]
//! struct Momentum {
//!     learning_rate: f64,
//!     momentum: f64,
//! }
//!
//! impl Elementwise<1> for Momentum {
//!     #[inline(always)]
//!     fn scalar<F: Float>(&self, parameter: F, gradient: F, [velocity]: [F; 1]) -> (F, [F; 1]) {
//!         let [rate, momentum] = F::all([self.learning_rate, self.momentum]);
//!         let velocity = momentum * velocity + gradient;
//!         (parameter - rate * velocity, [velocity])
//!     }
//! }
//! ```
//!
//! and [`update`] applies it at the speed of memory, five times faster than the same rule as tensor expressions, with no
//! temporary. Borders between pieces are fixed, so any number of threads gives the same bits. Where [`supports`] says no (CUDA,
//! half precision), the tensor expressions are what runs.

mod float;
mod kernel;
mod memory;

pub use float::Float;

use crate::errors::LibtorchError;
use crate::shim::{self, List};
use memory::{Memory, Span};
use rayon::prelude::*;
use std::borrow::Borrow;
use tch::{Device, Kind, Tensor};

/// Elements of a piece: 64 KiB of `f32`, which with gradient and state stays in a core's second-level cache.
const PIECE: usize = 16_384;
/// Below this many elements a second thread costs more than it saves.
const INLINE: usize = 16 * PIECE;

/// An update rule of one element, with `N` numbers of state an element. Its fields are the coefficients of this step.
pub trait Elementwise<const N: usize>: Copy + Send + Sync {
    /// How many numbers of state, the last ones, stay as they are: they are read and not written, which saves memory's time.
    const KEPT: usize = 0;

    /// New parameter and state from the old ones and the gradient. Mark it `#[inline(always)]`: a call an element would
    /// be ten times slower.
    fn scalar<F: Float>(&self, parameter: F, gradient: F, state: [F; N]) -> (F, [F; N]);
}

/// Why an update was refused. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum OnePassError {
    /// Lists of different lengths.
    #[error("{parameters} parameters but {other} tensors of {what}")]
    Lengths {
        /// Number of parameters.
        parameters: usize,
        /// `gradient` or `state 0`, ….
        what: String,
        /// Number of those.
        other: usize,
    },
    /// A tensor that does not fit its parameter.
    #[error("{what} of parameter {index} {problem}")]
    Tensor {
        /// Position of the parameter in its list.
        index: usize,
        /// `parameter`, `gradient` or `state 0`, ….
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Two of the tensors share memory.
    #[error(
        "two of the tensors to update share memory (a parameter that is used twice, or the same state given twice)"
    )]
    Overlap,
    /// libtorch refused.
    #[error("libtorch refused: {0}")]
    Libtorch(#[from] LibtorchError),
}

/// One parameter's part of an update. `parameter` and `state` are written through these references: a tensor is a handle
/// to shared memory.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a, R, const N: usize> {
    /// The rule with its coefficients, which may differ from parameter to parameter.
    pub rule: R,
    /// To update.
    pub parameter: &'a Tensor,
    /// Of any strides; read only.
    pub gradient: &'a Tensor,
    /// To update; same shape, strides and kind as the parameter.
    pub state: [&'a Tensor; N],
}

/// Whether [`update`] can work on a parameter: `f32` or `f64` in the process' memory.
pub fn supports(parameter: &Tensor) -> bool {
    parameter.device() == Device::Cpu && matches!(parameter.kind(), Kind::Float | Kind::Double)
}

/// Applies one rule to all parameters.
///
/// # Errors
/// As [`run`], and when the lists differ in length.
pub fn update<const N: usize, R, P, G, S>(
    rule: R,
    parameters: &[P],
    gradients: &[G],
    state: [&[S]; N],
) -> Result<(), OnePassError>
where
    R: Elementwise<N>,
    P: Borrow<Tensor>,
    G: Borrow<Tensor>,
    S: Borrow<Tensor>,
{
    let lengths = std::iter::once(gradients.len()).chain(state.iter().map(|list| list.len()));
    for (role, other) in lengths.enumerate() {
        if other != parameters.len() {
            return Err(OnePassError::Lengths {
                parameters: parameters.len(),
                what: memory::role(role + 1),
                other,
            });
        }
    }
    let jobs: Vec<Job<'_, R, N>> = (0..parameters.len())
        .map(|i| Job {
            rule,
            parameter: parameters[i].borrow(),
            gradient: gradients[i].borrow(),
            state: state.map(|list| list[i].borrow()),
        })
        .collect();
    run(&jobs)
}

/// Applies each job's rule to its parameter, all in one parallel region. Autograd is told of the change, as of an
/// in-place operation under `no_grad`.
///
/// # Errors
/// When a tensor's shape, strides, kind or device is not supported, or two share memory. Nothing was written then.
pub fn run<const N: usize, R: Elementwise<N>>(jobs: &[Job<'_, R, N>]) -> Result<(), OnePassError> {
    let Some(first) = jobs.first() else {
        return Ok(());
    };
    match first.parameter.kind() {
        Kind::Double => sweep::<f64, N, R>(jobs)?,
        _ => sweep::<f32, N, R>(jobs)?,
    }
    let parameters: List<'_> = jobs.iter().map(|job| job.parameter).collect();
    // SAFETY: the list borrows live tensors.
    unsafe {
        shim::check(shim::bench_bump_versions(
            parameters.as_ptr(),
            parameters.len(),
        ))?
    };
    Ok(())
}

fn sweep<F: Float, const N: usize, R: Elementwise<N>>(
    jobs: &[Job<'_, R, N>],
) -> Result<(), OnePassError> {
    let memory = Memory::<F, N>::of(jobs)?;
    let total: usize = memory.spans.iter().map(|span| span.length).sum();
    if rayon::current_num_threads() == 1 || total < INLINE {
        // Memory of no elements may have no address, and a slice must have one.
        let spans = jobs.iter().zip(&memory.spans);
        for (job, span) in spans.filter(|(_, span)| span.length > 0) {
            // SAFETY: `Memory` checked the span, and this is its only use.
            unsafe { kernel::run(job.rule, span, 0..span.length) };
        }
        return Ok(());
    }
    let pieces: Vec<(R, &Span<F, N>, usize)> = jobs
        .iter()
        .zip(&memory.spans)
        .flat_map(|(job, span)| {
            (0..span.length)
                .step_by(PIECE)
                .map(move |start| (job.rule, span, start))
        })
        .collect();
    pieces.par_iter().for_each(|(rule, span, start)| {
        // SAFETY: `Memory` checked the spans; pieces do not overlap, and each is used once.
        unsafe { kernel::run(*rule, span, *start..span.length.min(start + PIECE)) };
    });
    Ok(())
}
