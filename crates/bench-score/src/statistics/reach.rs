//! Does B miss the target more often: the exact stratified test on misses.

use super::law::{Law, draw};
use super::pair::{Pair, two_sided};

/// The test's outcome.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReachTest {
    /// Studies of A that missed.
    pub misses_a: usize,
    /// Studies of B that missed.
    pub misses_b: usize,
    /// Probability of as many misses of B when both reach equally often: small means that B reaches the target less often.
    pub p_fell: f64,
    /// Probability of as few.
    pub p_rose: f64,
}

/// Tests total misses of B, given how many studies missed in each workload.
pub fn reach_test(pairs: &[Pair]) -> ReachTest {
    let pairs = two_sided(pairs);
    let mut law = Law::zero();
    let (mut misses_a, mut misses_b) = (0, 0);
    for pair in &pairs {
        let (a, b) = pair.misses();
        (misses_a, misses_b) = (misses_a + a, misses_b + b);
        let missed: Vec<u64> = (0..pair.total()).map(|i| u64::from(i < a + b)).collect();
        law.add(&draw(&missed, pair.b().len()), 1);
    }
    ReachTest {
        misses_a,
        misses_b,
        p_fell: law.at_least(misses_b as u64),
        p_rose: law.at_most(misses_b as u64),
    }
}
