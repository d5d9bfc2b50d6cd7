//! Shampoo: gradients multiplied along each dimension by an inverse root of what they have been there (Gupta et al., arXiv:1802.09568; Anil et al.,
//! arXiv:2002.09018), as Meta's distributed form of it won AlgoPerf's first external-tuning ruleset (Shi et al., arXiv:2309.06497).
//!
//! Small neighbouring dimensions of a tensor are merged and large ones cut, so that blocks have at most `max-preconditioner-dim` indices along each of
//! their `o` dimensions. For each of those `L_k` averages `G_(k) G_(k)'`, and every `precondition-frequency` steps the inverse root
//! `(L_k / (1 - beta2^t) + epsilon)^(-1 / 2o)` is found anew. The direction of a block is NAdamW's numerator times all of its roots, given the length of
//! NAdamW's own step (grafting, arXiv:2002.09018, section 4.2); until the first roots are there it is NAdamW's step.
//!
//! Memory: 2 numbers a parameter, one more where there is momentum, and `2 d^2` for each dimension of `d` indices of a block; during an update two or
//! three copies of one parameter. Cost: of an `m x n` block `2 m n (m + n)` multiplications, half of them for the averages, and eigenvectors of each
//! `L_k` every `precondition-frequency` steps. Not for batches so small that these products are most of a step, nor for layers of thousands of units
//! where memory is short.
//!
//! Equals the code that was submitted to AlgoPerf (v0.5, `shampoo_submission`) with grafting on Adam and Nesterov's look ahead, to what finding inverse
//! roots of nearly singular matrices allows: 1e-8. Google's in JAX finds roots by Newton's iteration, with another epsilon, and grafts
//! before momentum; `pytorch_optimizer`'s two are other algorithms. Matrices are of the parameters' kind of number.
//!
//! Defaults: betas, epsilon and no momentum are of the points that were submitted to AlgoPerf, rounded. Blocks of 128 where theirs have 1024, and roots
//! every 20 steps, the first at step 10, were chosen for the small quick workloads; AlgoPerf's trainings are a hundred times as long, and there the
//! frequency is 100, which is the first step that is preconditioned, too. Two of the three targets are reached, in fewer steps than `adamw` needs; on
//! `fashion-mnist-mlp` the time budget ends first. Rate and decay, schedule and batch are `adamw`'s.

mod block;

use bench_sdk::prelude::*;
use bench_sdk::toolkit::{Descend, graft};
use block::{Block, merged, spans};

/// The hyperparameters; NAdamW's averages, and momentum if there is any; the blocks of every parameter.
pub struct Shampoo {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    grafting_epsilon: f64,
    momentum: f64,
    weight_decay: f64,
    limit: i64,
    frequency: u64,
    /// The first step that is preconditioned.
    start: u64,
    /// Which root is taken, where it is not twice the number of a block's dimensions.
    root: Option<u64>,
    m: Vec<Tensor>,
    v: Vec<Tensor>,
    momenta: Vec<Tensor>,
    blocks: Vec<Vec<Block>>,
}

impl UpdateRule for Shampoo {
    fn new(group: &Group) -> Result<Shampoo> {
        let hyper = &group.hyperparameters;
        let momentum = hyper.number("momentum")?;
        let limit = limit(group)?;
        let frequency = hyper.integer("precondition-frequency")?;
        ensure!(frequency > 0, "`precondition-frequency` is 0");
        let start = match hyper.number("start-preconditioning-step")? {
            start if start >= 0.0 => (start as u64).max(1),
            _ => frequency,
        };
        let root = hyper.integer("inv-root-override")?;
        let blocks = group.parameters.iter();
        let blocks = blocks.map(|parameter| Block::all(&parameter.tensor, limit));
        Ok(Shampoo {
            beta1: hyper.number("beta1")?,
            beta2: hyper.number("beta2")?,
            epsilon: hyper.number("epsilon")?,
            grafting_epsilon: hyper.number("grafting-epsilon")?,
            momentum,
            weight_decay: hyper.number("weight-decay")?,
            limit,
            frequency,
            start,
            root: Some(root).filter(|root| *root > 0),
            m: group.zeros()?,
            v: group.zeros()?,
            momenta: if momentum > 0.0 {
                group.zeros()?
            } else {
                Vec::new()
            },
            blocks: blocks.collect::<Result<_>>()?,
        })
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        for place in 0..update.parameters.len() {
            self.observe(update, place)?;
            let direction = self.direction(update, place)?;
            let x = [update.parameters[place].tensor.shallow_clone()];
            let (rate, weight_decay) = (update.learning_rate, self.weight_decay);
            if self.momenta.is_empty() {
                let keep = 1.0 - rate * weight_decay;
                update.map(&Descend { keep, rate }, &x, &[direction], [])?;
            } else {
                let step = Step {
                    rate,
                    weight_decay,
                    momentum: self.momentum,
                };
                let momentum = &mut self.momenta[place..=place];
                update.map(&step, &x, &[direction], [momentum])?;
            }
        }
        Ok(())
    }

    fn state_size(group: &Group) -> Result<Option<usize>> {
        let averages = if group.hyperparameters.number("momentum")? > 0.0 {
            3
        } else {
            2
        };
        let limit = limit(group)?;
        let sizes = group.parameters.iter().map(|parameter| {
            let blocks = spans(&parameter.tensor.size(), limit);
            let lengths = blocks.iter().flatten().map(|(_, length)| *length as usize);
            averages * parameter.tensor.numel() + 2 * lengths.map(|d| d * d).sum::<usize>()
        });
        Ok(Some(sizes.sum()))
    }

