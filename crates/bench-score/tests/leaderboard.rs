//! Laws that hold for every set of records.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use bench_core::outcome::{Failure, FailureKind, Outcome};
use bench_core::record::TrialEvent;
use bench_core::spec::catalog::Catalog;
use bench_core::spec::harness::Points;
use bench_core::spec::submission::Value;
use bench_score::statistics::Certainty;
use bench_score::{
    Against, Field, FrozenReference, Leaderboard, Measure, Row, Trial, explain, median, results,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use support::{ended, interval_of, line, record, run, trial};

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
        let before = Leaderboard::of(&field(&all)).pinned(&["m1".to_owned()]);
        let mut faster = all.clone();
        faster[0][which] = faster[0][which].map(|(ms, steps)| (ms.div_ceil(2), steps.div_ceil(2)));
        let after = Leaderboard::of(&field(&faster)).pinned(&["m1".to_owned()]);
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
        let board = Leaderboard::of(&field(&[miss, some])).pinned(&["m1".to_owned()]);
        let (miss, hit) = (row(&board, "submission-0"), row(&board, "submission-1"));
        prop_assert_eq!(miss.time_rank, None);
        prop_assert!(hit.time_rank.is_none() || hit.time_rank == Some(1));
        prop_assert_eq!(board.tables[0].rows.last().map(|row| row.time_rank), Some(None));
    }

    #[test]
    fn duplicates_tie(all in prop::collection::vec(hits(), 1..3)) {
        let mut doubled = all.clone();
        doubled.push(all[0].clone());
        let board = Leaderboard::of(&field(&doubled)).pinned(&["m1".to_owned()]);
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
    let unpinned = row(&board, "b");
    assert_eq!((unpinned.time_rank, unpinned.rank()), (None, Some(2)));
    assert_eq!(unpinned.by, Measure::Steps);
    let board = board.pinned(&["m1".to_owned(), "m2".to_owned()]);
    let (a, b) = (row(&board, "a"), row(&board, "b"));
    assert_eq!((a.time_rank, b.time_rank), (Some(1), Some(1)));
    assert_eq!((b.rank(), b.by), (Some(1), Measure::Time));
    assert_eq!((a.step_rank, b.step_rank), (Some(1), Some(2)));
    assert_eq!(board.tables[0].settings().len(), 2);
}

