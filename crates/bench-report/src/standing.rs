//! A ranking as tables.

use crate::grid::{Cell, Column, Grid};
use bench_score::Ranking;

/// Scores with their certainty, best first.
pub fn standing(ranking: &Ranking) -> Grid {
    let columns = vec![
        Column::numbers("tie group", "tie-group", 0),
        Column::words("submission", "submission", 0),
        Column::numbers("score", "score", 0),
        Column::words("90 % interval", "interval", 0),
        Column::numbers("first in", "p-first", 1),
    ];
    let row = |index: usize| {
        let standing = &ranking.standing;
        let interval = standing.intervals.get(index).copied().flatten();
        let words = interval.map_or_else(
            || "-".to_owned(),
            |ends| format!("{:.3} to {:.3}", ends.lower, ends.upper),
        );
        let first = interval.and(standing.p_rank1.get(index).copied());
        vec![
            Cell::optional(standing.groups.group.get(index), usize::to_string),
            Cell::plain(&ranking.submissions[index]),
            Cell::new(
                format!("{:.4}", ranking.scores[index]),
                ranking.scores[index],
            ),
            Cell::plain(words),
            Cell::optional(first, |share| format!("{:.0} %", share * 100.0)),
        ]
    };
    Grid {
        columns,
        rows: (0..ranking.submissions.len()).map(row).collect(),
    }
}

/// What each omission does to the order.
pub fn sensitivity(ranking: &Ranking) -> Grid {
    let row = |flips: &bench_score::Flips| {
        let pairs = flips.pairs.iter();
        let pairs: Vec<String> = pairs
            .map(|(now, before)| format!("{now} passes {before}"))
            .collect();
        let words = match pairs.is_empty() {
            true => "nothing changes".to_owned(),
            false => pairs.join("; "),
        };
        vec![
            Cell::plain(&flips.change),
            Cell::plain(flips.pairs.len()),
            Cell::plain(words),
        ]
    };
    Grid {
        columns: vec![
            Column::words("change", "change", 0),
            Column::numbers("pairs", "pairs", 0),
            Column::words("that change places", "flips", 0),
        ],
        rows: ranking.flips.iter().map(row).collect(),
    }
}
