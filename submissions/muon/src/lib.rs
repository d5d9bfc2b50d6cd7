//! Muon: momentum made orthogonal by Newton and Schulz' iteration (Jordan et al. 2024, kellerjordan.github.io/posts/muon).
//!
//! The momentum is an average, `M = momentum M + (1 - momentum) g`, and one more step of it looks ahead, `u = momentum M + (1 - momentum) g`. From
//! `X = u / (|u| + 1e-7)` on, five times `X = a X + (b A + c A^2) X` with `A = X X'` and 3.4445, -4.775 and 2.0315 for `a`, `b` and `c` bring the
//! singular values near 1. Matrices and convolutions of hidden layers are its own; embeddings, the head, biases and scales get Adam, by role. A
//! convolution is seen as a matrix of a row an output channel. The post numbers no equations; Liu et al. (arXiv:2502.16982) have the rule as their
//! equations 1 and 2, without the look ahead, and with a sum for the average, whose length the iteration does not see.
//!
//! Memory: 1 number a parameter, 2 of Adam's. Cost of an `m x n` matrix, `m < n`: `10 m^2 n + 5 m^3` multiplications, or `2 m^2 n + 17 m^3` where it is
//! more than twice as wide and not counted in bfloat16; so use it where a step's own products are larger: batches of many examples. Not for embeddings,
//! nor for single rows, nor for small fully connected networks: with these defaults it misses `fashion-mnist-mlp`'s target by 0.003.
//!
//! Equals `KellerJordan/Muon`'s `SingleDeviceMuonWithAuxAdam`, with its quirk: the factor `sqrt(max(1, rows / columns))` reads a convolution's last two
//! dimensions. PyTorch's `torch.optim.Muon` bounds the norm where this adds 1e-7, and decays by 0.1 unless told otherwise; `optax.contrib.muon`
//! corrects the momentum's bias; `pytorch_optimizer.Muon` differs in precision and order. One schedule serves both rules.
//!
//! Defaults: the rate, the momentum and Adam's betas, epsilon and lack of decay are the authors'. Their decay is 0, Adam's rate 3e-4, and products are
//! in bfloat16; 0.01 and 2e-3 were chosen for the small quick workloads, and so was `parameter`, since it is as fast or faster for small matrices.
//! Schedule and batch are `adamw`'s.

mod golden;

use adamw::Adam;
use bench_sdk::prelude::*;
use bench_sdk::toolkit::{Descend, orthogonal};
use bench_sdk::{Comparison, serde_json};

/// The hyperparameters, of hidden matrices and of Adam; the momentum, or Adam's average, of every parameter; and Adam's average of squares.
pub struct Muon {
    momentum: f64,
    weight_decay: f64,
    precision: Option<Kind>,
    adam: Adam,
    adam_rate: f64,
    hidden: Vec<usize>,
    others: Vec<usize>,
    m: Vec<Tensor>,
    v: Vec<Tensor>,
}

/// Whether a parameter's momentum is made orthogonal.
fn is_hidden(parameter: &Parameter) -> bool {
    let role = matches!(parameter.role, Role::Weight | Role::Convolution);
    role && parameter.tensor.dim() >= 2
}

impl UpdateRule for Muon {
    fn new(group: &Group) -> Result<Muon> {
        let hyper = &group.hyperparameters;
        let (hidden, others) = group.places(is_hidden);
        let precisions = [("bfloat16", Some(Kind::BFloat16)), ("parameter", None)];
        Ok(Muon {
            momentum: hyper.number("momentum")?,
            weight_decay: hyper.number("weight-decay")?,
            precision: hyper.choice("newton-schulz", &precisions)?,
            adam: Adam {
                betas: [hyper.number("adam-beta1")?, hyper.number("adam-beta2")?],
                epsilon: hyper.number("adam-eps")?,
                weight_decay: hyper.number("adam-weight-decay")?,
            },
            adam_rate: hyper.number("adam-lr")?,
            m: group.zeros()?,
            v: group.zeros_of(|parameter| !is_hidden(parameter))?,
            hidden,
            others,
        })
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        for &place in &self.hidden {
            let (g, m) = (&update.gradients[place], &mut self.m[place]);
            let u = g.f_lerp(&m.f_lerp_(g, 1.0 - self.momentum)?, self.momentum)?;
            let step = Descend {
                keep: 1.0 - update.learning_rate * self.weight_decay,
                rate: update.learning_rate * scale(&g.size()),
            };
            let x = update.parameters[place].tensor.shallow_clone();
            update.map(&step, &[x], &[orthogonal(&u, self.precision)?], [])?;
        }
        // The schedule is one for both rules.
        let adam = self.adam.step(self.adam_rate * update.schedule, update.t);
        update.elementwise_at(&self.others, &adam, [&mut self.m, &mut self.v])
    }

    fn state_size(group: &Group) -> Result<Option<usize>> {
        let sizes = group.parameters.iter().map(|parameter| {
            let moments = if is_hidden(parameter) { 1 } else { 2 };
            moments * parameter.tensor.numel()
        });
        Ok(Some(sizes.sum()))
    }

    fn state(&mut self, state: &mut State) -> Result<()> {
        state.visit("m", &mut self.m)?;
        state.visit("v", &mut self.v)
    }

    fn compare(reference: &serde_json::Value) -> Result<Vec<Comparison>> {
        golden::compare(reference)
    }
}

/// `sqrt(max(1, rows / columns))` of the last two dimensions, as the authors have it.
fn scale(shape: &[i64]) -> f64 {
    match shape {
        [.., rows, columns] if *columns > 0 => (*rows as f64 / *columns as f64).max(1.0).sqrt(),
        _ => 1.0,
    }
}
