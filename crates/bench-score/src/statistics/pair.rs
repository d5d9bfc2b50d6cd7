//! The observations that every two-sample method takes.

/// One workload's times to target, of A's studies and of B's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pair {
    a: Vec<f64>,
    b: Vec<f64>,
}

impl Pair {
    /// Times in seconds (or steps); infinity, and NaN, for a miss.
    pub fn new(a: &[f64], b: &[f64]) -> Pair {
        let clean = |times: &[f64]| times.iter().map(|&time| to_time(time)).collect();
        Pair {
            a: clean(a),
            b: clean(b),
        }
    }

    /// A's times.
    pub fn a(&self) -> &[f64] {
        &self.a
    }

    /// B's times.
    pub fn b(&self) -> &[f64] {
        &self.b
    }

    /// Studies of A and B together.
    pub(super) fn total(&self) -> usize {
        self.a.len() + self.b.len()
    }

    /// A's misses and B's.
    pub fn misses(&self) -> (usize, usize) {
        (misses(&self.a), misses(&self.b))
    }

    /// Only workloads with studies on both sides say anything about B over A.
    pub(super) fn is_two_sided(&self) -> bool {
        !self.a.is_empty() && !self.b.is_empty()
    }
}

/// A number that has a logarithm: a target met before the first step took some time too, and what is no number is a miss.
pub fn to_time(time: f64) -> f64 {
    if time.is_nan() {
        f64::INFINITY
    } else {
        time.max(f64::MIN_POSITIVE)
    }
}

pub(super) fn misses(times: &[f64]) -> usize {
    times.iter().filter(|time| time.is_infinite()).count()
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Of a sample: divided by one less than its size.
pub(super) fn variance(values: &[f64]) -> f64 {
    let center = mean(values);
    let squares: f64 = values.iter().map(|value| (value - center).powi(2)).sum();
    squares / (values.len() as f64 - 1.0)
}

/// The workloads that have studies on both sides.
pub(super) fn two_sided(pairs: &[Pair]) -> Vec<&Pair> {
    pairs.iter().filter(|pair| pair.is_two_sided()).collect()
}

/// Standard deviation of ln(time) between studies, pooled over samples of one workload, misses left out.
/// `None` when no sample has two times: then nothing is known of the noise.
pub fn log_spread<'a>(samples: impl IntoIterator<Item = &'a [f64]>) -> Option<f64> {
    let (mut squares, mut freedom) = (0.0, 0);
    for sample in samples {
        let logs: Vec<f64> = sample
            .iter()
            .map(|&time| to_time(time).ln())
            .filter(|log| log.is_finite())
            .collect();
        let mean = logs.iter().sum::<f64>() / logs.len() as f64;
        squares += logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>();
        freedom += logs.len().saturating_sub(1);
    }
    (freedom > 0).then(|| (squares / freedom as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_logarithm_is_mended() {
        let pair = Pair::new(&[f64::NAN, 0.0], &[-1.0, f64::INFINITY]);
        assert_eq!(pair.misses(), (1, 1));
        assert!(pair.a()[1] > 0.0 && pair.b()[0] > 0.0);
    }

    #[test]
    fn spread_is_pooled_within_samples() {
        let (one, other) = ([1.0, std::f64::consts::E], [100.0, f64::INFINITY, 100.0]);
        let spread = log_spread([&one[..], &other[..]]).unwrap();
        assert!((spread - 0.5).abs() < 1e-12);
        assert_eq!(log_spread([&one[..1]]), None);
    }
}
