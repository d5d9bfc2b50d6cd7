//! Means of log times, for comparisons without misses: Welch's interval, and equivalence by two one-sided tests.

use super::pair::{Pair, mean, two_sided, variance};
use super::within;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// The mean difference of ln(time), B less A, over workloads that count equally.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WelchLog {
    /// Below 0: B is faster. `None` where a study missed, and without workloads.
    pub difference: Option<f64>,
    /// Standard error; `None` where a side has a single study too.
    pub se: Option<f64>,
    /// Welch's degrees of freedom; `None` where nothing varies.
    pub df: Option<f64>,
    /// Lower end of the interval.
    pub lower: Option<f64>,
    /// Upper end.
    pub upper: Option<f64>,
    /// Of no difference; `None` where nothing varies.
    pub p_two_sided: Option<f64>,
}

/// Two one-sided tests of Welch's difference against a margin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tost {
    /// Against "B is faster by the margin or more".
    pub p_above_minus_margin: Option<f64>,
    /// Against "B is slower by the margin or more".
    pub p_below_plus_margin: Option<f64>,
    /// The larger of the two.
    pub p: Option<f64>,
    /// Whether it is within the level.
    pub equivalent: bool,
}

/// Estimates the difference. A workload's own variance never weighs it: with three studies that weight is mostly noise.
pub fn welch_log(pairs: &[Pair], alpha: f64) -> WelchLog {
    let difference = log_ratio(pairs);
    let error = difference.and_then(|_| Error::of(pairs));
    let t = error.and_then(Error::law);
    let half_width = error.map(|error| t.map_or(0.0, |t| t.inverse_cdf(1.0 - alpha) * error.se));
    let both = difference.zip(half_width);
    let p_two_sided = difference.zip(error).and_then(|(difference, error)| {
        let beyond = t?.cdf(-(difference / error.se).abs());
        Some((2.0 * beyond).min(1.0))
    });
    WelchLog {
        difference,
        se: error.map(|error| error.se),
        df: error.and_then(|error| error.df),
        lower: both.map(|(difference, half)| difference - half),
        upper: both.map(|(difference, half)| difference + half),
        p_two_sided,
    }
}

/// Tests whether the difference lies within ln(1 + margin) on either side.
pub fn tost(pairs: &[Pair], margin: f64, alpha: f64) -> Tost {
    let bound = margin.ln_1p();
    let difference = log_ratio(pairs);
    let error = difference.and_then(|_| Error::of(pairs));
    // P(T >= t) of the distance by which the difference lies above what is to be refused.
    let beyond = |distance: f64| {
        let error = error?;
        Some(error.law()?.cdf(-distance / error.se))
    };
    let p_above_minus_margin = difference.and_then(|d| beyond(d + bound));
    let p_below_plus_margin = difference.and_then(|d| beyond(bound - d));
    let p = p_above_minus_margin
        .zip(p_below_plus_margin)
        .map(|(above, below)| above.max(below));
    Tost {
        p_above_minus_margin,
        p_below_plus_margin,
        p,
        equivalent: p.is_some_and(|p| within(p, alpha)),
    }
}

/// Mean over workloads of mean ln b - mean ln a; `None` where a time is infinite, and without workloads.
pub(super) fn log_ratio(pairs: &[Pair]) -> Option<f64> {
    let pairs = two_sided(pairs);
    let differences: Vec<f64> = pairs
        .iter()
        .map(|pair| mean(&logs(pair.b())) - mean(&logs(pair.a())))
        .collect();
    let finite = differences.iter().all(|difference| difference.is_finite());
    (finite && !differences.is_empty()).then(|| mean(&differences))
}

fn logs(times: &[f64]) -> Vec<f64> {
    times.iter().map(|time| time.ln()).collect()
}

/// How far the difference may be off.
#[derive(Clone, Copy)]
struct Error {
    se: f64,
    df: Option<f64>,
}

impl Error {
    /// `None` where a side has one study, which says nothing of its own spread.
    fn of(pairs: &[Pair]) -> Option<Error> {
        let pairs = two_sided(pairs);
        let sides = pairs.iter().flat_map(|pair| [pair.a(), pair.b()]);
        let (mut total, mut squares) = (0.0, 0.0);
        for times in sides {
            let freedom = times.len() as f64 - 1.0;
            if freedom < 1.0 {
                return None;
            }
            let component =
                variance(&logs(times)) / times.len() as f64 / (pairs.len() as f64).powi(2);
            total += component;
            squares += component * component / freedom;
        }
        Some(Error {
            se: total.sqrt(),
            df: (squares > 0.0).then(|| total * total / squares),
        })
    }

    fn law(self) -> Option<StudentsT> {
        StudentsT::new(0.0, 1.0, self.df?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miss_or_a_single_study_leaves_it_undefined() {
        let missed = welch_log(&[Pair::new(&[1.0, f64::INFINITY], &[1.0, 2.0])], 0.05);
        assert_eq!((missed.difference, missed.lower), (None, None));
        let single = welch_log(&[Pair::new(&[1.0], &[1.0, 2.0])], 0.05);
        assert!(single.difference.is_some() && single.se.is_none() && single.upper.is_none());
        assert!(!tost(&[Pair::new(&[1.0], &[1.0])], 0.05, 0.05).equivalent);
        assert_eq!(welch_log(&[], 0.05).difference, None);
    }

    #[test]
    fn without_spread_there_is_no_test() {
        let welch = welch_log(&[Pair::new(&[5.0; 3], &[5.0; 3])], 0.05);
        assert_eq!(
            (welch.se, welch.df, welch.p_two_sided),
            (Some(0.0), None, None)
        );
        assert_eq!((welch.lower, welch.upper), (Some(0.0), Some(0.0)));
    }
}