/// Two gradients a step, as sharpness-aware minimisation takes: fewer steps, more examples. A step of the one is not a step of the other.
#[test]
fn rows_that_differ_in_examples_a_step_rank_by_examples() {
    let twice = || {
        let lines = [
            vec![line(TrialEvent::Started {
                at: String::new(),
                resumed: None,
            })],
            interval_of(20, 100, 20, 0.05).into(),
            vec![ended(Outcome::TargetReached)],
        ];
        Trial::new(record(run("sam", 1, 1)), &lines.concat())
    };
    // 100 steps of 40 examples passed, and 150 of 20.
    let board = Leaderboard::of(&[twice(), trial("once", 1, 1, Some((20, 150)))]);
    let (sam, once) = (row(&board, "sam"), row(&board, "once"));
    assert_eq!((sam.step_rank, once.step_rank), (Some(1), Some(2)));
    assert_eq!((sam.example_rank, once.example_rank), (Some(2), Some(1)));
    assert_eq!(
        (sam.rank(), sam.by, once.rank()),
        (Some(2), Measure::Examples, Some(1))
    );
    assert_eq!(
        (sam.result.median_examples, sam.result.examples_per_step),
        (Some(4_000.0), Some(40.0))
    );
    assert_eq!(board.tables[0].rows[0].result.submission, "once");
    // Profiles too.
    let field = Field::of(&board, Measure::Steps).remove(0);
    assert_eq!(field.measures, [Measure::Examples]);
    // What all rows pass alike is ranked by steps, as ever.
    let board = Leaderboard::of(&[
        trial("fast", 1, 1, Some((20, 100))),
        trial("once", 1, 1, Some((20, 150))),
    ]);
    let fast = row(&board, "fast");
    assert_eq!(
        (fast.rank(), fast.by, fast.example_rank),
        (Some(1), Measure::Steps, None)
    );
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

#[test]
fn the_source_that_was_asked_for_last_counts() {
    let of = |source: &str, started: &str, hit| {
        let mut trial = trial("a", 1, 1, hit);
        trial.record.source_hash = source.to_owned();
        trial.record.started = started.to_owned();
        trial
    };
    let mut first = of("A", "2026-01-01T00:00:00Z", Some((10, 100)));
    // An edit that does not build.
    let mut edit = of("B", "2026-01-02T00:00:00Z", None);
    edit.summary.outcome = Some(failed(FailureKind::Build));
    let count = |trials: &[&Trial]| {
        let trials: Vec<Trial> = trials.iter().map(|&trial| trial.clone()).collect();
        let result = results(&trials).remove(0);
        (result.median_steps, result.unobserved)
    };
    assert_eq!(count(&[&first, &edit]), (None, vec![FailureKind::Build]));
    // Reverted: the finished trial is only asked for again. Fractions of a second count, however many digits they have.
    first.asked = Some("2026-01-02T00:00:00.5Z".to_owned());
    assert_eq!(count(&[&first, &edit]), (Some(100.0), vec![]));
    edit.asked = Some("2026-01-02T00:00:00.45Z".to_owned());
    assert_eq!(count(&[&first, &edit]), (Some(100.0), vec![]));
    edit.asked = Some("2026-01-02T00:00:00.501Z".to_owned());
    assert_eq!(count(&[&edit, &first]), (None, vec![FailureKind::Build]));
}

fn failed(kind: FailureKind) -> Outcome {
    Outcome::Failed(Failure {
        kind,
        message: "a reason".to_owned(),
    })
}

#[test]
fn what_the_machine_broke_is_no_observation_and_what_still_runs_no_miss() {
    let kinds = [
        (FailureKind::Build, false),
        (FailureKind::Evaluator, false),
        (FailureKind::Record, false),
        (FailureKind::Environment, false),
        (FailureKind::Error, true),
        (FailureKind::Panic, true),
        (FailureKind::Signal, true),
        (FailureKind::Exit, true),
        (FailureKind::OutOfMemory, true),
        (FailureKind::Protocol, true),
        (FailureKind::Unscored, true),
    ];
    let outcomes = kinds.map(|(kind, counts)| (Some(failed(kind)), counts));
    let others = [
        (Some(Outcome::TimingSuspect), true),
        (Some(Outcome::Diverged), true),
        (Some(Outcome::Interrupted), false),
        (None, false),
    ];
    for (outcome, is_miss) in outcomes.into_iter().chain(others) {
        // Two studies of two trials reach the target; in the third, one trial misses and the other ends like this.
        let hits = [Some((10, 100)), None, Some((30, 300)), None, None, None];
        let mut all = trials("a", &hits.to_vec());
        all[5].summary.outcome = outcome.clone();
        let result = results(&all).remove(0);
        let expected = match is_miss {
            true => (3, 0, Some(300.0), 6),
            false => (2, 1, Some(200.0), 5),
        };
        let (done, wanted) = result.trials();
        let found = (
            result.studies.len(),
            result.open.len(),
            result.median_steps,
            done,
        );
        assert_eq!((found, wanted), (expected, 6), "{outcome:?}");
        assert_eq!(result.is_complete(), is_miss, "{outcome:?}");
        let gaps = Leaderboard::of(&all).gaps();
        assert_eq!(gaps.is_empty(), is_miss, "{gaps:?}");
    }
    let mut failing = trial("a", 1, 2, None);
    failing.summary.outcome = Some(failed(FailureKind::Environment));
    // A hit stands, also where its study lacks a trial; the gap is named.
    let board = Leaderboard::of(&[trial("a", 1, 1, Some((10, 100))), failing.clone()]);
    assert_eq!(row(&board, "a").result.median_steps, Some(100.0));
    assert_eq!(
        board.gaps(),
        ["a on blobs, test: 1 of 3 studies, 1 of 6 trials"]
    );
    // An observation is not lost to a later attempt that the machine broke.
    let mut again = trial("a", 1, 1, None);
    again.record.started = "2026-02-01T00:00:00Z".to_owned();
    again.summary.outcome = Some(failed(FailureKind::Record));
    let result = results(&[trial("a", 1, 1, Some((10, 100))), again]).remove(0);
    assert_eq!(result.median_steps, Some(100.0));
}

#[test]
fn a_submission_that_lists_fewer_points_is_complete_with_those() {
    let mut only = trial("a", 1, 1, None);
    only.record.context.study_trials = Some(1);
    let result = results(&[only]).remove(0);
    assert_eq!((result.studies.len(), result.trials()), (1, (1, 3)));
}

#[test]
fn each_set_of_values_by_hand_is_a_row() {
    let given = |rate: f64, chosen: bool, started: &str| {
        let mut trial = trial("a", 1, 1, Some((10, (1000.0 * rate) as u64)));
        let run = &mut trial.record.run;
        run.ruleset.points = Points::Given;
        run.hyperparameters
            .insert("learning-rate".to_owned(), Value::Number(rate));
        run.hyperparameters
            .insert("beta1".to_owned(), Value::Number(0.9));
        if chosen {
            let mut values = run.hyperparameters.clone();
            values.retain(|name, _| name != "beta1" && rate != 0.1);
            trial.record.context.chosen = Some(values);
        }
        trial.record.comparability_key = trial.record.run.comparability_key().unwrap();
        trial.record.started = started.to_owned();
        trial
    };
    let trials = [
        given(0.1, true, "2026-01-01T00:00:00Z"),
        given(0.2, true, "2026-01-02T00:00:00Z"),
        given(0.3, false, "2026-01-03T00:00:00Z"),
        // The same values again, later.
        given(0.2, true, "2026-01-04T00:00:00Z"),
    ];
    let board = Leaderboard::of(&trials);
    assert_eq!(board.tables.len(), 1);
    let rows = board.tables[0].rows.iter().map(|row| &row.result);
    let rows: Vec<_> = rows
        .map(|result| (result.entry(), result.superseded))
        .collect();
    assert_eq!(
        rows,
        [
            ("a (the defaults)".to_owned(), 0),
            ("a (learning-rate 0.2)".to_owned(), 1),
            ("a (beta1 0.9, learning-rate 0.3)".to_owned(), 0),
        ]
    );
    let field = Field::of(&board, Measure::Steps).remove(0);
    assert_eq!(field.submissions.len(), 3);
}

/// A checkout with the rules, the workload and the suites that made these trials.
fn catalog(trials: &[Trial], suite: &[&str]) -> Catalog {
    let run = &trials[0].record.run;
    let mut catalog = Catalog::default();
    catalog
        .workloads
        .insert(run.workload_name.clone(), run.workload.clone());
    let limits = [
        "start-up",
        "warm-up",
        "stall",
        "snapshot",
        "evaluation",
        "shut-down",
    ];
    let limits: BTreeMap<&str, &str> = limits.into_iter().map(|name| (name, "1m")).collect();
    catalog.harness = serde_json::from_value(serde_json::json!({
        "schema": 1, "results": "results/runs", "threads": 1, "device": "cpu",
        "suites": { "some": suite },
        "rulesets": { "test": run.ruleset },
        "limits": limits,
        "tolerances": { "claim": 0.05, "claim-at-least": "100ms", "wall": 0.01 },
    }))
    .unwrap();
    catalog
}

fn counting(board: &Leaderboard) -> Vec<(&str, &[String], bool)> {
    let tables = board.tables.iter();
    tables
        .map(|it| (it.ruleset.as_str(), it.changed.as_slice(), it.counts))
        .collect()
}

#[test]
fn a_workload_counts_once_and_changed_rules_are_in_the_title() {
    let plain = trials("a", &vec![Some((10, 100)); 6]);
    let changed = |change: &dyn Fn(&mut bench_core::run::RunSpec)| {
        let mut trials = trials("b", &vec![Some((5, 50)); 6]);
        for trial in &mut trials {
            change(&mut trial.record.run);
            trial.record.comparability_key = trial.record.run.comparability_key().unwrap();
            trial.record.started = "2026-06-01T00:00:00Z".to_owned();
        }
        trials
    };
    let more_trials = changed(&|run| run.ruleset.trials = 30);
    let easier = changed(&|run| run.workload.target.validation = 0.5);
    let catalog_of = catalog(&plain, &["blobs"]);
    let all = [plain.clone(), more_trials, easier.clone()].concat();
    let board = Leaderboard::of(&all).under(&catalog_of);
    let easier_target = ["target.validation 0.5".to_owned()];
    let mut found = counting(&board);
    found.sort();
    assert_eq!(
        found,
        [
            ("test", &[][..], true),
            ("test", &easier_target[..], false),
            ("test, trials 30", &[][..], true),
        ]
    );
    let fields = Field::of(&board, Measure::Steps);
    let fields: Vec<_> = fields
        .iter()
        .map(|field| {
            (
                field.title.as_str(),
                field.workloads.len(),
                &field.submissions,
            )
        })
        .collect();
    assert_eq!(
        fields,
        [
            ("test", 1, &vec!["a".to_owned()]),
            ("test, trials 30", 1, &vec!["b".to_owned()]),
        ]
    );
    // Where no checkout says which contents are its own, the newest count.
    let board = Leaderboard::of(&[plain.clone(), easier].concat());
    let fields = Field::of(&board, Measure::Steps);
    assert_eq!(
        (fields.len(), &fields[0].submissions),
        (1, &vec!["b".to_owned()])
    );
    // What is in no suite never enters.
    let alone = Leaderboard::of(&plain).under(&catalog(&plain, &[]));
    assert_eq!(alone.tables.len(), 1);
    assert_eq!(Field::all(&alone), []);
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
