//! Warm-up, stable, decay: the middle may be as long as one likes, and only the end needs a horizon.

use super::{Objection, is_none, is_zero, none, shares, some_steps, warm_up};
use crate::number::Extent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Warm-up, stable, decay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Wsd {
    /// Steps of warm-up.
    #[serde(default = "none", skip_serializing_if = "is_none")]
    pub warmup: Extent,
    /// Factor that the warm-up begins at.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub start: f64,
    /// Steps of cooldown, the last of the horizon; none leaves the rate where it is, beyond the horizon too.
    pub cooldown: Extent,
    /// How it falls.
    #[serde(default)]
    pub shape: Cooldown,
    /// Factor that the cooldown ends at.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub floor: f64,
}

/// How a cooldown falls from 1 to the floor, over progress `p` from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cooldown {
    /// `1 - p`.
    #[default]
    Linear,
    /// `(1 + cos(pi p)) / 2`.
    Cosine,
    /// `1 - sqrt(p)`: steep first.
    #[serde(rename = "1-sqrt")]
    OneMinusSqrt,
    /// `1 - p^2`: steep last.
    #[serde(rename = "1-square")]
    OneMinusSquare,
    /// `2 (1 - p) - (1 + cos(pi p)) / 2`: the cosine mirrored at the line.
    MirrorCosine,
    /// `floor^p`.
    Exponential,
    /// Halved every so many steps (arXiv:2404.06395, section 4.2); the floor is a lower bound.
    HalfLife(Extent),
}

impl Wsd {
    /// `start` to 1, then 1, then the cooldown.
    pub(super) fn factor(&self, step: u64, horizon: u64) -> f64 {
        let warmup = self.warmup.steps(horizon);
        warm_up(step, warmup, self.start).unwrap_or_else(|| {
            let begins = cooldown_start(warmup, self.cooldown, horizon);
            match step.checked_sub(begins) {
                Some(into) if self.cooldown.steps(horizon) > 0 => {
                    self.shape
                        .factor(into, horizon - begins, self.floor, horizon)
                }
                _ => 1.0,
            }
        })
    }

    pub(super) fn objections(&self) -> Vec<Objection> {
        let mut found = shares(&[("warmup", self.warmup), ("cooldown", self.cooldown)]);
        found.extend(self.shape.objections(self.floor));
        found
    }
}

/// Step at which a cooldown begins: never before the end of the warm-up, nor after the horizon.
pub(super) fn cooldown_start(warmup: u64, cooldown: Extent, horizon: u64) -> u64 {
    let begins = horizon.saturating_sub(cooldown.steps(horizon));
    begins.max(warmup).min(horizon)
}

impl Cooldown {
    /// The factor `into` steps into a cooldown of `length`.
    pub(super) fn factor(self, into: u64, length: u64, floor: f64, horizon: u64) -> f64 {
        let p = (into as f64 / length.max(1) as f64).min(1.0);
        let p = if length == 0 { 1.0 } else { p };
        let cosine = 0.5 * (1.0 + (PI * p).cos());
        let fall = match self {
            Cooldown::Linear => 1.0 - p,
            Cooldown::Cosine => cosine,
            Cooldown::OneMinusSqrt => 1.0 - p.sqrt(),
            Cooldown::OneMinusSquare => 1.0 - p * p,
            Cooldown::MirrorCosine => 2.0 * (1.0 - p) - cosine,
            Cooldown::Exponential => return floor.powf(p),
            Cooldown::HalfLife(half) => {
                let half = half.steps(horizon).max(1) as f64;
                return 0.5_f64.powf(into as f64 / half).max(floor);
            }
        };
        floor + (1.0 - floor) * fall
    }

    pub(super) fn objections(self, floor: f64) -> Option<Objection> {
        match self {
            Cooldown::Exponential if floor == 0.0 => Some(Objection {
                key: "shape",
                message: "an exponential cooldown never gets to 0".to_owned(),
                help: "write a `floor` above 0, or another shape",
            }),
            Cooldown::HalfLife(half) => some_steps("half-life", half).map(|found| Objection {
                key: "shape",
                ..found
            }),
            _ => None,
        }
    }
}
