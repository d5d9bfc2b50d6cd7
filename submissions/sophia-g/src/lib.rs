//! Sophia-G: momentum divided by a diagonal estimate of curvature, clipped in every coordinate (Liu et al., arXiv:2305.14342, algorithm 3),
//! with the Gauss-Newton-Bartlett estimator (algorithm 2).
//!
//! Every `k` steps the model draws labels from its own distribution, and the square of the gradient on them, times the number `B` of labels, is
//! an unbiased estimate of the diagonal of the Gauss-Newton matrix. Its running average `h` (equation 9) divides the momentum (equation 8); where
//! the quotient is larger than 1 the step is the learning rate times a sign, as in Lion (equation 12). Where the loss smooths labels, that of the drawn
//! labels is smoothed too: the mean of its gradient is not 0 any more, and the estimate is biased.
//!
//! Memory: 2 numbers a parameter. Cost: one pass of 24 bytes a parameter; every `k` steps a forward and a backward pass, and a count of the
//! coordinates that are not clipped, on the clock. Not for short trainings: with these defaults it reaches no target of the quick suite; nor for losses
//! that are no likelihood.
//!
//! Equals the authors' `sophia.py` driven as in `train_sophiag.py`: `h` is refreshed after the update of steps `k`, `2k`, …, so the first `k` steps
//! are sign steps; their README refreshes one step earlier. They keep `B` in the step, here it is in `h`; it counts the batch at hand, where their
//! default of 5120 fits no other batch. They estimate on the next batch, here it is this step's. The paper divides by `max(rho h, 1e-12)`, the
//! code by `rho h + 1e-15`: so does this. The code clips the gradient on drawn labels like every other, of which algorithm 2 has nothing: so does this.
//! It counts the win rate once the estimate is in `h`; here it is that of the update just made. `rho` is the paper's gamma. PyPI's sophia-opt 0.2.2 is
//! their class under another name.
//!
//! Defaults: betas, `rho`, decay and `k` are the authors' code's. Its rate is 1e-4; 5e-3 was chosen for the small quick workloads: it comes nearer to two
//! of their targets than 1e-3, and ends farther from `fashion-mnist-mlp`'s. For GPT-2 theirs are rates of 3e-4 to 7e-4, a `rho` of 0.05 to 0.08 and a
//! decay of 0.2; from there is the clipping of gradients to a norm of 1. `rho` is right where the logged `win-rate`, the share of coordinates not clipped,
//! is 0.1 to 0.5. Schedule and batch are `adamw`'s.

use bench_sdk::Rules;
use bench_sdk::prelude::*;

/// The rule, and how many steps an estimate of curvature lasts.
pub struct SophiaG {
    rules: Rules<Sophia>,
    interval: u64,
}

impl TrainingAlgorithm for SophiaG {
    fn init(training: &mut Training) -> Result<SophiaG> {
        let interval = training.hyperparameters().integer("hessian-interval")?;
        ensure!(interval > 0, "`hessian-interval` is 0");
        Ok(SophiaG {
            rules: Rules::new(training)?,
            interval,
        })
    }

    fn step(&mut self, training: &mut Training) -> Result<()> {
        let batch = training.next_batch()?;
        let mut gradients = training.gradients(&batch)?;
        training.clip(&mut gradients)?;
        self.rules.update(training, &gradients.values)?;
        if training.step() % self.interval == self.interval - 1 {
            training.log("win-rate", self.rules.share(Sophia::unclipped)?);
            self.refresh(training, &batch)?;
        }
        Ok(())
    }

    fn state_size(training: &Training) -> Result<Option<usize>> {
        Rules::<Sophia>::state_size(training)
    }

    fn state(&mut self, state: &mut State) -> Result<()> {
        self.rules.state(state)
    }
}

impl SophiaG {
    /// Algorithm 2 on this step's batch, its gradient clipped as any other.
    fn refresh(&mut self, training: &mut Training, batch: &Batch) -> Result<()> {
        let labels = batch.labels()?;
        let loss = training.sampled_loss(batch)?;
        let mut gradients = training.gradients_of(&loss)?;
        training.clip_others(&mut gradients)?;
        let refresh = |rule: &mut Sophia, update: &Update| rule.refresh(update, labels);
        self.rules.each(training, &gradients, refresh)
    }
}

