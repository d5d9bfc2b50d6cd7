//! Laws of AlgoPerf's score, and a reader that nothing can break.

#![cfg(test)]

use bench_core::spec::harness::Scoring;
use bench_core::spec::submission::Tuning;
use bench_score::algoperf::{
    Board, Evaluation, Log, Logs, Loss, Problem, Rules, Targets, read_evaluations,
};
use bench_score::statistics::Certainty;
use proptest::prelude::*;

const WORKLOADS: [&str; 3] = ["u", "v", "w"];
const STUDIES: usize = 3;

/// Base workloads alone, or with a variant of the first.
fn targets(variant: bool) -> Targets {
    let target = r#"{"target_metric_name": "loss", "validation_target_value": 1}"#;
    let held_out = if variant { r#""u_x""# } else { "" };
    let text = format!(
        r#"{{"benchmark_version": "0", "base_workloads": ["u", "v", "w"], "held_out_workloads": [{held_out}],
            "workloads": {{"u": {target}, "v": {target}, "w": {target}, "u_x": {target}}}}}"#
    );
    Targets::parse(&text).unwrap()
}

/// Seconds to target by workload and study; `None` for a miss, and no studies for no logs.
type Times = Vec<Vec<Option<f64>>>;

fn logs(field: &[(&str, Times)], workloads: &[&str]) -> Logs {
    let mut logs = Logs::default();
    for (submission, times) in field {
        logs.submissions.insert((*submission).to_owned());
        for (workload, studies) in workloads.iter().zip(times) {
            for (study, time) in studies.iter().enumerate() {
                logs.logs.push(log(submission, workload, study, *time));
            }
        }
    }
    logs
}

fn log(submission: &str, workload: &str, study: usize, time: Option<f64>) -> Log {
    let point = |line: u32, seconds, value| Evaluation {
        line,
        step: f64::from(line),
        seconds,
        value,
    };
    let time = time.unwrap_or(f64::NAN);
    let value = if time.is_nan() { 2.0 } else { 0.5 };
    Log {
        submission: submission.to_owned(),
        study: format!("study_{study}"),
        workload: format!("{workload}_jax"),
        trial: "trial_1".to_owned(),
        file: format!("{submission}/study_{study}/{workload}_jax/trial_1/eval_measurements.csv"),
        evaluations: vec![point(2, time / 2.0, 3.0), point(3, time, value)],
    }
}

fn board(field: &[(&str, Times)]) -> Board {
    let rules = Rules::of(Scoring::AlgoperfV06, Tuning::SelfTuning);
    Board::of(&logs(field, &WORKLOADS), &targets(false), rules)
}

fn score(board: &Board, submission: &str) -> f64 {
    board
        .rows
        .iter()
        .find(|row| row.submission == submission)
        .unwrap()
        .score
}

fn rank(board: &Board, submission: &str) -> usize {
    let own = score(board, submission);
    board.rows.iter().filter(|row| row.score > own).count()
}

fn times() -> impl Strategy<Value = Times> {
    let time = prop::option::weighted(0.8, 1.0..1_000.0f64);
    prop::collection::vec(prop::collection::vec(time, 0..=STUDIES), WORKLOADS.len())
}

