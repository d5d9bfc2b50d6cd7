//! Schedule-Free AdamW: an average of the weights stands in for a schedule (Defazio et al., arXiv:2405.15682, algorithm 1).
//!
//! Gradients are taken at `y = (1 - beta1) z + beta1 x`, between fast weights z and their average x, which is evaluated. z takes AdamW's step with the
//! gradient in place of its average; x moves towards z by its share `c = w / sum of w`, where `w` is `t^r` times a power of the highest rate so far:
//! with `r` of 0 and the power 2 that is equation 23. Only y and z are kept: `x = y + (1 - 1/beta1)(z - y)`, so beta1 must be above 0.
//!
//! Memory: 2 numbers a parameter (z and v). An evaluation takes one more, the copy of y that comes back after it, and for the moment of the exchange
//! another as large, x. Cost: one pass of 28 bytes a parameter; and at an evaluation 50 forwards where the model normalises by running statistics,
//! for those of y do not fit x (section 4). Not for use with a decaying schedule, which it replaces.
//!
//! Equals `schedulefree` 1.4.1, which goes from y to x and back in place and so rounds y; here it comes back as it was. `variant: paper` is that of the
//! published experiments: `sqrt(1 - beta2^t)` multiplies the rate, and so enters the average's weights, in place of correcting v. The decay is of y.
//! AlgoPerf's entry is a third variant: the root multiplies the step alone and not the average's weights, the decay is of x, `r` 0.75, beta2 0.9955,
//! and the decay 0.0812.
//!
//! Defaults are the authors', but for the rate of 2.5e-3, and the decay and the warm-up, which they leave at 0. A rate of 5e-3, a decay of 0.05 and 50
//! steps of warm-up were chosen for the small quick workloads, whose three targets they reach; the batch is `adamw`'s. `warmup-steps` is a number of
//! steps, for the method knows no horizon. The authors recommend a warm-up; only their entry to AlgoPerf reads a horizon for it, 1.5 % of the step hint.

use adamw::Adam;
use bench_sdk::prelude::*;

/// The hyperparameters, the fast weights, the running average of the squared gradient, and the sum of the average's weights.
pub struct ScheduleFreeAdamw {
    adam: Adam,
    warmup: f64,
    power_of_t: f64,
    power_of_rate: f64,
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
        let beta1 = adam.betas[0];
        ensure!(beta1 > 0.0, "beta1 is {beta1}: x cannot be told from y");
        Ok(ScheduleFreeAdamw {
            adam,
            warmup: hyper.number("warmup-steps")?,
            power_of_t: hyper.number("r")?,
            power_of_rate: hyper.number("weight-lr-power")?,
            corrects_rate: match hyper.text("variant")? {
                "default" => false,
                "paper" => true,
                other => bail!("variant `{other}` is neither `default` nor `paper`"),
            },
            z: group.copies()?,
            v: group.zeros()?,
            weight_sum: 0.0,
            highest_rate: 0.0,
        })
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        let t = update.t as f64;
        let [beta1, beta2] = self.adam.betas;
        let root = bias_correction(beta2, update.t).sqrt();
        let rate = update.learning_rate * (t / self.warmup.max(1.0)).min(1.0);
        let (rate, root) = match self.corrects_rate {
            true => (rate * root, 1.0),
            false => (rate, root),
        };
        self.highest_rate = self.highest_rate.max(rate);
        let weight = t.powf(self.power_of_t) * self.highest_rate.powf(self.power_of_rate);
        self.weight_sum += weight;
        // Where rates of 0 make a sum of 0, the share is 0.
        let share = weight / self.weight_sum.max(f64::MIN_POSITIVE);
        let step = Step {
            adam: self.adam,
            root,
            share,
            rate,
            y_rate: rate * (beta1 * (1.0 - share) - 1.0),
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

    /// x.
    fn evaluated(&self, group: &Group) -> Result<Option<Vec<Tensor>>> {
        let towards = 1.0 - 1.0 / self.adam.betas[0];
        let both = group.parameters.iter().zip(&self.z);
        let x = both.map(|(y, z)| Ok(y.tensor.f_lerp(z, towards)?));
        Ok(Some(x.collect::<Result<_>>()?))
    }
}

/// One step's coefficients; the parameter is y.
#[derive(Clone, Copy)]
struct Step {
    adam: Adam,
    root: f64,
    share: f64,
    rate: f64,
    y_rate: f64,
}

impl Reference<2> for Step {
    fn tensors(&self, y: &Tensor, g: &Tensor, [z, v]: [&Tensor; 2]) -> (Tensor, [Tensor; 2]) {
        let (adam, [_, beta2]) = (&self.adam, self.adam.betas);
        let v = beta2 * v + (1.0 - beta2) * g * g;
        let d = g / (v.sqrt() / self.root + adam.epsilon) + adam.weight_decay * y;
        let y = y + self.share * (z - y) + self.y_rate * &d;
        (y, [z - self.rate * d, v])
    }
}

impl Elementwise<2> for Step {
    #[inline(always)]
    fn scalar<F: Float>(&self, y: F, g: F, [z, v]: [F; 2]) -> (F, [F; 2]) {
        let adam = &self.adam;
        // The correction of v multiplied into the rest of the fraction, as in AdamW.
        let [root, epsilon] = F::all([self.root, adam.epsilon * self.root]);
        let [beta2, rest2] = F::all([adam.betas[1], 1.0 - adam.betas[1]]);
        let [decay, share] = F::all([adam.weight_decay, self.share]);
        let [rate, y_rate] = F::all([self.rate, self.y_rate]);
        let v = beta2 * v + rest2 * g * g;
        let d = root * g / (v.sqrt() + epsilon) + decay * y;
        let y = y + share * (z - y) + y_rate * d;
        (y, [z - rate * d, v])
    }
}
