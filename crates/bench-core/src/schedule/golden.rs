//! Comparison with a file of learning rates recorded from other people's schedulers.

use super::{
    Cooldown, LinearDecay, Power, Refined, RefinedFor, Schedule, WarmupCosine, WarmupLinear, Wsd,
};
use crate::number::Extent;
use serde::Deserialize;
use serde_json::{Map, Value};

/// How far a rate may be off.
pub const TOLERANCE: f64 = 1e-15;

/// A file of sequences.
#[derive(Debug, Deserialize)]
struct File {
    schedules: Vec<Case>,
}

/// One recorded sequence: `lr[k]` is the rate of update `k + 1`.
#[derive(Debug, Deserialize)]
struct Case {
    schedule: String,
    hyper: Map<String, Value>,
    lr: Vec<f64>,
}

/// What became of one sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// As the file calls it.
    pub name: String,
    /// Number of rates.
    pub rates: usize,
    /// How it compares.
    pub verdict: Verdict,
}

/// How one sequence compares.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Within [`TOLERANCE`] everywhere.
    Equal {
        /// Over all steps.
        largest_difference: f64,
    },
    /// Further off, first at a step.
    Differs {
        /// From 0.
        step: usize,
        /// The file's.
        expected: f64,
        /// Ours.
        found: f64,
        /// Over all steps.
        largest_difference: f64,
    },
    /// No schedule here stands for it, or one of its parameters is missing.
    NotBuilt(String),
}

/// Compares every sequence of a file's text.
///
/// # Errors
/// When the text is no such file.
pub fn check(text: &str) -> Result<Vec<Outcome>, serde_json::Error> {
    let file: File = serde_json::from_str(text)?;
    Ok(file.schedules.iter().map(Case::outcome).collect())
}

/// A schedule with the horizon and the peak that make it the file's.
struct Ours {
    schedule: Schedule,
    horizon: u64,
    peak: f64,
}

impl Case {
    fn outcome(&self) -> Outcome {
        Outcome {
            name: self.schedule.clone(),
            rates: self.lr.len(),
            verdict: match self.ours() {
                _ if self.lr.is_empty() => Verdict::NotBuilt("`lr` is empty".to_owned()),
                Ok(ours) => self.compare(&ours),
                Err(missing) => Verdict::NotBuilt(missing),
            },
        }
    }

    fn compare(&self, ours: &Ours) -> Verdict {
        let sequence = ours.schedule.over(ours.horizon);
        let found = |step: usize| ours.peak * sequence.at(step as u64);
        let difference = |step: usize| {
            let difference = (found(step) - self.lr[step]).abs();
            if difference.is_nan() {
                f64::INFINITY
            } else {
                difference
            }
        };
        let steps = 0..self.lr.len();
        let largest_difference = steps.clone().map(difference).fold(0.0, f64::max);
        match steps.into_iter().find(|&step| difference(step) > TOLERANCE) {
            None => Verdict::Equal { largest_difference },
            Some(step) => Verdict::Differs {
                step,
                expected: self.lr[step],
                found: found(step),
                largest_difference,
            },
        }
    }

    /// Our schedule of the case's name, or what stands in the way.
    fn ours(&self) -> Result<Ours, String> {
        let warmup = || self.steps("warmup_steps");
        let (schedule, horizon) = match self.schedule.as_str() {
            "warmup_cosine_jax" => (cosine(warmup()?, 0.0), self.whole("step_hint")?),
            "warmup_cosine_torch" => (cosine(warmup()?, 1e-10), self.whole("step_hint")?),
            "warmup_linear_decay" => {
                let (start, hint) = (self.whole("warmup_steps")?, self.whole("step_hint")?);
                // Cut as theirs is, rounding and all: a factor of 0.7 of 180 steps leaves 125.
                let decay =
                    hint.saturating_sub(start) as f64 * self.number("decay_steps_factor")?;
                let spec = WarmupLinear {
                    warmup: Extent::Steps(start),
                    decay: Extent::Steps(decay as u64),
                    end: self.number("end_factor")?,
                };
                (Schedule::WarmupLinear(spec), hint)
            }
            "linear_decay_paper" => {
                let spec = LinearDecay {
                    warmup: Extent::Steps(0),
                };
                (Schedule::LinearDecay(spec), self.whole("total_steps")?)
            }
            "wsd_epfl_linear" | "wsd_epfl_1-sqrt" => self.wsd_epfl()?,
            "wsd_minicpm_exp" => self.wsd_minicpm()?,
            "power_dolomite" | "power_paper_linear_cooldown" => return self.power(),
            "refined_sgd" | "refined_adam" => self.refined()?,
            name if name.starts_with("wsd_") && self.hyper.contains_key("decay") => self.wsd()?,
            _ => return Err("no schedule stands for it".to_owned()),
        };
        let peak = self.number("peak")?;
        Ok(Ours {
            schedule,
            horizon,
            peak,
        })
    }

