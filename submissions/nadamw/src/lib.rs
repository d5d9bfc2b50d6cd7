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

use adamw::Adamw;
use bench_sdk::prelude::*;

/// AdamW's hyperparameters and averages.
pub struct Nadamw(Adamw);

impl UpdateRule for Nadamw {
    fn new(group: &Group) -> Result<Nadamw> {
        Adamw::new(group).map(Nadamw)
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        update.elementwise(&Step(self.0.step(update)), self.0.averages())
    }

    fn state_size(group: &Group) -> Result<Option<usize>> {
        Adamw::state_size(group)
    }

    fn state(&mut self, state: &mut State) -> Result<()> {
        self.0.state(state)
    }
}

/// One step's coefficients: AdamW's.
#[derive(Clone, Copy)]
struct Step(adamw::Step);

impl Reference<2> for Step {
    fn tensors(&self, x: &Tensor, g: &Tensor, [m, v]: [&Tensor; 2]) -> (Tensor, [Tensor; 2]) {
        let adam = &self.0;
        let m = adam.beta1 * m + (1.0 - adam.beta1) * g;
        let v = adam.beta2 * v + (1.0 - adam.beta2) * g * g;
        let ahead = adam.beta1 * &m + (1.0 - adam.beta1) * g;
        let x = adam.keep * x - adam.rate * ahead / (v.sqrt() / adam.root + adam.epsilon);
        (x, [m, v])
    }
}

impl Elementwise<2> for Step {
    #[inline(always)]
    fn scalar<F: Float>(&self, x: F, g: F, [m, v]: [F; 2]) -> (F, [F; 2]) {
        let adam = &self.0;
        let [beta1, beta2] = F::all([adam.beta1, adam.beta2]);
        let [rest1, rest2] = F::all([1.0 - adam.beta1, 1.0 - adam.beta2]);
        // As in AdamW.
        let [rate, epsilon] = F::all([adam.rate * adam.root, adam.epsilon * adam.root]);
        let keep = F::of(adam.keep);
        let m = beta1 * m + rest1 * g;
        let v = beta2 * v + rest2 * g * g;
        let ahead = beta1 * m + rest1 * g;
        let x = keep * x - rate * ahead / (v.sqrt() + epsilon);
        (x, [m, v])
    }
}
