//! The Power schedule (Shen et al., arXiv:2408.13359): rates that carry over to other lengths and batch sizes.

use super::wsd::{Cooldown, cooldown_start};
use super::{Objection, is_none, is_zero, none, shares, warm_up};
use crate::number::Extent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `min(peak, batch-size a n^b)` of the `n` tokens (or examples) seen, relative to the peak.
///
/// With `learning-rate` equal to `peak` the rates are the paper's. Without a cooldown this is the schedule of IBM's dolomite-engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Power {
    /// Steps of warm-up, up to the rate that the power asks for at its end.
    #[serde(default = "none", skip_serializing_if = "is_none")]
    pub warmup: Extent,
    /// The paper's a.
    pub a: f64,
    /// The paper's b, below 0.
    #[schemars(range(max = 0.0))]
    pub b: f64,
    /// The paper's beta: sequences (or examples) a step.
    pub batch_size: f64,
    /// What `n` grows by in a step: tokens (or examples).
    pub tokens_per_step: f64,
    /// The highest rate.
    pub peak: f64,
    /// Steps of cooldown, the last of the horizon; none leaves the power going on, beyond the horizon too.
    #[serde(default = "none", skip_serializing_if = "is_none")]
    pub cooldown: Extent,
    /// How it falls, from the rate that it begins at.
    #[serde(default, skip_serializing_if = "is_linear")]
    pub shape: Cooldown,
    /// What the cooldown ends at, relative to the rate that it begins at.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub floor: f64,
}

fn is_linear(shape: &Cooldown) -> bool {
    *shape == Cooldown::Linear
}

impl Power {
    /// `k / W eta(W)`, then `eta(k)`, then `f eta(S)` from the cooldown's begin `S` on.
    pub(super) fn factor(&self, step: u64, horizon: u64) -> f64 {
        let warmup = self.warmup.steps(horizon);
        if let Some(risen) = warm_up(step, warmup, 0.0) {
            return risen * self.law(warmup);
        }
        let begins = cooldown_start(warmup, self.cooldown, horizon);
        if self.cooldown.steps(horizon) == 0 || step < begins {
            return self.law(step);
        }
        let length = horizon - begins;
        self.law(begins)
            * self
                .shape
                .factor(step - begins, length, self.floor, horizon)
    }

    fn law(&self, step: u64) -> f64 {
        let n = step as f64 * self.tokens_per_step;
        let scale = self.a * self.batch_size / self.peak;
        (scale * n.powf(self.b)).min(1.0)
    }

    pub(super) fn objections(&self) -> Vec<Objection> {
        let mut found = shares(&[("warmup", self.warmup), ("cooldown", self.cooldown)]);
        found.extend(self.shape.objections(self.floor));
        let positive = [
            ("a", self.a),
            ("batch-size", self.batch_size),
            ("tokens-per-step", self.tokens_per_step),
            ("peak", self.peak),
        ];
        let wrong = positive.into_iter().filter(|(_, value)| *value <= 0.0);
        found.extend(wrong.map(|(key, value)| Objection {
            key,
            message: format!("`{key}` is `{value}`"),
            help: "write a number above 0",
        }));
        found
    }
}
