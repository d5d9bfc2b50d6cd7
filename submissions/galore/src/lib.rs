//! GaLore: Adam in the coordinates of the gradient's leading singular vectors (Zhao et al., arXiv:2403.03507, algorithm 2).
//!
//! Every `projection-gap` steps the first `rank` singular vectors of a matrix' gradient `G` become its basis `P`, on the shorter side; Adam runs on
//! `R = P' G` (or `G P'`), and its direction `N` goes back by `alpha P N` (equation 12 and definition 3.6). Moments are not rotated with the basis. All
//! other parameters are given plain AdamW of the same form: a group's `rank` is 0 in `submission.yaml` for roles that are not to be projected, and only
//! matrices are.
//!
//! Memory of an `m x n` matrix: `2 r max(m, n) + r min(m, n)` numbers where AdamW has `2 m n`; and `m n` more of one matrix at a time during an update.
//! Cost: two products with the basis and a pass, and a singular value decomposition every `projection-gap` steps. Not where memory is plentiful: it is
//! AdamW with information left out, and a decomposition of a large matrix takes seconds. Of the quick suite's targets it misses `fashion-mnist-mlp`'s by
//! 0.005 with these defaults.
//!
//! Equals the authors' `galore_adamw.py` (galore-torch 1.0): epsilon is added to the root that is not corrected, the decay comes last and uses the new
//! weight, and singular vectors are found in single precision. Of their projections, `std` is here. A gradient that is not finite has no singular
//! vectors; its basis is unit vectors. Not theirs is `bases: qr`: after the first, bases are turned towards the singular vectors by two products and a QR
//! decomposition, as SOAP's are (Vyas et al., arXiv:2409.11321, algorithm 4), for matrices whose singular value decomposition takes too long.
//!
//! Defaults: betas, epsilon and `alpha` are the authors' code's. The others were chosen for the small quick workloads: a rate of 1e-2 (theirs 1e-3), a
//! decay of 0.05 (theirs 0), a gap of 100 (their 200 are for trainings of 10,000 steps and more), and a rank of 16, which has no source: it is a third
//! of `brown-lm`'s width of 48. For pre-training on C4 theirs are a rate of 0.01, an `alpha` of 0.25 and, for 60 million parameters, a rank of 128, of
//! the matrices of attention and feed-forward layers only. Schedule and batch are `adamw`'s.

use adamw::Step;
use bench_sdk::prelude::*;
use bench_sdk::toolkit::LowRank;

/// The hyperparameters, the projections, and the moments of the projected matrices and of the others.
pub struct Galore {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    weight_decay: f64,
    /// The scale of what comes back from a basis.
    pub alpha: f64,
    /// The matrices that are projected, with their bases.
    pub low_rank: LowRank,
    projected: [Vec<Tensor>; 2],
    others: [Vec<Tensor>; 2],
}

impl UpdateRule for Galore {
    fn new(group: &Group) -> Result<Galore> {
        let hyper = &group.hyperparameters;
        let low_rank = LowRank::new(group)?;
        let others = || low_rank.zeros_of_others(group);
        Ok(Galore {
            beta1: hyper.number("beta1")?,
            beta2: hyper.number("beta2")?,
            epsilon: hyper.number("epsilon")?,
            weight_decay: hyper.number("weight-decay")?,
            alpha: hyper.number("alpha")?,
            projected: [low_rank.zeros(group)?, low_rank.zeros(group)?],
            others: [others()?, others()?],
            low_rank,
        })
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        self.low_rank.renew(update)?;
        let matrices = self.low_rank.matrices().len();
        for number in 0..matrices {
            let (_, n) = self.direction(update, number)?;
            let (place, projection) = self.low_rank.matrix(number);
            self.take(update, place, projection.back(&(n * self.alpha))?)?;
        }
        self.update_others(update)
    }

    fn state_size(group: &Group) -> Result<Option<usize>> {
        Ok(Some(LowRank::state_size(group, 2)?))
    }

    fn state(&mut self, state: &mut State) -> Result<()> {
        self.low_rank.state(state)?;
        let [m, v] = &mut self.projected;
        state.visit("projected-m", m)?;
        state.visit("projected-v", v)?;
        let [m, v] = &mut self.others;
        state.visit("m", m)?;
        state.visit("v", v)
    }
}

impl Galore {
    /// What decay leaves of a parameter in this step.
    fn keep(&self, update: &Update) -> f64 {
        1.0 - update.learning_rate * self.weight_decay
    }

    /// The learning rate with both of Adam's corrections.
    fn rate(&self, update: &Update) -> f64 {
        update.learning_rate * bias_correction(self.beta2, update.t).sqrt()
            / bias_correction(self.beta1, update.t)
    }

    /// Of one of the projected matrices, in the order of [`LowRank::matrices`], the gradient in its basis, `R`, and Adam's direction there, `N`. One
    /// at a time, so that there is no temporary as large as all of them.
    ///
    /// # Errors
    /// When the gradient is not the matrix'.
    pub fn direction(&mut self, update: &Update, number: usize) -> Result<(Tensor, Tensor)> {
        let (place, projection) = self.low_rank.matrix(number);
        let r = projection.project(&update.gradients[place])?;
        // It is what Adam makes of a weight of 0 with a rate of -1.
        let n = r.f_zeros_like()?;
        let step = self.adam(1.0, -1.0);
        let [mut m, mut v] = self
            .projected
            .each_ref()
            .map(|moments| vec![moments[number].shallow_clone()]);
        update.map(
            &step,
            &[n.shallow_clone()],
            &[r.shallow_clone()],
            [&mut m, &mut v],
        )?;
        Ok((r, n))
    }

    /// A step along a direction in the matrix' own space. The decay comes last, so it shrinks the step too.
    ///
    /// # Errors
    /// When the direction has another shape than the matrix.
    pub fn take(&self, update: &Update, place: usize, direction: Tensor) -> Result<()> {
        let take = Take {
            keep: self.keep(update),
            rate: self.rate(update),
        };
        let x = update.parameters[place].tensor.shallow_clone();
        update.map(&take, &[x], &[direction], [])
    }

    /// AdamW for the parameters that are not projected. The decay comes last, so it shrinks the step too.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn update_others(&mut self, update: &Update) -> Result<()> {
        let keep = self.keep(update);
        let step = self.adam(keep, keep * self.rate(update));
        let [m, v] = &mut self.others;
        update.elementwise_at(self.low_rank.others(), &step, [m, v])
    }

    /// Epsilon is beside the root that is not corrected.
    fn adam(&self, keep: f64, rate: f64) -> Step {
        Step {
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.epsilon,
            keep,
            rate,
            root: 1.0,
        }
    }
}

/// One step's coefficients in a matrix' own space.
#[derive(Clone, Copy)]
struct Take {
    keep: f64,
    rate: f64,
}

impl Reference<0> for Take {
    fn tensors(&self, x: &Tensor, n: &Tensor, _: [&Tensor; 0]) -> (Tensor, [Tensor; 0]) {
        (self.keep * (x - self.rate * n), [])
    }
}

impl Elementwise<0> for Take {
    #[inline(always)]
    fn scalar<F: Float>(&self, x: F, n: F, _: [F; 0]) -> (F, [F; 0]) {
        let [keep, rate] = F::all([self.keep, self.rate]);
        (keep * (x - rate * n), [])
    }
}
