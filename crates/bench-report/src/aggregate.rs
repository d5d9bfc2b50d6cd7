//! Below the tables of single workloads: what they add up to, how sure that is, and what would turn it.

use crate::leaderboard::Titled;
use crate::standing::{claims, standing};
use bench_score::statistics::Certainty;
use bench_score::{Against, Field, Leaderboard, Measure, Ranking};

/// One table a ruleset with at least two submissions, by steps, which compare across machines.
pub fn aggregates(
    board: &Leaderboard,
    against: Option<Against>,
    certainty: Certainty,
) -> Vec<Titled> {
    Field::of(board, Measure::Steps)
        .iter()
        .filter(|field| field.submissions.len() > 1)
        .map(|field| aggregate(field, against, certainty))
        .collect()
}

fn aggregate(field: &Field, against: Option<Against>, certainty: Certainty) -> Titled {
    let ranking = field.ranking(certainty, against);
    let mut remarks: Vec<String> = ranking.frozen.iter().map(frozen).collect();
    remarks.push(
        "score: area below the performance profile, as AlgoPerf has it; its interval counts half a miss more than was seen"
            .to_owned(),
    );
    remarks.extend(claims(&ranking));
    remarks.extend(flips(&ranking));
    let workloads = field.workloads.len();
    Titled {
        title: format!(
            "all {workloads} workload{} under ruleset {}, by steps to target",
            if workloads == 1 { "" } else { "s" },
            field.title
        ),
        grid: standing(&ranking),
        remarks,
    }
}

/// What the frozen column says.
pub(crate) fn frozen(frozen: &bench_score::Frozen) -> String {
    let rest = match frozen.decides {
        true => "who has not run every workload of it has none; it decides the order",
        false => "a workload without logs counts 0 in it",
    };
    format!(
        "frozen score: against {}, version {} of the reference; 0.5 is as fast, and no other entry moves it; {rest}",
        frozen.submission, frozen.version
    )
}

/// Every pair that changes places, what could not be looked at, or that nothing moves the order.
fn flips(ranking: &Ranking) -> Vec<String> {
    let turned = |flips: &bench_score::Flips| {
        let pairs: Vec<String> = flips
            .pairs
            .iter()
            .map(|(now, before)| format!("{now} passes {before}"))
            .collect();
        (!pairs.is_empty()).then(|| format!("{}: {}", flips.change, pairs.join("; ")))
    };
    let mut lines: Vec<String> = ranking.flips.iter().filter_map(turned).collect();
    let seen: Vec<&str> = ranking
        .flips
        .iter()
        .filter(|flips| flips.unseen.is_none())
        .map(|flips| flips.change.as_str())
        .collect();
    if lines.is_empty() && !seen.is_empty() {
        lines.push(format!("no pair changes places: {}", seen.join(", ")));
    }
    let unseen = |flips: &bench_score::Flips| {
        let (unseen, reached) = flips.unseen?;
        Some(format!(
            "{}: {unseen} of {reached} studies stop before",
            flips.change
        ))
    };
    let unseen: Vec<String> = ranking.flips.iter().filter_map(unseen).collect();
    if !unseen.is_empty() {
        lines.push(format!(
            "not to be seen, since trials end at their target (`bench run --to-budget` goes on): {}",
            unseen.join("; ")
        ));
    }
    lines
}
