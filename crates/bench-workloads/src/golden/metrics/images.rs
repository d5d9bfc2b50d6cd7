//! Views of images, and images out of measured frequencies.

use super::{Case, Computed, difference, missing, number, numbers, strings, tensor, text};
use crate::data::augment::{View, mixed};
use crate::data::kspace::{Mask, example};
use crate::data::rand_augment::{Change, Image, OPERATIONS, Operation};
use crate::data::table::channels as normalise;
use crate::golden::GoldenError;
use crate::golden::tensor::flat;
use bench_core::spec::workload::Input;
use serde_json::Value;
use tch::{Kind, Tensor};

/// Training images as AlgoPerf's workloads see them.
pub(super) fn views(case: &Case) -> Result<f64, GoldenError> {
    let computed = match text(case, "rule") {
        Some("cifar" | "normalise") => seen(case)?,
        Some("randaugment") => changed(case)?,
        Some("mixup") => mixed_up(case)?,
        Some("table") => return table(case),
        _ => return Err(missing("rule", "known here")),
    };
    difference(case, &computed)
}

/// Height, width, channels there; one plane a channel here.
fn planes(case: &Case) -> Result<(Vec<u8>, [usize; 3]), GoldenError> {
    let planes = tensor(&case.inputs, "image")?
        .f_permute([2, 0, 1])?
        .f_contiguous()?;
    let shape = planes.size();
    let bytes = flat(&planes)?.into_iter().map(|value| value as u8);
    Ok((bytes.collect(), [0, 1, 2].map(|side| shape[side] as usize)))
}

fn image(values: &Tensor, shape: [usize; 3]) -> Result<Computed, GoldenError> {
    let planes = values.f_reshape(shape.map(|side| side as i64))?;
    Ok(vec![(
        "image",
        planes.f_permute([1, 2, 0])?.f_contiguous()?,
    )])
}

/// Cropped, mirrored and normalised.
fn seen(case: &Case) -> Result<Computed, GoldenError> {
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
    let padding = match text(case, "framework") {
        // On both sides together.
        Some("jax") => number(&case.parameters, "padding")? / 2.0,
        _ => number(&case.parameters, "padding").unwrap_or(0.0),
    };
    let offset = |key: &str| (number(&case.parameters, key).unwrap_or(0.0) - padding) as isize;
    let view = View {
        offset: (offset("top"), offset("left")),
        flipped: case.parameters.get("flip") == Some(&Value::Bool(true)),
        changes: [None; 2],
    };
    let (bytes, shape) = planes(case)?;
    let [channels, height, width] = shape;
    let normalise = normalise(&input, channels, true).map_err(GoldenError::Case)?;
    let mut seen = vec![0.0; bytes.len()];
    let plane = height * width;
    let parts = bytes.chunks_exact(plane).zip(seen.chunks_exact_mut(plane));
    for ((source, target), normalise) in parts.zip(normalise) {
        view.write(source, target, width, |byte| normalise.apply(byte));
    }
    image(&Tensor::from_slice(&seen), shape)
}

fn operation(name: &str) -> Option<Operation> {
    let mut all = OPERATIONS.into_iter().map(|(operation, ..)| operation);
    all.find(|operation| format!("{operation:?}") == name)
}

fn changed(case: &Case) -> Result<Computed, GoldenError> {
    let (planes, shape) = planes(case)?;
    let [_, height, width] = shape;
    let name = text(case, "op").unwrap_or_default();
    let centre = |key: &str, side: usize| match number(&case.parameters, key) {
        Ok(place) => (place - 1.0) / (side as f64 - 1.0),
        Err(_) => 0.0,
    };
    let change = Change {
        operation: operation(name).ok_or_else(|| missing("op", "known here"))?,
        magnitude: number(&case.parameters, "magnitude")?,
        centre: [centre("center_x", width), centre("center_y", height)],
    };
    let changed = change.apply(&Image { planes, width });
    let bytes = Tensor::from_slice(&changed.planes).f_to_kind(Kind::Double)?;
    image(&bytes, shape)
}

fn mixed_up(case: &Case) -> Result<Computed, GoldenError> {
    let share = number(&case.parameters, "weight")?;
    let classes = number(&case.parameters, "num_classes")? as i64;
    let labels = tensor(&case.inputs, "labels")?.f_to_kind(Kind::Int64)?;
    let each = labels.f_one_hot(classes)?.f_to_kind(Kind::Double)?;
    Ok(vec![
        ("inputs", mixed(&tensor(&case.inputs, "inputs")?, share)?),
        ("targets", mixed(&each, share)?),
    ])
}

/// Names, magnitudes and signs of all operations, in the order in which they are drawn.
fn table(case: &Case) -> Result<f64, GoldenError> {
    let listed = |key: &str| case.expected.get(key).and_then(numbers).unwrap_or_default();
    let order = case.expected.get("order_pytorch").and_then(strings);
    let names = OPERATIONS.map(|(operation, ..)| format!("{operation:?}"));
    let magnitudes = OPERATIONS.map(|(_, magnitude, _)| magnitude);
    let signs = OPERATIONS.map(|(.., signed)| f64::from(u8::from(signed)));
    let equal = order.is_some_and(|order| order == names)
        && listed("magnitude_pytorch") == magnitudes
        && listed("sign_random_pytorch") == signs;
    Ok(if equal { 0.0 } else { f64::INFINITY })
}

pub(super) fn kspace(case: &Case) -> Result<Computed, GoldenError> {
    let parts = [
        tensor(&case.inputs, "kspace_re")?,
        tensor(&case.inputs, "kspace_im")?,
    ];
    let mask = Mask {
        centre: number(&case.parameters, "center_fraction")?,
        acceleration: number(&case.parameters, "acceleration")?,
    };
    let draws = case.inputs.get("u").and_then(numbers).unwrap_or_default();
    let columns = mask.columns(draws.len());
    let kept: Vec<i64> = mask.kept(&draws).into_iter().map(i64::from).collect();
    let example = example(&parts, &tensor(&case.inputs, "target")?, &mask, &draws)?;
    Ok(vec![
        ("num_low_frequencies", (columns.low as f64).into()),
        ("center_start", (columns.start as f64).into()),
        ("probability", columns.probability.into()),
        ("mask", Tensor::from_slice(&kept).f_to_kind(Kind::Double)?),
        ("abs_image", example.image),
        ("mean", example.mean.into()),
        ("std", example.std.into()),
        ("inputs", example.inputs),
        ("targets", example.targets),
    ])
}
