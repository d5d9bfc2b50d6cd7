//! What single workloads add up to: each field's ranking, how sure it is, and what would turn it.

use crate::leaderboard::Titled;
use crate::standing::{claims, frozen, moves, standing};
use crate::units;
use bench_score::statistics::Certainty;
use bench_score::{Against, Field, Measure, Ranking};

/// A field of our own records, ranked.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Who is compared, by what, and where.
    pub field: Field,
    /// Its ranking.
    pub ranking: Ranking,
}

impl Ranked {
    /// Ranks a field.
    pub fn of(field: Field, against: Option<Against>, certainty: Certainty) -> Ranked {
        let ranking = field.ranking(certainty, against);
        Ranked { field, ranking }
    }

    /// `steps to target, external-tuning`.
    pub fn title(&self) -> String {
        format!("{}, {}", what(self.field.measure), self.field.title)
    }

    /// Whether there is anything to say beyond the tables: somebody to stand against, in this field or in the reference.
    fn says_more(&self) -> bool {
        self.ranking.submissions.len() > 1 || self.ranking.frozen.is_some()
    }
}

/// What a table goes by, in words.
fn what(measure: Measure) -> &'static str {
    match measure {
        Measure::Time => "time to target",
        Measure::Steps => "steps to target",
    }
}

/// A table for each field whose order may be claimed: by time on machines that measure it well, by steps everywhere.
pub fn aggregates(ranked: &[Ranked]) -> Vec<Titled> {
    let shown = ranked.iter().filter(|one| one.field.decides());
    shown.filter(|one| one.says_more()).map(aggregate).collect()
}

fn aggregate(ranked: &Ranked) -> Titled {
    let Ranked { field, ranking } = ranked;
    let mut remarks = vec![
        match field.measure {
            Measure::Time => {
                "by time: harness.yaml calls the machine pinned, which measures it well"
            }
            Measure::Steps => "by steps, which are the same on every machine",
        }
        .to_owned(),
    ];
    remarks.extend(ranking.frozen.iter().map(frozen));
    remarks.push(
        "score: area below the performance profile, as AlgoPerf has it; in its interval, where k of n studies missed, one more misses with probability (k + 1/2)/(n + 1)"
            .to_owned(),
    );
    remarks.extend(claims(ranking));
    remarks.extend(moves(ranking));
    if ranking.flips.iter().any(|flips| flips.unseen.is_some()) {
        remarks.push(
            "`bench run --to-budget` trains on beyond the target, and shows harder ones".to_owned(),
        );
    }
    let workloads = field.workloads.len();
    Titled {
        title: format!(
            "all {} under ruleset {}, by {}",
            units::counted(workloads as u64, "workload"),
            field.title,
            what(field.measure)
        ),
        grid: standing(ranking),
        remarks,
    }
}
