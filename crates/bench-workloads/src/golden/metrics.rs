//! Losses and metrics against a metric golden, group by group.

use super::tensor::{Worst, flat};
use super::{Compared, GoldenError, Verdict};
use crate::batch::Batch;
use crate::data::augment::View;
use crate::data::table::channels as normalise;
use crate::loss::cross_entropy::values;
use crate::loss::{LossValues, Weighting};
use crate::metric::Accumulator;
use crate::metric::accuracy::{self, Accuracy, Over, Share};
use crate::metric::cross_entropy::{bits, perplexity};
use crate::metric::mean::Mean;
use bench_core::spec::search;
use bench_core::spec::workload::Input;
use bench_torch::gradient::{self, Graph};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use tch::{Kind, Tensor};

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
            "cross_entropy" => compare_group(&group, cross_entropy),
            "token_cross_entropy" => compare_group(&group, token_cross_entropy),
            "accuracy" => compare_group(&group, accuracies),
            "halton" => verdict(&group, |case| halton(case).map(Some)),
            "image_augmentation" => verdict(&group, |case| {
                let views = views(case)?;
                views.map(|views| difference(case, &views)).transpose()
            }),
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

fn cross_entropy(case: &Case) -> Result<Computed, GoldenError> {
    let classes = number(&case.parameters, "num_classes")? as i64;
    let logits = tensor(&case.inputs, "logits")?
        .f_reshape([-1, classes])?
        .set_requires_grad(true);
    let labels = tensor(&case.inputs, "labels")?;
    // Whole numbers in one dimension are classes, anything else is a distribution over them.
    let labels = if labels.dim() == 1 {
        labels.f_to_kind(Kind::Int64)?
    } else {
        labels
    };
    let batch = batch(&logits, labels, case, "weights")?;
    loss(
        &logits,
        &batch,
        number(&case.parameters, "label_smoothing")?,
        Weighting::Multiply,
    )
}

fn token_cross_entropy(case: &Case) -> Result<Computed, GoldenError> {
    let weighting = match case.parameters.get("rule").and_then(Value::as_str) {
        Some("eval") => return split_means(case),
        Some("bits_per_byte") => {
            let nats = number(&case.inputs, "summed")? / number(&case.inputs, "bytes")?;
            return Ok(vec![("bits_per_byte", bits(nats).into())]);
        }
        Some("wmt") => Weighting::Select,
        _ => Weighting::Multiply,
    };
    let logits = tensor(&case.inputs, "logits")?.set_requires_grad(true);
    let targets = tensor(&case.inputs, "targets")?.f_to_kind(Kind::Int64)?;
    let batch = batch(&logits, targets, case, "weights")?;
    let mut computed = loss(
        &logits,
        &batch,
        number(&case.parameters, "label_smoothing")?,
        weighting,
    )?;
    let (right, weights) = accuracy::count(&logits, &batch)?;
    computed.extend([
        ("accuracy_sum", right.into()),
        ("accuracy_denominator", weights.into()),
    ]);
    Ok(computed)
}

/// Sums of batches made into a split's means.
fn split_means(case: &Case) -> Result<Computed, GoldenError> {
    let list = |key: &str| case.inputs.get(key).and_then(numbers).unwrap_or_default();
    let (mut loss, mut accuracy) = (Mean::new(), Mean::new());
    for (&summed, &count) in list("summed").iter().zip(&list("denominator")) {
        loss.add(summed, count);
    }
    for (&right, &count) in list("accuracy_sum").iter().zip(&list("denominator")) {
        accuracy.add(right, count);
    }
    let nats = loss.value();
    Ok(vec![
        ("loss", nats.into()),
        ("ppl", perplexity(nats).into()),
        ("accuracy", accuracy.value().into()),
    ])
}

