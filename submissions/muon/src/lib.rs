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
mod newton_schulz;

pub use newton_schulz::orthogonal;

use adamw::Step;
use bench_sdk::prelude::*;
use bench_sdk::toolkit::decay;
use bench_sdk::{Comparison, serde_json};

/// The hyperparameters; the momentum of hidden matrices; Adam's averages of the rest.
pub struct Muon {
    learning_rate: f64,
    momentum: f64,
    weight_decay: f64,
    precision: Option<Kind>,
    auxiliary: Auxiliary,
    hidden: Vec<usize>,
    others: Vec<usize>,
    momenta: Vec<Tensor>,
    m: Vec<Tensor>,
    v: Vec<Tensor>,
}

/// Adam's hyperparameters.
struct Auxiliary {
    learning_rate: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    weight_decay: f64,
}

/// Whether a parameter's momentum is made orthogonal.
fn is_hidden(parameter: &Parameter) -> bool {
    let role = matches!(parameter.role, Role::Weight | Role::Convolution);
    role && parameter.tensor.dim() >= 2
}

impl UpdateRule for Muon {
    fn new(group: &Group) -> Result<Muon> {
        let hyper = &group.hyperparameters;
        let (hidden, others): (Vec<usize>, Vec<usize>) =
            (0..group.parameters.len()).partition(|&place| is_hidden(&group.parameters[place]));
        let zeros = |places: &[usize]| -> Result<Vec<Tensor>> {
            let of = |&place: &usize| Ok(group.parameters[place].tensor.f_zeros_like()?);
            places.iter().map(of).collect()
        };
        Ok(Muon {
            learning_rate: hyper.number("learning-rate")?,
            momentum: hyper.number("momentum")?,
            weight_decay: hyper.number("weight-decay")?,
            precision: match hyper.text("newton-schulz")? {
                "bfloat16" => Some(Kind::BFloat16),
                "parameter" => None,
                other => bail!("newton-schulz `{other}` is neither `bfloat16` nor `parameter`"),
            },
            auxiliary: Auxiliary {
                learning_rate: hyper.number("adam-lr")?,
                beta1: hyper.number("adam-beta1")?,
                beta2: hyper.number("adam-beta2")?,
                epsilon: hyper.number("adam-eps")?,
                weight_decay: hyper.number("adam-weight-decay")?,
            },
            momenta: zeros(&hidden)?,
            m: zeros(&others)?,
            v: zeros(&others)?,
            hidden,
            others,
        })
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        let rate = update.learning_rate;
        for (&place, momentum) in self.hidden.iter().zip(&mut self.momenta) {
            let (x, g) = (&update.parameters[place].tensor, &update.gradients[place]);
            *momentum = momentum.f_lerp_(g, 1.0 - self.momentum)?;
            let u = orthogonal(&g.f_lerp(momentum, self.momentum)?, self.precision)?;
            decay(&[x], rate * self.weight_decay)?;
            let _ = x.shallow_clone().f_sub_(&(u * (rate * scale(&g.size()))))?;
        }
        // The schedule is one for both rules.
        let factor = if rate == 0.0 {
            0.0
        } else {
            rate / self.learning_rate
        };
        let adam = &self.auxiliary;
        let rate = adam.learning_rate * factor;
        let step = Step {
            beta1: adam.beta1,
            beta2: adam.beta2,
            epsilon: adam.epsilon,
            keep: 1.0 - rate * adam.weight_decay,
            rate: rate / bias_correction(adam.beta1, update.t),
            root: bias_correction(adam.beta2, update.t).sqrt(),
        };
        update.elementwise_at(&self.others, &step, [&mut self.m, &mut self.v])
    }

    fn state_size(group: &Group) -> Result<Option<usize>> {
        let sizes = group.parameters.iter().map(|parameter| {
            let moments = if is_hidden(parameter) { 1 } else { 2 };
            moments * parameter.tensor.numel()
        });
        Ok(Some(sizes.sum()))
    }

    fn state(&mut self, state: &mut State) -> Result<()> {
        state.visit("momenta", &mut self.momenta)?;
        state.visit("m", &mut self.m)?;
        state.visit("v", &mut self.v)
    }

    fn compare(reference: &serde_json::Value) -> Result<Vec<Comparison>> {
        golden::compare(reference)
    }
}

/// `sqrt(max(1, rows / columns))` of the last two dimensions.
fn scale(shape: &[i64]) -> f64 {
    match shape {
        [.., rows, columns] if *columns > 0 => (*rows as f64 / *columns as f64).max(1.0).sqrt(),
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_kernel_is_scaled_by_its_last_two_dimensions_as_the_authors_do() {
        assert_eq!(super::scale(&[8, 2]), 2.0);
        assert_eq!(super::scale(&[2, 8]), 1.0);
        assert_eq!(super::scale(&[72, 2, 3, 3]), 1.0);
    }
}
