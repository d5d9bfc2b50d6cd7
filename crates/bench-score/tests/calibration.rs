//! The rule that sets targets, on made-up trials.

use bench_core::number::Measured;
use bench_core::spec::workload::Direction;
use bench_score::calibration::{
    CalibrationError, CalibrationTrial, Chosen, Evaluation, best_points, find,
};
use proptest::prelude::*;

const CHOSEN: Chosen = Chosen {
    direction: Direction::Min,
    step_hint: 100,
    budget_steps: 120,
    at: 75.0,
};

fn trial(submission: &str, study: u32, number: u32, values: &[f64]) -> CalibrationTrial {
    let every = 100 / values.len().max(1) as u64;
    let seen = values.iter().enumerate();
    CalibrationTrial {
        submission: submission.to_owned(),
        study,
        number,
        seed: u64::from(study * 100 + number),
        point: Default::default(),
        config_hash: String::new(),
        source_hash: String::new(),
        outcome: "budget-exhausted".to_owned(),
        seconds_per_step: Some(0.1),
        evaluations: seen
            .map(|(index, &value)| {
                let step = (index as u64 + 1) * every;
                let test = ((value + 0.01) * 1e6).round() / 1e6;
                Evaluation(step, Measured(value), Measured(test))
            })
            .collect(),
    }
}

/// Falls to `end` at step 100, evaluated every 5 steps.
fn falling(end: f64) -> Vec<f64> {
    let value = |k| end + 0.02 * f64::from(20 - k);
    (1..=20).map(|k| (value(k) * 1e6).round() / 1e6).collect()
}

/// Two baselines of two points, and five seeds of each one's best.
fn calibration() -> Vec<CalibrationTrial> {
    let mut trials = vec![
        trial("a", 1, 1, &falling(0.3)),
        trial("a", 1, 2, &falling(0.2)),
        trial("b", 1, 1, &falling(0.25)),
        trial("b", 1, 2, &falling(f64::NAN)),
    ];
    for seed in 1..=5 {
        let shift = f64::from(seed) * 0.001;
        trials.push(trial("a", 1 + seed, 2, &falling(0.2 + shift)));
        trials.push(trial("b", 1 + seed, 1, &falling(0.25 + shift)));
    }
    trials
}

#[test]
fn the_target_is_the_winners_median_where_it_was_asked_for() {
    let finding = find(&calibration(), CHOSEN).unwrap();
    assert_eq!((finding.winner.as_str(), finding.at_step), ("a", 75));
    assert_eq!((finding.validation, finding.test), (0.303, 0.313));
    assert_eq!(finding.budget_seconds, 50.0);
    let [a, b] = finding.standings.as_slice() else {
        panic!("two baselines")
    };
    assert_eq!((a.number, a.reached, a.median_steps), (2, 5, Some(75.0)));
    assert_eq!((b.number, b.reached), (1, 5));
    assert!(b.median_steps > a.median_steps);
    assert_eq!(finding.warnings, [""; 0]);
}

#[test]
fn rounding_makes_a_target_easier_to_reach() {
    let of = |direction, value: f64| {
        let chosen = Chosen {
            direction,
            ..CHOSEN
        };
        let trials = [
            trial("a", 1, 1, &[value; 20]),
            trial("a", 2, 1, &[value; 20]),
        ];
        find(&trials, chosen).unwrap().validation
    };
    assert_eq!(of(Direction::Min, 0.104_21), 0.1043);
    assert_eq!(of(Direction::Max, 0.852_39), 0.8523);
    assert_eq!(of(Direction::Min, 0.1046), 0.1046);
    assert_eq!(of(Direction::Max, 22.299_9), 22.29);
}

#[test]
fn warnings_say_where_a_target_means_little() {
    let mut trials = vec![trial("a", 1, 1, &falling(0.2))];
    for study in 2..=6 {
        // Two seeds in five never come near.
        let end = if study > 4 { 0.9 } else { 0.2 };
        trials.push(trial("a", study, 1, &falling(end)));
    }
    let warnings = |at| find(&trials, Chosen { at, ..CHOSEN }).unwrap().warnings;
    assert!(warnings(75.0)[0].starts_with("only 3 of 5 seeds of a reach the target"));
    let early = warnings(20.0);
    assert!(
        early.iter().any(|line| line.contains("in the first third")),
        "{early:?}"
    );
}

#[test]
fn without_a_trial_that_came_through_there_is_no_target() {
    let bad = [trial("a", 1, 1, &falling(f64::NAN))];
    assert_eq!(find(&bad, CHOSEN), Err(CalibrationError::NoPoint));
    let unseeded = [trial("a", 1, 1, &falling(0.1))];
    assert_eq!(find(&unseeded, CHOSEN), Err(CalibrationError::NoSeed));
}

#[test]
fn points_that_were_brought_need_no_tuning() {
    let trials: Vec<_> = (2..=6)
        .map(|study| trial("a", study, 7, &falling(0.2)))
        .collect();
    assert_eq!(find(&trials, CHOSEN).unwrap().standings[0].number, 7);
}

proptest! {
    #[test]
    fn the_order_of_trials_means_nothing(shuffled in Just(calibration()).prop_shuffle()) {
        prop_assert_eq!(find(&shuffled, CHOSEN), find(&calibration(), CHOSEN));
    }

    #[test]
    fn what_diverged_never_wins(ends in proptest::collection::vec(
        prop_oneof![3 => 0.0..1.0f64, 1 => Just(f64::NAN), 1 => Just(f64::NEG_INFINITY)], 1..8),
        stopped in 0usize..8)
    {
        let points: Vec<_> = ends.iter().enumerate().map(|(index, &end)| {
            let mut point = trial("a", 1, index as u32 + 1, &falling(end));
            if index == stopped {
                point.evaluations.truncate(10);
            }
            point
        }).collect();
        let came_through = |number: u32| {
            let index = number as usize - 1;
            index != stopped && ends[index].is_finite()
        };
        match best_points(&points, CHOSEN).get("a") {
            Some(&number) => prop_assert!(came_through(number)),
            None => prop_assert!((1..=ends.len()).all(|number| !came_through(number as u32))),
        }
    }
}
