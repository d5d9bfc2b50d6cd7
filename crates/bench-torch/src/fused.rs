//! libtorch's own fused optimizer kernels. They check neither shapes nor strides nor devices, so these functions do.
//! For comparison and for CUDA; [`crate::one_pass`] is as fast on a CPU and takes any rule.

use crate::errors::LibtorchError;
use crate::shim::{self, Layout, List};
use std::borrow::Borrow;
use tch::{Device, Kind, Tensor};

/// Why a fused update was refused. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum FusedError {
    /// Lists of different lengths.
    #[error("{parameters} parameters but a list of {other} for them")]
    Lengths {
        /// Number of parameters.
        parameters: usize,
        /// Length of the list that differs.
        other: usize,
    },
    /// A gradient or state that does not lie in memory as its parameter does.
    #[error(
        "tensor {list} of parameter {index} has another shape, strides, kind or device than the parameter"
    )]
    Layout {
        /// Position of the parameter.
        index: usize,
        /// 1 for the gradient, 2 and more for state.
        list: usize,
    },
    /// libtorch refused.
    #[error("libtorch refused: {0}")]
    Libtorch(#[from] LibtorchError),
}

/// Coefficients of `torch.optim.AdamW`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    /// Learning rate.
    pub learning_rate: f64,
    /// Of the first moment.
    pub beta1: f64,
    /// Of the second moment.
    pub beta2: f64,
    /// Decoupled.
    pub weight_decay: f64,
    /// Added to the root.
    pub epsilon: f64,
}

/// `torch.optim.AdamW(fused=True)`'s step. `step` is a float32 tensor of no dimensions on the parameters' device that counts
/// the steps of all of them, and is increased here.
///
/// # Errors
/// When lists or layouts do not match, or libtorch fails.
pub fn adamw<T: Borrow<Tensor>>(
    parameters: &[T],
    gradients: &[T],
    first_moments: &[T],
    second_moments: &[T],
    step: &mut Tensor,
    with: AdamW,
) -> Result<(), FusedError> {
    check([parameters, gradients, first_moments, second_moments])?;
    let _no_graph = tch::no_grad_guard();
    // libtorch's kernel wants the count of this step, not of those before.
    let _ = step.f_add_scalar_(1).map_err(LibtorchError::from)?;
    let lists = [parameters, gradients, first_moments, second_moments].map(List::new);
    let [parameters, gradients, first, second] = &lists;
    // SAFETY: equal lists of live tensors with equal layouts.
    unsafe {
        shim::check(shim::bench_fused_adamw(
            parameters.as_ptr(),
            gradients.as_ptr(),
            first.as_ptr(),
            second.as_ptr(),
            parameters.len(),
            step.as_ptr(),
            with.learning_rate,
            with.beta1,
            with.beta2,
            with.weight_decay,
            with.epsilon,
        ))?;
        Ok(shim::check(shim::bench_bump_versions(
            parameters.as_ptr(),
            parameters.len(),
        ))?)
    }
}

/// Coefficients of `torch.optim.SGD`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    /// Learning rate.
    pub learning_rate: f64,
    /// Of the buffers; not 0.
    pub momentum: f64,
    /// Coupled.
    pub weight_decay: f64,
    /// Of the gradient's share in the buffers.
    pub dampening: f64,
    /// Nesterov's form.
    pub nesterov: bool,
}

/// `torch.optim.SGD(fused=True)`'s step with momentum; the first step fills the buffers.
///
/// # Errors
/// When lists or layouts do not match, or libtorch fails.
pub fn sgd<T: Borrow<Tensor>>(
    parameters: &[T],
    gradients: &[T],
    buffers: &[T],
    first_step: bool,
    with: Sgd,
) -> Result<(), FusedError> {
    check([parameters, gradients, buffers])?;
    let _no_graph = tch::no_grad_guard();
    let lists = [parameters, gradients, buffers].map(List::new);
    let [parameters, gradients, buffers] = &lists;
    // SAFETY: equal lists of live tensors with equal layouts.
    unsafe {
        shim::check(shim::bench_fused_sgd(
            parameters.as_ptr(),
            gradients.as_ptr(),
            buffers.as_ptr(),
            parameters.len(),
            with.learning_rate,
            with.momentum,
            with.weight_decay,
            with.dampening,
            with.nesterov,
            first_step,
        ))?;
        Ok(shim::check(shim::bench_bump_versions(
            parameters.as_ptr(),
            parameters.len(),
        ))?)
    }
}

/// Checks that the lists are equally long and the tensors at each place lie in memory alike.
fn check<T: Borrow<Tensor>, const L: usize>(lists: [&[T]; L]) -> Result<(), FusedError> {
    let parameters = lists[0].len();
    if let Some(other) = lists.iter().find(|list| list.len() != parameters) {
        return Err(FusedError::Lengths {
            parameters,
            other: other.len(),
        });
    }
    let tensors: List<'_> = (0..parameters)
        .flat_map(|i| lists.map(|list| list[i].borrow()))
        .collect();
    let mut layouts = vec![Layout::EMPTY; tensors.len()];
    // SAFETY: the list borrows live tensors, and there is a layout for each.
    unsafe {
        shim::check(shim::bench_layouts(
            tensors.as_ptr(),
            tensors.len(),
            L,
            layouts.as_mut_ptr(),
        ))?
    };
    for (index, group) in layouts.chunks(L).enumerate() {
        let device = lists[0][index].borrow().device();
        let alike = |list: usize| {
            let layout = &group[list];
            layout.same_strides
                && layout.dense
                && layout.kind == group[0].kind
                && lists[list][index].borrow().device() == device
        };
        if let Some(list) = (0..L).find(|list| !alike(*list)) {
            return Err(FusedError::Layout { index, list });
        }
    }
    Ok(())
}

/// A step counter for [`adamw`], at 0.
///
/// # Errors
/// When libtorch refuses.
pub fn step_counter(device: Device) -> Result<Tensor, LibtorchError> {
    Ok(Tensor::f_zeros([0_i64; 0], (Kind::Float, device))?)
}
