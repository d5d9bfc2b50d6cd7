//! The refined schedule (Defazio et al., arXiv:2310.07831, algorithm 1): linear decay, bent by the gradient norms of an earlier run.

use super::Objection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a run's gradient norms call for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Refined {
    /// Gradient norms of an earlier run, evenly spaced over it: L2 norms for `sgd`, L1 norms for `adam`.
    #[schemars(length(min = 1))]
    pub norms: Vec<f64>,
    /// Which kind of method it is for.
    #[serde(rename = "for")]
    pub method: RefinedFor,
    /// Width of the median filter, as a share of the run.
    #[serde(default = "Refined::filter", skip_serializing_if = "Refined::is_usual")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub filter: f64,
}

/// How norms become weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RefinedFor {
    /// `G^-2`.
    Sgd,
    /// `G^-1`.
    Adam,
}

impl Refined {
    fn filter() -> f64 {
        0.1
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    fn is_usual(filter: &f64) -> bool {
        *filter == Refined::filter()
    }

    /// One factor for each norm: `w_t` times the sum of the weights after it, divided by the largest.
    pub(super) fn table(&self) -> Vec<f64> {
        let weight = |norm: f64| match self.method {
            RefinedFor::Sgd => 1.0 / (norm * norm),
            RefinedFor::Adam => 1.0 / norm,
        };
        let filtered = median_filtered(&self.norms, self.filter);
        let weights: Vec<f64> = filtered.into_iter().map(weight).collect();
        let mut after = 0.0;
        let mut table: Vec<f64> = weights
            .iter()
            .rev()
            .map(|weight| {
                let value = weight * after;
                after += weight;
                value
            })
            .collect();
        table.reverse();
        let largest = table.iter().copied().fold(0.0, f64::max);
        if largest > 0.0 {
            table.iter_mut().for_each(|value| *value /= largest);
        }
        table
    }

    pub(super) fn objections(&self) -> Vec<Objection> {
        let wrong = self.norms.iter().find(|norm| **norm <= 0.0);
        wrong
            .map(|norm| Objection {
                key: "norms",
                message: format!("`{norm}` among the norms"),
                help: "norms are above 0",
            })
            .into_iter()
            .collect()
    }
}

/// The factor at a step of a horizon, out of a table that may be of another length.
pub(super) fn stretched(table: &[f64], step: u64, horizon: u64) -> f64 {
    let place = u128::from(step) * table.len() as u128 / u128::from(horizon.max(1));
    table.get(place as usize).copied().unwrap_or(0.0)
}

/// Medians of windows of an odd width: the first value repeated before the beginning, the values mirrored beyond the end.
fn median_filtered(values: &[f64], share: f64) -> Vec<f64> {
    let half = (share * values.len() as f64 / 2.0) as i64;
    let count = values.len() as i64;
    let value = |place: i64| {
        let period = 2 * (count - 1).max(1);
        let mirrored = place.max(0) % period;
        let mirrored = if mirrored < count {
            mirrored
        } else {
            period - mirrored
        };
        values[mirrored.min(count - 1) as usize]
    };
    (0..count)
        .map(|centre| {
            let mut window: Vec<f64> = (centre - half..=centre + half).map(value).collect();
            window.sort_by(f64::total_cmp);
            window[half as usize]
        })
        .collect()
}
