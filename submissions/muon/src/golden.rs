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

#[cfg(test)]
mod tests {
    /// No file has a kernel of which this shows.
    #[test]
    fn a_kernel_is_scaled_by_its_last_two_dimensions_as_the_authors_do() {
        let scales = [&[8, 2][..], &[2, 8], &[72, 2, 3, 3], &[2, 8, 8, 2]].map(crate::scale);
        assert_eq!(scales, [2.0, 1.0, 1.0, 2.0]);
    }
}