/// Momentum `m` and curvature `h`.
pub struct Sophia {
    beta1: f64,
    beta2: f64,
    rho: f64,
    weight_decay: f64,
    m: Vec<Tensor>,
    h: Vec<Tensor>,
}

impl UpdateRule for Sophia {
    fn new(group: &Group) -> Result<Sophia> {
        let hyper = &group.hyperparameters;
        Ok(Sophia {
            beta1: hyper.number("beta1")?,
            beta2: hyper.number("beta2")?,
            rho: hyper.number("rho")?,
            weight_decay: hyper.number("weight-decay")?,
            m: group.zeros()?,
            h: group.zeros()?,
        })
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        let step = Step {
            beta1: self.beta1,
            rho: self.rho,
            keep: 1.0 - update.learning_rate * self.weight_decay,
            rate: update.learning_rate,
        };
        update.elementwise(&step, [&mut self.m, &mut self.h])
    }

    fn state_size(group: &Group) -> Result<Option<usize>> {
        Ok(Some(2 * group.numbers()))
    }

    fn state(&mut self, state: &mut State) -> Result<()> {
        state.visit("m", &mut self.m)?;
        state.visit("h", &mut self.h)
    }
}

impl Sophia {
    /// Equation 9, with the estimate `B g^2` of gradients on `labels` sampled labels.
    fn refresh(&mut self, update: &Update, labels: f64) -> Result<()> {
        let average = Average {
            beta2: self.beta2,
            labels,
        };
        update.map(&average, &self.h, update.gradients, [])
    }

    /// How many coordinates of each parameter the last update did not clip.
    fn unclipped(&self) -> Result<Vec<Tensor>> {
        let counts = self.m.iter().zip(&self.h).map(|(m, h)| {
            let bound = self.rho * h + EPSILON;
            Ok(m.f_abs()?.f_lt_tensor(&bound)?.f_sum(Kind::Double)?)
        });
        counts.collect()
    }
}

/// What keeps the denominator from 0.
const EPSILON: f64 = 1e-15;

/// One step's coefficients.
#[derive(Clone, Copy)]
struct Step {
    beta1: f64,
    rho: f64,
    keep: f64,
    rate: f64,
}

impl Reference<2> for Step {
    fn tensors(&self, x: &Tensor, g: &Tensor, [m, h]: [&Tensor; 2]) -> (Tensor, [Tensor; 2]) {
        let m = self.beta1 * m + (1.0 - self.beta1) * g;
        let ratio = (m.abs() / (self.rho * h + EPSILON)).clamp_max(1.0);
        let x = self.keep * x - self.rate * m.sign() * ratio;
        (x, [m, h.shallow_clone()])
    }
}

impl Elementwise<2> for Step {
    const KEPT: usize = 1;

    #[inline(always)]
    fn scalar<F: Float>(&self, x: F, g: F, [m, h]: [F; 2]) -> (F, [F; 2]) {
        let [beta1, rest1, rho, epsilon] =
            F::all([self.beta1, 1.0 - self.beta1, self.rho, EPSILON]);
        let [keep, rate] = F::all([self.keep, self.rate]);
        let m = beta1 * m + rest1 * g;
        // The sign of m times min(|m| / (rho h + epsilon), 1), in half the instructions: h is never below 0.
        let ratio = m / (rho * h + epsilon);
        (keep * x - rate * ratio.max(-F::ONE).min(F::ONE), [m, h])
    }
}

/// Moves `h` towards `B g^2`.
#[derive(Clone, Copy)]
struct Average {
    beta2: f64,
    labels: f64,
}

impl Reference<0> for Average {
    fn tensors(&self, h: &Tensor, g: &Tensor, _: [&Tensor; 0]) -> (Tensor, [Tensor; 0]) {
        let h = self.beta2 * h + (1.0 - self.beta2) * self.labels * g * g;
        (h, [])
    }
}

impl Elementwise<0> for Average {
    #[inline(always)]
    fn scalar<F: Float>(&self, h: F, g: F, _: [F; 0]) -> (F, [F; 0]) {
        let [beta2, rest2] = F::all([self.beta2, (1.0 - self.beta2) * self.labels]);
        (beta2 * h + rest2 * g * g, [])
    }
}
