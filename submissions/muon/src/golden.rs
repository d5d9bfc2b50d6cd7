//! Comparison of the iteration with reference matrices (`bench check muon --golden FILE`).

use bench_sdk::prelude::*;
use bench_sdk::toolkit::orthogonal;
use bench_sdk::{Comparison, serde_json};

/// The iteration alone, on the matrices of a reference file, by either way of counting it.
pub(crate) fn compare(reference: &serde_json::Value) -> Result<Vec<Comparison>> {
    let Some(cases) = reference["newton_schulz"].as_array() else {
        return Ok(Vec::new());
    };
    let list = |value: &serde_json::Value| -> Result<Vec<f64>> {
        serde_json::from_value(value.clone()).context("a list of numbers is missing")
    };
    let compared = cases.iter().map(|case| {
        let shape: Vec<i64> = serde_json::from_value(case["shape"].clone())?;
        let matrix = Tensor::from_slice(&list(&case["G"])?).f_view(shape.as_slice())?;
        let found = orthogonal(&matrix, None)?;
        let found = Vec::try_from(&found.f_reshape([-1])?)?;
        let name = format!("newton-schulz-{shape:?}").replace(['[', ']', ' '], "");
        let name = name.replace(',', "x");
        Ok(Comparison::of(&name, &found, &list(&case["out"])?, 1e-12))
    });
    compared.collect()
}
