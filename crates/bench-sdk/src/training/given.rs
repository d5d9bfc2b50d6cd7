//! What a reference trajectory fixes of that which a trial draws or computes itself.

use anyhow::{Result, ensure};
use std::collections::BTreeMap;
use tch::Tensor;

/// Bases by update (from 1 on) and name of the parameter, in the order of memory.
pub(crate) type Bases = BTreeMap<u64, BTreeMap<String, Vec<f64>>>;

/// Signs of a parameter's numbers: by step (from 0 on), place of the parameter, and place in it.
pub(crate) type Signs = dyn Fn(u64, usize, u64) -> f64;

/// What is given in place of draws and factorisations. In a trial, nothing is.
#[derive(Default)]
pub(crate) struct Given {
    pub(crate) bases: Bases,
    pub(crate) signs: Option<Box<Signs>>,
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Given")
            .field("bases", &self.bases)
            .field("signs", &self.signs.is_some())
            .finish()
    }
}

impl Given {
    /// The basis for a parameter at an update, shaped like another tensor.
    ///
    /// # Errors
    /// When it has another size.
    pub(crate) fn basis(&self, update: u64, name: &str, like: &Tensor) -> Result<Option<Tensor>> {
        let Some(numbers) = self.bases.get(&update).and_then(|bases| bases.get(name)) else {
            return Ok(None);
        };
        ensure!(
            numbers.len() == like.numel(),
            "the basis of `{name}` has {} numbers where {:?} are wanted",
            numbers.len(),
            like.size()
        );
        let basis = Tensor::from_slice(numbers).f_view(like.size().as_slice())?;
        Ok(Some(basis.f_to_kind(like.kind())?))
    }
}
