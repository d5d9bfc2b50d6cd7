//! Elementwise maps, written twice side by side: over tensors, which is the reference and runs on every device, and over
//! numbers, which the SDK runs in one pass over all parameters' memory where it can. `bench check` compares the two.

pub use bench_torch::one_pass::{Elementwise, Float};

use crate::watch;
use anyhow::{Context, Result, ensure};
use bench_torch::one_pass;
use std::borrow::Borrow;
use std::cell::Cell;
use tch::Tensor;

/// An elementwise map as tensor expressions: three to fifteen lines that read like the paper, beside [`Elementwise`]'s scalar
/// body. The fields of the type that implements both are one step's coefficients.
pub trait Reference<const N: usize>: Elementwise<N> {
    /// New parameter and state from the old ones and the gradient. None of the arguments may be changed in place.
    fn tensors(
        &self,
        parameter: &Tensor,
        gradient: &Tensor,
        state: [&Tensor; N],
    ) -> (Tensor, [Tensor; N]);
}

/// In which of its two forms a map runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// In one pass where the memory allows it, else over tensors.
    #[default]
    Fastest,
    /// Over tensors: what the other form is compared with.
    Reference,
}

thread_local! {
    static PASSES: Cell<u64> = const { Cell::new(0) };
}

/// How many maps have run in one pass on this thread.
pub(crate) fn passes() -> u64 {
    PASSES.get()
}

/// Applies a map to targets in place, with a gradient and `N` lists of state beside them.
///
/// # Errors
/// When the lists do not fit each other.
pub fn apply<const N: usize>(
    form: Form,
    map: &impl Reference<N>,
    targets: &[impl Borrow<Tensor>],
    gradients: &[Tensor],
    state: [&mut [Tensor]; N],
) -> Result<()> {
    for list in &state {
        watch::note(list);
    }
    let mut each = targets.iter().map(Borrow::borrow);
    if form == Form::Fastest && each.all(one_pass::supports) {
        PASSES.set(PASSES.get() + 1);
        let state = state.map(|list| &*list);
        return Ok(one_pass::update(*map, targets, gradients, state)?);
    }
    let _guard = tch::no_grad_guard();
    ensure!(
        gradients.len() == targets.len() && state.iter().all(|list| list.len() == targets.len()),
        "{} tensors to update, but {} gradients and lists of state of {:?}",
        targets.len(),
        gradients.len(),
        state.each_ref().map(|list| list.len()),
    );
    let targets = targets.iter().map(Borrow::<Tensor>::borrow);
    for (index, (target, gradient)) in targets.zip(gradients).enumerate() {
        let old = state.each_ref().map(|list| &list[index]);
        let (value, new) = map.tensors(&target.f_detach()?, gradient, old);
        target
            .f_detach()?
            .f_copy_(&value)
            .context("the reference gives a tensor of another shape")?;
        for (mut slot, new) in old.map(Tensor::shallow_clone).into_iter().zip(new) {
            slot.f_copy_(&new)
                .context("the reference gives state of another shape")?;
        }
    }
    Ok(())
}

/// A step along a direction `d` with decoupled decay, for directions that no elementwise map makes: `x = keep x - rate d`.
#[derive(Debug, Clone, Copy)]
pub struct Descend {
    /// What decay leaves of `x`.
    pub keep: f64,
    /// The learning rate.
    pub rate: f64,
}

impl Reference<0> for Descend {
    fn tensors(&self, x: &Tensor, d: &Tensor, _: [&Tensor; 0]) -> (Tensor, [Tensor; 0]) {
        (self.keep * x - self.rate * d, [])
    }
}

impl Elementwise<0> for Descend {
    #[inline(always)]
    fn scalar<F: Float>(&self, x: F, d: F, _: [F; 0]) -> (F, [F; 0]) {
        let [keep, rate] = F::all([self.keep, self.rate]);
        (keep * x - rate * d, [])
    }
}
