//! Below the tables of single workloads: what they add up to, how sure that is, and what would turn it.

use crate::grid::{Cell, Column, Grid};
use crate::leaderboard::Titled;
use crate::standing::standing;
use bench_score::statistics::Certainty;
use bench_score::{AgainstReference, Field, FrozenReference, Leaderboard, Measure, Ranking};

/// One table a ruleset with at least two submissions, by steps, which compare across machines.
pub fn aggregates(
    board: &Leaderboard,
    reference: Option<&FrozenReference>,
    certainty: Certainty,
) -> Vec<Titled> {
    Field::of(board, Measure::Steps)
        .iter()
        .filter(|field| field.submissions.len() > 1)
        .map(|field| aggregate(board, reference, field, certainty))
        .collect()
}

fn aggregate(
    board: &Leaderboard,
    reference: Option<&FrozenReference>,
    field: &Field,
    certainty: Certainty,
) -> Titled {
    let ranking = field.ranking(certainty);
    let mut grid = standing(&ranking);
    let scores = reference.map(|reference| {
        let scores = reference.scores(board, &field.title, Measure::Steps);
        (reference, scores)
    });
    let mut remarks = Vec::new();
    match &scores {
        Some((reference, scores)) if !scores.is_empty() => {
            frozen_columns(&mut grid, &ranking, scores);
            remarks.push(format!(
                "frozen score: against {}'s steps, version {} of the reference; 0.5 is as fast, and no other entry moves it; who has not run every workload of it has none",
                reference.submission, reference.version
            ));
        }
        _ => {}
    }
    remarks.push(
        "score: area below the performance profile, as AlgoPerf has it; its interval counts half a miss more than was seen"
            .to_owned(),
    );
    remarks.extend(too_few(field));
    remarks.extend(flips(&ranking));
    let workloads = field.workloads.len();
    Titled {
        title: format!(
            "all {workloads} workload{} under ruleset {}, by steps to target",
            if workloads == 1 { "" } else { "s" },
            field.title
        ),
        grid,
        remarks,
    }
}

/// The frozen score and its interval, behind the submission's name.
fn frozen_columns(grid: &mut Grid, ranking: &Ranking, scores: &[AgainstReference]) {
    let columns = [
        Column::numbers("frozen score", "frozen-score", 0),
        Column::words("90 % interval of it", "frozen-interval", 2),
        Column::words("of workloads", "frozen-workloads", 3),
    ];
    grid.columns.splice(2..2, columns);
    for (name, row) in ranking.submissions.iter().zip(&mut grid.rows) {
        let own = scores.iter().find(|against| against.submission == *name);
        let score = own.and_then(|against| against.score.as_ref()?.score);
        let ends = own.and_then(|against| {
            let score = against.score.as_ref()?;
            score.lower.zip(score.upper)
        });
        let coverage = own.map(|against| format!("{} of {}", against.workloads, against.of));
        row.splice(
            2..2,
            [
                Cell::optional(score, |score| format!("{score:.3}")),
                Cell::plain(ends.map_or("-".to_owned(), |(lower, upper)| {
                    format!("{lower:.3} to {upper:.3}")
                })),
                Cell::plain(coverage.unwrap_or_else(|| "-".to_owned())),
            ],
        );
    }
}

/// In words, and with the number that would do.
fn too_few(field: &Field) -> Option<String> {
    let studies = field.times.iter().flatten().map(Vec::len);
    let fewest = studies.min().unwrap_or(0);
    let complete = "run the missing workloads before claiming anything";
    match (fewest, field.workloads.len()) {
        (0, _) => Some(format!("not every submission ran every workload: {complete}")),
        (1, _) => Some("one study says nothing about how sure an order is: 3 allow 90 % claims, 5 are what a claim on one workload takes".to_owned()),
        (2, 1) => Some("two studies of one workload allow no claim: 3 do, at 90 %".to_owned()),
        _ => None,
    }
}

fn flips(ranking: &Ranking) -> Vec<String> {
    let line = |flips: &bench_score::Flips| {
        let pairs: Vec<String> = flips
            .pairs
            .iter()
            .map(|(now, before)| format!("{now} passes {before}"))
            .collect();
        (!pairs.is_empty()).then(|| format!("{}: {}", flips.change, pairs.join("; ")))
    };
    let lines: Vec<String> = ranking.flips.iter().filter_map(line).collect();
    match lines.is_empty() && !ranking.flips.is_empty() {
        true => vec!["leaving out any one submission or workload changes no order".to_owned()],
        false => lines,
    }
}
