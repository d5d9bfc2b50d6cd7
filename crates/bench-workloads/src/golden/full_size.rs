//! Names, shapes and count of the real model's parameters, without their memory.

use super::file::{File, Shape, Variant};
use super::findings::{Findings, settle};
use super::subject::{self, Subject};
use super::{GoldenError, Verdict};
use crate::model::{self, Builder};

/// Compares names, shapes and count of the real model and its variants.
pub(super) fn compare(file: &File) -> Vec<(String, Verdict)> {
    let base = (&file.full_size.parameters, file.full_size.count);
    let variants = file
        .full_size
        .variants
        .iter()
        .map(|(name, variant)| match variant {
            Variant::Own { parameters, count } => (name.as_str(), (parameters, *count)),
            Variant::Same { same_as } => {
                (name.as_str(), variant_shapes(file, same_as).unwrap_or(base))
            }
        });
    std::iter::once(("base", base))
        .chain(variants)
        .map(|(name, (shapes, count))| {
            let verdict = match subject::full_size(&file.workload, name) {
                None => Verdict::NotBuilt,
                Some(subject) => {
                    settle(subject.and_then(|subject| compare_shapes(&subject, shapes, count)))
                }
            };
            (name.to_owned(), verdict)
        })
        .collect()
}

fn variant_shapes<'a>(file: &'a File, name: &str) -> Option<(&'a Vec<Shape>, i64)> {
    match file.full_size.variants.get(name)? {
        Variant::Own { parameters, count } => Some((parameters, *count)),
        Variant::Same { .. } => None,
    }
}

fn compare_shapes(
    subject: &Subject,
    shapes: &[Shape],
    count: i64,
) -> Result<Findings, GoldenError> {
    let model = model::build(&subject.model, &subject.interface, Builder::shapes_only())?;
    let ours: Vec<_> = model
        .parameters()
        .iter()
        .map(|p| (p.name.as_str(), p.tensor.size()))
        .collect();
    let theirs: Vec<_> = shapes
        .iter()
        .map(|shape| (shape.name.as_str(), shape.shape.clone()))
        .collect();
    let mut findings = Findings::default();
    findings.lists("parameters", &ours, &theirs);
    let total: i64 = ours
        .iter()
        .map(|(_, shape)| shape.iter().product::<i64>())
        .sum();
    findings.number("count", total as f64, count as f64);
    Ok(findings)
}
