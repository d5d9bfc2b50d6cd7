//! Medians and quantiles that know infinities.

/// The middle time, or the mean of the middle two, which is infinite when either is. `None` without times.
pub fn median_time(times: &[f64]) -> Option<f64> {
    let sorted = sorted(times);
    let half = sorted.len() / 2;
    let upper = *sorted.get(half)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some((sorted[half - 1] + upper) / 2.0)
}

/// The quantile by linear interpolation between order statistics (type 7). Next to an infinity it is that infinity. `None` without values.
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let sorted = sorted(values);
    let last = sorted.len().checked_sub(1)?;
    let position = last as f64 * q.clamp(0.0, 1.0);
    let below = position.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    let share = position - position.floor();
    Some(if share == 0.0 || low == high || low.is_infinite() {
        low
    } else if high.is_infinite() {
        high
    } else {
        low + share * (high - low)
    })
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    const MISS: f64 = f64::INFINITY;

    #[test]
    fn a_median_between_a_time_and_a_miss_is_a_miss() {
        assert_eq!(median_time(&[5.0, MISS, 7.0]), Some(7.0));
        assert_eq!(median_time(&[5.0, MISS]), Some(MISS));
        assert_eq!(median_time(&[]), None);
    }

    #[test]
    fn quantiles_never_are_nan() {
        assert_eq!(quantile(&[1.0, MISS, MISS], 0.25), Some(MISS));
        assert_eq!(quantile(&[1.0, MISS, MISS], 0.75), Some(MISS));
        assert_eq!(
            quantile(&[f64::NEG_INFINITY, 1.0], 0.5),
            Some(f64::NEG_INFINITY)
        );
        assert_eq!(quantile(&[1.0, 3.0], 0.25), Some(1.5));
    }
}
