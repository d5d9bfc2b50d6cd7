//! Schedules that go up and down.

use super::{Objection, some_steps};
use crate::number::Extent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Linearly between a base and the peak, again and again (Smith, arXiv:1506.01186).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Cyclic {
    /// Factor that every cycle begins at.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub base: f64,
    /// Steps up.
    pub up: Extent,
    /// Steps down; as many as up unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<Extent>,
    /// What becomes of the peak.
    #[serde(default)]
    pub mode: CyclicMode,
}

/// What becomes of a cycle's height.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CyclicMode {
    /// It stays.
    #[default]
    Triangular,
    /// Half of it from cycle to cycle.
    Halved,
    /// Times this number at each step.
    Gamma(f64),
}

impl Cyclic {
    /// `base + (1 - base) height scale`, as `torch.optim.lr_scheduler.CyclicLR`.
    pub(super) fn factor(&self, step: u64, horizon: u64) -> f64 {
        let up = self.up.steps(horizon).max(1) as f64;
        let down = self.down.unwrap_or(self.up).steps(horizon).max(1) as f64;
        let (total, k) = (up + down, step as f64);
        let cycle = (1.0 + k / total).floor();
        let x = 1.0 + k / total - cycle;
        let peak = up / total;
        let height = if x <= peak {
            x / peak
        } else {
            (x - 1.0) / (peak - 1.0)
        };
        let scale = match self.mode {
            CyclicMode::Triangular => 1.0,
            CyclicMode::Halved => 0.5_f64.powf(cycle - 1.0),
            CyclicMode::Gamma(gamma) => gamma.powf(k),
        };
        self.base + (1.0 - self.base) * height.max(0.0) * scale
    }

    pub(super) fn objections(&self) -> Vec<Objection> {
        let down = self.down.and_then(|down| some_steps("down", down));
        let gamma = match self.mode {
            CyclicMode::Gamma(gamma) if !(0.0..=1.0).contains(&gamma) => Some(Objection {
                key: "mode",
                message: format!("gamma `{gamma}` is outside of 0 to 1"),
                help: "write a number a little below 1",
            }),
            _ => None,
        };
        let up = some_steps("up", self.up);
        up.into_iter().chain(down).chain(gamma).collect()
    }
}

/// Up to the peak once, then down to far below the start (Smith and Topin, arXiv:1708.07120).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OneCycle {
    /// Share of the horizon spent going up.
    #[serde(default = "OneCycle::up")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub up: f64,
    /// The peak divided by this is the start.
    #[serde(default = "OneCycle::div_factor")]
    pub div_factor: f64,
    /// The start divided by this is the end.
    #[serde(default = "OneCycle::final_div_factor")]
    pub final_div_factor: f64,
    /// Between start, peak and end.
    #[serde(default)]
    pub anneal: Anneal,
    /// Down to the start in as many steps as up, and only then to the end.
    #[serde(default)]
    pub three_phase: bool,
}

/// How one level becomes another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Anneal {
    /// Half a cosine.
    #[default]
    Cosine,
    /// A line.
    Linear,
}

impl OneCycle {
    fn up() -> f64 {
        0.3
    }

    fn div_factor() -> f64 {
        25.0
    }

    fn final_div_factor() -> f64 {
        1e4
    }

    /// As `torch.optim.lr_scheduler.OneCycleLR`, whose phases end at fractions of steps.
    pub(super) fn factor(&self, step: u64, horizon: u64) -> f64 {
        let (total, k) = (horizon.max(2) as f64, step as f64);
        let (start, last) = (1.0 / self.div_factor, total - 1.0);
        let end = start / self.final_div_factor;
        let top = self.up * total - 1.0;
        if k <= top {
            return self.anneal.between(start, 1.0, k / top);
        }
        if !self.three_phase {
            return self.anneal.between(1.0, end, (k - top) / (last - top));
        }
        let back = 2.0 * self.up * total - 2.0;
        if k <= back {
            self.anneal.between(1.0, start, (k - top) / (back - top))
        } else {
            self.anneal.between(start, end, (k - back) / (last - back))
        }
    }

    pub(super) fn objections(&self) -> Vec<Objection> {
        let mut found = Vec::new();
        if self.three_phase && self.up > 0.5 {
            found.push(Objection {
                key: "up",
                message: format!(
                    "`{}` up and as much down are more than the horizon",
                    self.up
                ),
                help: "write at most 0.5, or leave `three-phase` out",
            });
        }
        let divisors = [
            ("div-factor", self.div_factor),
            ("final-div-factor", self.final_div_factor),
        ];
        let wrong = divisors.into_iter().filter(|(_, value)| *value < 1.0);
        found.extend(wrong.map(|(key, value)| Objection {
            key,
            message: format!("`{key}` is `{value}`"),
            help: "write a number of at least 1",
        }));
        found
    }
}

impl Anneal {
    fn between(self, from: f64, to: f64, progress: f64) -> f64 {
        let progress = if progress.is_finite() {
            progress.clamp(0.0, 1.0)
        } else {
            1.0
        };
        match self {
            Anneal::Cosine => to + (from - to) / 2.0 * ((PI * progress).cos() + 1.0),
            Anneal::Linear => (to - from) * progress + from,
        }
    }
}
