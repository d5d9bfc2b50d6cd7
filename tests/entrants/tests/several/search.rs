//! The learning rate searched in stages.

use crate::{Expected, Gradient, evaluated, parabola, trained_on, value_of};
use auto_lrs::{AutoLrs, Forecast};
use bench_sdk::testing::Descent;

/// Two stages of 200 steps, each after ten candidates of 20. Every candidate begins where the stage does, and so does the training, at the rate whose
/// forecast was the lowest.
#[test]
fn a_stage_is_trained_from_its_checkpoint_at_the_best_rate() {
    let own = [("learning-rate-min", 1e-3), ("learning-rate-max", 3e-2)];
    let hyper = bench_entrants::defaults("auto-lrs", &own).unwrap();
    let mut descent: Descent<AutoLrs<Gradient>> = parabola(hyper, 800);
    for _ in 0..2 {
        let began = evaluated(&mut descent);
        let (mut rates, mut forecasts) = (Vec::new(), Vec::new());
        for step in 0..200 {
            descent.step().unwrap();
            let logged = descent.all_logged().unwrap();
            if step == 0 {
                rates.push(value_of(&logged, "learning-rate"));
            }
            match step % 20 {
                19 => {
                    forecasts.push(value_of(&logged, "forecast"));
                    rates.push(value_of(&logged, "learning-rate"));
                    assert_eq!(evaluated(&mut descent), began);
                }
                _ => assert!(evaluated(&mut descent) < began),
            }
        }
        assert_eq!((rates.len(), forecasts.len()), (11, 10));
        let lowest = (0..10).min_by(|&a, &b| forecasts[a].total_cmp(&forecasts[b]));
        assert_eq!(rates[10], rates[lowest.unwrap()]);
        // The rule's own state is the checkpoint's as well: it halves the rate after some way, in the second stage from the start.
        descent.step().unwrap();
        let factor = if began < 0.5 { 0.5 } else { 1.0 };
        let shrunk = 1.0 - evaluated(&mut descent) / began;
        assert!((shrunk - factor * rates[10]).abs() < 1e-12, "{shrunk}");
        for _ in 1..200 {
            descent.step().unwrap();
        }
        let _ = descent.all_logged().unwrap();
    }
}

/// After a stage of 200 steps and its search, 399 steps left are too few for another; 600 are two halves of 300, or are left by one of 200 with 200 more.
#[test]
fn no_search_is_begun_that_the_budget_does_not_pay_back() {
    // Steps at which a rate is begun with.
    let rates = |longest: f64, steps: u64| -> Vec<u64> {
        let own = [
            ("first-stage", 0.01),
            ("longest-stage", longest),
            ("learning-rate-min", 1e-3),
            ("learning-rate-max", 3e-2),
        ];
        let hyper = bench_entrants::defaults("auto-lrs", &own).unwrap();
        let mut descent: Descent<AutoLrs<Gradient>> = parabola(hyper, steps);
        let begins = |_: &u64| {
            descent.step().unwrap();
            let logged = descent.all_logged().unwrap();
            logged.iter().any(|(name, _)| name == "learning-rate")
        };
        (0..steps + 20).filter(begins).collect()
    };
    let search = |first: u64, trial: u64| {
        let rest = (1..=10).map(move |number| first + trial * number - 1);
        std::iter::once(first).chain(rest)
    };
    assert_eq!(rates(0.2, 799), Vec::from_iter(search(0, 20)));
    let second = |trial| Vec::from_iter(search(0, 20).chain(search(400, trial)));
    assert_eq!(rates(0.5, 1000), second(30));
    assert_eq!(rates(0.2, 1000), second(20));
}

/// One stage of full length, 640 steps, whose candidates are given 64: enough for the held-out loss to judge, after every second step.
#[test]
fn long_candidates_are_judged_by_the_held_out_loss() {
    let own = [
        ("first-stage", 1.0),
        ("longest-stage", 1.0),
        ("learning-rate-min", 1e-3),
        ("learning-rate-max", 3e-2),
    ];
    let hyper = bench_entrants::defaults("auto-lrs", &own).unwrap();
    let mut descent: Descent<AutoLrs<Gradient>> = parabola(hyper, 640);
    descent.step().unwrap();
    let mut rate = value_of(&descent.all_logged().unwrap(), "learning-rate");
    for candidate in 0..3 {
        let (x, gone) = (1.0, 0.0);
        let mut expected = Expected { x, gone, rate };
        let mut course = Vec::new();
        for step in 1..=64 {
            if (candidate, step) != (0, 1) {
                descent.step().unwrap();
            }
            expected.step();
            if step % 2 == 0 {
                course.push(expected.x * expected.x / 2.0);
            }
        }
        let logged = descent.all_logged().unwrap();
        let found = value_of(&logged, "forecast");
        // 320 losses make the stage, the first of which comes after two steps.
        let forecast = Forecast::fit(&course, false).at(319.0);
        assert!((found - forecast).abs() < 1e-9, "{found} {forecast}");
        rate = value_of(&logged, "learning-rate");
    }
}

/// A candidate of 64 steps sees two examples between two evaluations.
#[test]
fn no_more_is_held_out_than_is_seen_between_two_evaluations() {
    let own = [
        ("hold-out", 0.5),
        ("longest-stage", 1.0),
        ("learning-rate-max", 3e-2),
    ];
    let hyper = bench_entrants::defaults("auto-lrs", &own).unwrap();
    assert_eq!(trained_on::<AutoLrs<Gradient>>(hyper, 640), 638);
}

/// Every candidate diverges: what is trained is the lowest rate, not whichever came first.
#[test]
fn where_all_candidates_diverge_the_lowest_rate_is_trained() {
    let own = [("learning-rate-min", 1e30), ("learning-rate-max", 1e32)];
    let hyper = bench_entrants::defaults("auto-lrs", &own).unwrap();
    let start = || parabola::<AutoLrs<Gradient>>(hyper.clone(), 800);
    let (mut descent, mut resumed) = (start(), None);
    for step in 1..=210 {
        descent.step().unwrap();
        // What is evaluated meanwhile is the checkpoint, once a candidate has nothing to show.
        let shown = evaluated(&mut descent);
        let loss = descent.told_loss().unwrap();
        if step <= 200 {
            assert!(shown.is_finite() && shown * shown < f64::INFINITY);
            assert!(loss.is_none_or(f64::is_finite), "{loss:?}");
        }
        // Resumed from there, the candidate goes on as it was.
        match &mut resumed {
            None if step == 15 => resumed = Some(descent.resumed_in(start()).unwrap()),
            None => {}
            Some(other) => {
                other.step().unwrap();
                assert_eq!(evaluated(other).to_bits(), shown.to_bits(), "{step}");
            }
        }
    }
    let logged = descent.all_logged().unwrap();
    assert!((value_of(&logged, "learning-rate") / 1e30 - 1.0).abs() < 1e-12);
}
