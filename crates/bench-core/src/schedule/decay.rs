//! Schedules that warm up, if at all, and then only fall.

use super::{Objection, is_none, is_zero, none, some_steps, warm_up};
use crate::number::Extent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Linear warm-up, then half a cosine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WarmupCosine {
    /// Steps of warm-up.
    pub warmup: Extent,
    /// Factor that the warm-up begins at. AlgoPerf's PyTorch form has 1e-10.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub start: f64,
    /// Steps of decay; here a percentage is of the steps that the warm-up leaves.
    #[serde(default = "whole", skip_serializing_if = "is_whole")]
    pub decay: Extent,
}

impl WarmupCosine {
    /// `k / W`, then `(1 + cos(pi (k - W) / D)) / 2`.
    pub(super) fn factor(&self, step: u64, horizon: u64) -> f64 {
        let warmup = self.warmup.steps(horizon);
        warm_up(step, warmup, self.start).unwrap_or_else(|| {
            let decay = self.decay.steps(horizon.saturating_sub(warmup)).max(1);
            // After the decay the cosine has arrived; beyond it AlgoPerf's formula would rise again.
            let progress = ((step - warmup) as f64 / decay as f64).min(1.0);
            0.5 * (1.0 + (PI * progress).cos())
        })
    }
}

/// Linear warm-up, a linear decay, then constant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WarmupLinear {
    /// Steps of warm-up.
    pub warmup: Extent,
    /// Steps of decay; here a percentage is of the steps that the warm-up leaves.
    #[serde(default = "whole", skip_serializing_if = "is_whole")]
    pub decay: Extent,
    /// Factor that the decay ends at.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub end: f64,
}

fn whole() -> Extent {
    Extent::Percent(100.0)
}

fn is_whole(extent: &Extent) -> bool {
    *extent == whole()
}

impl WarmupLinear {
    /// `k / W`, then `1 - (1 - end) (k - W) / D`.
    pub(super) fn factor(&self, step: u64, horizon: u64) -> f64 {
        let warmup = self.warmup.steps(horizon);
        warm_up(step, warmup, 0.0).unwrap_or_else(|| {
            let decay = self.decay.steps(horizon.saturating_sub(warmup)).max(1);
            let progress = ((step - warmup) as f64 / decay as f64).min(1.0);
            1.0 + (self.end - 1.0) * progress
        })
    }
}

/// Linear decay to 0 in the last step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LinearDecay {
    /// Steps of warm-up.
    #[serde(default = "none", skip_serializing_if = "is_none")]
    pub warmup: Extent,
}

impl LinearDecay {
    /// `k / W`, then `1 - t / T` with `t = k + 1 - W` of `T - W` steps.
    pub(super) fn factor(&self, step: u64, horizon: u64) -> f64 {
        let warmup = self.warmup.steps(horizon);
        warm_up(step, warmup, 0.0).unwrap_or_else(|| {
            let decay = horizon.saturating_sub(warmup).max(1);
            (1.0 - (step - warmup + 1) as f64 / decay as f64).max(0.0)
        })
    }
}

/// Linear warm-up, then a fall with the root of the steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct InverseSqrt {
    /// Steps of warm-up, which set the pace of the fall too.
    pub warmup: Extent,
}

impl InverseSqrt {
    /// `k / W`, then `sqrt(W / k)`: Vaswani et al. 2017, section 5.3, with the peak as the learning rate.
    pub(super) fn factor(&self, step: u64, horizon: u64) -> f64 {
        let warmup = self.warmup.steps(horizon);
        warm_up(step, warmup, 0.0).unwrap_or_else(|| {
            let pace = warmup.max(1);
            (pace as f64 / step.max(pace) as f64).sqrt()
        })
    }
}

/// Times `gamma` every so many steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StepDecay {
    /// Steps of warm-up.
    #[serde(default = "none", skip_serializing_if = "is_none")]
    pub warmup: Extent,
    /// Steps from one fall to the next, counted from step 0.
    pub every: Extent,
    /// What the factor is multiplied by.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub gamma: f64,
}

impl StepDecay {
    /// `gamma^floor(k / every)`.
    pub(super) fn factor(&self, step: u64, horizon: u64) -> f64 {
        let every = self.every.steps(horizon).max(1);
        warm_up(step, self.warmup.steps(horizon), 0.0).unwrap_or(1.0)
            * self.gamma.powf((step / every) as f64)
    }

    pub(super) fn objections(&self) -> Vec<Objection> {
        some_steps("every", self.every).into_iter().collect()
    }
}

/// A power of the share of steps left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Polynomial {
    /// Steps of warm-up.
    #[serde(default = "none", skip_serializing_if = "is_none")]
    pub warmup: Extent,
    /// The power.
    #[schemars(range(min = 0.0))]
    pub power: f64,
    /// Factor that the decay ends at.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub end: f64,
}

impl Polynomial {
    /// `k / W`, then `end + (1 - end) (1 - (k - W) / (T - W))^power`.
    pub(super) fn factor(&self, step: u64, horizon: u64) -> f64 {
        let warmup = self.warmup.steps(horizon);
        warm_up(step, warmup, 0.0).unwrap_or_else(|| {
            let decay = horizon.saturating_sub(warmup).max(1);
            let left = 1.0 - ((step - warmup) as f64 / decay as f64).min(1.0);
            self.end + (1.0 - self.end) * left.powf(self.power)
        })
    }
}
