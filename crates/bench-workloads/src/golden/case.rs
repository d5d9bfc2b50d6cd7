//! One case of a model golden: build the model, give it the reference's numbers, compare what it computes.

use super::file::{Case, Entry, File, Mode};
use super::findings::{Findings, settle};
use super::inputs::Inputs;
use super::outputs;
use super::subject::{self, Subject};
use super::{GoldenError, Verdict, tensor};
use crate::batch::Batch;
use crate::loss::Loss;
use crate::model::{self, Builder, Model, Pass};
use bench_torch::gradient::{self, Graph};
use tch::{Device, Kind, Tensor};

/// Compares one case.
pub(super) fn compare(file: &File, case: &Case) -> Verdict {
    // The size of images is an argument of no model there.
    let image = case.inputs.iter().find(|input| input.name == "inputs");
    let sides = image.map_or(Vec::new(), |image| image.shape.iter().skip(2).collect());
    let config = case
        .config
        .clone()
        .with("image_size", serde_json::json!(sides));
    match subject::of_case(&file.workload, &config) {
        None => Verdict::NotBuilt,
        Some(subject) => settle(subject.and_then(|subject| run(file, case, &subject))),
    }
}

fn run(file: &File, case: &Case, subject: &Subject) -> Result<Findings, GoldenError> {
    let builder = Builder::new(Device::Cpu, Kind::Double, 0);
    let model = model::build(&subject.model, &subject.interface, builder)?;
    let mut findings = Findings::default();
    assign(file, case, model.as_ref(), &mut findings)?;
    if !findings.is_equal() {
        return Ok(findings);
    }
    let inputs = Inputs::rebuild(file.seed, &case.inputs)?;
    let batch = inputs.batch(&file.workload, case.loss.mask.as_deref())?;
    let pass = match case.mode {
        Mode::Train => Pass::TRAIN,
        Mode::Eval => Pass::EVAL,
    };
    let outputs = model.forward(&batch, &pass)?;
    let computed = outputs::Computed {
        subject,
        model: model.as_ref(),
        batch: &batch,
        outputs: &outputs,
    };
    computed.compare(case, &mut findings)?;
    let mean = compare_loss(
        case,
        &Loss::new(
            &subject.loss.with_label_smoothing(case.loss.label_smoothing),
            &subject.model,
        ),
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
    if !findings.lists(what, &shapes, &theirs) {
        return Ok(());
    }
    for ((_, tensor), entry) in ours.iter().zip(reference) {
        tensor
            .shallow_clone()
            .f_copy_(&tensor::rebuild(seed, entry)?)?;
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
    let reference = &case.loss;
    let values = loss.values(outputs, batch)?;
    let mean = loss.mean(outputs, batch)?;
    findings.tensor(
        "loss per example",
        &values.per_example,
        &reference.per_example,
    )?;
    let ours = [&values.summed, &values.valid, &values.mean()?, &mean];
    let theirs = [
        ("summed loss", reference.summed),
        ("valid examples", reference.n_valid_examples),
        ("summed / valid", reference.mean),
        ("mean loss", reference.mean),
    ];
    for (ours, (what, reference)) in ours.into_iter().zip(theirs) {
        findings.number(what, ours.f_double_value(&[])?, reference);
    }
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
                findings.place(format!("{what}: {there}, unlike the reference's"));
            }
        }
    }
    Ok(())
}
