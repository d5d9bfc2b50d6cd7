//! Laws that hold for every set of records.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use bench_score::statistics::Certainty;
use bench_score::{
    Against, Field, FrozenReference, Leaderboard, Measure, Row, Trial, explain, median, results,
};
use proptest::prelude::*;
use support::trial;

fn row<'a>(board: &'a Leaderboard, submission: &str) -> &'a Row {
    let mut rows = board.tables.iter().flat_map(|table| &table.rows);
    rows.find(|row| row.result.submission == submission)
        .unwrap()
}

/// Three studies of two trials each: milliseconds and steps, or a miss.
type Hits = Vec<Option<(u64, u64)>>;

fn hits() -> impl Strategy<Value = Hits> {
    prop::collection::vec(prop::option::weighted(0.7, (1..50_000u64, 1..1000u64)), 6)
}

fn trials(submission: &str, hits: &Hits) -> Vec<Trial> {
    let numbered = hits.iter().enumerate();
    numbered
        .map(|(index, hit)| trial(submission, index as u32 / 2 + 1, index as u32 % 2 + 1, *hit))
        .collect()
}

fn field(hits: &[Hits]) -> Vec<Trial> {
    let named = hits.iter().enumerate();
    named
        .flat_map(|(index, hits)| trials(&format!("submission-{index}"), hits))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn order_is_irrelevant((board, shuffled) in prop::collection::vec(hits(), 1..4).prop_flat_map(|hits| {
        let trials = field(&hits);
        (Just(Leaderboard::of(&trials)), Just(trials).prop_shuffle())
    })) {
        prop_assert_eq!(board, Leaderboard::of(&shuffled));
    }

    #[test]
    fn faster_never_ranks_lower(all in prop::collection::vec(hits(), 2..4), which in 0..6usize) {
        let before = Leaderboard::of(&field(&all));
        let mut faster = all.clone();
        faster[0][which] = faster[0][which].map(|(ms, steps)| (ms.div_ceil(2), steps.div_ceil(2)));
        let after = Leaderboard::of(&field(&faster));
        let rank = |board: &Leaderboard| {
            let row = row(board, "submission-0");
            [row.time_rank, row.step_rank].map(|rank| rank.unwrap_or(u32::MAX))
        };
        prop_assert!(rank(&after)[0] <= rank(&before)[0]);
        prop_assert!(rank(&after)[1] <= rank(&before)[1]);
    }

    #[test]
    fn a_miss_never_beats_a_hit(some in hits()) {
        let miss: Hits = vec![None; 6];
        let board = Leaderboard::of(&field(&[miss, some]));
        let (miss, hit) = (row(&board, "submission-0"), row(&board, "submission-1"));
        prop_assert_eq!(miss.time_rank, None);
        prop_assert!(hit.time_rank.is_none() || hit.time_rank == Some(1));
        prop_assert_eq!(board.tables[0].rows.last().map(|row| row.time_rank), Some(None));
    }

    #[test]
    fn duplicates_tie(all in prop::collection::vec(hits(), 1..3)) {
        let mut doubled = all.clone();
        doubled.push(all[0].clone());
        let board = Leaderboard::of(&field(&doubled));
        let (a, b) = (row(&board, "submission-0"), row(&board, &format!("submission-{}", all.len())));
        prop_assert_eq!((a.time_rank, a.step_rank), (b.time_rank, b.step_rank));
    }
}

#[test]
fn a_miss_takes_part_in_the_median() {
    let of = |values: &[Option<f64>]| median(values.iter().copied());
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[Some(3.0), None, Some(1.0)]), Some(3.0));
    assert_eq!(of(&[None, None, Some(1.0)]), None);
    assert_eq!(of(&[Some(1.0), Some(2.0)]), Some(1.5));
    assert_eq!(of(&[Some(1.0), None]), None);
}

#[test]
fn a_study_is_its_fastest_trial() {
    let result = &results(&trials(
        "a",
        &vec![
            Some((300, 30)),
            Some((200, 40)),
            None,
            Some((500, 50)),
            None,
            None,
        ],
    ))[0];
    let studies: Vec<_> = result
        .studies
        .iter()
        .map(|study| (study.seconds, study.steps))
        .collect();
    assert_eq!(
        studies,
        [(Some(0.2), Some(30)), (Some(0.5), Some(50)), (None, None)]
    );
    assert_eq!(
        (result.median_seconds, result.median_steps, result.reached),
        (Some(0.5), Some(50.0), 2)
    );
}

#[test]
fn times_rank_within_one_machine_and_steps_across() {
    let mut elsewhere = trial("b", 1, 1, Some((10, 200)));
    elsewhere.record.machine.fingerprint = "m2".into();
    let board = Leaderboard::of(&[trial("a", 1, 1, Some((20, 100))), elsewhere]);
    let (a, b) = (row(&board, "a"), row(&board, "b"));
    assert_eq!((a.time_rank, b.time_rank), (Some(1), Some(1)));
    assert_eq!((a.step_rank, b.step_rank), (Some(1), Some(2)));
    assert_eq!(board.tables[0].settings().len(), 2);
}

#[test]
fn other_rules_make_another_table() {
    let mut other = trial("b", 1, 1, Some((10, 200)));
    other.record.run.ruleset.confirm = true;
    other.record.comparability_key = other.record.run.comparability_key().unwrap();
    assert_eq!(
        Leaderboard::of(&[trial("a", 1, 1, None), other])
            .tables
            .len(),
        2
    );
}

