//! Comparison of forecasts with those of the authors' program (`bench check auto-lrs --golden FILE`).

use crate::forecast::{Forecast, smoothed};
use bench_sdk::Comparison;
use bench_sdk::prelude::*;
use bench_sdk::serde_json::{self, Value};

/// Every case of a file: the smoothed course, the fit, and the loss that it foretells.
pub(crate) fn compare(reference: &Value) -> Result<Vec<Comparison>> {
    if reference["algorithm"] != "autolrs" {
        return Ok(Vec::new());
    }
    let cases = reference["cases"].as_array().context("no `cases`")?;
    ensure!(!cases.is_empty(), "`cases` is empty");
    let compared = cases.iter().enumerate().map(|(place, case)| {
        let losses = list(case, "loss")?;
        let is_training = case["is_training"].as_bool();
        let is_training = is_training.context("no flag `is_training`")?;
        let fit = Forecast::fit(&losses, is_training);
        let course = smoothed(&losses, is_training);
        let name = |what: &str| format!("{}-{what}", place + 1);
        let found = fit.at(number(case, "predict_at")?);
        let figures = ["a", "b", "c", "prediction"].map(|key| number(case, key));
        let figures: Vec<f64> = figures.into_iter().collect::<Result<_>>()?;
        Ok([
            Comparison::of(&name("smoothed"), &course, &list(case, "smoothed")?, 1e-12),
            Comparison::of(
                &name("forecast"),
                &[fit.a, fit.b, fit.c, found],
                &figures,
                1e-11,
            ),
        ])
    });
    let compared: Vec<[Comparison; 2]> = compared.collect::<Result<_>>()?;
    Ok(compared.into_iter().flatten().collect())
}

fn list(value: &Value, key: &str) -> Result<Vec<f64>> {
    serde_json::from_value(value[key].clone()).with_context(|| format!("`{key}` is no list"))
}

fn number(value: &Value, key: &str) -> Result<f64> {
    value[key]
        .as_f64()
        .with_context(|| format!("no number `{key}`"))
}
