//! What a search found, from its records.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use bench_core::spec::harness::Points;
use bench_core::spec::submission::Value;
use bench_score::{Search, Trial};
use support::trial;

/// A trial at a learning rate, with milliseconds and steps to target.
fn at(rate: f64, study: u32, number: u32, hit: Option<(u64, u64)>) -> Trial {
    let mut trial = trial("adan", study, number, hit);
    let values = &mut trial.record.run.hyperparameters;
    values.insert("learning-rate".to_owned(), Value::Number(rate));
    trial
}

fn rate(search: &Search) -> Option<f64> {
    let best = search.best.as_ref()?;
    best.trial.record.run.hyperparameters["learning-rate"].as_number()
}

#[test]
fn the_best_point_needs_the_fewest_steps_and_then_the_least_time() {
    let trials = [
        at(0.1, 1, 1, Some((900, 300))),
        at(0.2, 1, 2, Some((800, 200))),
        at(0.3, 2, 1, Some((700, 200))),
        at(0.4, 2, 2, None),
    ];
    let searches = Search::all(&trials);
    let [search] = &searches[..] else {
        panic!("{searches:?}");
    };
    assert_eq!((search.points, search.reached), (4, 3));
    assert_eq!(rate(search), Some(0.3));
    assert_eq!(search.best.as_ref().unwrap().steps, 200.0);
    let missed = [at(0.1, 1, 1, None), at(0.2, 1, 2, None)];
    let searches = Search::all(&missed);
    assert_eq!((searches[0].reached, rate(&searches[0])), (0, None));
}

/// A list of points is tried whole in every study: one lucky study is not the best point, and a miss is infinitely late.
#[test]
fn a_point_of_several_studies_counts_by_its_median() {
    let mut trials = Vec::new();
    for (study, lucky, steady) in [(1, Some(100), 300), (2, None, 310), (3, None, 320)] {
        trials.push(at(0.1, study, 1, lucky.map(|steps| (100, steps))));
        trials.push(at(0.2, study, 2, Some((300, steady))));
    }
    let searches = Search::all(&trials);
    assert_eq!(searches[0].points, 2);
    assert_eq!(rate(&searches[0]), Some(0.2));
    assert_eq!(searches[0].best.as_ref().unwrap().steps, 310.0);
}

#[test]
fn what_searched_nothing_is_no_search() {
    let hit = Some((100, 100));
    let same = [at(0.1, 1, 1, hit), at(0.1, 2, 1, hit)];
    assert!(Search::all(&same).is_empty());
    let mut given = [at(0.1, 1, 1, hit), at(0.2, 1, 2, hit)];
    for trial in &mut given {
        trial.record.run.ruleset.points = Points::Given;
    }
    assert!(Search::all(&given).is_empty());
}
