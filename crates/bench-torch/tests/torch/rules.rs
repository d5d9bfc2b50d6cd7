//! Rules in both forms: one element's, and tensor expressions.

use bench_torch::one_pass::{Elementwise, Float};
use tch::Tensor;

/// AdamW's step `step`, from 1.
#[derive(Clone, Copy)]
pub(crate) struct AdamW {
    pub(crate) step: i32,
}

const RATE: f64 = 1e-2;
const KEEP: f64 = 1.0 - RATE * 0.1;
const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

impl AdamW {
    fn corrections(self) -> [f64; 2] {
        [1.0 - BETA1.powi(self.step), 1.0 - BETA2.powi(self.step)]
    }

    /// As tensor expressions.
    pub(crate) fn reference(self, p: &mut Tensor, g: &Tensor, m: &mut Tensor, v: &mut Tensor) {
        let [c1, c2] = self.corrections();
        m.copy_(&(&*m * BETA1 + g * (1.0 - BETA1)));
        v.copy_(&(&*v * BETA2 + g * g * (1.0 - BETA2)));
        let update = (&*m / c1) / ((&*v / c2).sqrt() + EPSILON);
        p.copy_(&(&*p * KEEP - update * RATE));
    }
}

impl Elementwise<2> for AdamW {
    #[inline(always)]
    fn scalar<F: Float>(&self, p: F, g: F, [m, v]: [F; 2]) -> (F, [F; 2]) {
        let [rate, keep, b1, d1] = F::all([RATE, KEEP, BETA1, 1.0 - BETA1]);
        let [b2, d2, epsilon] = F::all([BETA2, 1.0 - BETA2, EPSILON]);
        let [c1, c2] = F::all(self.corrections());
        let m = b1 * m + d1 * g;
        let v = b2 * v + d2 * (g * g);
        (
            keep * p - rate * ((m / c1) / ((v / c2).sqrt() + epsilon)),
            [m, v],
        )
    }
}

/// Sign, absolute value, maximum and minimum, four numbers of state: for what a float may hold.
#[derive(Clone, Copy)]
pub(crate) struct Everything;

impl Everything {
    /// As tensor expressions: new parameter and state.
    pub(crate) fn reference(p: &Tensor, g: &Tensor, s: &[Tensor; 4]) -> (Tensor, [Tensor; 4]) {
        (
            p - g.sign() * 0.5,
            [&s[0] + g.abs(), s[1].maximum(g), s[2].minimum(g), -&s[3]],
        )
    }
}

impl Elementwise<4> for Everything {
    #[inline(always)]
    fn scalar<F: Float>(&self, p: F, g: F, [a, b, c, d]: [F; 4]) -> (F, [F; 4]) {
        (
            p - g.sign() * F::of(0.5),
            [a + g.abs(), b.max(g), c.min(g), -d],
        )
    }
}

/// No state.
#[derive(Clone, Copy)]
pub(crate) struct Descent;

impl Elementwise<0> for Descent {
    #[inline(always)]
    fn scalar<F: Float>(&self, p: F, g: F, _: [F; 0]) -> (F, [F; 0]) {
        (p - F::of(0.1) * g, [])
    }
}