fn accuracies(case: &Case) -> Result<Computed, GoldenError> {
    let logits = tensor(&case.inputs, "logits")?;
    let labels = tensor(&case.inputs, "labels")?;
    let binary = case.parameters.get("rule").and_then(Value::as_str) == Some("binary");
    let over = match number(&case.parameters, "num_examples") {
        Ok(examples) => Over::Examples(examples as u64),
        Err(_) => Over::Weights,
    };
    let (counted, predicted) = if binary {
        (
            accuracy::count_binary(&logits, &batch(&logits, labels, case, "mask")?)?,
            logits.f_gt(0.0)?,
        )
    } else {
        let batch = batch(&logits, labels.f_to_kind(Kind::Int64)?, case, "weights")?;
        (
            accuracy::count(&logits, &batch)?,
            accuracy::predicted(&logits)?,
        )
    };
    let share = |share| {
        let mut accuracy = Accuracy::new(share, over);
        accuracy.add_count(counted);
        Tensor::from(accuracy.value())
    };
    Ok(vec![
        ("predicted", predicted),
        ("correct", counted.0.into()),
        ("denominator", counted.1.into()),
        ("accuracy", share(Share::Right)),
        ("error_rate", share(Share::Wrong)),
    ])
}

/// Search spaces and their points, which `bench-core` draws.
fn halton(case: &Case) -> Result<f64, GoldenError> {
    let [inputs, parameters, expected] =
        [&case.inputs, &case.parameters, &case.expected].map(|map| Value::Object(map.clone()));
    let difference = search::golden::difference(&inputs, &parameters, &expected);
    difference.map_err(GoldenError::Case)
}

/// Training images as AlgoPerf's PyTorch `cifar` sees them: the only views that there are here.
fn views(case: &Case) -> Result<Option<Computed>, GoldenError> {
    let text = |key: &str| case.parameters.get(key).and_then(Value::as_str);
    if (text("rule"), text("framework")) != (Some("cifar"), Some("pytorch")) {
        return Ok(None);
    }
    let list = |key: &str| {
        case.parameters
            .get(key)
            .and_then(numbers)
            .unwrap_or_default()
    };
    let input = Input {
        mean: list("mean"),
        std: list("std"),
        ..Input::default()
    };
    let offset = |key: &str| {
        let padding = number(&case.parameters, "padding")?;
        Ok::<isize, GoldenError>((number(&case.parameters, key)? - padding) as isize)
    };
    let view = View {
        offset: (offset("top")?, offset("left")?),
        flipped: case.parameters.get("flip") == Some(&Value::Bool(true)),
    };
    // Height, width, channels there; one plane a channel here.
    let planes = tensor(&case.inputs, "image")?
        .f_permute([2, 0, 1])?
        .f_contiguous()?;
    let (shape, bytes) = (planes.size(), flat(&planes)?);
    let bytes: Vec<u8> = bytes.into_iter().map(|value| value as u8).collect();
    let [channels, plane, width] = [shape[0], shape[1] * shape[2], shape[2]].map(|n| n as usize);
    let normalise = normalise(&input, channels, true).map_err(GoldenError::Case)?;
    let mut seen = vec![0.0; bytes.len()];
    let parts = bytes.chunks_exact(plane).zip(seen.chunks_exact_mut(plane));
    for ((source, target), normalise) in parts.zip(normalise) {
        view.write(source, target, width, |byte| normalise.apply(byte));
    }
    let seen = Tensor::from_slice(&seen).f_reshape(&shape)?;
    Ok(Some(vec![(
        "image",
        seen.f_permute([1, 2, 0])?.f_contiguous()?,
    )]))
}

fn batch(
    logits: &Tensor,
    targets: Tensor,
    case: &Case,
    weights: &str,
) -> Result<Batch, GoldenError> {
    let batch = Batch::new(logits.shallow_clone(), targets);
    match case.inputs.get(weights) {
        None | Some(Value::Null) => Ok(batch),
        Some(_) => Ok(batch.weighted(tensor(&case.inputs, weights)?)),
    }
}

fn loss(
    logits: &Tensor,
    batch: &Batch,
    smoothing: f64,
    weighting: Weighting,
) -> Result<Computed, GoldenError> {
    let LossValues {
        per_example,
        summed,
        valid,
    } = values(logits, batch, smoothing, weighting)?;
    let mean = summed.f_div(&valid)?;
    let gradient = gradient::gradients(&summed, &[logits], Graph::Free)?.remove(0);
    let gradient = gradient.unwrap_or_else(|| logits.zeros_like());
    Ok(vec![
        ("per_example", per_example),
        ("summed", summed),
        ("n_valid_examples", valid),
        ("mean", mean),
        ("grad_logits", gradient),
    ])
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
