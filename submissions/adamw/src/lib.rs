//! AdamW: Adam with decoupled weight decay (Loshchilov and Hutter, arXiv:1711.05101, algorithm 2).
//!
//! Averages `m` and `v` of the gradient and of its square are corrected for their start at 0. The step is `rate m / (sqrt(v) + epsilon)`, taken from a
//! weight that has been multiplied by `1 - rate decay`.
//!
//! Memory: 2 numbers a parameter. Cost: one pass of 28 bytes a parameter. Not where there is no room for the weights three times over: Lion keeps half
//! as much state, and GaLore less of matrices.
//!
//! Equals `torch.optim.AdamW`: epsilon is added after the correction, and the decay is scaled by the learning rate. `optax.adamw` is the same. The form
//! of Hugging Face, which GaLore and Fira share, adds epsilon to the root that is not corrected, and decays last. Muon gives this rule what it leaves alone.
//!
//! Defaults: betas and epsilon are PyTorch's. Its rate is 1e-3 and its decay 0.01; 5e-3 and 0.05 were chosen for the small quick workloads, whose three
//! targets they reach. The schedule is AlgoPerf's, warm-up and cosine; 5 % of warm-up and batches of 128 were chosen for the same workloads.

use bench_sdk::prelude::*;

/// The hyperparameters, and running averages of the gradient and of its square.
pub struct Adamw {
    adam: Adam,
    m: Vec<Tensor>,
    v: Vec<Tensor>,
}

impl UpdateRule for Adamw {
    fn new(group: &Group) -> Result<Adamw> {
        Ok(Adamw {
            adam: Adam::new(&group.hyperparameters)?,
            m: group.zeros()?,
            v: group.zeros()?,
        })
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        let step = self.adam.step(update.learning_rate, update.t);
        update.elementwise(&step, [&mut self.m, &mut self.v])
    }

    fn state_size(group: &Group) -> Result<Option<usize>> {
        Ok(Some(2 * group.numbers()))
    }

    fn state(&mut self, state: &mut State) -> Result<()> {
        state.visit("m", &mut self.m)?;
        state.visit("v", &mut self.v)
    }
}

/// The hyperparameters, beside the rate.
#[derive(Debug, Clone, Copy)]
pub struct Adam {
    /// Of the averages of gradients and of their squares.
    pub betas: [f64; 2],
    /// Beside the root.
    pub epsilon: f64,
    /// Decoupled, and scaled by the rate.
    pub weight_decay: f64,
}

impl Adam {
    /// Reads them.
    ///
    /// # Errors
    /// When one is missing or no number.
    pub fn new(hyper: &Hyperparameters) -> Result<Adam> {
        Ok(Adam {
            betas: [hyper.number("beta1")?, hyper.number("beta2")?],
            epsilon: hyper.number("epsilon")?,
            weight_decay: hyper.number("weight-decay")?,
        })
    }

    /// The coefficients of step `t`: averages are corrected for their start at 0, and the decay is scaled by the rate.
    pub fn step(self, rate: f64, t: u64) -> Step {
        let [correction1, correction2] = self.betas.map(|beta| bias_correction(beta, t));
        Step {
            adam: self,
            keep: 1.0 - rate * self.weight_decay,
            rate: rate / correction1,
            root: correction2.sqrt(),
        }
    }
}

/// One step's coefficients.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Those of all steps.
    pub adam: Adam,
    /// What decay leaves of a parameter.
    pub keep: f64,
    /// The learning rate, with the correction of `m`.
    pub rate: f64,
    /// The correction of `v`, which its root is divided by.
    pub root: f64,
}

impl Reference<2> for Step {
    fn tensors(&self, x: &Tensor, g: &Tensor, [m, v]: [&Tensor; 2]) -> (Tensor, [Tensor; 2]) {
        let [beta1, beta2] = self.adam.betas;
        let m = beta1 * m + (1.0 - beta1) * g;
        let v = beta2 * v + (1.0 - beta2) * g * g;
        let x = self.keep * x - self.rate * &m / (v.sqrt() / self.root + self.adam.epsilon);
        (x, [m, v])
    }
}

impl Elementwise<2> for Step {
    #[inline(always)]
    fn scalar<F: Float>(&self, x: F, g: F, [m, v]: [F; 2]) -> (F, [F; 2]) {
        let [beta1, beta2] = F::all(self.adam.betas);
        let [rest1, rest2] = F::all(self.adam.betas.map(|beta| 1.0 - beta));
        // The correction of v multiplied into the rest of the fraction: a third of the slow instructions less.
        let [rate, epsilon] = F::all([self.rate, self.adam.epsilon].map(|x| x * self.root));
        let keep = F::of(self.keep);
        let m = beta1 * m + rest1 * g;
        let v = beta2 * v + rest2 * g * g;
        let x = keep * x - rate * m / (v.sqrt() + epsilon);
        (x, [m, v])
    }
}
