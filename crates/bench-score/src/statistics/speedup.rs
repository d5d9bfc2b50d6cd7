//! AlgoPerf's speed-up: the geometric mean of ratios of medians.

use super::order::median_time;
use super::pair::Pair;

/// Ratios of medians, time of B over time of A.
#[derive(Debug, Clone, PartialEq)]
pub struct Speedup {
    /// One a workload: infinite where only B missed, 0 where only A did, `None` where both did or one has no studies.
    pub ratio_of_medians: Vec<Option<f64>>,
    /// Over workloads, with budget + 1 s in place of a missed median. `None` without workloads.
    pub geometric_mean_ratio: Option<f64>,
    /// Its inverse: how many times faster B is.
    pub speedup: Option<f64>,
}

/// Computes them, from workloads and their budgets in the same unit.
pub fn speedup(workloads: &[(Pair, f64)]) -> Speedup {
    let medians = |pair: &Pair| median_time(pair.a()).zip(median_time(pair.b()));
    let ratio_of_medians = workloads
        .iter()
        .map(|(pair, _)| medians(pair).map(|(a, b)| b / a).filter(|r| !r.is_nan()))
        .collect();
    let logs: Vec<f64> = workloads
        .iter()
        .filter_map(|(pair, budget)| {
            let spent = |median: f64| {
                if median.is_finite() {
                    median
                } else {
                    budget + 1.0
                }
            };
            medians(pair).map(|(a, b)| (spent(b) / spent(a)).ln())
        })
        .collect();
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    let geometric_mean_ratio = (!logs.is_empty()).then(|| mean.exp());
    Speedup {
        ratio_of_medians,
        geometric_mean_ratio,
        speedup: geometric_mean_ratio.map(f64::recip),
    }
}
