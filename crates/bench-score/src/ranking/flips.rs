//! What would turn an order.

/// What happens to the order when something is left out, or targets move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flips {
    /// In words: what is left out, or whose value is another.
    pub change: String,
    /// Pairs that change places: the one that now leads, the one that led.
    pub pairs: Vec<(String, String)>,
    /// Where curves do not allow to look: of how many studies that reached their target how many end before the other one shows.
    pub unseen: Option<(usize, usize)>,
}

impl Flips {
    /// Targets that the curves do not reach.
    pub(crate) fn unseen(share: f64, unseen: usize, reached: usize) -> Flips {
        Flips {
            change: moved(share),
            pairs: Vec::new(),
            unseen: Some((unseen, reached)),
        }
    }
}

/// `targets 1 % easier`.
pub(crate) fn moved(share: f64) -> String {
    let which = if share > 0.0 { "easier" } else { "harder" };
    format!("targets {:.0} % {which}", share.abs() * 100.0)
}

/// Pairs of `names`, best first, that stand the other way round in `after`. Ties flip nothing.
pub(crate) fn flipped(change: String, names: &[String], after: &[(String, f64)]) -> Flips {
    let score = |name: &String| {
        after
            .iter()
            .find(|(other, _)| other == name)
            .map(|row| row.1)
    };
    let mut pairs = Vec::new();
    for (index, leader) in names.iter().enumerate() {
        for other in &names[index + 1..] {
            if let (Some(a), Some(b)) = (score(leader), score(other))
                && b > a
            {
                pairs.push((other.clone(), leader.clone()));
            }
        }
    }
    Flips {
        change,
        pairs,
        unseen: None,
    }
}
