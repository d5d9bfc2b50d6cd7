//! SGD with Nesterov's momentum (Sutskever et al., 2013), as `torch.optim.SGD` has it; `nesterov: false` is plain (heavy-ball) momentum.
//!
//! With `d = g + decay x` the momentum is `b = momentum b + d`, in the first step `d`. The step is `rate (d + momentum b)`: the paper's equations 3 and 4,
//! with `v = -rate b`, and the parameters standing where the paper looks ahead to, `theta + mu v`. With heavy-ball momentum it is `rate b`, equations 1
//! and 2.
//!
//! Memory: 1 number a parameter. Cost: one pass of 20 bytes a parameter. Not for curvatures of many sizes, to which one rate for all coordinates does
//! not adapt: on `brown-lm`, a Transformer, its best of ten points reaches the target with none of five seeds.
//!
//! Weight decay is L2: it is added to the gradient, so it goes through the momentum, and it is not AdamW's. The rate does not: a schedule acts on old
//! gradients at once. PyTorch's dampening is 0 here, and no setting. `optax.sgd` behind `add_decayed_weights` is the same rule. AlgoPerf's baseline is
//! it too, on a linear decay where this has a cosine.
//!
//! Defaults are no author's: a rate of 0.1, momentum of 0.9 and decay of 5e-4 were chosen for the small quick workloads. Tuned, `fashion-mnist-resnet`
//! prefers a rate of 0.45. Schedule and batch are `adamw`'s.

use bench_sdk::prelude::*;

/// The hyperparameters, and the momentum.
pub struct Sgd {
    momentum: f64,
    nesterov: bool,
    weight_decay: f64,
    buffer: Vec<Tensor>,
}

impl UpdateRule for Sgd {
    fn new(group: &Group) -> Result<Sgd> {
        let hyper = &group.hyperparameters;
        Ok(Sgd {
            momentum: hyper.number("momentum")?,
            nesterov: hyper.flag("nesterov")?,
            weight_decay: hyper.number("weight-decay")?,
            buffer: group.zeros()?,
        })
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        let step = Step {
            rate: update.learning_rate,
            momentum: self.momentum,
            nesterov: self.nesterov,
            weight_decay: self.weight_decay,
        };
        update.elementwise(&step, [&mut self.buffer])
    }

    fn state_size(group: &Group) -> Result<Option<usize>> {
        Ok(Some(group.numbers()))
    }

    fn state(&mut self, state: &mut State) -> Result<()> {
        state.visit("buffer", &mut self.buffer)
    }
}

/// One step's coefficients.
#[derive(Clone, Copy)]
struct Step {
    rate: f64,
    momentum: f64,
    nesterov: bool,
    weight_decay: f64,
}

impl Reference<1> for Step {
    fn tensors(&self, x: &Tensor, g: &Tensor, [buffer]: [&Tensor; 1]) -> (Tensor, [Tensor; 1]) {
        let d = g + self.weight_decay * x;
        let buffer = self.momentum * buffer + &d;
        let step = match self.nesterov {
            true => d + self.momentum * &buffer,
            false => buffer.copy(),
        };
        (x - self.rate * step, [buffer])
    }
}

impl Elementwise<1> for Step {
    #[inline(always)]
    fn scalar<F: Float>(&self, x: F, g: F, [buffer]: [F; 1]) -> (F, [F; 1]) {
        let [rate, momentum, weight_decay] = F::all([self.rate, self.momentum, self.weight_decay]);
        let d = g + weight_decay * x;
        let buffer = momentum * buffer + d;
        let step = if self.nesterov {
            d + momentum * buffer
        } else {
            buffer
        };
        (x - rate * step, [buffer])
    }
}
