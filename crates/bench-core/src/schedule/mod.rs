//! Learning-rate schedules: pure functions of step, horizon and parameters.
//!
//! A schedule is a factor on every group's learning rate. Steps count from 0: the factor at `k` is the one that update `k + 1` uses. The
//! horizon is the workload's step hint; beyond it a decay that has arrived stays where it is, and what knows no end goes on.

mod cycle;
mod decay;
pub mod golden;
mod power;
mod refined;
mod wsd;

pub use cycle::{Anneal, Cyclic, CyclicMode, OneCycle};
pub use decay::{InverseSqrt, LinearDecay, Polynomial, StepDecay, WarmupCosine, WarmupLinear};
pub use power::Power;
pub use refined::{Refined, RefinedFor};
pub use wsd::{Cooldown, Wsd};

use crate::number::Extent;
use crate::spec::diagnostic::nearest;
use crate::spec::scheduled;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Learning-rate schedules: see `bench_core::schedule` for the formulas. Percentages are of the step hint.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// 1 throughout.
    #[default]
    Constant,
    /// Linear warm-up, then half a cosine down to 0, at the horizon unless told otherwise (AlgoPerf's target setting).
    WarmupCosine(WarmupCosine),
    /// Linear warm-up, a linear decay over some of the steps left, then constant (AlgoPerf's Nesterov baseline).
    WarmupLinear(WarmupLinear),
    /// `1 - t / T`, which is 0 in the last step (arXiv:2310.07831).
    LinearDecay(LinearDecay),
    /// Warm-up, stable, decay (arXiv:2404.06395).
    Wsd(Wsd),
    /// A power of the examples seen, below a peak (arXiv:2408.13359).
    Power(Power),
    /// Between a base and the peak, again and again (`torch.optim.lr_scheduler.CyclicLR`).
    Cyclic(Cyclic),
    /// Up to the peak once, then down to far below the start (`torch.optim.lr_scheduler.OneCycleLR`).
    OneCycle(OneCycle),
    /// Linear warm-up, then `1 / sqrt(step)`.
    InverseSqrt(InverseSqrt),
    /// Times a number every so many steps (`torch.optim.lr_scheduler.StepLR`).
    Step(StepDecay),
    /// A power of the share of steps left (`torch.optim.lr_scheduler.PolynomialLR`).
    Polynomial(Polynomial),
    /// What the gradient norms of an earlier run call for (arXiv:2310.07831).
    Refined(Refined),
}

/// What cannot be read as a schedule.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ScheduleError {
    /// No such family.
    #[error("there is no schedule `{name}`; {hint}")]
    Unknown {
        /// As given.
        name: String,
        /// The nearest there is, or all.
        hint: String,
    },
    /// Its parameters do not fit.
    #[error("schedule `{text}` cannot be read: {cause}")]
    Malformed {
        /// As given.
        text: String,
        /// What is wrong.
        cause: String,
    },
}

impl Schedule {
    /// Names of all families, as specs call them.
    pub const NAMES: [&str; 12] = [
        "constant",
        "warmup-cosine",
        "warmup-linear",
        "linear-decay",
        "wsd",
        "power",
        "cyclic",
        "one-cycle",
        "inverse-sqrt",
        "step",
        "polynomial",
        "refined",
    ];

