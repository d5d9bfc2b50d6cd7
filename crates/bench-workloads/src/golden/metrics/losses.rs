//! Losses.

use super::{Case, Computed, number, numbers, tensor, text};
use crate::batch::{Batch, Named};
use crate::data::table::missing;
use crate::golden::GoldenError;
use crate::loss::cross_entropy::values;
use crate::loss::{
    Kind as _, LossValues, Weighting, binary_cross_entropy as binary, ctc as temporal,
};
use crate::metric::accuracy;
use crate::metric::cross_entropy::{bits, perplexity};
use crate::metric::mean::Mean;
use bench_core::spec::workload::MeanAbsoluteError;
use bench_torch::gradient::{self, Graph};
use serde_json::Value;
use tch::{Kind, Tensor};

pub(super) fn cross_entropy(case: &Case) -> Result<Computed, GoldenError> {
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

pub(super) fn token_cross_entropy(case: &Case) -> Result<Computed, GoldenError> {
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

pub(super) fn binary_cross_entropy(case: &Case) -> Result<Computed, GoldenError> {
    let logits = tensor(&case.inputs, "logits")?.set_requires_grad(true);
    let mut labels = tensor(&case.inputs, "labels")?;
    if text(case, "rule") == Some("criteo") {
        let batch = batch(&logits, labels, case, "weights")?;
        return told(
            &logits,
            binary::values(&logits, &batch, 0.0, Weighting::Multiply)?,
        );
    }
    let there = missing(&mut labels)?.unwrap_or(labels.f_ones_like()?);
    let graphs = tensor(&case.inputs, "padding_mask")?;
    let weights = there.f_mul(&graphs.f_unsqueeze(1)?)?;
    let smoothing = number(&case.parameters, "label_smoothing")?;
    let batch = Batch::new(logits.shallow_clone(), labels.shallow_clone())
        .weighted(weights.shallow_clone());
    let losses = binary::values(&logits, &batch, smoothing, Weighting::Select)?;
    let mut computed = told(&logits, losses)?;
    computed.extend([("replaced_labels", labels), ("weights", weights)]);
    Ok(computed)
}

pub(super) fn mean_absolute_error(case: &Case) -> Result<Computed, GoldenError> {
    let outputs = tensor(&case.inputs, "output")?.set_requires_grad(true);
    let batch = batch(&outputs, tensor(&case.inputs, "target")?, case, "weights")?;
    told(&outputs, MeanAbsoluteError {}.values(&outputs, &batch)?)
}

pub(super) fn ctc(case: &Case) -> Result<Computed, GoldenError> {
    let logits = tensor(&case.inputs, "logits")?.set_requires_grad(true);
    let there = |paddings: &str| -> Result<Tensor, GoldenError> {
        let there = tensor(&case.inputs, paddings)?.f_eq(0.0)?;
        Ok(there.f_sum_dim_intlist([1_i64].as_slice(), false, Kind::Int64)?)
    };
    let labels = Named {
        lengths: Some(there("label_paddings")?),
        ..Named::new(
            "targets",
            tensor(&case.inputs, "labels")?.f_to_kind(Kind::Int64)?,
        )
    };
    let inputs = Named::new("inputs", logits.shallow_clone());
    let mut batch = Batch::of(inputs, Vec::new(), labels);
    if case.inputs.get("mask").is_some_and(|mask| !mask.is_null()) {
        batch = batch.weighted(tensor(&case.inputs, "mask")?);
    }
    let frames = Vec::<i64>::try_from(there("logit_paddings")?)?;
    told(&logits, temporal::values(&logits, &frames, &batch)?)
}

pub(super) fn batch(
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
    told(logits, values(logits, batch, smoothing, weighting)?)
}

/// A loss in all its forms, and its gradient.
fn told(outputs: &Tensor, values: LossValues) -> Result<Computed, GoldenError> {
    let LossValues {
        per_example,
        summed,
        valid,
    } = values;
    let mean = summed.f_div(&valid)?;
    let gradient = gradient::gradients(&summed, &[outputs], Graph::Free)?.remove(0);
    let gradient = gradient.unwrap_or_else(|| outputs.zeros_like());
    Ok(vec![
        ("per_example", per_example),
        ("summed", summed),
        ("n_valid_examples", valid),
        ("mean", mean),
        ("grad_logits", gradient.shallow_clone()),
        ("grad_output", gradient),
    ])
}
