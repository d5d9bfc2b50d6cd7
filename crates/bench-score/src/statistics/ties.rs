//! Which submissions of a ranking cannot be told apart.

use super::within;

/// Holm's adjustment of several tests' p-values, in the order given.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&i, &j| p[i].total_cmp(&p[j]));
    let mut adjusted = vec![0.0; p.len()];
    let mut running: f64 = 0.0;
    for (smaller, &i) in order.iter().enumerate() {
        running = running.max(((p.len() - smaller) as f64 * p[i]).min(1.0));
        adjusted[i] = running;
    }
    adjusted
}

/// A ranking with the groups whose members do not differ from the best of their group.
#[derive(Debug, Clone, PartialEq)]
pub struct TieGroups {
    /// Positions of the submissions, best first; equal scores by name.
    pub order: Vec<usize>,
    /// Holm-adjusted p-values, one a pair as given.
    pub adjusted: Vec<f64>,
    /// Group of each submission, as given; 1 is the best.
    pub group: Vec<usize>,
}

/// Groups submissions. `pairs` holds two positions and the two-sided p of their rank test; a pair that is missing counts as not different.
///
/// A member is held against the best of its group, not its neighbour: so no chain of small steps joins what differs.
pub fn tie_groups(
    names: &[&str],
    scores: &[f64],
    pairs: &[(usize, usize, f64)],
    alpha: f64,
) -> TieGroups {
    let p: Vec<f64> = pairs.iter().map(|&(_, _, p)| p).collect();
    let adjusted = holm(&p);
    let differ = |i: usize, j: usize| {
        let is_pair = |&&(a, b, _): &&(usize, usize, f64)| (a, b) == (i, j) || (a, b) == (j, i);
        let position = pairs.iter().position(|pair| is_pair(&pair));
        position.is_some_and(|position| within(adjusted[position], alpha))
    };
    let mut order: Vec<usize> = (0..names.len().min(scores.len())).collect();
    order.sort_by(|&i, &j| scores[j].total_cmp(&scores[i]).then(names[i].cmp(names[j])));
    let mut group = vec![0; order.len()];
    let mut opener: Option<usize> = None;
    let mut current = 0;
    for &next in &order {
        if opener.is_none_or(|opener| differ(opener, next)) {
            opener = Some(next);
            current += 1;
        }
        group[next] = current;
    }
    TieGroups {
        order,
        adjusted,
        group,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_does_not_join_what_differs() {
        let pairs = [(0, 1, 0.4), (0, 2, 0.001), (1, 2, 0.3)];
        let groups = tie_groups(&["x", "y", "z"], &[0.9, 0.8, 0.7], &pairs, 0.05);
        assert_eq!(groups.group, [1, 1, 2]);
    }

    #[test]
    fn equal_scores_stand_by_name() {
        let groups = tie_groups(&["b", "a"], &[0.5, 0.5], &[(0, 1, 1.0)], 0.05);
        assert_eq!((groups.order, groups.group), (vec![1, 0], vec![1, 1]));
    }
}
