//! What rows are ranked by: seconds, steps, or examples where a step is not the same thing in all of them.

use serde::{Deserialize, Serialize};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Seconds to target: only within one machine, device and number of threads.
    Time,
    /// Steps to target: across all of them.
    #[default]
    Steps,
    /// Examples passed to target, forward, backward and to judge by: in the place of steps, where rows differ in examples a step.
    Examples,
}

/// Whether a step passes as many examples in every row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepSize {
    /// It does, or no row says how many it passes.
    #[default]
    Alike,
    /// Rows differ by more than 1 %: steps do not compare.
    Differs,
    /// Some rows do not say, as older records: steps are compared for want of anything better.
    Uncounted,
}

impl StepSize {
    /// Of rows that say how many examples a step passes, or do not.
    pub fn of(rows: impl Iterator<Item = Option<f64>>) -> StepSize {
        /// What the last batch of an epoch, or a few examples to judge by, may make.
        const NOTHING: f64 = 1.01;
        let rows: Vec<Option<f64>> = rows.collect();
        let counted = || rows.iter().flatten().copied();
        let (least, most) = (
            counted().fold(f64::INFINITY, f64::min),
            counted().fold(0.0, f64::max),
        );
        match counted().count() {
            0 => StepSize::Alike,
            some if some < rows.len() => StepSize::Uncounted,
            _ if most > NOTHING * least => StepSize::Differs,
            _ => StepSize::Alike,
        }
    }

    /// What stands for the work done where seconds do not decide.
    pub fn measure(self) -> Measure {
        match self {
            StepSize::Differs => Measure::Examples,
            StepSize::Alike | StepSize::Uncounted => Measure::Steps,
        }
    }
}

/// A submission's studies on one workload: what each needed to the target, infinite for a miss, NaN where it could not be seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Amounts {
    /// Seconds.
    pub seconds: Vec<f64>,
    /// Steps.
    pub steps: Vec<f64>,
    /// Examples passed.
    pub examples: Vec<f64>,
    /// Examples that a step passes; none where they were not counted, or nothing ran.
    pub examples_per_step: Option<f64>,
}

impl Amounts {
    /// The studies by one measure.
    pub fn by(&self, measure: Measure) -> &Vec<f64> {
        match measure {
            Measure::Time => &self.seconds,
            Measure::Steps => &self.steps,
            Measure::Examples => &self.examples,
        }
    }
}
