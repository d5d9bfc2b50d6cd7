//! Names that one file uses of another.

use super::Findings;
use crate::spec::catalog::Catalog;
use crate::spec::check::Violation;
use crate::spec::dataset::Format;
use crate::spec::schema::Kind;
use crate::spec::workload::{Model, Workload};
use crate::spec::yaml::escape;

/// The kind and name of each file that is wrong about another, and why.
pub(in crate::spec) fn references(catalog: &Catalog) -> Vec<(Kind, String, Violation)> {
    let mut found = Vec::new();
    for (name, workload) in &catalog.workloads {
        let mut wrong = |violation| found.push((Kind::Workload, name.clone(), violation));
        match catalog.datasets.get(&workload.dataset) {
            None if catalog.is_broken(Kind::Dataset, &workload.dataset) => {}
            None => {
                let known: Vec<&str> = catalog.datasets.keys().map(String::as_str).collect();
                wrong(Violation::unknown(
                    "/dataset",
                    "data set",
                    &workload.dataset,
                    &known,
                ));
            }
            Some(dataset) => fitting(workload, &dataset.format)
                .into_iter()
                .for_each(wrong),
        }
    }
    let workloads: Vec<&str> = catalog.workloads.keys().map(String::as_str).collect();
    let unknown = |name: &str| {
        !catalog.workloads.contains_key(name) && !catalog.is_broken(Kind::Workload, name)
    };
    for (suite, members) in catalog.harness.iter().flat_map(|harness| &harness.suites) {
        for (position, member) in members
            .iter()
            .enumerate()
            .filter(|(_, member)| unknown(member))
        {
            let pointer = format!("/suites/{}/{position}", escape(suite));
            let violation = Violation::unknown(pointer, "workload", member, &workloads);
            found.push((Kind::Harness, "harness".to_owned(), violation));
        }
    }
    for (name, entrant) in &catalog.submissions {
        let sizes = &entrant.submission.batch_size.workloads;
        for workload in sizes.keys().filter(|workload| unknown(workload)) {
            let pointer = format!("/batch-size/workloads/{}", escape(workload));
            let violation = Violation::unknown(pointer, "workload", workload, &workloads);
            found.push((Kind::Submission, name.clone(), violation.on_key()));
        }
    }
    found
}

/// Whether model and input are for data of that format.
fn fitting(workload: &Workload, format: &Format) -> Vec<Violation> {
    let image = match format {
        Format::IdxImages(image) => Some(image),
        Format::Generated(generated) => Some(&generated.image),
        Format::Tokens(_) => None,
    };
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
