//! One-pass updates against the same rules as tensor expressions.

use bench_torch::one_pass::{self, Elementwise, Float};
use tch::{Device, Kind, Tensor};

#[derive(Clone, Copy)]
struct AdamW {
    rate: f64,
    decay: f64,
    beta1: f64,
    beta2: f64,
    correction1: f64,
    correction2: f64,
    epsilon: f64,
}

impl AdamW {
    fn at(step: i32) -> AdamW {
        let (beta1, beta2) = (0.9, 0.999);
        AdamW {
            rate: 1e-2,
            decay: 0.1,
            beta1,
            beta2,
            correction1: 1.0 - f64::powi(beta1, step),
            correction2: 1.0 - f64::powi(beta2, step),
            epsilon: 1e-8,
        }
    }

    fn reference(&self, p: &Tensor, g: &Tensor, [m, v]: [&Tensor; 2]) {
        let (mut p, mut m, mut v) = (p.shallow_clone(), m.shallow_clone(), v.shallow_clone());
        let _ = p.g_mul_scalar_(1.0 - self.rate * self.decay);
        m.copy_(&(&m * self.beta1 + g * (1.0 - self.beta1)));
        v.copy_(&(&v * self.beta2 + g * g * (1.0 - self.beta2)));
        let update = (&m / self.correction1) / ((&v / self.correction2).sqrt() + self.epsilon);
        p -= update * self.rate;
    }
}

impl Elementwise<2> for AdamW {
    #[inline(always)]
    fn scalar<F: Float>(&self, p: F, g: F, [m, v]: [F; 2]) -> (F, [F; 2]) {
        let [rate, keep, b1, b2] = F::all([
            self.rate,
            1.0 - self.rate * self.decay,
            self.beta1,
            self.beta2,
        ]);
        let [c1, c2, epsilon] = F::all([self.correction1, self.correction2, self.epsilon]);
        let m = b1 * m + F::of(1.0 - self.beta1) * g;
        let v = b2 * v + F::of(1.0 - self.beta2) * (g * g);
        (
            keep * p - rate * ((m / c1) / ((v / c2).sqrt() + epsilon)),
            [m, v],
        )
    }
}

fn random(shape: &[i64], kind: Kind) -> Tensor {
    Tensor::randn(shape, (kind, Device::Cpu))
}

fn difference(a: &Tensor, b: &Tensor) -> f64 {
    if a.numel() == 0 {
        0.0
    } else {
        (a - b).abs().max().double_value(&[])
    }
}

#[test]
fn adamw_equals_its_expressions() {
    for (kind, tolerance) in [(Kind::Float, 1e-6), (Kind::Double, 1e-15)] {
        for shape in [&[][..], &[1], &[0], &[17, 3], &[300, 1000], &[4, 3, 5, 5]] {
            let p = random(shape, kind);
            let (m, v) = (p.zeros_like(), p.zeros_like());
            let (p2, m2, v2) = (p.copy(), m.copy(), v.copy());
            for step in 1..10 {
                let g = random(shape, kind);
                let rule = AdamW::at(step);
                one_pass::update(rule, &[&p], &[&g], [&[&m], &[&v]]).unwrap();
                rule.reference(&p2, &g, [&m2, &v2]);
            }
            assert!(
                difference(&p, &p2) <= tolerance,
                "{kind:?} {shape:?}: {}",
                difference(&p, &p2)
            );
        }
    }
}
