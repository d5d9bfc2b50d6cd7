//! Decisions against reference decisions, with the draws given.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its file has failed"
)]

use pbt::{Draw, Gene, t_test, truncation};
use serde_json::Value;
use std::path::PathBuf;

/// The reference file, where it is there.
fn golden() -> Option<Value> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared =
        std::env::var_os("BENCH_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    match std::fs::read_to_string(shared.join("goldens/pbt.json")) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "a skipped check says so")]
            {
                eprintln!("SKIPPED: no reference decisions (BENCH_SHARED): {error}");
            }
            None
        }
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

fn donors_of(selection: &Value) -> (Vec<usize>, Vec<usize>) {
    let fraction = selection["fraction"].as_f64().unwrap();
    let ours = truncation(
        &numbers(&selection["scores"]),
        fraction,
        &numbers(&selection["u"]),
    );
    let theirs = numbers(&selection["donors"])
        .iter()
        .map(|&x| x as usize)
        .collect();
    (ours, theirs)
}

#[test]
fn truncation_copies_the_same_members() {
    let Some(golden) = golden() else { return };
    let (ours, theirs) = donors_of(&golden["selection"]);
    assert_eq!(ours, theirs);
}

#[test]
fn losers_explore_from_their_donors_values() {
    let Some(golden) = golden() else { return };
    let explore = &golden["explore"];
    let probability = explore["resample_probability"].as_f64().unwrap();
    let (donors, _) = donors_of(&golden["selection"]);
    let names: Vec<&str> = explore["key_order"]
        .as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_str().unwrap())
        .collect();
    for (member, &donor) in donors.iter().enumerate() {
        for (place, name) in names.iter().enumerate() {
            let bounds = &explore["bounds"][name];
            let gene = Gene {
                name: (*name).to_owned(),
                min: bounds[0].as_f64().unwrap(),
                max: bounds[1].as_f64().unwrap(),
                log: bounds[2].as_bool().unwrap(),
            };
            let value = explore["hypers"][donor][name].as_f64().unwrap();
            let u = numbers(&explore["u"][member][place]);
            let draw = Draw {
                resample: u[0],
                choice: u[1],
                prior: u[2],
            };
            let ours = if donor == member {
                value
            } else {
                gene.explore(value, probability, &draw)
            };
            let theirs = explore["result"][member][name].as_f64().unwrap();
            assert!(
                (ours / theirs - 1.0).abs() < 1e-14,
                "{member} {name}: {ours} {theirs}"
            );
        }
    }
}

/// The paper's figure 2: two members, each blind to one dimension, reach the optimum by copying.
#[test]
fn the_toy_of_two_members_takes_the_same_path() {
    let Some(golden) = golden() else { return };
    let seed = golden["seed"].as_u64().unwrap();
    let (mut theta, mut h) = ([[0.9, 0.9]; 2], [[1.0, 0.1], [0.1, 0.9]]);
    let quality = |x: &[f64; 2]| 1.2 - (x[0] * x[0] + x[1] * x[1]);
    let mut copies = 0;
    let expected = golden["toy"]["trajectory"].as_array().unwrap();
    for step in 1..=200_u64 {
        for (x, h) in theta.iter_mut().zip(&h) {
            for (x, h) in x.iter_mut().zip(h) {
                *x += 0.01 * (-2.0 * h * *x);
            }
        }
        if step.is_multiple_of(4) {
            let donors = truncation(&theta.each_ref().map(quality), 0.5, &[0.0; 2]);
            for loser in (0..2).filter(|&member| donors[member] != member) {
                copies += 1;
                theta[loser] = theta[donors[loser]];
                h[loser] = h[donors[loser]];
                for (j, h) in h[loser].iter_mut().enumerate() {
                    let u = uniform(seed, 70_004, 2 * (step - 1) + j as u64);
                    *h = (*h + 0.1 * u).clamp(0.0, 1.0);
                }
            }
        }
        let at = expected
            .iter()
            .find(|point| point["step"].as_u64() == Some(step));
        for (member, point) in at.into_iter().flat_map(|point| [(0, point), (1, point)]) {
            for (ours, key) in [(theta[member], "theta"), (h[member], "h")] {
                for (a, b) in ours.iter().zip(numbers(&point[key][member])) {
                    assert!(
                        (a - b).abs() < 1e-12,
                        "step {step}, {key} of {member}: {a} {b}"
                    );
                }
            }
        }
    }
    assert_eq!(copies, golden["toy"]["copies"].as_u64().unwrap());
}

/// splitmix64 of seed, step and element of parameter 0, in [-1, 1).
fn uniform(seed: u64, t: u64, i: u64) -> f64 {
    let mut z = ((seed << 48) ^ (t << 32) ^ i).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 11) as f64 * 2.0_f64.powi(-53) * 2.0 - 1.0
}

#[test]
fn equals_never_copy_and_what_is_no_number_is_the_worst() {
    assert_eq!(truncation(&[1.0, 1.0, 1.0], 0.4, &[0.5; 3]), [0, 1, 2]);
    assert_eq!(
        truncation(&[f64::NAN, 1.0, f64::NAN], 0.3, &[0.5; 3]),
        [0, 1, 1]
    );
    assert_eq!(truncation(&[1.0], 0.5, &[0.9]), [0]);
}

#[test]
fn the_t_test_wants_a_significant_difference() {
    let (low, high) = ([1.0, 1.1, 0.9, 1.0], [2.0, 2.1, 1.9, 2.0]);
    assert_eq!(t_test(&[&low, &high], &[0.0, 0.0]), [1, 1]);
    // Welch's p of these two is 0.14.
    assert_eq!(
        t_test(&[&[1.0, 2.0, 1.5], &[2.0, 2.5, 1.9]], &[0.0, 0.0]),
        [0, 1]
    );
    assert_eq!(t_test(&[&[1.0], &[2.0]], &[0.0, 0.0]), [0, 1]);
    assert_eq!(t_test(&[&low], &[0.0]), [0]);
}
