//! Scores with their certainty for other programs: columns and JSON, the same for our own records and for a competition.

use crate::grid::{Cell, Column, Grid};
use bench_score::statistics::ScoreInterval;
use bench_score::{AgainstReference, Flips, Frozen, Ranking};
use serde_json::{Map, Value, json};

/// A score, how sure it is, and the score against the frozen reference. Every table for programs begins with these.
pub(crate) const SCORES: [Column; 10] = [
    Column::words("submission", "submission", 0),
    Column::numbers("score", "score", 0),
    Column::numbers("lower", "lower", 0),
    Column::numbers("upper", "upper", 0),
    Column::counts("tie group", "tie-group", 0),
    Column::numbers("first in", "p-first", 0),
    Column::numbers("frozen score", "frozen-score", 0),
    Column::numbers("frozen lower", "frozen-lower", 0),
    Column::numbers("frozen upper", "frozen-upper", 0),
    Column::counts("frozen workloads", "frozen-workloads", 0),
];

/// The cells of [`SCORES`], in full precision.
pub(crate) fn score_cells(ranking: &Ranking, index: usize) -> [Cell; 10] {
    let number = |value: Option<f64>| Cell::optional(value, |value| value.to_string());
    let ends = interval(ranking, index);
    let own = own_frozen(ranking, index);
    let frozen = own.and_then(|own| own.score.as_ref());
    let own_ends = frozen.and_then(|score| score.lower.zip(score.upper));
    let own_ends = own_ends.filter(|(lower, upper)| lower < upper);
    let group = ranking.standing.groups.group.get(index);
    [
        Cell::plain(&ranking.submissions[index]),
        Cell::plain(ranking.scores[index]),
        number(ends.map(|ends| ends.lower)),
        number(ends.map(|ends| ends.upper)),
        Cell::optional(group, usize::to_string),
        number(p_first(ranking, index)),
        number(frozen.and_then(|score| score.score)),
        number(own_ends.map(|(lower, _)| lower)),
        number(own_ends.map(|(_, upper)| upper)),
        Cell::optional(own.map(|own| own.workloads), |n| n.to_string()),
    ]
}

/// The scores of several rankings: a row a submission and field.
pub fn scores(rankings: &[(String, Ranking)]) -> Grid {
    let rows = rankings.iter().flat_map(|(title, ranking)| {
        let all = 0..ranking.submissions.len();
        all.map(move |index| {
            let cells = score_cells(ranking, index).into_iter();
            cells.chain([Cell::plain(title)]).collect()
        })
    });
    Grid {
        rows: rows.collect(),
        columns: SCORES
            .into_iter()
            .chain([Column::words("field", "field", 0)])
            .collect(),
    }
}

/// What [`SCORES`] has, as one submission's JSON.
pub(crate) fn submission_json(ranking: &Ranking, index: usize) -> Map<String, Value> {
    let ends = interval(ranking, index);
    let frozen = own_frozen(ranking, index).map(|own| {
        let score = own.score.as_ref();
        json!({
            "score": score.and_then(|score| score.score),
            "interval": score.and_then(|score| Some([score.lower?, score.upper?])).filter(|[lower, upper]| lower < upper),
            "workloads": own.workloads,
            "of": own.of,
        })
    });
    let members = [
        ("submission", json!(ranking.submissions[index])),
        ("score", json!(ranking.scores[index])),
        ("observed", json!(ranking.observed[index])),
        ("interval", json!(ends.map(|ends| [ends.lower, ends.upper]))),
        ("p-first", json!(p_first(ranking, index))),
        ("tie-group", json!(ranking.standing.groups.group.get(index))),
        ("frozen", json!(frozen)),
        ("profile", json!(ranking.profiles[index])),
    ];
    let members = members.into_iter();
    members
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// Whose times frozen scores are set against; null without a reference.
pub(crate) fn reference_json(frozen: Option<&Frozen>) -> Value {
    json!(frozen.map(|frozen| json!({
        "submission": frozen.submission,
        "version": frozen.version,
        "decides": frozen.decides,
    })))
}

/// What each omission, and each other target, does to the order: pairs of the one that then leads and the one that led.
pub(crate) fn sensitivity_json(ranking: &Ranking) -> Value {
    let change = |flips: &Flips| {
        json!({
            "change": flips.change,
            "pairs": flips.pairs,
            "studies-that-end-before": flips.unseen.map(|(unseen, _)| unseen),
        })
    };
    ranking.flips.iter().map(change).collect()
}

/// The interval of a score. One without width is none: too few distinct values were drawn from, and that is no certainty.
pub(crate) fn interval(ranking: &Ranking, index: usize) -> Option<ScoreInterval> {
    let ends = ranking.standing.intervals.get(index).copied().flatten()?;
    (ends.lower < ends.upper).then_some(ends)
}

/// The ends of an interval in words.
pub(crate) fn interval_words(ends: Option<(f64, f64)>) -> String {
    match ends {
        None => "-".to_owned(),
        Some((lower, upper)) if lower < upper => format!("{lower:.3} to {upper:.3}"),
        Some(_) => TOO_FEW.to_owned(),
    }
}

/// In the place of an interval without width.
pub(crate) const TOO_FEW: &str = "too few distinct values";

fn own_frozen(ranking: &Ranking, index: usize) -> Option<&AgainstReference> {
    ranking.frozen.as_ref()?.scores.get(index)
}

/// Share of replicates in which it is first; none without replicates.
fn p_first(ranking: &Ranking, index: usize) -> Option<f64> {
    interval(ranking, index)?;
    ranking.standing.p_rank1.get(index).copied()
}
