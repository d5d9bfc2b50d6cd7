//! Where a loss is going: `a exp(b t) + c` fitted to its course so far (section 4.2).
//!
//! As the authors' program does it, with the spline that it smooths by written as what it is: scipy's default smoothing leaves one parabola
//! by least squares, for any loss of order 1. The parabola pulls the asymptote down a little.

/// `a exp(b t) + c`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// Height above the asymptote at step 0.
    pub a: f64,
    /// Rate, below 0.
    pub b: f64,
    /// Asymptote.
    pub c: f64,
}

/// Rounds of taking outliers away from a training loss; of a validation loss it is one.
const ROUNDS: usize = 10;
/// Share of the points that a round looks at.
const OUTLIERS: f64 = 0.03;

impl Forecast {
    /// A fit to losses at steps 0, 1, … Outliers are looked for in the first half only: of a training loss ten times the worst 3 %, of a
    /// validation loss the worst point.
    pub fn fit(losses: &[f64], is_training: bool) -> Forecast {
        let smoothed = smoothed(losses, is_training);
        let beta = minimum(|beta| Line::fit(-beta.exp(), &smoothed).residual);
        let b = -beta.exp();
        let Line { a, c, .. } = Line::fit(b, &smoothed);
        Forecast { a, b, c }
    }

    /// The loss at a later step.
    pub fn at(&self, step: f64) -> f64 {
        self.a * (self.b * step).exp() + self.c
    }
}

/// The parabola through what is no outlier, at every step.
pub fn smoothed(losses: &[f64], is_training: bool) -> Vec<f64> {
    let mut points: Vec<(f64, f64)> = losses
        .iter()
        .enumerate()
        .map(|(x, y)| (x as f64, *y))
        .collect();
    let half = (losses.len().saturating_sub(1) / 2) as f64;
    for _ in 0..if is_training { ROUNDS } else { 1 } {
        let parabola = Parabola::fit(&points);
        let distance = |place: &usize| (points[*place].1 - parabola.at(points[*place].0)).abs();
        let mut places: Vec<usize> = (0..points.len()).collect();
        places.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
        let count = match is_training {
            true => (points.len() as f64 * OUTLIERS).round_ties_even() as usize,
            false => 1,
        };
        // Places are compared with the step in the middle, as the authors do.
        let worst = &places[places.len().saturating_sub(count)..];
        let out: Vec<usize> = worst
            .iter()
            .copied()
            .filter(|&place| (place as f64) < half)
            .collect();
        let kept = points
            .iter()
            .enumerate()
            .filter(|(place, _)| !out.contains(place));
        points = kept.map(|(_, point)| *point).collect();
    }
    let parabola = Parabola::fit(&points);
    (0..losses.len()).map(|x| parabola.at(x as f64)).collect()
}

/// A least-squares parabola in orthogonal polynomials, which keep their digits.
struct Parabola {
    centre: f64,
    /// What makes the second polynomial orthogonal to the other two.
    slant: f64,
    spread: f64,
    coefficients: [f64; 3],
}

impl Parabola {
    fn fit(points: &[(f64, f64)]) -> Parabola {
        let count = points.len() as f64;
        let mean =
            |f: &dyn Fn(f64, f64) -> f64| points.iter().map(|&(x, y)| f(x, y)).sum::<f64>() / count;
        let centre = mean(&|x, _| x);
        let spread = mean(&|x, _| (x - centre).powi(2));
        let slant = mean(&|x, _| (x - centre).powi(3)) / spread.max(f64::MIN_POSITIVE);
        let mut parabola = Parabola {
            centre,
            slant,
            spread,
            coefficients: [0.0; 3],
        };
        for place in 0..3 {
            let norm = mean(&|x, _| parabola.polynomials(x)[place].powi(2));
            let product = mean(&|x, y| parabola.polynomials(x)[place] * (y - parabola.at(x)));
            parabola.coefficients[place] = if norm > 0.0 { product / norm } else { 0.0 };
        }
        parabola
    }

    fn polynomials(&self, x: f64) -> [f64; 3] {
        let x = x - self.centre;
        [1.0, x, x * x - self.slant * x - self.spread]
    }

    fn at(&self, x: f64) -> f64 {
        let terms = self.polynomials(x).into_iter().zip(self.coefficients);
        terms
            .map(|(polynomial, coefficient)| polynomial * coefficient)
            .sum()
    }
}

/// Least squares of `a exp(b x) + c` in a and c.
struct Line {
    a: f64,
    c: f64,
    residual: f64,
}

impl Line {
    fn fit(b: f64, ys: &[f64]) -> Line {
        let count = ys.len() as f64;
        let es: Vec<f64> = (0..ys.len()).map(|x| (b * x as f64).exp()).collect();
        let (e_mean, y_mean) = (
            es.iter().sum::<f64>() / count,
            ys.iter().sum::<f64>() / count,
        );
        let pairs = || es.iter().zip(ys).map(|(e, y)| (e - e_mean, y - y_mean));
        let norm: f64 = pairs().map(|(e, _)| e * e).sum();
        let product: f64 = pairs().map(|(e, y)| e * y).sum();
        let a = if norm > 0.0 { product / norm } else { 0.0 };
        Line {
            a,
            c: y_mean - a * e_mean,
            residual: pairs().map(|(e, y)| (y - a * e).powi(2)).sum(),
        }
    }
}

/// The downhill simplex in one dimension from 0 (Nelder and Mead), with scipy's first step, coefficients and tolerances.
fn minimum(f: impl Fn(f64) -> f64) -> f64 {
    const FIRST: f64 = 0.00025;
    const TOLERANCE: f64 = 1e-5;
    const MOST: usize = 200;
    let point = |x: f64| (x, f(x));
    let ordered = |a: (f64, f64), b: (f64, f64)| if b.1 < a.1 { (b, a) } else { (a, b) };
    let (mut best, mut worst) = ordered(point(0.0), point(FIRST));
    let mut calls = 2;
    while calls < MOST {
        if (worst.0 - best.0).abs() <= TOLERANCE && (worst.1 - best.1).abs() <= TOLERANCE {
            break;
        }
        let reflected = point(2.0 * best.0 - worst.0);
        calls += 2;
        let next = if reflected.1 < best.1 {
            let expanded = point(3.0 * best.0 - 2.0 * worst.0);
            if expanded.1 < reflected.1 {
                expanded
            } else {
                reflected
            }
        } else if reflected.1 < worst.1 {
            let outside = point(1.5 * best.0 - 0.5 * worst.0);
            match outside.1 <= reflected.1 {
                true => outside,
                false => point(0.5 * (best.0 + worst.0)),
            }
        } else {
            // Contraction inwards and shrinking are the same step with one dimension.
            point(0.5 * best.0 + 0.5 * worst.0)
        };
        (best, worst) = ordered(best, next);
    }
    best.0
}
