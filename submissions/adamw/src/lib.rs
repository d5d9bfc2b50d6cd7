//! AdamW: Adam with decoupled weight decay (Loshchilov and Hutter, arXiv:1711.05101, algorithm 2).
//!
//! Averages `m` and `v` of the gradient and of its square are corrected for their start at 0. The step is `rate m / (sqrt(v) + epsilon)`, taken from a
//! weight that has been multiplied by `1 - rate decay`.
//!
//! Memory: 2 numbers a parameter. Cost: one pass of 28 bytes a parameter. Not where there is no room for the weights three times over: Lion keeps half
//! as much state, and GaLore less of matrices.
//!
//! Equals `torch.optim.AdamW`: epsilon is added after the correction, and the decay is scaled by the learning rate. `optax.adamw` is the same. The form
//! of Hugging Face, which GaLore and Fira share, adds epsilon to the root that is not corrected, and decays last. NAdamW is made of this rule, and Muon
//! gives it what it leaves alone.
//!
//! Defaults: betas and epsilon are PyTorch's. Its rate is 1e-3 and its decay 0.01; 5e-3 and 0.05 were chosen for the small quick workloads, whose three
//! targets they reach. The schedule is AlgoPerf's, warm-up and cosine; 5 % of warm-up and batches of 128 were chosen for the same workloads.

use bench_sdk::prelude::*;

/// The hyperparameters, and running averages of the gradient and of its square.
pub struct Adamw {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    weight_decay: f64,
    m: Vec<Tensor>,
    v: Vec<Tensor>,
}

impl UpdateRule for Adamw {
    fn new(group: &Group) -> Result<Adamw> {
        let hyper = &group.hyperparameters;
        Ok(Adamw {
            beta1: hyper.number("beta1")?,
            beta2: hyper.number("beta2")?,
            epsilon: hyper.number("epsilon")?,
            weight_decay: hyper.number("weight-decay")?,
            m: group.zeros()?,
            v: group.zeros()?,
        })
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        update.elementwise(&self.step(update), self.averages())
    }

    fn state_size(group: &Group) -> Result<Option<usize>> {
        Ok(Some(2 * group.numbers()))
    }

    fn state(&mut self, state: &mut State) -> Result<()> {
        state.visit("m", &mut self.m)?;
        state.visit("v", &mut self.v)
    }
}

impl Adamw {
    /// The coefficients of this step: averages are corrected for their start at 0, and the decay is scaled by the rate.
    pub fn step(&self, update: &Update) -> Step {
        Step {
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.epsilon,
            keep: 1.0 - update.learning_rate * self.weight_decay,
            rate: update.learning_rate / bias_correction(self.beta1, update.t),
            root: bias_correction(self.beta2, update.t).sqrt(),
        }
    }

    /// The averages `m` and `v`.
    pub fn averages(&mut self) -> [&mut Vec<Tensor>; 2] {
        [&mut self.m, &mut self.v]
    }
}

/// One step's coefficients.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Of the average of gradients.
    pub beta1: f64,
    /// Of the average of their squares.
    pub beta2: f64,
    /// Beside the root.
    pub epsilon: f64,
    /// What decay leaves of a parameter.
    pub keep: f64,
    /// The learning rate, with the correction of `m`.
    pub rate: f64,
    /// The correction of `v`, which its root is divided by.
    pub root: f64,
}

impl Reference<2> for Step {
    fn tensors(&self, x: &Tensor, g: &Tensor, [m, v]: [&Tensor; 2]) -> (Tensor, [Tensor; 2]) {
        let m = self.beta1 * m + (1.0 - self.beta1) * g;
        let v = self.beta2 * v + (1.0 - self.beta2) * g * g;
        let x = self.keep * x - self.rate * &m / (v.sqrt() / self.root + self.epsilon);
        (x, [m, v])
    }
}

impl Elementwise<2> for Step {
    #[inline(always)]
    fn scalar<F: Float>(&self, x: F, g: F, [m, v]: [F; 2]) -> (F, [F; 2]) {
        let [beta1, beta2] = F::all([self.beta1, self.beta2]);
        let [rest1, rest2] = F::all([1.0 - self.beta1, 1.0 - self.beta2]);
        // The correction of v multiplied into the rest of the fraction: a third of the slow instructions less.
        let [rate, epsilon] = F::all([self.rate * self.root, self.epsilon * self.root]);
        let keep = F::of(self.keep);
        let m = beta1 * m + rest1 * g;
        let v = beta2 * v + rest2 * g * g;
        let x = keep * x - rate * m / (v.sqrt() + epsilon);
        (x, [m, v])
    }
}
