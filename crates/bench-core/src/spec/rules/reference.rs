//! Names that one file uses of another.

use super::{Findings, part};
use crate::spec::catalog::Catalog;
use crate::spec::check::Violation;
use crate::spec::dataset::Format;
use crate::spec::schema::Kind;
use crate::spec::workload::{Model, Workload};
use crate::spec::yaml::escape;
use serde_json::Value;
use std::collections::BTreeMap;

/// What is wrong in a file about others.
pub(in crate::spec) fn references(
    catalog: &Catalog,
    kind: Kind,
    name: &str,
    file: &Value,
) -> Vec<Violation> {
    match kind {
        Kind::Workload => dataset(catalog, name, file),
        Kind::Harness => suites(catalog, file),
        Kind::Submission => batch_sizes(catalog, file),
        Kind::Dataset => Vec::new(),
    }
}

fn dataset(catalog: &Catalog, name: &str, file: &Value) -> Vec<Violation> {
    let Some(dataset) = part::<String>(file, "/dataset") else {
        return Vec::new();
    };
    match (catalog.workloads.get(name), catalog.datasets.get(&dataset)) {
        (Some(workload), Some(data)) => fitting(workload, &data.format),
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
    let missing = |name: &String| {
        let pointer = format!("{place}/{}", escape(name));
        Some(no_workload(catalog, pointer, name)?.on_key())
    };
    sizes.keys().filter_map(missing).collect()
}

fn no_workload(catalog: &Catalog, pointer: String, name: &str) -> Option<Violation> {
    if catalog.workloads.contains_key(name) || catalog.is_broken(Kind::Workload, name) {
        return None;
    }
    let known: Vec<&str> = catalog.workloads.keys().map(String::as_str).collect();
    Some(Violation::unknown(pointer, "workload", name, &known))
}

/// Whether model and input are for data of that format.
fn fitting(workload: &Workload, format: &Format) -> Vec<Violation> {
    let image = format.image();
    let (input, name) = (&workload.input, &workload.dataset);
    let reads_images = !matches!(workload.model, Model::Decoder(_));
    let mut found = Findings::default();
    found.require(
        reads_images == image.is_some(),
        "/model",
        match image {
            Some(_) => format!("this model reads text, and data set `{name}` holds images"),
            None => format!("this model reads images, and data set `{name}` holds text"),
        },
        "choose another model or data set",
    );
    match image {
        Some(image) => {
            let means = input.mean.len() as u64;
            found.require(
                means == 1 || means == image.channels,
                "/input/mean",
                format!("{means} means for images of {} channels", image.channels),
                "give one for every channel, or one for all",
            );
            found.require(
                input.sequence_length.is_none(),
                "/input/sequence-length",
                format!("data set `{name}` holds images, which have no length"),
                "remove it",
            );
        }
        None => found.require(
            input.sequence_length.is_some(),
            "/input",
            format!(
                "data set `{name}` holds text, and nothing says how much of it is read at once"
            ),
            "add `input: { sequence-length: … }`",
        ),
    }
    found.0
}
