//! Exact laws of rank sums and counts under "A and B are exchangeable within each workload".

use super::pair::Pair;

/// Longest array of probabilities. Reached only when the numbers of studies differ widely between workloads.
const LONGEST: u64 = 1 << 20;

/// Probability of each value 0, 1, 2, … of a statistic that is a sum over workloads.
pub(super) struct Law(Vec<f64>);

impl Law {
    /// Of a sum without terms.
    pub(super) fn zero() -> Law {
        Law(vec![1.0])
    }

    /// Adds an independent term, `weight` times a draw from `term`.
    pub(super) fn add(&mut self, term: &[(u64, f64)], weight: u64) {
        let most = term.iter().map(|&(value, _)| value).max().unwrap_or(0);
        let mut sum = vec![0.0; self.0.len() + (most * weight) as usize];
        for &(value, probability) in term {
            let shift = (value * weight) as usize;
            for (slot, &before) in sum[shift..].iter_mut().zip(&self.0) {
                *slot += before * probability;
            }
        }
        self.0 = sum;
    }

    /// P(S <= s).
    pub(super) fn at_most(&self, s: u64) -> f64 {
        self.0.iter().take(s as usize + 1).sum::<f64>().min(1.0)
    }

    /// P(S >= s).
    pub(super) fn at_least(&self, s: u64) -> f64 {
        let from = self.0.get(s as usize..).unwrap_or_default();
        from.iter().rev().sum::<f64>().min(1.0)
    }

    /// The largest value with P(S <= s) within the level, and that probability.
    pub(super) fn low(&self, within: impl Fn(f64) -> bool) -> Option<(u64, f64)> {
        let found = tail(self.0.iter().enumerate(), within)?;
        Some((found.0 as u64, found.1))
    }

    /// The smallest value with P(S >= s) within the level, and that probability.
    pub(super) fn high(&self, within: impl Fn(f64) -> bool) -> Option<(u64, f64)> {
        let found = tail(self.0.iter().enumerate().rev(), within)?;
        Some((found.0 as u64, found.1))
    }
}

fn tail<'a>(
    from_the_end: impl Iterator<Item = (usize, &'a f64)>,
    within: impl Fn(f64) -> bool,
) -> Option<(usize, f64)> {
    let mut sum = 0.0;
    from_the_end
        .filter(|&(_, &probability)| probability > 0.0)
        .map(|(value, &probability)| {
            sum += probability;
            (value, sum)
        })
        .take_while(|&(_, sum)| within(sum))
        .last()
}

/// The law of the sum of `draws` of these values, drawn without replacement.
pub(super) fn draw(values: &[u64], draws: usize) -> Vec<(u64, f64)> {
    let mut ordered = values.to_vec();
    ordered.sort_unstable_by(|a, b| b.cmp(a));
    let most: u64 = ordered.iter().take(draws).sum();
    let width = most as usize + 1;
    // ways[j * width + s]: how many choices of j values sum to s. Counts stay exact in a double up to 2^53, and after that to its precision.
    let mut ways = vec![0.0f64; (draws + 1) * width];
    ways[0] = 1.0;
    for (taken, &value) in ordered.iter().enumerate() {
        for j in (0..draws.min(taken + 1)).rev() {
            let (from, to) = ways.split_at_mut((j + 1) * width);
            let from = &from[j * width..];
            let value = value as usize;
            if value < width {
                for (slot, &count) in to[value..width].iter_mut().zip(from) {
                    *slot += count;
                }
            }
        }
    }
    let chosen = &ways[draws * width..];
    let total: f64 = chosen.iter().sum();
    chosen
        .iter()
        .enumerate()
        .filter(|&(_, &count)| count > 0.0)
        .map(|(sum, &count)| (sum as u64, count / total))
        .collect()
}

/// Twice the midranks of these sorted values, so that ties stay whole numbers.
pub(super) fn doubled_midranks(sorted: &[f64]) -> Vec<u64> {
    let mut ranks = Vec::with_capacity(sorted.len());
    for tied in sorted.chunk_by(|a, b| a == b) {
        let before = ranks.len() as u64;
        let rank = 2 * before + tied.len() as u64 + 1;
        ranks.extend(std::iter::repeat_n(rank, tied.len()));
    }
    ranks
}

/// The law of 2U of `m` of these doubled ranks: their sum less the least it could be without ties.
pub(super) fn doubled_u(ranks: &[u64], m: usize) -> Vec<(u64, f64)> {
    let least = (m * (m + 1)) as u64;
    draw(ranks, m)
        .into_iter()
        .map(|(sum, probability)| (sum - least, probability))
        .collect()
}

/// Whole-number weights of the workloads in proportion to 1/(N+1).
///
/// Rounded only where exact ones would need an array beyond [`LONGEST`]. The law is still exact then, of a statistic with weights a little different.
pub(super) fn weights(pairs: &[&Pair]) -> Vec<u64> {
    let ranks = |pair: &Pair| pair.total() as u64 + 1;
    let reach = |pair: &Pair| 2 * (pair.a().len() * pair.b().len()) as u64;
    let multiple = pairs
        .iter()
        .try_fold(1u64, |multiple, pair| lcm(multiple, ranks(pair)));
    let span = |multiple: u64| -> f64 {
        let each = |pair: &&Pair| multiple as f64 / ranks(pair) as f64 * reach(pair) as f64;
        pairs.iter().map(each).sum()
    };
    let exact = multiple.filter(|&multiple| span(multiple) <= LONGEST as f64);
    let weights: Vec<u64> = match exact {
        Some(multiple) => pairs.iter().map(|pair| multiple / ranks(pair)).collect(),
        None => {
            let scale = LONGEST as f64 / span(1);
            let each = |pair: &&Pair| (scale / ranks(pair) as f64).round().max(1.0) as u64;
            pairs.iter().map(each).collect()
        }
    };
    let divisor = weights.iter().copied().fold(0, gcd).max(1);
    weights.iter().map(|weight| weight / divisor).collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn lcm(a: u64, b: u64) -> Option<u64> {
    (a / gcd(a, b)).checked_mul(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_counts_every_choice() {
        assert_eq!(
            draw(&[2, 4, 6], 2),
            [(6, 1.0 / 3.0), (8, 1.0 / 3.0), (10, 1.0 / 3.0)]
        );
        assert_eq!(draw(&[0, 0, 1], 1), [(0, 2.0 / 3.0), (1, 1.0 / 3.0)]);
    }

    #[test]
    fn ties_share_their_midrank() {
        let ranks = doubled_midranks(&[1.0, 2.0, 2.0, f64::INFINITY, f64::INFINITY]);
        assert_eq!(ranks, [2, 5, 5, 9, 9]);
    }

    #[test]
    fn weights_are_in_lowest_terms_and_bounded() {
        let pair = |n: usize| Pair::new(&vec![1.0; n], &vec![1.0; n]);
        let (five, ten) = (pair(5), pair(10));
        assert_eq!(weights(&[&five, &five]), [1, 1]);
        assert_eq!(weights(&[&five, &ten]), [21, 11]);
        let many: Vec<Pair> = (2..30).map(pair).collect();
        let many: Vec<&Pair> = many.iter().collect();
        let longest: u64 = weights(&many)
            .iter()
            .zip(&many)
            .map(|(weight, pair)| weight * 2 * (pair.a().len() * pair.b().len()) as u64)
            .sum();
        assert!(longest <= LONGEST + LONGEST / 100, "{longest}");
    }
}
