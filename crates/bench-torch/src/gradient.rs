//! Gradients by autograd, guarded: what tch's own call crashes on is an error here.

use crate::errors::LibtorchError;
use crate::shim::{self, List};
use std::borrow::Borrow;
use tch::Tensor;

/// Why there is no gradient.
#[derive(Debug, thiserror::Error)]
pub enum GradientError {
    /// The loss is not one number.
    #[error(
        "the loss has shape {shape:?}; a gradient needs a single number (take its mean or sum)"
    )]
    NotScalar {
        /// Its shape.
        shape: Vec<i64>,
    },
    /// Nothing that requires a gradient led to the loss.
    #[error(
        "the loss does not depend on any tensor that requires a gradient (was it computed under no_grad, or detached?)"
    )]
    NoGraph,
    /// A list of vectors that does not match the outputs.
    #[error("{outputs} outputs but {vectors} vectors")]
    Vectors {
        /// Number of outputs.
        outputs: usize,
        /// Number of vectors.
        vectors: usize,
    },
    /// libtorch refused.
    #[error("libtorch could not differentiate: {0}")]
    Libtorch(#[from] LibtorchError),
}

/// What becomes of the graph of the forward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Graph {
    /// Freed: one gradient a forward pass.
    #[default]
    Free,
    /// Kept for another gradient.
    Keep,
    /// Kept, and the gradients can themselves be differentiated.
    Differentiable,
}

/// Gradients of the number `loss` with respect to `parameters`, in their order; `None` where the loss does not depend on one.
///
/// Each gradient owns its memory in the layout (strides) of its parameter, so that in-place and raw kernels may use it;
/// with [`Graph::Differentiable`] it is as autograd made it, possibly expanded or shared.
///
/// # Errors
/// When `loss` is not one number, has no graph, or libtorch fails.
pub fn gradients<T: Borrow<Tensor>>(
    loss: &Tensor,
    parameters: &[T],
    graph: Graph,
) -> Result<Vec<Option<Tensor>>, GradientError> {
    if loss.numel() != 1 {
        return Err(GradientError::NotScalar { shape: loss.size() });
    }
    differentiate(
        &List::from_iter([loss]),
        None,
        loss.requires_grad(),
        parameters,
        graph,
    )
}

/// Vector-Jacobian products: gradients with respect to `parameters` of the sum over `outputs` of their dot products
/// with `vectors`. Applied to gradients taken with [`Graph::Differentiable`], Hessian-vector products.
///
/// # Errors
/// As [`gradients`], and when the lists differ in length.
pub fn vector_products<O: Borrow<Tensor>, V: Borrow<Tensor>, T: Borrow<Tensor>>(
    outputs: &[O],
    vectors: &[V],
    parameters: &[T],
    graph: Graph,
) -> Result<Vec<Option<Tensor>>, GradientError> {
    if outputs.len() != vectors.len() {
        return Err(GradientError::Vectors {
            outputs: outputs.len(),
            vectors: vectors.len(),
        });
    }
    // An output without a graph contributes nothing and libtorch refuses it.
    let live = || {
        outputs
            .iter()
            .zip(vectors)
            .filter(|(output, _)| (*output).borrow().requires_grad())
    };
    let outputs: List<'_> = live().map(|(output, _)| output.borrow()).collect();
    let vectors: List<'_> = live().map(|(_, vector)| vector.borrow()).collect();
    differentiate(
        &outputs,
        Some(&vectors),
        outputs.len() > 0,
        parameters,
        graph,
    )
}

fn differentiate<T: Borrow<Tensor>>(
    outputs: &List<'_>,
    vectors: Option<&List<'_>>,
    has_graph: bool,
    parameters: &[T],
    graph: Graph,
) -> Result<Vec<Option<Tensor>>, GradientError> {
    if !has_graph {
        return Err(GradientError::NoGraph);
    }
    if parameters.is_empty() {
        return Ok(Vec::new());
    }
    let inputs = List::new(parameters);
    let mut results = vec![std::ptr::null_mut(); inputs.len()];
    // SAFETY: the lists borrow live tensors, `results` has a place for each input, and the shim catches exceptions.
    unsafe {
        shim::check(shim::bench_gradients(
            outputs.as_ptr(),
            vectors.map_or(std::ptr::null(), List::as_ptr),
            outputs.len(),
            inputs.as_ptr(),
            inputs.len(),
            graph != Graph::Free,
            graph == Graph::Differentiable,
            results.as_mut_ptr(),
        ))?;
    }
    Ok(results
        .into_iter()
        .map(|pointer| {
            // SAFETY: non-null results are tensors made by `new`, each handed to one owner.
            (!pointer.is_null()).then(|| unsafe { Tensor::from_ptr(pointer) })
        })
        .collect())
}

/// Switches the fused attention kernel, on by default. It has no second derivative: switch it off before the forward
/// pass of a Hessian-vector product, and on again after.
///
/// # Errors
/// When libtorch refuses.
pub fn set_flash_attention(on: bool) -> Result<(), LibtorchError> {
    // SAFETY: sets a flag of libtorch's context.
    unsafe { shim::check(shim::bench_set_flash_attention(on)) }
}
