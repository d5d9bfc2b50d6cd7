//! Forecasts against those of the authors' program.

use auto_lrs::{Forecast, smoothed};
use serde_json::Value;
use std::path::PathBuf;

#[test]
fn forecasts_are_those_of_the_authors() {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared =
        std::env::var_os("BENCH_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let Ok(text) = std::fs::read_to_string(shared.join("goldens/autolrs.json")) else {
        eprintln!("SKIPPED: no reference forecasts (BENCH_SHARED)");
        return;
    };
    let golden: Value = serde_json::from_str(&text).unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let numbers = |key: &str| -> Vec<f64> {
            case[key]
                .as_array()
                .unwrap()
                .iter()
                .map(|x| x.as_f64().unwrap())
                .collect()
        };
        let number = |key: &str| case[key].as_f64().unwrap();
        let losses = numbers("loss");
        let is_training = case["is_training"].as_bool().unwrap();
        for (ours, theirs) in smoothed(&losses, is_training)
            .iter()
            .zip(numbers("smoothed"))
        {
            assert!((ours - theirs).abs() < 1e-12, "smoothed: {ours} {theirs}");
        }
        let fit = Forecast::fit(&losses, is_training);
        let prediction = fit.at(number("predict_at"));
        for (name, ours, theirs) in [
            ("a", fit.a, number("a")),
            ("b", fit.b, number("b")),
            ("c", fit.c, number("c")),
            ("prediction", prediction, number("prediction")),
        ] {
            assert!((ours - theirs).abs() < 1e-11, "{name}: {ours} {theirs}");
        }
    }
}
