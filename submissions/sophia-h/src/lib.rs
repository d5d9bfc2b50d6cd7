//! Sophia-H: momentum divided by a diagonal estimate of curvature, clipped in every coordinate (Liu et al., arXiv:2305.14342, algorithm 3),
//! with Hutchinson's estimator (algorithm 1).
//!
//! Every `k` steps the Hessian of the step's loss is multiplied by a vector `z` of random signs; `z * (H z)` is an unbiased estimate of its diagonal.
//! Its running average `h` (equation 9) divides the momentum (equation 8), and each coordinate of the quotient is clipped to 1 (equation 12). Where the
//! curvature is not positive the denominator is epsilon, so the step is the learning rate times a sign. Where the loss smooths labels, the Hessian is
//! that of the smoothed loss, and the estimate of it stays unbiased, which Sophia-G's does not.
//!
//! Memory: 2 numbers a parameter. Cost: one pass of 24 bytes a parameter, and every `k` steps a Hessian-vector product, 2.5 to 4 gradients' time, on
//! the clock. Not for models without second derivatives, nor for small batches, where one probe says little: with these defaults it reaches no target of
//! the quick suite; nor where memory is short, since a second backward pass keeps the graph of the first.
//!
//! Two variants. `paper-alg3` is the paper's: `h` is refreshed before the update of steps 1, `k + 1`, …, and no average is corrected.
//! `optax` is `optax.contrib.sophia` (levanter's is the same with normal `z`): the momentum is bias-corrected and a refreshed `h` serves from
//! the next step on. The authors' repository has no code of H. `pytorch_optimizer.SophiaH` has no `gamma` and is another algorithm.
//!
//! Defaults: betas, epsilon, `k` and decay are the paper's, whose `gamma` is 0.01. 0.03 and the rate of 5e-3 were chosen for the small quick workloads: of
//! four pairs tried this one came nearest to two of their targets. Clipping gradients to a norm of 1 is what the authors do with Sophia-G for GPT-2.
//! Schedule and batch are `adamw`'s.

use bench_sdk::Rules;
use bench_sdk::prelude::*;
use bench_sdk::toolkit::ema;

/// The rule, how many steps an estimate of curvature lasts, and when it begins to serve.
pub struct SophiaH {
    rules: Rules<Sophia>,
    interval: u64,
    variant: Variant,
}

/// In what implementations differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variant {
    Paper,
    Optax,
}

const VARIANTS: [(&str, Variant); 2] = [("paper-alg3", Variant::Paper), ("optax", Variant::Optax)];

impl TrainingAlgorithm for SophiaH {
    fn init(training: &mut Training) -> Result<SophiaH> {
        let hyper = training.hyperparameters();
        let interval = hyper.integer("hessian-interval")?;
        let variant = hyper.choice("variant", &VARIANTS)?;
        ensure!(interval > 0, "`hessian-interval` is 0");
        Ok(SophiaH {
            rules: Rules::new(training)?,
            interval,
            variant,
        })
    }

    fn step(&mut self, training: &mut Training) -> Result<()> {
        let batch = training.next_batch()?;
        let mut gradients = training.gradients(&batch)?;
        training.clip(&mut gradients)?;
        let due = training.step().is_multiple_of(self.interval);
        let estimate = due.then(|| training.hutchinson(&batch)).transpose()?;
        if let (Some(estimate), Variant::Paper) = (&estimate, self.variant) {
            self.rules.each(training, estimate, Sophia::refresh)?;
        }
        self.rules.update(training, &gradients.values)?;
        if due {
            training.log("win-rate", self.rules.share(Sophia::unclipped)?);
        }
        if let (Some(estimate), Variant::Optax) = (&estimate, self.variant) {
            self.rules.each(training, estimate, Sophia::refresh)?;
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

/// Momentum `m` and curvature `h`.
pub struct Sophia {
    beta1: f64,
    beta2: f64,
    gamma: f64,
    epsilon: f64,
    weight_decay: f64,
    variant: Variant,
    /// Of the last update.
    correction: f64,
    m: Vec<Tensor>,
    h: Vec<Tensor>,
}

impl UpdateRule for Sophia {
    fn new(group: &Group) -> Result<Sophia> {
        let hyper = &group.hyperparameters;
        Ok(Sophia {
            beta1: hyper.number("beta1")?,
            beta2: hyper.number("beta2")?,
            gamma: hyper.number("gamma")?,
            epsilon: hyper.number("epsilon")?,
            weight_decay: hyper.number("weight-decay")?,
            variant: hyper.choice("variant", &VARIANTS)?,
            correction: 1.0,
            m: group.zeros()?,
            h: group.zeros()?,
        })
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        self.correction = match self.variant {
            Variant::Paper => 1.0,
            Variant::Optax => bias_correction(self.beta1, update.t),
        };
        let step = Step {
            beta1: self.beta1,
            gamma: self.gamma,
            epsilon: self.epsilon,
            correction: self.correction,
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
    /// Equation 9; the gradients are an estimate of the diagonal.
    fn refresh(&mut self, update: &Update) -> Result<()> {
        ema(&mut self.h, update.gradients, self.beta2)
    }

    /// How many coordinates of each parameter the last update did not clip.
    fn unclipped(&self) -> Result<Vec<Tensor>> {
        let counts = self.m.iter().zip(&self.h).map(|(m, h)| {
            let bound = (self.gamma * h).clamp_min(self.epsilon) * self.correction;
            Ok(m.f_abs()?.f_lt_tensor(&bound)?.f_sum(Kind::Double)?)
        });
        counts.collect()
    }
}

/// One step's coefficients.
#[derive(Clone, Copy)]
struct Step {
    beta1: f64,
    gamma: f64,
    epsilon: f64,
    correction: f64,
    keep: f64,
    rate: f64,
}

impl Reference<2> for Step {
    fn tensors(&self, x: &Tensor, g: &Tensor, [m, h]: [&Tensor; 2]) -> (Tensor, [Tensor; 2]) {
        let m = self.beta1 * m + (1.0 - self.beta1) * g;
        let ratio = &m / self.correction / (self.gamma * h).clamp_min(self.epsilon);
        let x = self.keep * x - self.rate * ratio.clamp(-1.0, 1.0);
        (x, [m, h.shallow_clone()])
    }
}

impl Elementwise<2> for Step {
    const KEPT: usize = 1;

    #[inline(always)]
    fn scalar<F: Float>(&self, x: F, g: F, [m, h]: [F; 2]) -> (F, [F; 2]) {
        let [beta1, rest1, gamma, epsilon] =
            F::all([self.beta1, 1.0 - self.beta1, self.gamma, self.epsilon]);
        // A product in place of a second division.
        let [corrected, keep, rate] = F::all([1.0 / self.correction, self.keep, self.rate]);
        let m = beta1 * m + rest1 * g;
        let ratio = corrected * m / (gamma * h).max(epsilon);
        (keep * x - rate * ratio.max(-F::ONE).min(F::ONE), [m, h])
    }
}
