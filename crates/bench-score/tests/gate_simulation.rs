//! The gate tried out on simulated studies with measured noise: how often it is wrong, and how often it finds what is there.
//!
//! Slow tier: `cargo xtask test` runs it optimized; plain `cargo test` does not. Published shares are of AlgoPerf 0.5's real residuals; these studies are
//! normal with the same standard deviations, which is kinder by up to .06. What does not depend on the noise's shape
//! (false alarms, misses, the promise of `studies_needed`) is held to Monte-Carlo error.

use bench_score::statistics::{Pair, Question, Verdict, compare, studies_needed};
use std::ops::RangeInclusive;

/// AlgoPerf's base workloads: standard deviation of ln(time) between studies of external tuning.
const NOISE: [f64; 8] = [0.061, 0.136, 0.009, 0.016, 0.041, 0.050, 0.115, 0.117];
const REPLICATES: u32 = 2_000;
const ALPHA: f64 = 0.05;
const MARGIN: f64 = 0.05;
/// Between real residuals and normal ones of their size.
const SHAPE: f64 = 0.05;
const MISS: f64 = f64::INFINITY;

/// For a number of studies and workloads: at no difference regression, equivalent and inconclusive; then regressions found at a true slowdown of 5, 10
/// and 20 %.
const PUBLISHED: [(usize, usize, [f64; 6]); 9] = [
    (3, 1, [0.04, 0.22, 0.70, 0.36, 0.53, 0.71]),
    (3, 3, [0.04, 0.22, 0.71, 0.50, 0.77, 0.95]),
    (3, 8, [0.02, 0.79, 0.17, 0.88, 1.00, 1.00]),
    (5, 1, [0.04, 0.25, 0.67, 0.41, 0.60, 0.81]),
    (5, 3, [0.03, 0.52, 0.41, 0.71, 0.93, 1.00]),
    (5, 8, [0.01, 0.98, 0.00, 0.95, 1.00, 1.00]),
    (10, 1, [0.03, 0.35, 0.59, 0.53, 0.78, 0.95]),
    (10, 3, [0.02, 0.80, 0.16, 0.87, 0.99, 1.00]),
    (10, 8, [0.00, 1.00, 0.00, 0.95, 1.00, 1.00]),
];

/// Reach falls found where B misses 30 % and A nothing.
const REACH: [(usize, usize, f64); 9] = [
    (3, 1, 0.02),
    (5, 1, 0.03),
    (10, 1, 0.36),
    (3, 3, 0.29),
    (5, 3, 0.57),
    (10, 3, 0.97),
    (3, 8, 0.92),
    (5, 8, 1.00),
    (10, 8, 1.00),
];

/// Splitmix64: the same studies in every run.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// The noise of that many different workloads.
    fn workloads(&mut self, many: usize) -> Vec<f64> {
        let mut noise = NOISE.to_vec();
        let mut draw = |_| noise.swap_remove((self.unit() * noise.len() as f64) as usize);
        (0..many).map(&mut draw).collect()
    }

    fn studies(&mut self, n: usize, sd: f64, shift: f64, p_miss: f64) -> Vec<f64> {
        let mut study = |_| {
            let time = (shift + sd * self.normal()).exp();
            if self.unit() < p_miss { MISS } else { time }
        };
        (0..n).map(&mut study).collect()
    }
}

/// What is true of B.
#[derive(Clone, Copy, Default)]
struct Truth {
    slower: f64,
    misses: f64,
}

/// Shares of verdicts on studies of random workloads.
fn verdicts(n: usize, workloads: usize, truth: Truth) -> impl Fn(Verdict) -> f64 {
    let mut random = Random(7);
    verdicts_of(n, truth, move || random.workloads(workloads))
}

fn verdicts_of(
    n: usize,
    truth: Truth,
    mut workloads: impl FnMut() -> Vec<f64>,
) -> impl Fn(Verdict) -> f64 {
    let mut random = Random(11);
    let mut one = |_| {
        let pair = |sd: f64| {
            let a = random.studies(n, sd, 0.0, 0.0);
            let b = random.studies(n, sd, truth.slower.ln_1p(), truth.misses);
            Pair::new(&a, &b)
        };
        let pairs: Vec<Pair> = workloads().into_iter().map(pair).collect();
        compare(&pairs, MARGIN, ALPHA).verdict
    };
    let all: Vec<Verdict> = (0..REPLICATES).map(&mut one).collect();
    move |wanted| {
        all.iter().filter(|&&verdict| verdict == wanted).count() as f64 / f64::from(REPLICATES)
    }
}

