//! Adam's step as a part of other algorithms: on projected gradients, or for parameters that an algorithm leaves alone.

use super::elementwise::{Elementwise, Float, Reference};
use tch::Tensor;

/// One step's coefficients: `x = keep x - rate m / (sqrt(v) / root + epsilon)`, with averages `m` and `v` of the gradient and its square
/// (Kingma and Ba, arXiv:1412.6980, algorithm 1, and decoupled decay in `keep`).
///
/// With epsilon beside the corrected root: `rate` is the learning rate over `1 - beta1^t`, `root` is `sqrt(1 - beta2^t)`. Beside the root that is
/// not corrected: `rate` has both corrections in it, and `root` is 1. A decay that comes last multiplies `rate` too.
#[derive(Debug, Clone, Copy)]
pub struct Adam {
    /// Of the average of gradients.
    pub beta1: f64,
    /// Of the average of their squares.
    pub beta2: f64,
    /// Beside the root.
    pub epsilon: f64,
    /// What decay leaves of a parameter.
    pub keep: f64,
    /// Learning rate, with corrections.
    pub rate: f64,
    /// What the root is divided by.
    pub root: f64,
}

impl Reference<2> for Adam {
    fn tensors(&self, x: &Tensor, g: &Tensor, [m, v]: [&Tensor; 2]) -> (Tensor, [Tensor; 2]) {
        let m = self.beta1 * m + (1.0 - self.beta1) * g;
        let v = self.beta2 * v + (1.0 - self.beta2) * g * g;
        let x = self.keep * x - self.rate * &m / (v.sqrt() / self.root + self.epsilon);
        (x, [m, v])
    }
}

impl Elementwise<2> for Adam {
    #[inline(always)]
    fn scalar<F: Float>(&self, x: F, g: F, [m, v]: [F; 2]) -> (F, [F; 2]) {
        let [beta1, beta2] = F::all([self.beta1, self.beta2]);
        let [rest1, rest2] = F::all([1.0 - self.beta1, 1.0 - self.beta2]);
        let [keep, rate, root, epsilon] = F::all([self.keep, self.rate, self.root, self.epsilon]);
        let m = beta1 * m + rest1 * g;
        let v = beta2 * v + rest2 * g * g;
        (keep * x - rate * m / (v.sqrt() / root + epsilon), [m, v])
    }
}
