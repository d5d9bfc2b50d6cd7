//! A ranking as tables.

use crate::gate::sight;
use crate::grid::{Cell, Column, Grid};
use crate::scores::{interval, interval_words};
use bench_score::{AgainstReference, Flips, Frozen, Ranking};

/// Scores with their certainty, best first. The score that decides comes first.
pub fn standing(ranking: &Ranking) -> Grid {
    let mut columns = vec![
        Column::counts("tie group", "tie-group", 0),
        Column::words("submission", "submission", 0),
        Column::numbers("score", "score", 0),
        Column::words("90 % interval", "interval", 1),
        Column::numbers("first in", "p-first", 2),
    ];
    let place = ranking
        .frozen
        .as_ref()
        .map(|frozen| if frozen.decides { 2 } else { columns.len() });
    if let Some(place) = place {
        columns.splice(place..place, FROZEN);
    }
    let row = |index: usize| {
        let standing = &ranking.standing;
        let ends = standing.intervals.get(index).copied().flatten();
        let words = interval_words(ends.map(|ends| (ends.lower, ends.upper)));
        let first = interval(ranking, index).and(standing.p_rank1.get(index).copied());
        // What was not observed can only add to it.
        let least = match ranking.observed[index] < ranking.workloads.len() {
            true => " or more",
            false => "",
        };
        let mut row = vec![
            Cell::optional(standing.groups.group.get(index), usize::to_string),
            Cell::plain(&ranking.submissions[index]),
            Cell::new(
                format!("{:.4}{least}", ranking.scores[index]),
                ranking.scores[index],
            ),
            Cell::plain(words),
            Cell::optional(first, |share| format!("{:.0} %", share * 100.0)),
        ];
        if let Some((frozen, place)) = ranking.frozen.as_ref().zip(place) {
            row.splice(place..place, frozen_cells(frozen, index));
        }
        row
    };
    Grid {
        rows: (0..ranking.submissions.len()).map(row).collect(),
        columns,
    }
}

/// Columns of [`frozen_cells`].
const FROZEN: [Column; 3] = [
    Column::numbers("frozen score", "frozen-score", 0),
    Column::words("90 % interval of it", "frozen-interval", 1),
    Column::words("of workloads", "frozen-workloads", 3),
];

/// The frozen score and its interval.
fn frozen_cells(frozen: &Frozen, index: usize) -> [Cell; 3] {
    let own: Option<&AgainstReference> = frozen.scores.get(index);
    let score = own.and_then(|own| own.score.as_ref());
    let ends = score.and_then(|score| score.lower.zip(score.upper));
    let coverage = own.map(|own| format!("{} of {}", own.workloads, own.of));
    [
        Cell::optional(score.and_then(|score| score.score), |score| {
            format!("{score:.3}")
        }),
        Cell::plain(interval_words(ends)),
        Cell::plain(coverage.unwrap_or_else(|| "-".to_owned())),
    ]
}

/// What the studies of a ranking allow to be claimed, with the number that would do; nothing where they are enough, or nobody is compared.
pub fn claims(ranking: &Ranking) -> Vec<String> {
    if ranking.submissions.len() < 2 {
        return Vec::new();
    }
    let seen = &ranking.sight;
    let missing = seen.studies == 0;
    let enough = seen
        .studies_for_margin
        .is_some_and(|needed| needed <= seen.studies as u64);
    if missing {
        let short = ranking.submissions.iter().zip(&ranking.observed);
        let short = short.filter(|(_, observed)| **observed < ranking.workloads.len());
        let short: Vec<String> = short
            .map(|(name, observed)| format!("{name} {observed} of {}", ranking.workloads.len()))
            .collect();
        return vec![format!(
            "not every submission was observed on every workload ({}): run what is missing before claiming anything",
            short.join(", ")
        )];
    }
    if enough {
        return Vec::new();
    }
    let words = sight(seen, EFFECT).join("; ");
    vec![format!("too few studies for a claim of 5 %: {words}")]
}

/// The difference that people ask about, as in [`Ranking::sight`].
const EFFECT: f64 = 0.05;

/// What the frozen column says.
pub(crate) fn frozen(frozen: &Frozen) -> String {
    let rest = match frozen.decides {
        true => "who has not run every workload of it has none; it decides the order",
        false => "a workload without logs counts 0 in it",
    };
    format!(
        "frozen score: against {}, version {} of the reference; 0.5 is as fast, and no other entry moves it; {rest}",
        frozen.submission, frozen.version
    )
}

/// Every pair that changes places and what turns it, what leaves the order as it is, and what could not be looked at.
pub(crate) fn moves(ranking: &Ranking) -> Vec<String> {
    if ranking.submissions.len() < 2 {
        return Vec::new();
    }
    let seen = || ranking.flips.iter().filter(|flips| flips.unseen.is_none());
    let turned = seen().filter(|flips| !flips.pairs.is_empty());
    let mut lines: Vec<String> = turned
        .map(|flips| format!("{}: {}", flips.change, passes(flips)))
        .collect();
    let still = seen().filter(|flips| flips.pairs.is_empty());
    let still: Vec<&str> = still.map(|flips| flips.change.as_str()).collect();
    if !still.is_empty() {
        lines.push(format!("no pair changes places: {}", still.join(", ")));
    }
    let unseen = |flips: &Flips| {
        let (unseen, reached) = flips.unseen?;
        Some(format!(
            "{}: {unseen} of {reached} studies stop before",
            flips.change
        ))
    };
    let unseen: Vec<String> = ranking.flips.iter().filter_map(unseen).collect();
    if !unseen.is_empty() {
        lines.push(format!(
            "not to be seen, since trials end at their target: {}",
            unseen.join("; ")
        ));
    }
    lines
}

/// Every pair, by the one that then leads.
fn passes(flips: &Flips) -> String {
    let mut passed: Vec<(&str, Vec<&str>)> = Vec::new();
    for (now, before) in &flips.pairs {
        match passed.iter_mut().find(|(name, _)| name == now) {
            Some((_, names)) => names.push(before),
            None => passed.push((now, vec![before])),
        }
    }
    let line = |(now, before): (&str, Vec<&str>)| format!("{now} passes {}", before.join(", "));
    let lines: Vec<String> = passed.into_iter().map(line).collect();
    lines.join("; ")
}

/// What each omission, and each other target, does to the order.
pub fn sensitivity(ranking: &Ranking) -> Grid {
    let row = |flips: &Flips| {
        let words = match (flips.unseen, flips.pairs.is_empty()) {
            (Some((unseen, reached)), _) => format!(
                "not to be seen: {unseen} of {reached} studies that reached their target end before"
            ),
            (None, true) => "nothing changes".to_owned(),
            (None, false) => passes(flips),
        };
        vec![
            Cell::plain(&flips.change),
            match flips.unseen {
                Some(_) => Cell::new("-", ""),
                None => Cell::plain(flips.pairs.len()),
            },
            Cell::plain(words),
        ]
    };
    Grid {
        columns: vec![
            Column::words("change", "change", 0),
            Column::counts("pairs", "pairs", 0),
            Column::words("that change places", "flips", 0),
        ],
        rows: ranking.flips.iter().map(row).collect(),
    }
}