fn field() -> impl Strategy<Value = [(&'static str, Times); 3]> {
    (times(), times(), times()).prop_map(|(a, b, c)| [("a", a), ("b", b), ("c", c)])
}

fn scaled(times: &Times, factor: f64) -> Times {
    let study = |studies: &Vec<Option<f64>>| {
        studies
            .iter()
            .map(|time| time.map(|time| time * factor))
            .collect()
    };
    times.iter().map(study).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn leaving_one_out_is_scoring_the_logs_of_the_others(field in field()) {
        let rules = Rules::of(Scoring::AlgoperfV05, Tuning::SelfTuning);
        let workloads = ["u", "v", "w", "u_x"];
        let mut field = field;
        for (_, times) in &mut field {
            let variant = times[1].clone();
            times.push(variant);
        }
        let all = logs(&field, &workloads);
        let none = Certainty { resamples: 0, ..Certainty::default() };
        let ranking = Board::of(&all, &targets(true), rules).ranking(&all, &targets(true), none, None);
        let turned = |board: &Board| {
            let names = &ranking.submissions;
            let pairs = names.iter().enumerate().flat_map(|(index, leader)| names[index + 1..].iter().map(move |other| (other.clone(), leader.clone())));
            let known = |name: &String| board.rows.iter().any(|row| row.submission == *name);
            let stands = pairs.filter(|(other, leader)| known(other) && known(leader));
            stands.filter(|(other, leader)| score(board, other) > score(board, leader)).collect::<Vec<_>>()
        };
        let flips = |change: String| ranking.flips.iter().find(|flips| flips.change == change).unwrap().pairs.clone();
        for left in ["a", "b", "c"] {
            let rest: Vec<_> = field.iter().filter(|(name, _)| *name != left).cloned().collect();
            let board = Board::of(&logs(&rest, &workloads), &targets(true), rules);
            prop_assert_eq!(flips(format!("without {left}")), turned(&board));
        }
        let mut without = targets(true);
        without.base.retain(|base| base != "u");
        without.held_out.clear();
        prop_assert_eq!(flips("without u".to_owned()), turned(&Board::of(&all, &without, rules)));
    }

    #[test]
    fn the_order_of_logs_does_not_matter(field in field(), seed in any::<u64>()) {
        let rules = Rules::of(Scoring::AlgoperfV06, Tuning::SelfTuning);
        let logs = logs(&field, &WORKLOADS);
        let mut shuffled = logs.clone();
        shuffled.logs.sort_by_key(|log| (log.file.len() as u64 * 31 + log.file.bytes().map(u64::from).sum::<u64>()).wrapping_mul(seed | 1));
        let (one, other) = (Board::of(&logs, &targets(false), rules), Board::of(&shuffled, &targets(false), rules));
        // NaN marks a workload without logs and is not equal to itself.
        prop_assert_eq!(format!("{one:?}"), format!("{other:?}"));
    }

    #[test]
    fn getting_faster_never_lowers_a_rank(field in field(), factor in 0.1..1.0f64) {
        let mut faster = field.clone();
        faster[0].1 = scaled(&faster[0].1, factor);
        let (before, after) = (board(&field), board(&faster));
        prop_assert!(rank(&after, "a") <= rank(&before, "a"));
        prop_assert!(score(&after, "a") >= score(&before, "a") - 1e-12);
    }

    #[test]
    fn another_clock_changes_nothing(field in field(), exponent in -8..8i32) {
        let factor = 2f64.powi(exponent);
        let other = field.clone().map(|(name, times)| (name, scaled(&times, factor)));
        for row in &board(&field).rows {
            prop_assert_eq!(row.score, score(&board(&other), &row.submission));
        }
    }

    #[test]
    fn profiles_rise_within_bounds(field in field()) {
        for row in board(&field).rows {
            prop_assert!((0.0..=1.0).contains(&row.score));
            prop_assert!(row.profile.iter().all(|share| (0.0..=1.0).contains(share)));
            prop_assert!(row.profile.is_sorted());
        }
    }

    #[test]
    fn a_copy_ties(field in field()) {
        let [a, b, _] = field;
        let board = board(&[("a", a.1.clone()), ("b", b.1), ("c", a.1)]);
        prop_assert_eq!(score(&board, "a"), score(&board, "c"));
    }

    #[test]
    fn a_miss_never_beats_a_passage(time in 1.0..1_000.0f64, other in times()) {
        let missed = vec![vec![None; STUDIES]; WORKLOADS.len()];
        let reached = vec![vec![Some(time); STUDIES], vec![None; STUDIES], vec![None; STUDIES]];
        let board = board(&[("missed", missed), ("reached", reached), ("other", other)]);
        prop_assert_eq!(score(&board, "missed"), 0.0);
        prop_assert!(score(&board, "reached") >= 0.0);
        let row = board.rows.iter().find(|row| row.submission == "missed").unwrap();
        prop_assert!(row.cells.iter().all(|cell| cell.loss == Some(Loss::Missed) && cell.ratio.is_none()));
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let (_, remarks) = read_evaluations(&bytes, "validation/loss");
        let usable = remarks.iter().all(|remark| !remark.problem.to_string().is_empty() && remark.count > 0);
        prop_assert!(usable);
    }

    #[test]
    fn no_damage_to_a_log_breaks_the_reader(
        rows in prop::collection::vec("[0-9a-z,\"\r.-]{0,24}\n?", 0..20),
        cut in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut text = format!("global_step,score,validation/loss\n{}", rows.concat()).into_bytes();
        let at = cut.index(text.len());
        text[at] = byte;
        let (evaluations, remarks) = read_evaluations(&text, "validation/loss");
        let unnamed = evaluations.iter().filter(|evaluation| evaluation.value.is_nan()).count();
        prop_assert!(unnamed == 0 || !remarks.is_empty(), "a value without a number is never passed over in silence");
        text.truncate(at);
        read_evaluations(&text, "validation/loss");
    }

    /// A good row is read; one of a defect is reported, and no row is neither.
    #[test]
    fn rows_read_and_rows_reported_are_the_rows_given(
        rows in prop::collection::vec(prop::sample::select(vec![
            ("10,1.5,0.5", true),
            ("\"10\",\"1.5\",\"0.5\"", true),
            ("10,1.5,nan", false),
            ("10,1.5,", false),
            ("10,1.5,high", false),
            ("10,1.5,\"0.5", true),
            ("\"10,1.5,0.5", false),
            ("10,1.5", false),
            ("10,1.5,0.5,7", false),
            (" ", false),
        ]), 1..12),
        mark in any::<bool>(),
        end in prop::sample::select(vec!["\n", "\r\n"]),
    ) {
        let mark = if mark { "\u{feff}" } else { "" };
        let text: String = rows.iter().flat_map(|(row, _)| [*row, end]).collect();
        let text = format!("{mark}global_step,score,validation/loss{end}{text}");
        let (evaluations, remarks) = read_evaluations(text.as_bytes(), "validation/loss");
        prop_assert_eq!(evaluations.len(), rows.len(), "{}", text);
        let good = rows.iter().filter(|(_, good)| *good).count();
        let read = evaluations.iter().filter(|read| read.value == 0.5 && read.seconds == 1.5).count();
        prop_assert_eq!(read, good);
        for (row, evaluation) in rows.iter().zip(&evaluations) {
            prop_assert_eq!(row.1, !evaluation.value.is_nan(), "{:?}", row);
        }
        let reported: u64 = remarks.iter().filter(|remark| matches!(
            remark.problem,
            Problem::NaN { .. } | Problem::NotANumber { .. } | Problem::ShortRow | Problem::LongRow
        )).map(|remark| remark.count).sum();
        prop_assert!(reported >= (rows.len() - good) as u64);
        prop_assert_eq!(reported == 0, good == rows.len());
    }

    #[test]
    fn no_text_breaks_the_targets(text in ".{0,200}") {
        prop_assert!(Targets::parse(&text).is_err());
    }
}

/// A law that AlgoPerf's rules do not keep: "a" gets faster on a variant, so "c" is beyond four times that and loses its base workload too, where it was the
/// fastest; "b" is the fastest there now and overtakes "a".
#[test]
fn with_variants_getting_faster_can_cost_a_rank() {
    let entry = |base: f64, variant: f64, v: f64| -> Times {
        [base, variant, v]
            .iter()
            .map(|&time| vec![Some(time)])
            .collect()
    };
    let ranks = |variant: f64| {
        let field = [
            ("a", entry(100.0, variant, 1.0)),
            ("b", entry(6.0, 4.0, 3.5)),
            ("c", entry(3.0, 5.0, 50.0)),
        ];
        let mut rules = Rules::of(Scoring::AlgoperfV05, Tuning::SelfTuning);
        rules.studies = 1;
        let logs = logs(&field, &["u", "u_x", "v"]);
        let board = Board::of(&logs, &targets(true), rules);
        board
            .rows
            .iter()
            .map(|row| (row.submission.clone(), row.score))
            .collect::<Vec<_>>()
    };
    let (before, after) = (ranks(1.3), ranks(1.2));
    assert_eq!(
        (before[0].0.as_str(), after[0].0.as_str()),
        ("a", "b"),
        "{before:?} {after:?}"
    );
}

#[test]
fn what_a_set_lacks_is_listed() {
    let rules = Rules::of(Scoring::AlgoperfV06, Tuning::ExternalTuning);
    let logs = logs(
        &[
            ("a", vec![vec![Some(1.0)], Vec::new(), Vec::new()]),
            ("b", vec![Vec::new(), vec![Some(1.0); 3], Vec::new()]),
        ],
        &WORKLOADS,
    );
    let board = Board::of(&logs, &targets(false), rules);
    let gaps: Vec<String> = board.gaps().map(ToString::to_string).collect();
    assert_eq!(gaps.len(), 8, "{gaps:#?}");
    assert!(
        gaps.contains(&"a: `u` has 1 of 3 studies; the median is over those there are".to_owned())
    );
    assert!(gaps.contains(
        &"b/study_2/v_jax: 1 of 5 trials; the study counts with those there are".to_owned()
    ));
    assert!(gaps.contains(&"a: no log of `v`; it counts as missed".to_owned()));
    let absent = |finding: &&bench_score::algoperf::Finding| {
        matches!(finding.problem, Problem::AbsentWorkload { .. })
    };
    assert_eq!(board.gaps().filter(absent).count(), 1);
}

#[test]
fn two_frameworks_of_one_workload_are_not_added_up() {
    let rules = Rules::of(Scoring::AlgoperfV06, Tuning::SelfTuning);
    let mut logs = logs(&[("a", vec![vec![Some(10.0); 3]])], &WORKLOADS);
    let mut other = log("a", "u", 0, Some(1.0));
    other.workload = "u_pytorch".to_owned();
    logs.logs.push(other);
    let board = Board::of(&logs, &targets(false), rules);
    assert_eq!(board.rows[0].cells[0].time, 10.0);
    let found = |finding: &&bench_score::algoperf::Finding| {
        matches!(finding.problem, Problem::OtherFramework { .. })
    };
    assert_eq!(board.findings.iter().filter(found).count(), 1);
}
