//! Scores of classes, images and yes-or-no questions.

use super::losses::batch;
use super::{Case, Computed, listed, number, numbers, tensor, text};
use crate::batch::{Batch, Named};
use crate::golden::GoldenError;
use crate::metric::accuracy::{self, Accuracy, Over, Share};
use crate::metric::mean_average_precision::{MeanAveragePrecision, average_precision};
use crate::metric::{Accumulator, ssim};
use serde_json::Value;
use tch::{Kind, Tensor};

pub(super) fn accuracies(case: &Case) -> Result<Computed, GoldenError> {
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

pub(super) fn similarity(case: &Case) -> Result<Computed, GoldenError> {
    let outputs = tensor(&case.inputs, "output")?;
    let columns = [
        ("mean", "mean"),
        ("std", "std"),
        ("volume_max", "volume-max"),
    ];
    let beside = columns
        .into_iter()
        .filter(|(theirs, _)| {
            case.inputs
                .get(*theirs)
                .is_some_and(|value| !value.is_null())
        })
        .map(|(theirs, ours)| Ok(Named::new(ours, tensor(&case.inputs, theirs)?)))
        .collect::<Result<_, GoldenError>>()?;
    let batch = Batch::of(
        Named::new("inputs", outputs.shallow_clone()),
        beside,
        Named::new("targets", tensor(&case.inputs, "target")?),
    );
    let each = ssim::of_batch(&outputs, &batch)?;
    let sum: f64 = each.iter().sum();
    Ok(vec![("ssim", listed(&each)), ("sum", sum.into())])
}

pub(super) fn average_precisions(case: &Case) -> Result<Computed, GoldenError> {
    if text(case, "rule") == Some("average_precision") {
        let list = |key: &str| case.inputs.get(key).and_then(numbers).unwrap_or_default();
        let pairs = list("scores").into_iter().zip(list("labels"));
        let answered: Vec<_> = pairs.map(|(score, label)| (score, label == 1.0)).collect();
        return Ok(vec![(
            "average_precision",
            average_precision(&answered).into(),
        )]);
    }
    let logits = tensor(&case.inputs, "logits")?;
    let batch = batch(&logits, tensor(&case.inputs, "labels")?, case, "mask")?;
    let mut precision = MeanAveragePrecision::default();
    precision.add_batch(&logits, &batch)?;
    Ok(vec![
        ("average_precisions", listed(&precision.each())),
        ("mean_average_precision", precision.mean().into()),
    ])
}
