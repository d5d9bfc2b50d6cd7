//! Performance profiles and their integral: the last steps of AlgoPerf's score.

/// AlgoPerf's largest ratio to the fastest that still gets credit.
pub const LARGEST_RATIO: f64 = 4.0;

/// AlgoPerf's number of points of a profile.
pub const POINTS: usize = 100;

/// Points of a profile, evenly from 1 to `largest`.
pub fn taus(largest: f64, points: usize) -> Vec<f64> {
    let last = points.saturating_sub(1).max(1);
    let step = (largest - 1.0) / last as f64;
    let tau = |i: usize| {
        if i == last {
            largest
        } else {
            1.0 + i as f64 * step
        }
    };
    (0..points).map(tau).collect()
}

/// The fastest time of a column, NaN (no time) left out.
pub fn fastest(column: impl IntoIterator<Item = f64>) -> f64 {
    column.into_iter().fold(f64::NAN, f64::min)
}

/// A time over the fastest; infinite where nobody reached the target, NaN where there is no time.
pub fn ratio(time: f64, fastest: f64) -> f64 {
    if time == f64::INFINITY {
        f64::INFINITY
    } else if time == fastest {
        1.0
    } else {
        time / fastest
    }
}

/// Share of `workloads` with a ratio of at most tau, for each tau. NaN and infinity get no credit.
pub fn profile(ratios: &[f64], workloads: usize, taus: &[f64]) -> Vec<f64> {
    let within = |tau: &f64| ratios.iter().filter(|&ratio| ratio <= tau).count();
    let share = |tau| within(tau) as f64 / workloads.max(1) as f64;
    taus.iter().map(share).collect()
}

/// Area below a profile by trapezoids, over the width of its taus.
pub fn score(profile: &[f64], taus: &[f64]) -> f64 {
    let (Some(first), Some(last)) = (taus.first(), taus.last()) else {
        return 0.0;
    };
    let heights = profile.windows(2).map(|pair| pair[0] + pair[1]);
    let widths = taus.windows(2).map(|pair| pair[1] - pair[0]);
    let area: f64 = widths
        .zip(heights)
        .map(|(width, height)| width * height / 2.0)
        .sum();
    area / (last - first)
}

/// AlgoPerf's scores from times to target, by submission and base workload, without variants.
/// Times beyond [`LARGEST_RATIO`] times the fastest count as missed.
pub fn profile_scores(times: &[Vec<f64>]) -> Vec<f64> {
    let taus = taus(LARGEST_RATIO, POINTS);
    let profiles = profiles(times);
    profiles.iter().map(|line| score(line, &taus)).collect()
}

/// The profiles behind [`profile_scores`], by submission.
pub fn profiles(times: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let workloads = times.first().map_or(0, Vec::len);
    let taus = taus(LARGEST_RATIO, POINTS);
    let best: Vec<f64> = (0..workloads)
        .map(|workload| {
            fastest(
                times
                    .iter()
                    .filter_map(|times| times.get(workload).copied()),
            )
        })
        .collect();
    let of = |times: &Vec<f64>| {
        let ratios: Vec<f64> = times
            .iter()
            .zip(&best)
            .map(|(&time, &best)| {
                let slow = time > LARGEST_RATIO * best;
                ratio(if slow { f64::INFINITY } else { time }, best)
            })
            .collect();
        profile(&ratios, workloads, &taus)
    };
    times.iter().map(of).collect()
}
