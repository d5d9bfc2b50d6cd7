//! Fira: GaLore that keeps what the projection leaves out (Chen et al., arXiv:2410.01623, algorithm 1).
//!
//! As in GaLore, Adam runs on `R`, the gradient `G` in the coordinates of its leading singular vectors, and gives a direction `N`. Beside it, the rest
//! `G - alpha P R` takes a step too, each of its columns (or rows, along the longer side) scaled by `phi = |N| / |R|`, as Adam scales the part that it
//! sees (norm-based scaling, equation 9). A limiter lets the norm of that step grow by 1 % at most from one step to the next (equation 10), against the
//! spikes that follow a new basis. Other parameters are given plain AdamW: a group's `rank` is 0 in `submission.yaml` for roles that are not to be
//! projected, and only matrices are.
//!
//! Memory of an `m x n` matrix: `2 r max(m, n) + r min(m, n)` numbers and one norm where AdamW has `2 m n`; during an update `2 m n` more of one matrix
//! at a time. Cost: three products with the basis and five passes, and a singular value decomposition every `projection-gap` steps. Not
//! where memory is plentiful and time is not: full AdamW is one pass, and a decomposition of a large matrix takes seconds. Of the quick suite's targets it
//! misses `fashion-mnist-mlp`'s by 0.003 with these defaults.
//!
//! Equals the authors' `fira_adamw.py` (fira 1.0.2): epsilon is added to the root that is not corrected, the decay comes last and uses the new weight,
//! singular vectors are found in single precision, and `alpha` also scales the part taken from `G`, so that with `alpha < 1` the rest keeps some of
//! the subspace. The norms' own epsilon is 1e-8. `pytorch_optimizer.Fira` is the same. `bases: qr` is explained in `galore`.
//!
//! Defaults: betas, epsilon and `alpha` are the authors' code's. The others were chosen for the small quick workloads: a rate of 1e-2 (theirs 1e-3), a
//! decay of 0.05 (theirs 0), a gap of 100 (their 200 are for trainings of 10,000 steps and more), and a rank of 16, which has no source: it is a third
//! of `brown-lm`'s width of 48. For pre-training on C4 theirs are a rate of 0.01, an `alpha` of 0.25 and, for 60 million parameters, a rank of 128, of
//! the matrices of attention and feed-forward layers only. Schedule and batch are `adamw`'s.

use bench_sdk::prelude::*;
use bench_sdk::toolkit::{Descend, Projection};
use galore::Galore;

/// The largest growth of the rest's step.
const GROWTH: f64 = 1.01;
/// What keeps quotients of norms from infinity.
const NORM_EPSILON: f64 = 1e-8;

/// GaLore's hyperparameters, bases and moments, and the norm of every matrix' last step outside its basis.
pub struct Fira {
    galore: Galore,
    norms: Vec<f64>,
}

impl UpdateRule for Fira {
    fn new(group: &Group) -> Result<Fira> {
        let galore = Galore::new(group)?;
        Ok(Fira {
            // Nothing limits the first step.
            norms: vec![f64::INFINITY; galore.low_rank.matrices().count()],
            galore,
        })
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        self.galore.low_rank.renew(update)?;
        let alpha = self.galore.alpha;
        for (number, norm) in self.norms.iter_mut().enumerate() {
            let (r, n) = self.galore.direction(update, number)?;
            let (place, projection) = self.galore.low_rank.matrix(number);
            let rest = scaled_rest(projection, &update.gradients[place], &r, &n, alpha)?;
            let limit = limited(&rest, norm)?;
            let direction = projection.back(&(n * alpha))?;
            // Adds the rest, as far as it is let.
            let add = Descend {
                keep: 1.0,
                rate: -limit,
            };
            update.map(&add, &[direction.shallow_clone()], &[rest], [])?;
            self.galore.take(update, place, direction)?;
        }
        self.galore.update_others(update)
    }

    fn state_size(group: &Group) -> Result<Option<usize>> {
        Galore::state_size(group)
    }

    fn state(&mut self, state: &mut State) -> Result<()> {
        self.galore.state(state)?;
        state.visit("norms", &mut self.norms)
    }
}

/// Equation 9: `phi (G - alpha P R)`, with `phi` along the longer side of `R`.
fn scaled_rest(
    projection: &Projection,
    g: &Tensor,
    r: &Tensor,
    n: &Tensor,
    alpha: f64,
) -> Result<Tensor> {
    let (rows, columns) = n.size2()?;
    let along = [if rows < columns { 0 } else { 1 }];
    let norm = |tensor: &Tensor| tensor.f_norm_scalaropt_dim(2, along, true);
    let phi = norm(n)? / (norm(r)? + NORM_EPSILON);
    let mut rest = projection.back(&(r * -alpha))?.f_add_(g)?;
    Ok(rest.f_mul_(&phi)?)
}

/// Equation 10: by what the rest is to be multiplied so that its norm grows no faster than it may. Remembers the norm.
fn limited(rest: &Tensor, before: &mut f64) -> Result<f64> {
    let norm = rest.f_norm()?.f_double_value(&[])?;
    let growth = norm / (*before + NORM_EPSILON);
    let factor = GROWTH / growth.max(GROWTH);
    *before = norm * factor;
    Ok(factor)
}
