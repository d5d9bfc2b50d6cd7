//! Names that one file uses of another.

use super::{Findings, part};
use crate::spec::catalog::Catalog;
use crate::spec::check::Violation;
use crate::spec::columns::{Column, Columns, Number, Rows, Values};
use crate::spec::dataset::Dataset;
use crate::spec::interface::Misfit;
use crate::spec::schema::Kind;
use crate::spec::workload::{Metric, Workload};
use crate::spec::yaml::escape;
use serde_json::Value;
use std::collections::BTreeMap;

/// Training examples whose labels can be replaced.
const MOST_NOISY: u64 = 1 << 24;

/// What is wrong in a file about others.
pub(in crate::spec) fn references(catalog: &Catalog, kind: Kind, file: &Value) -> Vec<Violation> {
    match kind {
        Kind::Workload => dataset(catalog, file),
        Kind::Harness => suites(catalog, file),
        Kind::Submission => batch_sizes(catalog, file),
        Kind::Dataset => Vec::new(),
    }
}

fn dataset(catalog: &Catalog, file: &Value) -> Vec<Violation> {
    let Some(dataset) = part::<String>(file, "/dataset") else {
        return Vec::new();
    };
    match (part(file, ""), catalog.datasets.get(&dataset)) {
        (Some(workload), Some(data)) => {
            let mut found = fitting(&workload, &data.format.columns());
            found.extend(regimes(&workload, data));
            found
        }
        (None, Some(_)) => Vec::new(),
        (_, None) if catalog.is_broken(Kind::Dataset, &dataset) => Vec::new(),
        (_, None) => {
            let known: Vec<&str> = catalog.datasets.keys().map(String::as_str).collect();
            vec![Violation::unknown("/dataset", "data set", &dataset, &known)]
        }
    }
}

fn suites(catalog: &Catalog, file: &Value) -> Vec<Violation> {
    let suites: BTreeMap<String, Vec<String>> = part(file, "/suites").unwrap_or_default();
    let members = suites.iter().flat_map(|(suite, members)| {
        let place = format!("/suites/{}", escape(suite));
        let at = move |(position, member)| (format!("{place}/{position}"), member);
        members.iter().enumerate().map(at)
    });
    members
        .filter_map(|(pointer, member)| no_workload(catalog, pointer, member))
        .collect()
}

fn batch_sizes(catalog: &Catalog, file: &Value) -> Vec<Violation> {
    let place = "/batch-size/workloads";
    let sizes: BTreeMap<String, Value> = part(file, place).unwrap_or_default();
    let wrong = |(name, size): (&String, &Value)| {
        let pointer = format!("{place}/{}", escape(name));
        match no_workload(catalog, pointer.clone(), name) {
            Some(missing) => Some(missing.on_key()),
            None => exhausting(catalog, pointer, name, size.as_u64()?),
        }
    };
    sizes.iter().filter_map(wrong).collect()
}

/// A batch size with which the one epoch of a workload ends before its budget.
fn exhausting(catalog: &Catalog, pointer: String, name: &str, size: u64) -> Option<Violation> {
    let workload = catalog.workloads.get(name).filter(|w| w.one_epoch)?;
    let examples = trained_on(workload, catalog.datasets.get(&workload.dataset)?);
    let steps = workload.budget.steps;
    // Where not even one example a step would do, the workload is told so.
    if size.saturating_mul(steps) <= examples || examples < steps {
        return None;
    }
    Some(Violation::new(
        pointer,
        format!(
            "`{name}` trains for one epoch of {examples} examples, which {steps} steps of {size} exceed"
        ),
        format!("at most {}", examples / steps.max(1)),
    ))
}

/// Examples of the training split that the workload trains on.
fn trained_on(workload: &Workload, data: &Dataset) -> u64 {
    workload.trained_on(workload.examples(&data.format.columns(), data.splits.train.count))
}

fn no_workload(catalog: &Catalog, pointer: String, name: &str) -> Option<Violation> {
    if catalog.workloads.contains_key(name) || catalog.is_broken(Kind::Workload, name) {
        return None;
    }
    let known: Vec<&str> = catalog.workloads.keys().map(String::as_str).collect();
    Some(Violation::unknown(pointer, "workload", name, &known))
}

/// Whether the data is enough, and of a kind, for what the workload does with it.
fn regimes(workload: &Workload, data: &Dataset) -> Vec<Violation> {
    let (name, steps) = (&workload.dataset, workload.budget.steps);
    let mut found = Findings::default();
    let columns = data.format.columns();
    let there = workload.examples(&columns, data.splits.train.count);
    if let Some(wanted) = workload.train_examples {
        found.require(
            wanted <= there,
            "/train-examples",
            format!("data set `{name}` has {there} training examples, not {wanted}"),
            &format!("at most {there}"),
        );
    }
    let examples = trained_on(workload, data);
    found.require(
        !workload.one_epoch || steps <= examples,
        "/one-epoch",
        format!("one epoch has {examples} training examples, and the budget's {steps} steps take at least one each"),
        "lower `budget.steps`, or train on more data",
    );
    if workload.label_noise > 0.0 {
        let message = match columns
            .target()
            .map(|(_, target)| (target.rows, target.values))
        {
            Some((Rows::One, Values::Classes(2..))) => None,
            Some((Rows::One, Values::Classes(_))) => Some("has one class: no label can be another"),
            _ => Some("has no classes as labels, so that none can be replaced"),
        };
        if let Some(message) = message {
            let message = format!("data set `{name}` {message}");
            found.require(false, "/label-noise", message, "remove it");
        }
        // All labels are replaced at once, in memory.
        found.require(
            there <= MOST_NOISY,
            "/label-noise",
            format!("data set `{name}` has {there} training examples; labels of {MOST_NOISY} at most are replaced"),
            "remove it, or take a smaller data set",
        );
    }
    found.0
}

