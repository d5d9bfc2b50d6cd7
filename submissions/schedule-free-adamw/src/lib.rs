//! Schedule-Free AdamW: an average of the weights stands in for a schedule (Defazio et al., arXiv:2405.15682, algorithm 1).
//!
//! Gradients are taken at `y = (1 - beta1) z + beta1 x`, between fast weights z and their average x, which is evaluated. z takes AdamW's step with the
//! gradient in place of its average; x moves towards z by its share `c = w / sum of w`, where `w` is `t^r` times a power of the highest rate so far:
//! with `r` of 0 and the power 2 that is equation 23. Only y and z are kept: `x = y + (1 - 1/beta1)(z - y)`, so beta1 must be above 0.
//!
//! Memory: 2 numbers a parameter (z and v), and 2 more at an evaluation (x, and the copy of y that comes back). Cost: one pass of 28 bytes a parameter;
//! and at an evaluation 50 forwards where running statistics normalise, for those of y do not fit x (section 4). Not with a schedule that decays.
//!
//! Equals `schedulefree` 1.4.1, which goes from y to x and back in place and so rounds y; here it comes back as it was. `variant: paper` is that of the
//! published experiments: `sqrt(1 - beta2^t)` multiplies the rate, and so enters the average's weights, in place of correcting v. The decay is of y.
//! AlgoPerf's entry is a third: the root multiplies the step alone, the decay is of x, `r` is 0.75, beta2 0.9955 and the decay 0.0812.
//!
//! Defaults are the authors', but for the rate of 2.5e-3, and the decay and the warm-up, which they leave at 0. A rate of 5e-3, a decay of 0.05 and 50
//! steps of warm-up were chosen for the small quick workloads, whose three targets they reach; the batch is `adamw`'s. `warmup-steps` is a number, for
//! the method knows no horizon: the authors recommend a warm-up, and only their entry to AlgoPerf reads a horizon for it, 1.5 % of the step hint.

use adamw::Adam;
use bench_sdk::prelude::*;

/// The hyperparameters, the fast weights, the running average of the squared gradient, and the sum of the average's weights.
pub struct ScheduleFreeAdamw {
    adam: Adam,
    warmup: f64,
    powers: [f64; 2],
    corrects_rate: bool,
    z: Vec<Tensor>,
    v: Vec<Tensor>,
    weight_sum: f64,
    highest_rate: f64,
}

impl UpdateRule for ScheduleFreeAdamw {
    const RECALIBRATION: u64 = 50;

    fn new(group: &Group) -> Result<ScheduleFreeAdamw> {
        let hyper = &group.hyperparameters;
        let adam = Adam::new(hyper)?;
        ensure!(adam.betas[0] > 0.0, "beta1 is 0: x cannot be told from y");
        Ok(ScheduleFreeAdamw {
            adam,
            warmup: hyper.number("warmup-steps")?,
            powers: [hyper.number("r")?, hyper.number("weight-lr-power")?],
            corrects_rate: hyper.choice("variant", &[("default", false), ("paper", true)])?,
            z: group.copies()?,
            v: group.zeros()?,
            weight_sum: 0.0,
            highest_rate: 0.0,
        })
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        let (t, [beta1, beta2]) = (update.t as f64, self.adam.betas);
        let root = bias_correction(beta2, update.t).sqrt();
        let scale = if self.corrects_rate { root } else { 1.0 };
        let rate = update.learning_rate * (t / self.warmup.max(1.0)).min(1.0) * scale;
        self.highest_rate = self.highest_rate.max(rate);
        let weight = t.powf(self.powers[0]) * self.highest_rate.powf(self.powers[1]);
        self.weight_sum += weight;
        // Where rates of 0 make a sum of 0, the share is 0.
        let share = weight / self.weight_sum.max(f64::MIN_POSITIVE);
        let step = Step {
            adam: self.adam,
            root: root / scale,
            share,
            rates: [rate, rate * (beta1 * (1.0 - share) - 1.0)],
        };
        update.elementwise(&step, [&mut self.z, &mut self.v])
    }

    fn state_size(group: &Group) -> Result<Option<usize>> {
        Ok(Some(2 * group.numbers()))
    }

    fn state(&mut self, state: &mut State) -> Result<()> {
        state.visit("z", &mut self.z)?;
        state.visit("v", &mut self.v)?;
        state.visit("weight-sum", &mut self.weight_sum)?;
        state.visit("highest-rate", &mut self.highest_rate)
    }

    fn evaluated(&self, group: &Group) -> Result<Option<Vec<Tensor>>> {
        let points = group.parameters.iter().zip(&self.z);
        let x = points.map(|(y, z)| Ok(y.tensor.f_lerp(z, 1.0 - 1.0 / self.adam.betas[0])?));
        x.collect::<Result<_>>().map(Some)
    }
}

/// One step's coefficients; the parameter is y. The rates are those of z and of y.
#[derive(Clone, Copy)]
struct Step {
    adam: Adam,
    root: f64,
    share: f64,
    rates: [f64; 2],
}

impl Reference<2> for Step {
    fn tensors(&self, y: &Tensor, g: &Tensor, [z, v]: [&Tensor; 2]) -> (Tensor, [Tensor; 2]) {
        let (adam, beta2) = (&self.adam, self.adam.betas[1]);
        let v = beta2 * v + (1.0 - beta2) * g * g;
        let d = g / (v.sqrt() / self.root + adam.epsilon) + adam.weight_decay * y;
        let y = y + self.share * (z - y) + self.rates[1] * &d;
        (y, [z - self.rates[0] * d, v])
    }
}

impl Elementwise<2> for Step {
    #[inline(always)]
    fn scalar<F: Float>(&self, y: F, g: F, [z, v]: [F; 2]) -> (F, [F; 2]) {
        let [beta2, rest2] = F::all([self.adam.betas[1], 1.0 - self.adam.betas[1]]);
        // The correction of v multiplied into the rest of the fraction, as in AdamW.
        let [root, epsilon] = F::all([self.root, self.adam.epsilon * self.root]);
        let [decay, share] = F::all([self.adam.weight_decay, self.share]);
        let [z_rate, y_rate] = F::all(self.rates);
        let v = beta2 * v + rest2 * g * g;
        let d = root * g / (v.sqrt() + epsilon) + decay * y;
        (y + share * (z - y) + y_rate * d, [z - z_rate * d, v])
    }
}
