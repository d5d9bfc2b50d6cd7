//! Names that one file uses of another.

use super::{Findings, part};
use crate::spec::catalog::Catalog;
use crate::spec::check::Violation;
use crate::spec::dataset::{Content, Dataset, Format};
use crate::spec::schema::Kind;
use crate::spec::workload::{Metric, Workload};
use crate::spec::yaml::escape;
use serde_json::Value;
use std::collections::BTreeMap;

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
            let mut found = fitting(&workload, &data.format);
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
    workload.trained_on(workload.examples(&data.format, data.splits.train.count))
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
    let there = workload.examples(&data.format, data.splits.train.count);
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
    let classes = data.format.image().map(|image| image.classes);
    if workload.label_noise > 0.0 && classes.is_none_or(|classes| classes < 2) {
        let message = match classes {
            None => format!("data set `{name}` holds text, which has no labels to replace"),
            Some(_) => format!("data set `{name}` has one class: no label can be another"),
        };
        found.require(false, "/label-noise", message, "remove it");
    }
    found.0
}

/// Whether model, input and metrics are for data of that format.
fn fitting(workload: &Workload, format: &Format) -> Vec<Violation> {
    let mut found = Findings::default();
    let (here, there) = match format.content() {
        Content::Images(_) => ("text", "images"),
        Content::Text { .. } => ("images", "text"),
    };
    let name = &workload.dataset;
    found.require(
        workload.model.reads_text() == (there == "text"),
        "/model",
        format!("this model reads {here}, and data set `{name}` holds {there}"),
        "choose another model or data set",
    );
    match format.content() {
        Content::Images(image) => fitting_images(&mut found, workload, image.channels),
        Content::Text { vocabulary } => fitting_text(&mut found, workload, vocabulary),
    }
    found.0
}

fn fitting_images(found: &mut Findings, workload: &Workload, channels: u64) {
    let means = workload.input.mean.len() as u64;
    found.require(
        means == 1 || means == channels,
        "/input/mean",
        format!("{means} means for images of {channels} channels"),
        "give one for every channel, or one for all",
    );
    found.require(
        workload.input.sequence_length.is_none(),
        "/input/sequence-length",
        format!(
            "data set `{}` holds images, which have no length",
            workload.dataset
        ),
        "remove it",
    );
}

fn fitting_text(found: &mut Findings, workload: &Workload, vocabulary: u64) {
    let name = &workload.dataset;
    found.require(
        workload.input.sequence_length.is_some(),
        "/input",
        format!("data set `{name}` holds text, and nothing says how much of it is read at once"),
        "add `input: { sequence-length: … }`",
    );
    // Bits a token is another number.
    found.require(
        vocabulary <= 256 || !workload.metrics.contains(&Metric::BitsPerByte),
        "/metrics",
        format!(
            "`bits-per-byte` is of bytes, and data set `{name}` holds tokens of a larger vocabulary"
        ),
        "write `perplexity`",
    );
}
