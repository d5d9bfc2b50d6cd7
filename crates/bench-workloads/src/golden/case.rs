//! One case of a model golden: build the model, give it the reference's numbers, compare what it computes.

use super::file::{Case, Entry, File, Mode, Shape, Summary, Variant};
use super::subject::{self, Subject};
use super::tensor::{self, Difference, Worst};
use super::{GoldenError, TOLERANCE, Verdict};
use crate::batch::Batch;
use crate::loss::Loss;
use crate::metric::accuracy;
use crate::model::{self, Builder, Model, Pass};
use bench_torch::gradient::{self, Graph};
use std::collections::BTreeMap;
use tch::{Device, Kind, Tensor};

/// Compares one case.
pub(super) fn compare(file: &File, case: &Case) -> Verdict {
    match subject::of_case(&file.workload, &case.variant, &case.config) {
        None => Verdict::NotBuilt,
        Some(subject) => settle(subject.and_then(|subject| run(file, case, &subject))),
    }
}

/// Compares names, shapes and count of the real model and its variants.
pub(super) fn full_size(file: &File) -> Vec<(String, Verdict)> {
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

/// What was compared: the largest difference, and what is beyond the tolerance.
#[derive(Debug, Default)]
struct Findings {
    worst: f64,
    places: Vec<String>,
}

impl Findings {
    fn number(&mut self, what: &str, ours: f64, reference: f64, terms: f64) {
        let mut worst = Worst::default();
        worst.add(ours, reference, terms.max(1.0) * reference.abs().max(1.0));
        if worst.0 > TOLERANCE {
            self.places.push(format!(
                "{what}: {ours} where the reference has {reference}"
            ));
        }
        self.worst = self.worst.max(worst.0);
    }

    fn tensor(
        &mut self,
        what: &str,
        ours: &Tensor,
        reference: &Summary,
    ) -> Result<(), GoldenError> {
        match tensor::difference(ours, reference)? {
            Difference::Value(difference) => {
                if difference > TOLERANCE {
                    self.places
                        .push(format!("{what}: relative difference {difference:.1e}"));
                }
                self.worst = self.worst.max(difference);
            }
            Difference::Shape { ours, reference } => {
                self.places.push(format!(
                    "{what}: shape {ours:?} where the reference has {reference:?}"
                ));
            }
        }
        Ok(())
    }
}

fn settle(result: Result<Findings, GoldenError>) -> Verdict {
    match result {
        Ok(findings) if findings.places.is_empty() => Verdict::Equal(findings.worst),
        Ok(findings) => Verdict::Differs(findings.places),
        Err(error) => Verdict::Differs(vec![error.to_string()]),
    }
}

fn run(file: &File, case: &Case, subject: &Subject) -> Result<Findings, GoldenError> {
    let builder = Builder::new(Device::Cpu, Kind::Double, 0);
    let model = model::build(&subject.model, &subject.interface, builder)?;
    let mut findings = Findings::default();
    assign(file, case, model.as_ref(), &mut findings)?;
    if !findings.places.is_empty() {
        return Ok(findings);
    }
    let inputs = inputs(file, case)?;
    let mut batch = Batch::new(input(&inputs, "inputs")?, input(&inputs, "targets")?);
    if let Some(weights) = &case.loss.mask {
        batch = batch.weighted(input(&inputs, weights)?);
    }
    let pass = match case.mode {
        Mode::Train => Pass::TRAIN,
        Mode::Eval => Pass::EVAL,
    };
    let outputs = model.forward(&batch, &pass)?;
    compare_outputs(case, &outputs, &batch, &mut findings)?;
    let mean = compare_loss(
        case,
        &Loss::new(&subject.loss),
        &outputs,
        &batch,
        &mut findings,
    )?;
    if !case.gradients.is_empty() {
        compare_gradients(case, model.as_ref(), &mean, &mut findings)?;
    }
    for buffer in model.buffers() {
        if let Some(reference) = case.buffers_after.get(&buffer.name) {
            findings.tensor(
                &format!("buffer {} after", buffer.name),
                &buffer.tensor,
                reference,
            )?;
        }
    }
    Ok(findings)
}

/// Sets parameters and buffers to the reference's values, where names and shapes are the same and in the same order.
fn assign(
    file: &File,
    case: &Case,
    model: &dyn Model,
    findings: &mut Findings,
) -> Result<(), GoldenError> {
    let _guard = tch::no_grad_guard();
    let parameters = model
        .parameters()
        .iter()
        .map(|p| (p.name.as_str(), &p.tensor))
        .collect();
    let buffers = model
        .buffers()
        .iter()
        .map(|b| (b.name.as_str(), &b.tensor))
        .collect();
    assign_list(
        "parameters",
        file.seed,
        &case.parameters,
        parameters,
        findings,
    )?;
    assign_list("buffers", file.seed, &case.buffers, buffers, findings)
}

fn assign_list(
    what: &str,
    seed: u64,
    reference: &[Entry],
    ours: Vec<(&str, &Tensor)>,
    findings: &mut Findings,
) -> Result<(), GoldenError> {
    let theirs: Vec<_> = reference
        .iter()
        .map(|entry| (entry.name.as_str(), entry.shape.clone()))
        .collect();
    let shapes: Vec<_> = ours
        .iter()
        .map(|(name, tensor)| (*name, tensor.size()))
        .collect();
    if let Some(place) = first_difference(what, &shapes, &theirs) {
        findings.places.push(place);
        return Ok(());
    }
    for ((_, tensor), entry) in ours.iter().zip(reference) {
        tensor
            .shallow_clone()
            .f_copy_(&tensor::rebuild(seed, entry)?)?;
    }
    Ok(())
}

/// The first place where two lists of names and shapes differ.
fn first_difference(
    what: &str,
    ours: &[(&str, Vec<i64>)],
    theirs: &[(&str, Vec<i64>)],
) -> Option<String> {
    let unequal = ours.iter().zip(theirs).position(|(a, b)| a != b);
    match unequal {
        Some(at) => Some(format!(
            "{what}, number {at}: {:?} where the reference has {:?}",
            ours[at], theirs[at]
        )),
        None if ours.len() != theirs.len() => Some(format!(
            "{what}: {} where the reference has {}",
            ours.len(),
            theirs.len()
        )),
        None => None,
    }
}

fn inputs(file: &File, case: &Case) -> Result<BTreeMap<String, Tensor>, GoldenError> {
    let rebuilt = |entry: &Entry| Ok((entry.name.clone(), tensor::rebuild(file.seed, entry)?));
    case.inputs.iter().map(rebuilt).collect()
}

fn input(inputs: &BTreeMap<String, Tensor>, name: &str) -> Result<Tensor, GoldenError> {
    inputs
        .get(name)
        .map(Tensor::shallow_clone)
        .ok_or(GoldenError::Value {
            key: name.to_owned(),
            expected: "an input of this case",
        })
}

fn compare_outputs(
    case: &Case,
    outputs: &Tensor,
    batch: &Batch,
    findings: &mut Findings,
) -> Result<(), GoldenError> {
    for (name, reference) in &case.outputs {
        findings.tensor(&format!("output {name}"), outputs, reference)?;
    }
    if let Some(correct) = case
        .metrics
        .get("correct")
        .and_then(serde_json::Value::as_f64)
    {
        findings.number(
            "correct answers",
            accuracy::count(outputs, batch)?.0,
            correct,
            1.0,
        );
    }
    Ok(())
}

/// Compares all forms of the loss; hands back the mean that training differentiates.
fn compare_loss(
    case: &Case,
    loss: &Loss,
    outputs: &Tensor,
    batch: &Batch,
    findings: &mut Findings,
) -> Result<Tensor, GoldenError> {
    let (reference, smoothing) = (&case.loss, case.loss.label_smoothing);
    let values = loss.values(outputs, batch, smoothing)?;
    let mean = loss.mean(outputs, batch, smoothing)?;
    findings.tensor(
        "loss per example",
        &values.per_example,
        &reference.per_example,
    )?;
    let terms = values.per_example.numel() as f64;
    findings.number(
        "summed loss",
        values.summed.f_double_value(&[])?,
        reference.summed,
        terms,
    );
    findings.number(
        "valid examples",
        values.valid.f_double_value(&[])?,
        reference.n_valid_examples,
        1.0,
    );
    findings.number(
        "summed / valid",
        values.mean()?.f_double_value(&[])?,
        reference.mean,
        1.0,
    );
    findings.number("mean loss", mean.f_double_value(&[])?, reference.mean, 1.0);
    Ok(mean)
}

fn compare_gradients(
    case: &Case,
    model: &dyn Model,
    mean: &Tensor,
    findings: &mut Findings,
) -> Result<(), GoldenError> {
    let tensors: Vec<&Tensor> = model.parameters().iter().map(|p| &p.tensor).collect();
    let gradients = gradient::gradients(mean, &tensors, Graph::Free)?;
    for (parameter, ours) in model.parameters().iter().zip(gradients) {
        let what = format!("gradient of {}", parameter.name);
        match (ours, case.gradients.get(&parameter.name)) {
            (Some(ours), Some(Some(reference))) => findings.tensor(&what, &ours, reference)?,
            (None, Some(None)) => {}
            (ours, _) => {
                let there = if ours.is_some() { "there" } else { "missing" };
                findings
                    .places
                    .push(format!("{what}: {there}, unlike the reference's"));
            }
        }
    }
    Ok(())
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
    findings
        .places
        .extend(first_difference("parameters", &ours, &theirs));
    let total: i64 = ours
        .iter()
        .map(|(_, shape)| shape.iter().product::<i64>())
        .sum();
    findings.number("count", total as f64, count as f64, 1.0);
    Ok(findings)
}
