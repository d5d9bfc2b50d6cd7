//! Lion: the sign of an interpolated momentum (Chen et al., arXiv:2302.06675, algorithm 2).
//!
//! A step is the sign of `c = beta1 m + (1 - beta1) g`, and only then `m = beta2 m + (1 - beta2) g`; nothing is corrected for bias. Every number moves by
//! exactly the learning rate, beside the decay, or not at all where `c` is 0.
//!
//! Memory: 1 number a parameter, half of AdamW's. Cost: one pass of 20 bytes a parameter. Equals `google/automl`'s `lion_pytorch.py`. `optax` adds the decay
//! after the sign, which comes to the same; some forks couple it or scale it otherwise. AlgoPerf's entry has betas of 0.95 and 0.98 and a decay of 0.5.
//!
//! Defaults: the betas are the authors' (0.95 and 0.98 for language models). Their rate is 1e-4, without decay; they advise a rate 3 to 10 times below AdamW's and a
//! decay as much above it. 3e-4 is a third of PyTorch's default rate for AdamW, and 0.3 six times the decay of this repository's AdamW, whose rate is
//! larger still, as small workloads want it. It gains with large batches and long trainings; small ones see no advantage over AdamW.

use bench_sdk::prelude::*;

/// The hyperparameters, and the momentum.
pub struct Lion {
    beta1: f64,
    beta2: f64,
    weight_decay: f64,
    m: Vec<Tensor>,
}

impl UpdateRule for Lion {
    fn new(group: &Group) -> Result<Lion> {
        let hyper = &group.hyperparameters;
        Ok(Lion {
            beta1: hyper.number("beta1")?,
            beta2: hyper.number("beta2")?,
            weight_decay: hyper.number("weight-decay")?,
            m: group.zeros()?,
        })
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        let step = Step {
            beta1: self.beta1,
            beta2: self.beta2,
            keep: 1.0 - update.learning_rate * self.weight_decay,
            rate: update.learning_rate,
        };
        update.elementwise(&step, [&mut self.m])
    }

    fn state_size(group: &Group) -> Result<Option<usize>> {
        Ok(Some(group.numbers()))
    }

    fn state(&mut self, state: &mut State) -> Result<()> {
        state.visit("m", &mut self.m)
    }
}

/// One step's coefficients.
#[derive(Clone, Copy)]
struct Step {
    beta1: f64,
    beta2: f64,
    keep: f64,
    rate: f64,
}

impl Reference<1> for Step {
    fn tensors(&self, x: &Tensor, g: &Tensor, [m]: [&Tensor; 1]) -> (Tensor, [Tensor; 1]) {
        let c = self.beta1 * m + (1.0 - self.beta1) * g;
        let x = self.keep * x - self.rate * c.sign();
        let m = self.beta2 * m + (1.0 - self.beta2) * g;
        (x, [m])
    }
}

impl Elementwise<1> for Step {
    #[inline(always)]
    fn scalar<F: Float>(&self, x: F, g: F, [m]: [F; 1]) -> (F, [F; 1]) {
        let [beta1, rest1] = F::all([self.beta1, 1.0 - self.beta1]);
        let [beta2, rest2] = F::all([self.beta2, 1.0 - self.beta2]);
        let [keep, rate] = F::all([self.keep, self.rate]);
        let c = beta1 * m + rest1 * g;
        (keep * x - rate * c.sign(), [beta2 * m + rest2 * g])
    }
}
