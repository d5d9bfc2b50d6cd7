//! A quotient of two sums over a split.

/// Summed value and what it counts, batch by batch; divided once, at the end.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mean {
    summed: f64,
    count: f64,
    empty: bool,
}

impl Mean {
    /// Nothing added yet.
    pub(crate) fn new() -> Mean {
        Mean {
            empty: true,
            ..Mean::default()
        }
    }

    /// Adds a batch.
    pub(crate) fn add(&mut self, summed: f64, count: f64) {
        self.summed += summed;
        self.count += count;
        self.empty = false;
    }

    /// Sum over count: 0 over no batch at all, NaN where batches counted nothing.
    pub(crate) fn value(&self) -> f64 {
        if self.empty {
            0.0
        } else {
            self.summed / self.count
        }
    }
}