    /// Reads one as it stands in a `submission.yaml`, or shorter: `wsd{warmup: 5%, cooldown: 20%}`, or a name alone, with defaults.
    ///
    /// # Errors
    /// With the nearest name, or what is wrong with the parameters.
    pub fn parse(text: &str) -> Result<Schedule, ScheduleError> {
        let text = text.trim();
        let end = text.find('{').unwrap_or(text.len());
        let name = text[..end].trim().trim_end_matches(':');
        let settings = text[end..].trim();
        let yaml = match name {
            "" => text.to_owned(),
            name if !Schedule::NAMES.contains(&name) => {
                let hint = match nearest(name, Schedule::NAMES) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are {}", Schedule::NAMES.join(", ")),
                };
                let name = name.to_owned();
                return Err(ScheduleError::Unknown { name, hint });
            }
            "constant" if matches!(settings, "" | "{}") => name.to_owned(),
            name if settings.is_empty() => format!("{{{name}: {{}}}}"),
            name => format!("{{{name}: {settings}}}"),
        };
        let malformed = |cause: String| ScheduleError::Malformed {
            text: text.to_owned(),
            cause,
        };
        // By way of JSON values, which read a choice with settings as a map of one key.
        let value: serde_json::Value =
            serde_yaml::from_str(&yaml).map_err(|error| malformed(error.to_string()))?;
        if let Some(mistake) = scheduled::mistake(&value) {
            return Err(malformed(mistake));
        }
        serde_json::from_value(value).map_err(|error| malformed(error.to_string()))
    }

    /// Factor on the learning rate at `step` (0-based) of a training of `horizon` steps.
    ///
    /// Use [`Schedule::over`] for many steps of one horizon.
    pub fn factor(&self, step: u64, horizon: u64) -> f64 {
        self.over(horizon).at(step)
    }

    /// The sequence of factors of a training of `horizon` steps.
    pub fn over(&self, horizon: u64) -> Sequence {
        let table = match self {
            Schedule::Refined(spec) => spec.table(),
            _ => Vec::new(),
        };
        Sequence {
            schedule: self.clone(),
            horizon,
            table,
        }
    }

    /// What a JSON Schema cannot say of the parameters: key inside the family, message, help.
    pub(crate) fn objections(&self) -> Vec<Objection> {
        match self {
            Schedule::WarmupLinear(spec) => shares(&[("warmup", spec.warmup)]),
            Schedule::Wsd(spec) => spec.objections(),
            Schedule::Power(spec) => spec.objections(),
            Schedule::Step(spec) => spec.objections(),
            Schedule::Cyclic(spec) => spec.objections(),
            Schedule::OneCycle(spec) => spec.objections(),
            Schedule::Refined(spec) => spec.objections(),
            Schedule::Constant
            | Schedule::WarmupCosine(_)
            | Schedule::LinearDecay(_)
            | Schedule::InverseSqrt(_)
            | Schedule::Polynomial(_) => Vec::new(),
        }
    }

    /// Name of the family, as specs call it.
    pub fn name(&self) -> &'static str {
        match self {
            Schedule::Constant => "constant",
            Schedule::WarmupCosine(_) => "warmup-cosine",
            Schedule::WarmupLinear(_) => "warmup-linear",
            Schedule::LinearDecay(_) => "linear-decay",
            Schedule::Wsd(_) => "wsd",
            Schedule::Power(_) => "power",
            Schedule::Cyclic(_) => "cyclic",
            Schedule::OneCycle(_) => "one-cycle",
            Schedule::InverseSqrt(_) => "inverse-sqrt",
            Schedule::Step(_) => "step",
            Schedule::Polynomial(_) => "polynomial",
            Schedule::Refined(_) => "refined",
        }
    }
}

/// A schedule stretched to a horizon, with what takes more than a few operations worked out once.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    schedule: Schedule,
    horizon: u64,
    table: Vec<f64>,
}

impl Sequence {
    /// The factor at a step, from 0 on.
    pub fn at(&self, step: u64) -> f64 {
        let horizon = self.horizon;
        match &self.schedule {
            Schedule::Constant => 1.0,
            Schedule::WarmupCosine(spec) => spec.factor(step, horizon),
            Schedule::WarmupLinear(spec) => spec.factor(step, horizon),
            Schedule::LinearDecay(spec) => spec.factor(step, horizon),
            Schedule::Wsd(spec) => spec.factor(step, horizon),
            Schedule::Power(spec) => spec.factor(step, horizon),
            Schedule::Cyclic(spec) => spec.factor(step, horizon),
            Schedule::OneCycle(spec) => spec.factor(step, horizon),
            Schedule::InverseSqrt(spec) => spec.factor(step, horizon),
            Schedule::Step(spec) => spec.factor(step, horizon),
            Schedule::Polynomial(spec) => spec.factor(step, horizon),
            Schedule::Refined(_) => refined::stretched(&self.table, step, horizon),
        }
    }
}

/// A parameter that makes no sense.
pub(crate) struct Objection {
    /// The key.
    pub(crate) key: &'static str,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do.
    pub(crate) help: &'static str,
}

/// Percentages that do not fit into the horizon together.
fn shares(parts: &[(&'static str, Extent)]) -> Vec<Objection> {
    let percent = |&(_, extent): &(&str, Extent)| match extent {
        Extent::Percent(share) => share,
        Extent::Steps(_) => 0.0,
    };
    let total: f64 = parts.iter().map(percent).sum();
    match parts.last() {
        Some((key, _)) if total > 100.0 => {
            let names: Vec<&str> = parts.iter().map(|part| part.0).collect();
            let total = (total * 100.0).round() / 100.0;
            vec![Objection {
                key,
                message: format!(
                    "{} are {total}% of the step hint together",
                    names.join(" and ")
                ),
                help: "lower one of them",
            }]
        }
        _ => Vec::new(),
    }
}

/// A number of steps that may not be 0.
fn some_steps(key: &'static str, extent: Extent) -> Option<Objection> {
    let none = matches!(extent, Extent::Steps(0)) || extent == Extent::Percent(0.0);
    none.then(|| Objection {
        key,
        message: format!("`{key}` is no step at all"),
        help: "write a number of steps, or a share of the step hint",
    })
}

/// Linearly from `start` to 1 over the steps of warm-up; nothing after them.
fn warm_up(step: u64, warmup: u64, start: f64) -> Option<f64> {
    (step < warmup).then(|| {
        let progress = step as f64 / warmup as f64;
        start + (1.0 - start) * progress
    })
}

/// No steps: the default of most lengths.
const fn none() -> Extent {
    Extent::Steps(0)
}

fn is_none(extent: &Extent) -> bool {
    *extent == none()
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &f64) -> bool {
    *number == 0.0
}