    /// Hugging Face's, whose floor is where the warm-up begins too.
    fn wsd(&self) -> Result<(Schedule, u64), String> {
        let (begins, cooldown) = (self.whole("decay_start")?, self.whole("decay_steps")?);
        let floor = self.number("floor")?;
        let shape = self.text("decay")?;
        let spec = Wsd {
            warmup: self.steps("warmup_steps")?,
            start: floor,
            cooldown: Extent::Steps(cooldown),
            shape: shape_named(shape)?,
            floor,
        };
        Ok((Schedule::Wsd(spec), begins + cooldown))
    }

    fn wsd_epfl(&self) -> Result<(Schedule, u64), String> {
        let total = self.whole("total")?;
        let shape = self.schedule.trim_start_matches("wsd_epfl_");
        let spec = Wsd {
            warmup: self.steps("warmup_steps")?,
            start: 1.0 / self.number("init_div_factor")?,
            cooldown: Extent::Steps((self.number("fract_decay")? * total as f64) as u64),
            shape: shape_named(shape)?,
            floor: self.number("final_lr_factor")?,
        };
        Ok((Schedule::Wsd(spec), total))
    }

    fn wsd_minicpm(&self) -> Result<(Schedule, u64), String> {
        let total = self.lr.len() as u64;
        let spec = Wsd {
            warmup: self.steps("warmup_steps")?,
            start: 0.0,
            cooldown: Extent::Steps(total.saturating_sub(self.whole("decay_start")?)),
            shape: Cooldown::HalfLife(self.steps("halflife")?),
            floor: 0.0,
        };
        Ok((Schedule::Wsd(spec), total))
    }

    fn power(&self) -> Result<Ours, String> {
        let cooldown = match self.hyper.contains_key("decay_steps") {
            true => self.whole("decay_steps")?,
            false => 0,
        };
        let tokens = ["tokens_per_step", "c_tokens_per_step"];
        let peak = self.number("lr_max")?;
        let spec = Power {
            warmup: self.steps("warmup_steps")?,
            a: self.number("a")?,
            b: self.number("b")?,
            batch_size: self.number("beta_batch_size")?,
            tokens_per_step: self.number(tokens[0]).or_else(|_| self.number(tokens[1]))?,
            peak,
            cooldown: Extent::Steps(cooldown),
            shape: Cooldown::Linear,
            floor: 0.0,
        };
        Ok(Ours {
            schedule: Schedule::Power(spec),
            horizon: self.whole("total").unwrap_or(self.lr.len() as u64),
            peak,
        })
    }

    fn refined(&self) -> Result<(Schedule, u64), String> {
        let norms = self.hyper.get("G").and_then(Value::as_array);
        let norms = norms.ok_or("parameter `G` is no list")?.iter();
        let norms: Option<Vec<f64>> = norms.map(Value::as_f64).collect();
        let norms = norms.filter(|norms| norms.iter().all(|norm| *norm > 0.0));
        let norms = norms.ok_or("parameter `G` is no list of numbers above 0")?;
        if norms.is_empty() {
            return Err("parameter `G` is empty".to_owned());
        }
        let horizon = norms.len() as u64;
        let spec = Refined {
            norms,
            method: match self.text("weights")? {
                "G^-2" => RefinedFor::Sgd,
                "G^-1" => RefinedFor::Adam,
                other => return Err(format!("weights `{other}`")),
            },
            filter: self.number("filter_fraction")?,
        };
        Ok((Schedule::Refined(spec), horizon))
    }

    fn number(&self, name: &str) -> Result<f64, String> {
        let value = self.hyper.get(name).and_then(Value::as_f64);
        value.ok_or_else(|| format!("parameter `{name}` is missing"))
    }

    fn whole(&self, name: &str) -> Result<u64, String> {
        let value = self.hyper.get(name);
        let value = value.ok_or_else(|| format!("parameter `{name}` is missing"))?;
        let whole = value.as_u64();
        whole.ok_or_else(|| format!("parameter `{name}` is {value}, which is no whole number"))
    }

    fn steps(&self, name: &str) -> Result<Extent, String> {
        self.whole(name).map(Extent::Steps)
    }

    fn text(&self, name: &str) -> Result<&str, String> {
        let value = self.hyper.get(name).and_then(Value::as_str);
        value.ok_or_else(|| format!("parameter `{name}` is missing"))
    }
}

fn cosine(warmup: Extent, start: f64) -> Schedule {
    let decay = Extent::Percent(100.0);
    Schedule::WarmupCosine(WarmupCosine {
        warmup,
        start,
        decay,
    })
}

fn shape_named(name: &str) -> Result<Cooldown, String> {
    match name {
        "linear" => Ok(Cooldown::Linear),
        "cosine" => Ok(Cooldown::Cosine),
        "1-sqrt" => Ok(Cooldown::OneMinusSqrt),
        other => Err(format!("cooldown `{other}`")),
    }
}
