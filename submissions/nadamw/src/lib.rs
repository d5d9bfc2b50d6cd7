//! NAdamW: AdamW with Nesterov's look ahead (Dozat, ICLR workshop 2016), as AlgoPerf's baseline has it.
//!
//! [AdamW](adamw) whose numerator takes one more step of the average: `beta1 m + (1 - beta1) g`, divided by the same `1 - beta1^t`. It is the `m-bar` of
//! the paper's listing of Nadam with a constant `mu`; the paper numbers no equations there, and corrects `m` with the product of the next step's `mu`.
//! Memory: 2 numbers a parameter. Cost: one pass of 28 bytes a parameter. Not where AdamW is too large: it keeps as much.
//!
//! Equals AlgoPerf's `nadamw`, whose file calls `_cuda_graph_capture_health_check`, which PyTorch 2.11 lacks. Neither `torch.optim.NAdam` (its
//! momentum decays) nor `optax.nadamw` (corrects `m` with `t + 1`) is this rule.
//!
//! Defaults, schedule and batch are `adamw`'s: PyTorch's betas and epsilon, and in place of PyTorch's 1e-3 and 0.01 a rate of 5e-3 and a decay of 0.05,
//! which were chosen for the small quick workloads and reach their three targets, that of `brown-lm` with one rounding and not with another.

use adamw::Adam;
use bench_sdk::prelude::*;

/// AdamW's hyperparameters and averages.
pub struct Nadamw {
    adam: Adam,
    m: Vec<Tensor>,
    v: Vec<Tensor>,
}

impl UpdateRule for Nadamw {
    fn new(group: &Group) -> Result<Nadamw> {
        Ok(Nadamw {
            adam: Adam::new(&group.hyperparameters)?,
            m: group.zeros()?,
            v: group.zeros()?,
        })
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        let step = Step(self.adam.step(update.learning_rate, update.t));
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

/// One step's coefficients: AdamW's.
#[derive(Clone, Copy)]
struct Step(adamw::Step);

impl Reference<2> for Step {
    fn tensors(&self, x: &Tensor, g: &Tensor, [m, v]: [&Tensor; 2]) -> (Tensor, [Tensor; 2]) {
        let (step, adam) = (&self.0, &self.0.adam);
        let [beta1, beta2] = adam.betas;
        let m = beta1 * m + (1.0 - beta1) * g;
        let v = beta2 * v + (1.0 - beta2) * g * g;
        let ahead = beta1 * &m + (1.0 - beta1) * g;
        let x = step.keep * x - step.rate * ahead / (v.sqrt() / step.root + adam.epsilon);
        (x, [m, v])
    }
}

impl Elementwise<2> for Step {
    #[inline(always)]
    fn scalar<F: Float>(&self, x: F, g: F, [m, v]: [F; 2]) -> (F, [F; 2]) {
        let (step, adam) = (&self.0, &self.0.adam);
        let [beta1, beta2] = F::all(adam.betas);
        let [rest1, rest2] = F::all(adam.betas.map(|beta| 1.0 - beta));
        // As in AdamW.
        let [rate, epsilon] = F::all([step.rate, adam.epsilon].map(|x| x * step.root));
        let keep = F::of(step.keep);
        let m = beta1 * m + rest1 * g;
        let v = beta2 * v + rest2 * g * g;
        let ahead = beta1 * m + rest1 * g;
        let x = keep * x - rate * ahead / (v.sqrt() + epsilon);
        (x, [m, v])
    }
}
