//! The scrambled and shifted Halton sequence of AlgoPerf.

use super::twister::Twister;

/// AlgoPerf leaves out the first hundred points.
const SKIPPED: u64 = 100;

/// A sequence of points in the unit cube.
pub(super) struct Sequence {
    axes: Vec<Axis>,
    skipped: u64,
}

/// One dimension: digits in base `prime`, permuted, then shifted.
struct Axis {
    prime: u64,
    permutation: Vec<u32>,
    shift: f64,
}

impl Sequence {
    /// AlgoPerf's sequence in that many dimensions.
    pub(super) fn new(dimensions: usize) -> Sequence {
        Sequence {
            axes: primes(dimensions)
                .into_iter()
                .map(|prime| Axis::new(prime, None, true))
                .collect(),
            skipped: SKIPPED,
        }
    }

    /// A sequence with parts chosen by the caller: primes, permutations of their digits, and whether to shift.
    pub(super) fn with(
        primes: &[u64],
        permutations: Option<&[Vec<u32>]>,
        shift: bool,
        skipped: u64,
    ) -> Sequence {
        let axis = |(position, prime): (usize, &u64)| {
            Axis::new(
                *prime,
                permutations.and_then(|all| all.get(position)).cloned(),
                shift,
            )
        };
        Sequence {
            axes: primes.iter().enumerate().map(axis).collect(),
            skipped,
        }
    }

    /// Point `number`, from 1.
    pub(super) fn point(&self, number: u64) -> Vec<f64> {
        self.axes
            .iter()
            .map(|axis| axis.at(number + self.skipped))
            .collect()
    }
}

impl Axis {
    fn new(prime: u64, permutation: Option<Vec<u32>>, shifted: bool) -> Axis {
        let mut stream = Twister::new(prime as u32);
        let permutation = permutation.unwrap_or_else(|| {
            let mut digits: Vec<u32> = (1..prime as u32).collect();
            stream.shuffle(&mut digits);
            // Zero stays in front: the infinitely many leading zeros of a number count nothing.
            std::iter::once(0).chain(digits).collect()
        });
        Axis {
            prime,
            permutation,
            shift: if shifted { stream.unit() } else { 0.0 },
        }
    }

    fn at(&self, mut index: u64) -> f64 {
        let (mut sum, mut weight) = (0.0, self.prime as f64);
        while index > 0 {
            let digit = (index % self.prime) as usize;
            sum += self.permutation.get(digit).copied().map_or(0.0, f64::from) / weight;
            weight *= self.prime as f64;
            index /= self.prime;
        }
        (sum + self.shift) % 1.0
    }
}

/// The bases of that many dimensions: the largest odd primes below 1000 (2000, … where those do not suffice) but for the very largest.
pub(super) fn primes(dimensions: usize) -> Vec<u64> {
    let mut limit = 1000;
    let mut found = odd_primes_below(limit);
    while found.len() < dimensions + 1 {
        limit += 1000;
        found = odd_primes_below(limit);
    }
    found.pop();
    found.split_off(found.len() - dimensions)
}

fn odd_primes_below(limit: u64) -> Vec<u64> {
    let mut found: Vec<u64> = Vec::new();
    for candidate in (3..limit).step_by(2) {
        if found
            .iter()
            .take_while(|prime| *prime * *prime <= candidate)
            .all(|prime| candidate % prime != 0)
        {
            found.push(candidate);
        }
    }
    found
}