#[test]
fn only_the_newest_record_of_a_trial_counts() {
    let old = trial("a", 1, 1, Some((10, 100)));
    let mut again = trial("a", 1, 1, Some((30, 300)));
    again.record.started = "2026-02-01T00:00:00Z".into();
    let mut edited = trial("a", 1, 2, None);
    edited.record.started = "2026-03-01T00:00:00Z".into();
    edited.record.source_hash = "s2".into();
    let result = |trials: &[Trial]| results(trials).remove(0);
    let both = result(&[old.clone(), again.clone()]);
    assert_eq!((both.median_steps, both.superseded), (Some(300.0), 1));
    let after_edit = result(&[old, again, edited]);
    assert_eq!((after_edit.median_steps, after_edit.superseded), (None, 2));
}

fn scored(board: &Leaderboard, reference: &FrozenReference, submission: &str) -> Option<f64> {
    let fields = Field::of(board, Measure::Steps);
    let scores = reference.scores(fields.first()?);
    let own = scores
        .iter()
        .find(|against| against.submission == submission)?;
    own.score.as_ref()?.score
}

#[test]
fn a_study_on_two_machines_is_one_study_and_a_left_out_workload_leaves_no_score() {
    let hits: Hits = (1..=6).map(|n| Some((100 * n, 10 * n))).collect();
    let mut all = field(&[hits.clone(), hits]);
    let reference = FrozenReference::of(&Leaderboard::of(&all), "submission-0", 1).unwrap();
    let elsewhere = all.clone().into_iter().map(|mut trial| {
        trial.record.machine.fingerprint = "m2".to_owned();
        trial
    });
    all.extend(elsewhere);
    let board = Leaderboard::of(&all);
    let fields = Field::of(&board, Measure::Steps);
    assert_eq!(fields[0].times[0][0].len(), 3);
    // Studies of 10, 30 and 50 steps against 30.
    let score = scored(&board, &reference, "submission-1").unwrap();
    assert!((score - (0.75 + 0.5 + 0.375) / 3.0).abs() < 1e-12);
    // Another workload in the reference, which nobody ran.
    let mut two = reference.clone();
    two.workloads.extend(reference.workloads.iter().cloned());
    two.workloads[1].comparability_key = "another".to_owned();
    assert_eq!(scored(&board, &two, "submission-1"), None);
    // A reference that misses has its budget for a time.
    let missed = Leaderboard::of(&field(&[vec![None; 6]]));
    let missed = FrozenReference::of(&missed, "submission-0", 1).unwrap();
    assert_eq!(
        (missed.workloads[0].seconds, missed.workloads[0].steps),
        (60.0, 1000.0)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_third_party_never_moves_a_frozen_score(all in prop::collection::vec(hits(), 3)) {
        let few = Leaderboard::of(&field(&all[..2]));
        let many = Leaderboard::of(&field(&all));
        if let Ok(reference) = FrozenReference::of(&few, "submission-0", 1) {
            let score = scored(&few, &reference, "submission-1");
            prop_assert!(score.is_some_and(|score| (0.0..=1.0).contains(&score)));
            prop_assert_eq!(score, scored(&many, &reference, "submission-1"));
            // Faster in one trial of one study is never worse.
            let mut faster = all.clone();
            faster[1][0] = faster[1][0].map(|(ms, steps)| (ms, steps.div_ceil(2)));
            prop_assert!(scored(&Leaderboard::of(&field(&faster)), &reference, "submission-1") >= score);
        }
    }

    #[test]
    fn both_scores_are_the_sums_of_their_credits(all in prop::collection::vec(hits(), 1..4)) {
        let board = Leaderboard::of(&field(&all));
        let reference = FrozenReference::of(&board, "submission-0", 1).ok();
        for measure in [Measure::Steps, Measure::Time] {
            let field = Field::of(&board, measure).remove(0);
            let against = reference.as_ref().map(|reference| Against { reference, decides: true });
            let none = Certainty { resamples: 0, ..Certainty::default() };
            let ranking = field.ranking(none, against);
            for (index, name) in ranking.submissions.iter().enumerate() {
                let credits = field.credits(name, reference.as_ref()).unwrap();
                let points: f64 = credits.iter().map(|credit| credit.points).sum();
                prop_assert!((points - ranking.scores[index]).abs() < 1e-12);
                let frozen = credits.iter().map(|credit| Some(credit.frozen?.points)).sum::<Option<f64>>();
                let score = ranking.frozen.as_ref().and_then(|frozen| frozen.scores[index].score.as_ref()?.score);
                prop_assert_eq!(frozen.is_some(), score.is_some());
                prop_assert!((frozen.unwrap_or(0.0) - score.unwrap_or(0.0)).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn an_explanation_says_what_the_table_says(all in hits()) {
        let trials = field(&[all]);
        let board = Leaderboard::of(&trials);
        let explained = explain(&trials, "submission-0");
        prop_assert_eq!(explained.len(), 1);
        prop_assert_eq!(&explained[0].result, &row(&board, "submission-0").result);
        for study in &explained[0].studies {
            prop_assert_eq!(study.fastest.is_some(), study.result.seconds.is_some());
            let counted = study.trials.iter().filter(|trial| trial.uncounted.is_none()).count();
            prop_assert_eq!(counted > 0, study.fastest.is_some());
        }
        prop_assert_eq!(explain(&trials, "nobody").len(), 0);
    }
}
