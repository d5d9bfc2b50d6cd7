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
        format!("{}, {}", amounts(&self.field), self.field.title)
    }

    /// Whether there is anything to say beyond the tables: somebody to stand against, in this field or in the reference.
    fn says_more(&self) -> bool {
        self.ranking.submissions.len() > 1 || self.ranking.frozen.is_some()
    }
}

/// What a field is ranked by, in a word or two: examples stand in the place of steps on workloads whose rows differ in examples a step.
pub(crate) fn goes_by(field: &Field) -> &'static str {
    let by_examples = by_examples(field).len();
    match field.measure {
        Measure::Time => "time",
        _ if by_examples == 0 => "steps",
        _ if by_examples == field.workloads.len() => "examples",
        _ => "steps or examples",
    }
}

/// What its amounts are: `steps to target`.
pub fn amounts(field: &Field) -> String {
    format!("{} to target", goes_by(field))
}

/// Workloads whose rows differ in examples a step.
fn by_examples(field: &Field) -> Vec<&str> {
    let workloads = field.workloads.iter().zip(&field.measures);
    let differing = workloads.filter(|(_, measure)| **measure == Measure::Examples);
    differing.map(|(name, _)| name.as_str()).collect()
}

/// Why by that.
fn reason(field: &Field) -> String {
    match (field.measure, by_examples(field).as_slice()) {
        (Measure::Time, _) => {
            "by time: harness.yaml calls the machine pinned, which measures it well".to_owned()
        }
        (_, []) => "by steps, which are the same on every machine".to_owned(),
        (_, names) if names.len() == field.workloads.len() => {
            "by examples passed, forward and backward: rows differ in examples a step".to_owned()
        }
        (_, names) => format!(
            "by steps, which are the same on every machine; by examples passed on {}, where rows differ in examples a step",
            names.join(", ")
        ),
    }
}

/// A table for each field whose order may be claimed: by time on machines that measure it well, by steps everywhere.
pub fn aggregates(ranked: &[Ranked]) -> Vec<Titled> {
    let shown = ranked.iter().filter(|one| one.field.decides());
    shown.filter(|one| one.says_more()).map(aggregate).collect()
}

fn aggregate(ranked: &Ranked) -> Titled {
    let Ranked { field, ranking } = ranked;
    let mut remarks = vec![reason(field)];
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
            amounts(field)
        ),
        grid: standing(ranking),
        remarks,
    }
}