    fn state(&mut self, state: &mut State) -> Result<()> {
        state.visit("m", &mut self.m)?;
        state.visit("v", &mut self.v)?;
        state.visit("momenta", &mut self.momenta)?;
        for (place, blocks) in self.blocks.iter_mut().enumerate() {
            for (number, block) in blocks.iter_mut().enumerate() {
                state.scope(&format!("block-{place}-{number}"), |state| {
                    state.visit("factors", &mut block.factors)?;
                    state.visit("roots", &mut block.roots)
                })?;
            }
        }
        Ok(())
    }
}

/// The most indices of a block along a dimension.
fn limit(group: &Group) -> Result<i64> {
    let limit = group.hyperparameters.integer("max-preconditioner-dim")?;
    ensure!(limit > 0, "`max-preconditioner-dim` is 0");
    Ok(i64::try_from(limit)?)
}

impl Shampoo {
    /// Takes a gradient into the factors of its blocks, and finds their roots where they are due.
    fn observe(&mut self, update: &Update, place: usize) -> Result<()> {
        let gradient = self.as_merged(&update.gradients[place])?;
        let is_due = update.t == self.start
            || (update.t > self.start && update.t.is_multiple_of(self.frequency));
        let correction = bias_correction(self.beta2, update.t);
        for block in &mut self.blocks[place] {
            block.observe(&block.of(&gradient)?, self.beta2)?;
            if is_due {
                let root = self.root.unwrap_or(2 * block.factors.len() as u64);
                block.refresh(correction, self.epsilon, -1.0 / root as f64)?;
            }
        }
        Ok(())
    }

    /// The step that a parameter is to take, but for rate, decay and momentum.
    fn direction(&mut self, update: &Update, place: usize) -> Result<Tensor> {
        let gradient = &update.gradients[place];
        let averages = Averages {
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.grafting_epsilon,
            first: bias_correction(self.beta1, update.t),
            second: bias_correction(self.beta2, update.t).sqrt(),
        };
        let numerator = [self.m[place].f_empty_like()?];
        let mut adam = [self.m[place].f_empty_like()?];
        let [m, v] = [&mut self.m, &mut self.v].map(|list| &mut list[place..=place]);
        let gradients = &update.gradients[place..=place];
        update.map(&averages, &numerator, gradients, [m, v, &mut adam])?;
        let ([numerator], [adam]) = (numerator, adam);
        if update.t < self.start {
            return Ok(adam);
        }
        let (numerator, grafted) = (self.as_merged(&numerator)?, self.as_merged(&adam)?);
        for block in &self.blocks[place] {
            let length_of = block.of(&grafted)?;
            let mut direction = block.precondition(&block.of(&numerator)?)?;
            graft(&mut direction, &length_of)?;
            length_of.shallow_clone().f_copy_(&direction)?;
        }
        Ok(grafted.f_view_as(gradient)?)
    }

    /// With small dimensions merged.
    fn as_merged(&self, tensor: &Tensor) -> Result<Tensor> {
        Ok(tensor.f_reshape(merged(&tensor.size(), self.limit))?)
    }
}

/// NAdamW's averages, its numerator, and its step for a rate of 1.
#[derive(Clone, Copy)]
struct Averages {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    /// The correction of `m`.
    first: f64,
    /// The root of that of `v`.
    second: f64,
}

impl Reference<3> for Averages {
    fn tensors(&self, _: &Tensor, g: &Tensor, [m, v, _]: [&Tensor; 3]) -> (Tensor, [Tensor; 3]) {
        let m = self.beta1 * m + (1.0 - self.beta1) * g;
        let v = self.beta2 * v + (1.0 - self.beta2) * g * g;
        let numerator = (self.beta1 * &m + (1.0 - self.beta1) * g) / self.first;
        let adam = &numerator / (v.sqrt() / self.second + self.epsilon);
        (numerator, [m, v, adam])
    }
}

impl Elementwise<3> for Averages {
    #[inline(always)]
    fn scalar<F: Float>(&self, _: F, g: F, [m, v, _]: [F; 3]) -> (F, [F; 3]) {
        let [beta1, beta2] = F::all([self.beta1, self.beta2]);
        let [rest1, rest2] = F::all([1.0 - self.beta1, 1.0 - self.beta2]);
        let [first, epsilon] = F::all([1.0 / self.first, self.epsilon * self.second]);
        // The correction of v multiplied into the rest of the fraction, as in AdamW.
        let second = F::of(self.second);
        let m = beta1 * m + rest1 * g;
        let v = beta2 * v + rest2 * g * g;
        let numerator = (beta1 * m + rest1 * g) * first;
        (numerator, [m, v, second * numerator / (v.sqrt() + epsilon)])
    }
}

/// Adds the decay to a direction, and takes it with momentum, an average of directions, and Nesterov's look ahead.
#[derive(Clone, Copy)]
struct Step {
    rate: f64,
    weight_decay: f64,
    momentum: f64,
}

impl Reference<1> for Step {
    fn tensors(&self, x: &Tensor, d: &Tensor, [average]: [&Tensor; 1]) -> (Tensor, [Tensor; 1]) {
        let d = d + self.weight_decay * x;
        let average = self.momentum * average + (1.0 - self.momentum) * &d;
        let ahead = self.momentum * &average + (1.0 - self.momentum) * d;
        (x - self.rate * ahead, [average])
    }
}

impl Elementwise<1> for Step {
    #[inline(always)]
    fn scalar<F: Float>(&self, x: F, d: F, [average]: [F; 1]) -> (F, [F; 1]) {
        let [rate, weight_decay] = F::all([self.rate, self.weight_decay]);
        let [momentum, rest] = F::all([self.momentum, 1.0 - self.momentum]);
        let d = d + weight_decay * x;
        let average = momentum * average + rest * d;
        (x - rate * (momentum * average + rest * d), [average])
    }
}
