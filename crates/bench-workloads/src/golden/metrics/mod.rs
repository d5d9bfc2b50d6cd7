//! Losses and metrics against a metric golden, group by group.

mod images;
mod losses;
mod scores;
mod sound;
mod texts;

use super::tensor::{Worst, flat};
use super::{Compared, GoldenError, Verdict};
use bench_core::spec::search;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use tch::Tensor;

/// A file of reference numbers.
#[derive(Debug, Deserialize)]
pub(super) struct File {
    groups: BTreeMap<String, Group>,
}

#[derive(Debug, Deserialize)]
struct Group {
    tolerance: Value,
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    case: String,
    inputs: Map<String, Value>,
    parameters: Map<String, Value>,
    expected: Map<String, Value>,
}

/// What we compute, by the reference's keys.
type Computed = Vec<(&'static str, Tensor)>;

/// Compares every group.
pub(super) fn compare(file: File) -> Vec<Compared> {
    let verdict = |(name, group): (String, Group)| Compared {
        verdict: match name.as_str() {
            "cross_entropy" => compare_group(&group, losses::cross_entropy),
            "token_cross_entropy" => compare_group(&group, losses::token_cross_entropy),
            "sigmoid_binary_cross_entropy" => compare_group(&group, losses::binary_cross_entropy),
            "ctc_loss" => compare_group(&group, losses::ctc),
            "l1_loss" => compare_group(&group, losses::mean_absolute_error),
            "accuracy" => compare_group(&group, scores::accuracies),
            "ssim" => compare_group(&group, scores::similarity),
            "mean_average_precision" => compare_group(&group, scores::average_precisions),
            "word_error_rate" => compare_group(&group, texts::word_errors),
            "bleu" => verdict(&group, |case| texts::bleu(case).map(Some)),
            "beam_search" => compare_group(&group, texts::beams),
            "log_mel" => compare_group(&group, sound::log_mel),
            "spec_augment" => compare_group(&group, sound::spec_augment),
            "fastmri_input" => compare_group(&group, images::kspace),
            "image_augmentation" => verdict(&group, |case| images::views(case).map(Some)),
            "halton" => verdict(&group, |case| halton(case).map(Some)),
            _ => Verdict::NotBuilt,
        },
        name,
    };
    file.groups.into_iter().map(verdict).collect()
}

fn compare_group(group: &Group, compute: fn(&Case) -> Result<Computed, GoldenError>) -> Verdict {
    verdict(group, |case| difference(case, &compute(case)?).map(Some))
}

/// Of a group, by the largest difference of each case; none where the case is of a kind that is not built.
fn verdict(group: &Group, compare: impl Fn(&Case) -> Result<Option<f64>, GoldenError>) -> Verdict {
    // Groups that must agree exactly say so in words.
    let tolerance = group.tolerance.as_f64().unwrap_or(0.0);
    let (mut worst, mut built, mut places) = (0.0_f64, 0, Vec::new());
    for case in &group.cases {
        match compare(case) {
            Ok(None) => continue,
            Ok(Some(difference)) if difference <= tolerance => worst = worst.max(difference),
            Ok(Some(difference)) => places.push(format!(
                "{}: relative difference {difference:.1e}",
                case.case
            )),
            Err(error) => places.push(format!("{}: {error}", case.case)),
        }
        built += 1;
    }
    let cases = group.cases.len();
    match places.is_empty() {
        false => Verdict::Differs(places),
        true if built == cases => Verdict::Equal(worst),
        true if built == 0 => Verdict::NotBuilt,
        true => Verdict::Partly {
            worst,
            built,
            cases,
        },
    }
}

/// The largest difference of a case. Every expected key is compared; `jax_` keys say where another implementation differs.
fn difference(case: &Case, computed: &Computed) -> Result<f64, GoldenError> {
    let mut worst = Worst::default();
    for (key, expected) in case
        .expected
        .iter()
        .filter(|(key, value)| !key.starts_with("jax_") && !value.is_null())
    {
        let (_, ours) = computed
            .iter()
            .find(|(name, _)| name == key)
            .ok_or_else(|| missing(key, "computed here"))?;
        let (ours, expected) = (
            flat(ours)?,
            numbers(expected).ok_or_else(|| missing(key, "numbers"))?,
        );
        if ours.len() != expected.len() {
            return Ok(f64::INFINITY);
        }
        for (&a, &b) in ours.iter().zip(&expected) {
            worst.add(a, b, if b.is_finite() { b.abs().max(1.0) } else { 1.0 });
        }
    }
    Ok(worst.0)
}

/// Search spaces and their points, which `bench-core` draws.
fn halton(case: &Case) -> Result<f64, GoldenError> {
    let [inputs, parameters, expected] =
        [&case.inputs, &case.parameters, &case.expected].map(|map| Value::Object(map.clone()));
    let difference = search::golden::difference(&inputs, &parameters, &expected);
    difference.map_err(GoldenError::Case)
}

fn missing(key: &str, expected: &'static str) -> GoldenError {
    GoldenError::Value {
        key: key.to_owned(),
        expected,
    }
}

fn number(map: &Map<String, Value>, key: &str) -> Result<f64, GoldenError> {
    map.get(key)
        .and_then(scalar)
        .ok_or_else(|| missing(key, "a number"))
}

fn tensor(map: &Map<String, Value>, key: &str) -> Result<Tensor, GoldenError> {
    let value = map.get(key).ok_or_else(|| missing(key, "there"))?;
    let values = numbers(value).ok_or_else(|| missing(key, "numbers"))?;
    Ok(Tensor::from_slice(&values).f_reshape(shape(value))?)
}

/// A number, or the name of one that JSON lacks.
fn scalar(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        Some(_) => None,
        None => value.as_f64(),
    }
}

/// All numbers of nested lists, in order.
fn numbers(value: &Value) -> Option<Vec<f64>> {
    match value {
        Value::Array(list) => {
            let lists: Option<Vec<Vec<f64>>> = list.iter().map(numbers).collect();
            lists.map(|lists| lists.concat())
        }
        scalar_value => scalar(scalar_value).map(|x| vec![x]),
    }
}

fn shape(value: &Value) -> Vec<i64> {
    match value {
        Value::Array(list) => std::iter::once(list.len() as i64)
            .chain(list.first().map(shape).unwrap_or_default())
            .collect(),
        _ => Vec::new(),
    }
}

/// A parameter that is text.
fn text<'a>(case: &'a Case, key: &str) -> Option<&'a str> {
    case.parameters.get(key).and_then(Value::as_str)
}

/// A list of texts.
fn strings(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

/// Computed numbers of a list.
fn listed(values: &[f64]) -> Tensor {
    Tensor::from_slice(values)
}
