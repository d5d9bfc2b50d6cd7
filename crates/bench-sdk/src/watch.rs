//! Tensors of state as the SDK sees them go by: those that a group makes, and those that elementwise maps write. `bench check` holds them beside what
//! `state` visits, and so can say how much an author forgot.

use crate::state::Contents;
use crate::tensor::{copy_of, same_bits};
use anyhow::Result;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use tch::Tensor;

thread_local! {
    static SEEN: RefCell<Option<BTreeMap<usize, Tensor>>> = const { RefCell::new(None) };
}

/// Notes tensors that may be state, where somebody watches this thread.
pub(crate) fn note(tensors: &[Tensor]) {
    SEEN.with_borrow_mut(|seen| {
        if let Some(seen) = seen {
            let held = tensors.iter().filter(|tensor| tensor.numel() > 0);
            seen.extend(held.map(|tensor| (place(tensor), tensor.shallow_clone())));
        }
    });
}

/// Where a tensor's numbers lie, which its copies share.
fn place(tensor: &Tensor) -> usize {
    tensor.data_ptr() as usize
}

/// Numbers of state that were seen to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Changed {
    /// All of them.
    pub(crate) numbers: usize,
    /// Those in tensors that `state` does not visit.
    pub(crate) unvisited: usize,
}

/// Watches this thread until it goes away.
#[derive(Debug)]
pub(crate) struct Watch;

impl Watch {
    pub(crate) fn start() -> Watch {
        SEEN.set(Some(BTreeMap::new()));
        Watch
    }

    /// What some work changes of the tensors that were seen until now, held beside the state that is visited, which shares its memory.
    ///
    /// # Errors
    /// What the work says, or libtorch.
    pub(crate) fn over(
        &self,
        visited: &Contents,
        work: impl FnOnce() -> Result<()>,
    ) -> Result<Changed> {
        let seen = SEEN.with_borrow(|seen| {
            let seen = seen.iter().flat_map(BTreeMap::values);
            seen.map(Tensor::shallow_clone).collect::<Vec<_>>()
        });
        let before = seen.iter().map(copy_of).collect::<Result<Vec<_>, _>>()?;
        let places: BTreeSet<usize> = visited.tensors.values().map(place).collect();
        work()?;
        let mut changed = Changed {
            numbers: 0,
            unvisited: 0,
        };
        for (now, before) in seen.iter().zip(&before) {
            if !same_bits(now, before)? {
                changed.numbers += now.numel();
                if !places.contains(&place(now)) {
                    changed.unvisited += now.numel();
                }
            }
        }
        Ok(changed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        SEEN.set(None);
    }
}
