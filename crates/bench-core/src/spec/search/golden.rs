//! Every point against AlgoPerf's own code, where its reference numbers are at hand.

use super::halton::{Sequence, primes};
use super::twister::Twister;
use super::{Point, Space, draw, read_algoperf};
use serde_json::Value;
use std::path::PathBuf;

const TOLERANCE: f64 = 1e-14;

fn groups() -> Option<Value> {
    let beside = || {
        let crate_folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        crate_folder.join("../../../shared")
    };
    let shared = std::env::var_os("BENCH_SHARED").map_or_else(beside, PathBuf::from);
    let path = shared.join("algoperf/metric_goldens.json");
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(error) => {
            eprintln!(
                "SKIPPED: no reference numbers at {}: {error}",
                path.display()
            );
            None
        }
    }
}

#[test]
fn all_reference_cases_agree() {
    let Some(file) = groups() else { return };
    let cases = file["groups"]["halton"]["cases"].as_array().unwrap();
    assert!(cases.len() >= 17);
    for case in cases {
        let (parameters, expected) = (&case["parameters"], &case["expected"]);
        let name = case["case"].as_str().unwrap();
        match parameters["kind"].as_str().unwrap() {
            "stream" => stream(name, case["inputs"]["seed"].as_u64().unwrap(), expected),
            "sequence" | "shuffled_sequence" => sequence(name, parameters, expected),
            "search" | "list" => search(name, &case["inputs"], parameters, expected),
            kind => panic!("{name}: a new kind of case, {kind}"),
        }
    }
}

fn stream(name: &str, seed: u64, expected: &Value) {
    let new = || Twister::new(u32::try_from(seed).unwrap());
    let mut words = new();
    for word in expected["u32"].as_array().unwrap() {
        assert_eq!(u64::from(words.word()), word.as_u64().unwrap(), "{name}");
    }
    let mut units = new();
    for unit in expected["random_sample"].as_array().unwrap() {
        assert_eq!(units.unit(), unit.as_f64().unwrap(), "{name}");
    }
    let (mut shuffled, mut items) = (new(), (1..=12).collect::<Vec<u64>>());
    shuffled.shuffle(&mut items);
    assert_eq!(Value::from(items), expected["shuffle_1_to_12"], "{name}");
    let after = expected["random_sample_after_shuffle"].as_f64().unwrap();
    assert_eq!(shuffled.unit(), after, "{name}");
}

fn numbers<T: serde::de::DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}

fn sequence(name: &str, parameters: &Value, expected: &Value) {
    let dimensions = parameters["num_dims"].as_u64().unwrap() as usize;
    let bases = numbers(&parameters["primes"]).unwrap_or_else(|| primes(dimensions));
    let permutations: Option<Vec<Vec<u32>>> = numbers(&parameters["permutations"]);
    let sequence = Sequence::with(
        &bases,
        permutations.as_deref(),
        parameters["per_dim_shift"].as_bool().unwrap(),
        parameters["skip"].as_u64().unwrap(),
    );
    let count = parameters["num_samples"].as_u64().unwrap();
    let mut points: Vec<Vec<f64>> = (1..=count).map(|number| sequence.point(number)).collect();
    if let Some(seed) = parameters["global_seed"].as_u64() {
        Twister::new(seed as u32).shuffle(&mut points);
    }
    let expected_points: Vec<Vec<f64>> = numbers(&expected["points"]).unwrap();
    let expected_bases: Vec<u64> = numbers(&expected["primes"]).unwrap();
    assert_eq!(ends(&bases, expected_bases.len()), expected_bases, "{name}");
    for (point, expected) in points.iter().zip(&expected_points) {
        for (x, expected) in ends(point, expected.len()).iter().zip(expected) {
            close(name, *x, *expected);
        }
    }
    assert_eq!(points.len(), expected_points.len(), "{name}");
}

/// Of many dimensions the references keep the first and the last few.
fn ends<T: Clone>(all: &[T], kept: usize) -> Vec<T> {
    if kept == all.len() {
        return all.to_vec();
    }
    let half = kept / 2;
    [&all[..half], &all[all.len() - half..]].concat()
}

fn search(name: &str, inputs: &Value, parameters: &Value, expected: &Value) {
    let expected_points = expected["points"].as_array().unwrap();
    // The order of dimensions is the file's, which this test's parser does not keep.
    let order: Vec<&str> = parameters["names"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    let space = &inputs["search_space"];
    let text = match space {
        Value::Object(map) => {
            let entries: Vec<String> = order
                .iter()
                .map(|name| format!("{:?}: {}", name, map[*name]))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        list => list.to_string(),
    };
    let trials = parameters["num_trials"].as_u64().unwrap() as u32;
    let space = read_algoperf(&text).unwrap();
    let mut points: Vec<Point> = match &space {
        Space::Dimensions(dimensions) => (1..=trials)
            .map(|number| draw(dimensions, number.into()))
            .collect(),
        Space::Points(_) => (1..=space.trials(trials))
            .map(|trial| space.point(1, trial, trials).unwrap())
            .collect(),
    };
    if let Some(seed) = parameters["global_seed"].as_u64() {
        Twister::new(seed as u32).shuffle(&mut points);
    }
    assert_eq!(points.len(), expected_points.len(), "{name}");
    for (point, expected) in points.iter().zip(expected_points) {
        for (key, expected) in expected.as_object().unwrap() {
            let value = &point[&key.replace('_', "-")];
            match expected.as_f64() {
                Some(expected) => close(name, value.as_number().unwrap(), expected),
                None => assert_eq!(serde_json::to_value(value).unwrap(), *expected, "{name}"),
            }
        }
    }
}

fn close(name: &str, x: f64, expected: f64) {
    let error = (x - expected).abs() / expected.abs().max(1.0);
    assert!(error <= TOLERANCE, "{name}: {x} is not {expected}");
}
