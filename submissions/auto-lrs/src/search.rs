//! Bayesian optimisation of one learning rate (section 4.1): a Gaussian process over its logarithm, and the lower confidence bound.
//!
//! Matérn 5/2 on values brought to mean 0 and deviation 1; the length scale is the likeliest of a few, where scikit-optimize searches all.

/// Length scales that are tried, as shares of the range.
const LENGTHS: [f64; 6] = [0.05, 0.1, 0.2, 0.4, 0.8, 1.6];
/// Variance of a forecast's error.
const NOISE: f64 = 1e-4;
/// Places that the bound is looked at.
const GRID: usize = 512;

/// The place in [0, 1] that is tried next, given the places tried and their losses: where mean - kappa deviations is lowest.
pub fn propose(places: &[f64], losses: &[f64], kappa: f64) -> f64 {
    let losses = standardised(losses);
    let fits = LENGTHS
        .iter()
        .filter_map(|&length| Process::fit(places, &losses, length));
    let Some(process) = fits.max_by(|a, b| a.likelihood.total_cmp(&b.likelihood)) else {
        return 0.5;
    };
    let grid = (0..=GRID).map(|place| place as f64 / GRID as f64);
    let untried = grid.filter(|place| {
        !places
            .iter()
            .any(|tried| (tried - place).abs() < 0.5 / GRID as f64)
    });
    let bound = |place: &f64| {
        let (mean, deviation) = process.at(*place);
        mean - kappa * deviation
    };
    untried
        .min_by(|a, b| bound(a).total_cmp(&bound(b)))
        .unwrap_or(0.5)
}

/// With what is not finite as bad as the worst that is.
fn standardised(losses: &[f64]) -> Vec<f64> {
    let worst = losses
        .iter()
        .copied()
        .filter(|loss| loss.is_finite())
        .fold(f64::NEG_INFINITY, f64::max);
    let worst = if worst.is_finite() { worst } else { 0.0 };
    let losses: Vec<f64> = losses
        .iter()
        .map(|&loss| if loss.is_finite() { loss } else { worst })
        .collect();
    let mean = losses.iter().sum::<f64>() / losses.len().max(1) as f64;
    let deviation = (losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>()
        / losses.len().max(1) as f64)
        .sqrt();
    let scale = if deviation > 0.0 { deviation } else { 1.0 };
    losses.iter().map(|loss| (loss - mean) / scale).collect()
}

/// A Gaussian process with its observations.
struct Process<'a> {
    places: &'a [f64],
    length: f64,
    /// Lower Cholesky factor of the covariance.
    factor: Vec<Vec<f64>>,
    /// Inverse covariance times the values.
    weights: Vec<f64>,
    likelihood: f64,
}

impl<'a> Process<'a> {
    /// None where the covariance is not positive definite.
    fn fit(places: &'a [f64], values: &[f64], length: f64) -> Option<Process<'a>> {
        let count = places.len();
        let mut factor = vec![vec![0.0; count]; count];
        for row in 0..count {
            for column in 0..=row {
                let products: f64 = (0..column)
                    .map(|k| factor[row][k] * factor[column][k])
                    .sum();
                let noise = if row == column { NOISE } else { 0.0 };
                let rest = matern(places[row] - places[column], length) + noise - products;
                factor[row][column] = match row == column {
                    true if rest > 0.0 => rest.sqrt(),
                    true => return None,
                    false => rest / factor[column][column],
                };
            }
        }
        let halfway = forwards(&factor, values);
        let mut weights = halfway.clone();
        for row in (0..count).rev() {
            let products: f64 = (row + 1..count).map(|k| factor[k][row] * weights[k]).sum();
            weights[row] = (halfway[row] - products) / factor[row][row];
        }
        let determinant: f64 = factor
            .iter()
            .enumerate()
            .map(|(place, row)| row[place].ln())
            .sum();
        let fit: f64 = values
            .iter()
            .zip(&weights)
            .map(|(value, weight)| value * weight)
            .sum();
        Some(Process {
            places,
            length,
            factor,
            weights,
            likelihood: -0.5 * fit - determinant,
        })
    }

    /// Mean and standard deviation.
    fn at(&self, place: f64) -> (f64, f64) {
        let covariances: Vec<f64> = self
            .places
            .iter()
            .map(|other| matern(place - other, self.length))
            .collect();
        let mean = covariances
            .iter()
            .zip(&self.weights)
            .map(|(covariance, weight)| covariance * weight)
            .sum();
        let explained: f64 = forwards(&self.factor, &covariances)
            .iter()
            .map(|x| x * x)
            .sum();
        (mean, (1.0 - explained).max(0.0).sqrt())
    }
}

/// Solves `factor x = values`.
fn forwards(factor: &[Vec<f64>], values: &[f64]) -> Vec<f64> {
    let mut solved: Vec<f64> = Vec::with_capacity(values.len());
    for (row, value) in factor.iter().zip(values) {
        let products: f64 = row.iter().zip(&solved).map(|(a, x)| a * x).sum();
        solved.push((value - products) / row[solved.len()]);
    }
    solved
}

fn matern(distance: f64, length: f64) -> f64 {
    let scaled = 5.0_f64.sqrt() * distance.abs() / length;
    (1.0 + scaled + scaled * scaled / 3.0) * (-scaled).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_come_near_the_minimum_of_a_valley() {
        let loss = |place: f64| (place - 0.7).powi(2);
        let mut places = vec![0.1];
        while places.len() < 10 {
            let losses: Vec<f64> = places.iter().map(|place| loss(*place)).collect();
            places.push(propose(&places, &losses, 2.0));
        }
        let best = places
            .iter()
            .map(|place| loss(*place))
            .fold(f64::INFINITY, f64::min);
        assert!(best < 1e-2, "{places:?}");
    }

    #[test]
    fn a_large_kappa_spreads_them_out() {
        let mut places = vec![0.5];
        while places.len() < 10 {
            let losses = vec![1.0; places.len()];
            places.push(propose(&places, &losses, 1e6));
        }
        places.sort_by(f64::total_cmp);
        let widest = places
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .fold(0.0, f64::max);
        assert!(widest < 0.3, "{places:?}");
        assert!((0.0..=1.0).contains(&propose(&[0.5, 0.2], &[f64::NAN, f64::INFINITY], 1.0)));
    }
}
