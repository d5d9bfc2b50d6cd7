//! Quantiles of measured times.

/// The `share` quantile (0 smallest, 1 largest), by nearest rank; NaN of nothing.
pub(crate) fn quantile(times: &mut [f64], share: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    let index = (times.len() as f64 * share) as usize;
    times
        .get(index)
        .or(times.last())
        .copied()
        .unwrap_or(f64::NAN)
}
