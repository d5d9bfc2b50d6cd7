//! The faults.

/// A fault as edits of a submission's source.
pub(super) struct Mutant {
    pub(super) submission: &'static str,
    pub(super) fault: &'static str,
    /// Every place where the first stands becomes the second.
    pub(super) edits: &'static [(&'static str, &'static str)],
    /// Files of trajectories to try, in this order.
    pub(super) goldens: &'static [&'static str],
}

macro_rules! mutants {
    ($($submission:literal by $goldens:tt: { $($fault:literal: [$($edit:expr),*],)* })*) => {
        &[$($(Mutant { submission: $submission, fault: $fault, edits: &[$($edit),*], goldens: &$goldens },)*)*]
    };
}

pub(super) const MUTANTS: &[Mutant] = mutants! {
    "adamw" by ["adamw.json"]: {
        "betas swapped": [("number(\"beta1\")", "number(\"beta_\")"), ("number(\"beta2\")", "number(\"beta1\")"), ("number(\"beta_\")", "number(\"beta2\")")],
        "decay not scaled by the rate": [("update.learning_rate * self.weight_decay", "self.weight_decay")],
        "epsilon before the correction": [("v.sqrt() / self.root + self.epsilon", "(v.sqrt() + self.epsilon) / self.root"), ("v.sqrt() / root + epsilon", "(v.sqrt() + epsilon) / root")],
        "bias correction off": [("update.learning_rate / bias_correction(self.beta1, update.t)", "update.learning_rate")],
        "bias correction a step late": [("update.t)", "update.t + 1)")],
        "second moment not saved": [("state.visit(\"v\", &mut self.v)", "Ok(())")],
    }
    "lion" by ["lion.json"]: {
        "betas swapped": [("number(\"beta1\")", "number(\"beta_\")"), ("number(\"beta2\")", "number(\"beta1\")"), ("number(\"beta_\")", "number(\"beta2\")")],
        "no decay": [("keep: 1.0 - update.learning_rate * self.weight_decay", "keep: 1.0")],
        "one form without decay": [("(keep * x - rate", "(x - rate")],
    }
    "sophia-g" by ["sophia_g.json", "sophia_gnb.json"]: {
        "estimate a step late": [("% self.interval == self.interval - 1", "% self.interval == 0 && training.step() > 0")],
        "number of labels left out": [("* self.labels", "* 1.0")],
        "the data's labels": [("training.sampled_loss(batch)", "training.loss(batch)")],
        "rho 1 % larger": [("number(\"rho\")?", "number(\"rho\")? * 1.01")],
        "gradient not squared": [("self.labels * g * g", "self.labels * g"), ("rest2 * g * g", "rest2 * g")],
    }
    "sophia-h" by ["sophia_h.json"]: {
        "estimate a step late": [("training.step().is_multiple_of(self.interval)", "(training.step() + self.interval - 1).is_multiple_of(self.interval)")],
        "momentum never corrected": [("Variant::Optax => bias_correction(self.beta1, update.t)", "Variant::Optax => 1.0")],
        "not clipped": [("ratio.clamp(-1.0, 1.0)", "ratio"), ("ratio.max(-F::ONE).min(F::ONE)", "ratio")],
    }
    "galore" by ["galore.json"]: {
        "alpha left out": [("rate: rate * self.alpha", "rate")],
        "a basis every step": [("(update.t - 1).is_multiple_of(self.gap)", "true")],
        "a basis a step late": [("(update.t - 1).is_multiple_of(self.gap)", "update.t == 1 || (update.t - 2).is_multiple_of(self.gap)")],
        "decay first": [("rate: keep * rate", "rate")],
    }
    "fira" by ["fira.json"]: {
        "rest dropped": [("rate: rate * limit", "rate: 0.0 * limit")],
        "no limiter": [("let factor = GROWTH / growth.max(GROWTH)", "let factor = 1.0")],
        "epsilon a hundredth": [("number(\"epsilon\")?", "number(\"epsilon\")? * 0.01")],
        "rest along the other side": [("if rows < columns { 0 } else { 1 }", "if rows < columns { 1 } else { 0 }")],
        "norms not saved": [("state.visit(\"norms\", &mut self.norms)", "Ok(())")],
    }
};