/// Whether model, input, loss and metrics are for data of these columns.
fn fitting(workload: &Workload, columns: &Columns) -> Vec<Violation> {
    let mut found = Findings::default();
    let name = &workload.dataset;
    if let Err(misfit) = workload.interface(name, columns) {
        let (pointer, help) = match &misfit {
            Misfit::Inputs { .. } | Misfit::Target { .. } => {
                ("/model", "choose another model or data set")
            }
            Misfit::Sizes { .. } => ("/model", "choose other sizes, or another model or data set"),
            Misfit::Length { .. } => ("/input", "add `input: { sequence-length: … }`"),
        };
        found.require(false, pointer, misfit.to_string(), help);
    }
    found.require(
        columns.running().is_some() || workload.input.sequence_length.is_none(),
        "/input/sequence-length",
        format!("data set `{name}` holds no text that could be cut into lengths: {columns}"),
        "remove it",
    );
    let image = |column: &Column| {
        column.rows == Rows::One && column.values == Values::Real && column.shape.len() == 3
    };
    found.require(
        workload.input.augment.is_none() || columns.inputs().any(|(_, column)| image(column)),
        "/input/augment",
        format!("data set `{name}` holds no images that could be cropped or flipped: {columns}"),
        "remove it",
    );
    augmented(&mut found, workload, columns);
    normalised(&mut found, workload, columns);
    minimised(&mut found, workload, columns);
    if let Some((_, target)) = columns.target() {
        measured(&mut found, workload, target);
    }
    found.0
}

/// Whether images are of a kind that the workload changes, and labels of one that it mixes.
fn augmented(found: &mut Findings, workload: &Workload, columns: &Columns) {
    let (data, augment) = (
        &workload.dataset,
        workload.input.augment.unwrap_or_default(),
    );
    let colour = |column: &Column| column.number == Number::U8 && column.shape.first() == Some(&3);
    found.require(
        !augment.rand_augment || columns.inputs().any(|(_, column)| colour(column)),
        "/input/augment/rand-augment",
        format!("data set `{data}` holds no images of three channels of bytes: {columns}"),
        "remove it",
    );
    let classes = |column: &Column| {
        column.rows == Rows::One
            && column.shape.is_empty()
            && matches!(column.values, Values::Classes(_))
    };
    found.require(
        augment.mixup == 0.0 || columns.target().is_some_and(|(_, target)| classes(target)),
        "/input/augment/mixup",
        format!("data set `{data}` asks for no class that could be mixed with another: {columns}"),
        "remove it",
    );
}

/// Whether there is a mean for each channel, or each number of a row.
fn normalised(found: &mut Findings, workload: &Workload, columns: &Columns) {
    let means = workload.input.mean.len() as u64;
    let real = |column: &&Column| column.values == Values::Real;
    for (name, column) in columns.inputs().filter(|(_, column)| real(column)) {
        let first = column.shape.first().copied().unwrap_or(1);
        let channels = match column.shape.len() {
            3 => format!("{first} channels"),
            _ => format!("{first} numbers a row"),
        };
        found.require(
            means == 1 || means == first,
            "/input/mean",
            format!("{means} means for `{name}` of {channels}"),
            "give as many, or one for all",
        );
    }
}

/// Whether the loss is of what the data asks for and the model gives, and metrics are of the loss.
fn minimised(found: &mut Findings, workload: &Workload, columns: &Columns) {
    let (data, loss, model) = (&workload.dataset, &workload.loss, workload.model.kind());
    if let Some((name, target)) = columns.target() {
        let names: Vec<&str> = loss.targets().iter().map(|m| m.name()).collect();
        found.require(
            loss.targets().contains(&target.values.meaning()),
            "/loss",
            format!(
                "loss `{}` is of {}, and data set `{data}` asks for `{name}`: {target}",
                loss.name(),
                names.join(" or ")
            ),
            "choose another loss or data set",
        );
    }
    found.require(
        loss.wants_aligned() == model.is_aligned(),
        "/loss",
        match model.is_aligned() {
            true => format!("model `{}` gives an answer for each target, and loss `{}` is of frames whose places are not known", model.name(), loss.name()),
            false => format!("model `{}` gives frames whose places in the target are not known, and loss `{}` wants an answer for each target", model.name(), loss.name()),
        },
        match model.is_aligned() {
            true => "choose another loss",
            false => "write `loss: ctc`",
        },
    );
    for (place, metric) in workload.metrics.iter().enumerate() {
        found.require(
            metric.is_of(loss),
            format!("/metrics/{place}"),
            format!(
                "`{}` cannot be computed of what loss `{}` is of",
                metric.name(),
                loss.name()
            ),
            "remove it, or choose another loss",
        );
        found.require(
            !metric.is_of_writing() || model.writes(),
            format!("/metrics/{place}"),
            format!(
                "`{}` is of texts that a model writes, and `{}` writes none",
                metric.name(),
                model.name()
            ),
            "remove it",
        );
    }
}

/// Whether metrics are of what the data asks for.
fn measured(found: &mut Findings, workload: &Workload, target: &Column) {
    let data = &workload.dataset;
    // Bits a token is another number.
    found.require(
        target.values.below().is_none_or(|count| count <= 256)
            || !workload.metrics.contains(&Metric::BitsPerByte),
        "/metrics",
        format!(
            "`bits-per-byte` is of bytes, and data set `{data}` holds tokens of a larger vocabulary"
        ),
        "write `perplexity`",
    );
}
