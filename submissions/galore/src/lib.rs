//! GaLore: Adam in the coordinates of the gradient's leading singular vectors (Zhao et al., arXiv:2403.03507, algorithm 2).
//!
//! Every `projection-gap` steps the first `rank` singular vectors of a matrix' gradient `G` become its basis `P`, on the shorter side; Adam runs on
//! `R = P' G` (or `G P'`), and its direction `N` goes back by `alpha P N` (equation 12 and definition 3.6). Moments are not rotated with the basis. What
//! is no matrix, or in a group of rank 0 in `submission.yaml`, is given plain AdamW of the same form.
//!
//! Memory of an `m x n` matrix: `2 r max(m, n) + r min(m, n)` numbers where AdamW has `2 m n`; and `m n` more of one matrix at a time during an update.
//! Cost: two products with the basis and a pass, and a singular value decomposition every `projection-gap` steps. Not where memory is plentiful: it is
//! AdamW with information left out, and a decomposition of a large matrix takes seconds. With these defaults it misses one quick target, the MLP's.
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

use adamw::{Adam, Step};
use bench_sdk::prelude::*;
use bench_sdk::toolkit::{Descend, LowRank};

/// The hyperparameters, the bases, and Adam's averages, those of projected matrices in their coordinates.
pub struct Galore {
    adam: Adam,
    /// The scale of what comes back from a basis.
    pub alpha: f64,
    /// The matrices that are projected, with their bases.
    pub low_rank: LowRank,
    m: Vec<Tensor>,
    v: Vec<Tensor>,
}

impl UpdateRule for Galore {
    fn new(group: &Group) -> Result<Galore> {
        let hyper = &group.hyperparameters;
        let low_rank = LowRank::new(group)?;
        Ok(Galore {
            adam: Adam::new(hyper)?,
            alpha: hyper.number("alpha")?,
            m: low_rank.zeros(group)?,
            v: low_rank.zeros(group)?,
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
        state.visit("m", &mut self.m)?;
        state.visit("v", &mut self.v)
    }
}

impl Galore {
    /// Of one of the projected matrices, in the order of [`LowRank::matrices`], the gradient in its basis, `R`, and Adam's direction there, `N`. One
    /// at a time, so that there is no temporary as large as all of them.
    ///
    /// # Errors
    /// When the gradient is not the matrix'.
    pub fn direction(&mut self, update: &Update, number: usize) -> Result<(Tensor, Tensor)> {
        let (place, projection) = self.low_rank.matrix(number);
        let r = [projection.project(&update.gradients[place])?];
        // It is what Adam makes of a weight of 0 with a rate of -1.
        let n = [r[0].f_zeros_like()?];
        let step = Step {
            rate: -1.0,
            ..self.step(update)
        };
        let [m, v] = [&mut self.m, &mut self.v].map(|list| &mut list[place..=place]);
        update.map(&step, &n, &r, [m, v])?;
        let ([r], [n]) = (r, n);
        Ok((r, n))
    }

    /// A step along a direction in the matrix' own space.
    ///
    /// # Errors
    /// When the direction has another shape than the matrix.
    pub fn take(&self, update: &Update, place: usize, direction: Tensor) -> Result<()> {
        let Step { keep, rate, .. } = self.step(update);
        let x = update.parameters[place].tensor.shallow_clone();
        update.map(&Descend { keep, rate }, &[x], &[direction], [])
    }

    /// AdamW for the parameters that are not projected.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn update_others(&mut self, update: &Update) -> Result<()> {
        let (step, others) = (self.step(update), self.low_rank.others());
        update.elementwise_at(others, &step, [&mut self.m, &mut self.v])
    }

    /// This step's coefficients. Epsilon is beside the root that is not corrected; the decay comes last, so it shrinks the step too.
    fn step(&self, update: &Update) -> Step {
        let adam = self.adam.step(update.learning_rate, update.t);
        Step {
            rate: adam.keep * adam.rate * adam.root,
            root: 1.0,
            ..adam
        }
    }
}