/// Three standard errors of a share, and the rounding of what was published.
fn error(share: f64) -> f64 {
    3.0 * (share * (1.0 - share) / f64::from(REPLICATES)).sqrt() + 0.006
}

#[test]
#[ignore = "slow: cargo xtask test"]
fn false_alarms_power_and_doubt() {
    println!(
        "here (published). No difference: regression, equivalent, inconclusive; then regressions found at 5, 10, 20 %"
    );
    for (n, workloads, published) in PUBLISHED {
        let none = verdicts(n, workloads, Truth::default());
        let found = |slower| {
            verdicts(
                n,
                workloads,
                Truth {
                    slower,
                    ..Truth::default()
                },
            )(Verdict::Regression)
        };
        let seen = [
            none(Verdict::Regression),
            none(Verdict::Equivalent),
            none(Verdict::Inconclusive),
            found(0.05),
            found(0.10),
            found(0.20),
        ];
        let beside = seen
            .iter()
            .zip(&published)
            .map(|(here, there)| format!("{here:.2} ({there:.2})"));
        println!(
            "n = {n:>2}, {workloads} workloads: {}",
            beside.collect::<Vec<_>>().join("  ")
        );
        for alarm in [Verdict::Regression, Verdict::Faster] {
            assert!(
                none(alarm) <= ALPHA + error(ALPHA),
                "{alarm:?} at no difference: {}",
                none(alarm)
            );
        }
        assert!(
            none(Verdict::Mixed) <= 0.002 + error(0.002),
            "mixed at no difference: {}",
            none(Verdict::Mixed)
        );
        for (here, there) in seen.iter().zip(&published) {
            assert!(
                (here - there).abs() <= SHAPE + error(*there),
                "n = {n}, {workloads} workloads: {here} is not {there}"
            );
        }
    }
}

#[test]
#[ignore = "slow: cargo xtask test"]
fn a_lower_reach_rate_is_found_as_often_as_published() {
    println!("B misses 30 %, A nothing: reach rate fell, here (published)");
    for (n, workloads, published) in REACH {
        let truth = Truth {
            misses: 0.3,
            ..Truth::default()
        };
        let here = verdicts(n, workloads, truth)(Verdict::ReachRateFell);
        println!("n = {n:>2}, {workloads} workloads: {here:.2} ({published:.2})");
        assert!(
            (here - published).abs() <= error(published),
            "n = {n}, {workloads} workloads: {here} is not {published}"
        );
    }
}

#[test]
#[ignore = "slow: cargo xtask test"]
fn the_number_of_studies_keeps_its_promise() {
    const SD: f64 = 0.10;
    println!("promised .80 at a noise of 10 %: found");
    let cases: [(usize, f64, Question, RangeInclusive<f64>); 6] = [
        (1, 0.10, Question::Difference, 0.80..=0.86),
        (3, 0.05, Question::Difference, 0.80..=0.86),
        (3, 0.10, Question::Difference, 0.80..=0.86),
        (8, 0.05, Question::Difference, 0.80..=0.86),
        (3, 0.05, Question::Equivalence, 0.76..=0.82),
        (8, 0.05, Question::Equivalence, 0.76..=0.84),
    ];
    for (workloads, size, question, promised) in cases {
        let needed = studies_needed(&vec![SD; workloads], size, ALPHA, 0.8, question);
        let n = needed.n.unwrap_or_default() as usize;
        let (slower, verdict) = match question {
            Question::Difference => (size, Verdict::Regression),
            Question::Equivalence => (0.0, Verdict::Equivalent),
        };
        let truth = Truth {
            slower,
            ..Truth::default()
        };
        let here = verdicts_of(n, truth, || vec![SD; workloads])(verdict);
        println!("{question:?} of {size}, {workloads} workloads, n = {n}: {here:.3}");
        let (low, high) = (promised.start() - error(0.8), promised.end() + error(0.8));
        assert!(
            (low..=high).contains(&here),
            "{here} is not in {promised:?}"
        );
    }
}
