//! Whether both sides' values were looked for with the same effort.

use super::side::Side;
use bench_core::spec::harness::Points;
use bench_core::spec::submission::Tuned;
use bench_score::Trial;

/// Says when one side's values come from a search and the other's do not: a part of the difference is then what the search was worth.
pub(super) fn note(sides: [(&Side, &[Trial]); 2]) -> Option<String> {
    told(sides.map(searched))
}

/// Given the search of base and candidate.
fn told(found: [Option<String>; 2]) -> Option<String> {
    let (side, search, other) = match found {
        [Some(search), None] => ("base", search, "candidate"),
        [None, Some(search)] => ("candidate", search, "base"),
        _ => return None,
    };
    Some(format!(
        "note: the {side}'s values come from a search ({search}), the {other}'s do not: what the search was worth is part of the difference. `bench run BASE CANDIDATE --ruleset external-tuning` searches for both"
    ))
}

/// The search that a side's values come from, where it is known of one.
fn searched((side, trials): (&Side, &[Trial])) -> Option<String> {
    let run = |trial: &Trial| trial.record.run.ruleset.points == Points::Searched;
    match side {
        Side::Records(_) => trials
            .iter()
            .any(run)
            .then(|| "its records' own".to_owned()),
        // Values of a file are somebody's, whatever the submission's are.
        Side::Submission(entry) if entry.point.is_some() => None,
        Side::Submission(entry) => {
            let entrant = entry.workspace.catalog.submissions.get(&entry.name)?;
            let Tuned {
                workload, points, ..
            } = entrant.submission.tuned.as_ref()?;
            Some(format!("the best of {points} points on {workload}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_sided_searches_are_told() {
        let search = || Some("the best of 5 points on blobs".to_owned());
        assert_eq!(told([None, None]), None);
        assert_eq!(told([search(), search()]), None);
        insta::assert_snapshot!(told([None, search()]).unwrap(), @"note: the candidate's values come from a search (the best of 5 points on blobs), the base's do not: what the search was worth is part of the difference. `bench run BASE CANDIDATE --ruleset external-tuning` searches for both");
        assert!(
            told([search(), None])
                .unwrap()
                .starts_with("note: the base's values")
        );
    }
}
