//! Hyperparameters that a population searches: where they begin, and how they change.

use bench_sdk::prelude::*;

/// What a value is multiplied by: the first where the draw is below a half, else the second.
pub const FACTORS: [f64; 2] = [0.8, 1.2];

/// A hyperparameter between two bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Gene {
    /// The name that the rule reads it by.
    pub name: String,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Whether the prior is even in the logarithm.
    pub log: bool,
}

/// Uniform numbers from 0 to 1 that decide how a value changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// Whether it is drawn anew.
    pub resample: f64,
    /// Which factor.
    pub choice: f64,
    /// Where in the prior.
    pub prior: f64,
}

impl Draw {
    /// The first three numbers of a list.
    pub(crate) fn of(numbers: &[f64]) -> Draw {
        Draw {
            resample: numbers[0],
            choice: numbers[1],
            prior: numbers[2],
        }
    }
}

impl Gene {
    /// Those that `evolve` names, each between its `-min` and `-max`.
    ///
    /// # Errors
    /// When there is none, or bounds are missing or the wrong way round.
    pub(crate) fn all(hyper: &Hyperparameters) -> Result<Vec<Gene>> {
        let names = hyper.text("evolve")?.split([' ', ',']);
        let genes = names.filter(|name| !name.is_empty()).map(|name| {
            let min = hyper.number(&format!("{name}-min"))?;
            let max = hyper.number(&format!("{name}-max"))?;
            ensure!(
                min < max,
                "{name}-min is {min}, which is not below {name}-max, {max}"
            );
            Ok(Gene {
                name: name.to_owned(),
                min,
                max,
                log: min > 0.0,
            })
        });
        let genes: Vec<Gene> = genes.collect::<Result<_>>()?;
        ensure!(!genes.is_empty(), "`evolve` names no hyperparameter");
        Ok(genes)
    }

    /// The value at this place of the prior.
    pub fn prior(&self, u: f64) -> f64 {
        match self.log {
            true => (self.min.ln() + u * (self.max.ln() - self.min.ln())).exp(),
            false => self.min + u * (self.max - self.min),
        }
    }

    /// Section 3.2: drawn anew with this probability, else multiplied; within the bounds.
    pub fn explore(&self, value: f64, resample_probability: f64, draw: &Draw) -> f64 {
        let changed = match draw.resample < resample_probability {
            true => self.prior(draw.prior),
            false => value * FACTORS[usize::from(draw.choice >= 0.5)],
        };
        changed.clamp(self.min, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gene(log: bool) -> Gene {
        Gene {
            name: "rate".to_owned(),
            min: 1e-4,
            max: 1e-1,
            log,
        }
    }

    /// Of what the reference decisions have no case: values drawn anew, and bounds.
    #[test]
    fn values_are_drawn_anew_or_multiplied_within_their_bounds() {
        let explored = |log, value, [resample, choice, prior]: [f64; 3]| {
            let draw = Draw {
                resample,
                choice,
                prior,
            };
            gene(log).explore(value, 0.25, &draw)
        };
        let near = |found: f64, expected: f64| {
            assert!((found / expected - 1.0).abs() < 1e-12, "{found} {expected}");
        };
        // Half of the way in the logarithm, and in the value.
        near(explored(true, 0.01, [0.2, 0.9, 0.5]), 10.0_f64.powf(-2.5));
        near(explored(false, 0.01, [0.2, 0.9, 0.5]), 0.05005);
        near(explored(true, 0.01, [0.25, 0.49, 0.5]), 0.008);
        near(explored(true, 0.01, [0.25, 0.5, 0.5]), 0.012);
        near(explored(true, 0.09, [0.9, 0.9, 0.5]), 0.1);
        near(explored(true, 1.1e-4, [0.9, 0.1, 0.5]), 1e-4);
    }
}
