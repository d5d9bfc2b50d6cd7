//! What of a trial is not finite, and what was first as far as it can be told. Looked at once, after the last interval: never on the clock.

use crate::training::Training;
use anyhow::Result;
use tch::Tensor;

/// One line; nothing where all losses of the last interval and all weights are finite.
pub(super) fn told(training: &Training) -> Result<Option<String>> {
    let _guard = tch::no_grad_guard();
    let mut losses = Vec::new();
    for (step, loss) in training.losses_of_interval() {
        losses.push((*step, loss.f_double_value(&[])?));
    }
    let mut bad = Vec::new();
    for parameter in training.parameters() {
        let count = not_finite(&parameter.tensor)?;
        if count > 0 {
            bad.push((parameter.name.as_str(), count, parameter.tensor.numel()));
        }
    }
    let first = losses.iter().position(|(_, loss)| !loss.is_finite());
    let before = |at: usize| match at.checked_sub(1).map(|before| losses[before]) {
        Some((step, loss)) => format!(" (at step {step}: {loss:.4})"),
        None => String::new(),
    };
    let weights = weights(&bad, training.parameters().len());
    Ok(match (first, bad.is_empty()) {
        (None, true) => None,
        (Some(at), true) => {
            let (step, loss) = losses[at];
            let before = before(at);
            Some(format!(
                "the training loss was not finite first, {loss} at step {step}{before}: every weight is finite"
            ))
        }
        (None, false) => {
            let before = before(losses.len());
            Some(format!(
                "an update made weights that are not finite, after a training loss that was{before}: {weights}"
            ))
        }
        (Some(at), false) => {
            let (step, loss) = losses[at];
            let before = before(at);
            Some(format!(
                "the training loss was not finite from step {step} on, {loss}{before}, and at the end neither are the weights: {weights}"
            ))
        }
    })
}

/// `net.0.weight (12 of 400 numbers) and 3 more of 6 parameters`.
fn weights(bad: &[(&str, i64, usize)], of: usize) -> String {
    match bad {
        [] => String::new(),
        [(name, count, numbers)] => format!("`{name}` ({count} of {numbers} numbers)"),
        [(name, count, numbers), more @ ..] => format!(
            "`{name}` ({count} of {numbers} numbers) and {} more of {of} parameters",
            more.len()
        ),
    }
}

fn not_finite(tensor: &Tensor) -> Result<i64> {
    let finite = tensor.f_isfinite()?.f_sum(tch::Kind::Int64)?;
    Ok(tensor.numel() as i64 - finite.f_int64_value(&[])?)
}
