//! libtorch's operations on lists of tensors, which tch lacks: in place, element by element over equal lists, without
//! gradient tracking. One call for many small tensors; on large ones [`crate::one_pass`] is several times faster.

use crate::errors::LibtorchError;
use crate::shim::{self, List};
use std::borrow::Borrow;
use tch::Tensor;

/// Why an operation on lists was refused.
#[derive(Debug, thiserror::Error)]
pub enum ForeachError {
    /// Lists of different lengths.
    #[error("lists of {first} and {other} tensors")]
    Lengths {
        /// Length of the first.
        first: usize,
        /// Length of the one that differs.
        other: usize,
    },
    /// libtorch refused.
    #[error("libtorch refused: {0}")]
    Libtorch(#[from] LibtorchError),
}

fn same_length(first: &List<'_>, others: &[&List<'_>]) -> Result<(), ForeachError> {
    match others.iter().find(|other| other.len() != first.len()) {
        None => Ok(()),
        Some(other) => Err(ForeachError::Lengths {
            first: first.len(),
            other: other.len(),
        }),
    }
}

/// An operation on one list.
macro_rules! on_one {
    ($(#[$doc:meta])* $name:ident => $shim:ident($($argument:ident)?)) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// When libtorch refuses.
        pub fn $name<A: Borrow<Tensor>>(a: &[A] $(, $argument: f64)?) -> Result<(), ForeachError> {
            let _no_graph = tch::no_grad_guard();
            let a = List::new(a);
            if a.len() == 0 {
                return Ok(());
            }
            // SAFETY: the list borrows live tensors; libtorch checks kinds, shapes and devices.
            Ok(unsafe { shim::check(shim::$shim(a.as_ptr(), a.len() $(, $argument)?)) }?)
        }
    };
}

/// An operation on two or three lists, which changes the first.
macro_rules! on_several {
    ($(#[$doc:meta])* $name:ident($($list:ident: $type:ident),+) => $shim:ident($($argument:ident)?)) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// When the lists differ in length, or libtorch refuses.
        pub fn $name<A: Borrow<Tensor>, $($type: Borrow<Tensor>),+>(
            a: &[A],
            $($list: &[$type],)+
            $($argument: f64,)?
        ) -> Result<(), ForeachError> {
            let _no_graph = tch::no_grad_guard();
            let a = List::new(a);
            $(let $list = List::new($list);)+
            same_length(&a, &[$(&$list),+])?;
            if a.len() == 0 {
                return Ok(());
            }
            // SAFETY: the lists borrow live tensors and are of one length; libtorch checks kinds, shapes and devices.
            Ok(unsafe { shim::check(shim::$shim(a.as_ptr(), $($list.as_ptr(),)+ a.len() $(, $argument)?)) }?)
        }
    };
}

on_one!(/** `a = 0`. */ zero => bench_foreach_zero());
on_one!(/** `a = sign(a)`. */ sign => bench_foreach_sign());
on_one!(/** `a = sqrt(a)`. */ sqrt => bench_foreach_sqrt());
on_one!(/** `a = factor a`. */ scale => bench_foreach_scale(factor));
on_one!(/** `a = a + term`. */ shift => bench_foreach_shift(term));

on_several!(/** `a = b`. */ copy(b: B) => bench_foreach_copy());
on_several!(/** `a = a + factor b`. */ add(b: B) => bench_foreach_add(factor));
on_several!(/** `a = a b`. */ multiply(b: B) => bench_foreach_mul());
on_several!(/** `a = a / b`. */ divide(b: B) => bench_foreach_div());
on_several!(/** `a = a + weight (b - a)`. */ lerp(b: B) => bench_foreach_lerp(weight));
on_several!(/** `a = a + factor b c`. */ add_product(b: B, c: C) => bench_foreach_addcmul(factor));
on_several!(/** `a = a + factor b / c`. */ add_quotient(b: B, c: C) => bench_foreach_addcdiv(factor));

/// `a = factor a` with a factor that is a tensor of no dimensions, on the tensors' device: no wait for it.
///
/// # Errors
/// When libtorch refuses.
pub fn scale_by<A: Borrow<Tensor>>(a: &[A], factor: &Tensor) -> Result<(), ForeachError> {
    let _no_graph = tch::no_grad_guard();
    let a = List::new(a);
    if a.len() == 0 {
        return Ok(());
    }
    // SAFETY: the list borrows live tensors, `factor` is one.
    Ok(unsafe {
        shim::check(shim::bench_foreach_scale_by(
            a.as_ptr(),
            a.len(),
            factor.as_ptr(),
        ))
    }?)
}

/// The p-norm of each tensor; `f64::INFINITY` for the largest magnitude.
///
/// # Errors
/// When libtorch refuses.
pub fn norms<A: Borrow<Tensor>>(a: &[A], order: f64) -> Result<Vec<Tensor>, ForeachError> {
    let _no_graph = tch::no_grad_guard();
    let a = List::new(a);
    let mut results = vec![std::ptr::null_mut(); a.len()];
    if a.len() == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the list borrows live tensors, and there is a place for each result; each is a new tensor of one owner.
    unsafe {
        shim::check(shim::bench_foreach_norm(
            a.as_ptr(),
            a.len(),
            order,
            results.as_mut_ptr(),
        ))?;
        Ok(results
            .into_iter()
            .map(|pointer| Tensor::from_ptr(pointer))
            .collect())
    }
}

/// Euclidean norm of all elements of all tensors together, as a tensor of no dimensions; of an empty list 0.
///
/// # Errors
/// When libtorch refuses.
pub fn global_norm<A: Borrow<Tensor>>(a: &[A]) -> Result<Tensor, ForeachError> {
    let norms = norms(a, 2.0)?;
    if norms.is_empty() {
        return Ok(Tensor::from(0_f32));
    }
    Ok(Tensor::f_stack(&norms, 0)
        .and_then(|norms| norms.f_norm())
        .map_err(LibtorchError::from)?)
}
