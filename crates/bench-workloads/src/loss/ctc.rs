//! Connectionist temporal classification: minus the logarithm of the probability that frames spell the target, over all ways to spell it
//! (Graves et al. 2006). A frame is a token or a blank (0); repetitions without a blank between them are one token.

use super::{Kind, LossValues};
use crate::batch::Batch;
use bench_core::spec::workload::Model;
use bench_torch::errors::LibtorchError;
use tch::{Reduction, Tensor};

/// The token that stands for none.
pub(crate) const BLANK: i64 = 0;

/// Of frames whose number the model tells.
pub(super) struct Ctc {
    pub(super) model: Model,
}

impl Kind for Ctc {
    fn values(&self, logits: &Tensor, batch: &Batch) -> Result<LossValues, LibtorchError> {
        let frames = frames(&self.model, batch)?;
        values(logits, &frames, batch)
    }

    fn sample(&self, _outputs: &Tensor, _uniform: &Tensor) -> Result<Tensor, LibtorchError> {
        Err(LibtorchError::new(
            "labels of loss `ctc` cannot be drawn from the model: theirs is a distribution over texts of all lengths",
        ))
    }
}

/// How many frames a model gives for each example of a batch.
pub(crate) fn frames(model: &Model, batch: &Batch) -> Result<Vec<i64>, LibtorchError> {
    let Some(lengths) = batch.lengths() else {
        return Err(LibtorchError::new(
            "the batch does not say how long its examples are",
        ));
    };
    let padded = batch.inputs().size().get(1).copied().unwrap_or(0) as u64;
    let rows = Vec::<i64>::try_from(lengths)?;
    let outputs = |rows: i64| model.kind().output_rows(rows as u64, padded) as i64;
    Ok(rows.into_iter().map(outputs).collect())
}

/// Logits `[N, T, tokens]` of which the first `frames` count, targets `[N, L]` with their lengths. The mean is over all tokens of the targets; over examples that
/// weigh something and have tokens where there are weights `[N]`, as the reference counts them.
pub(crate) fn values(
    logits: &Tensor,
    frames: &[i64],
    batch: &Batch,
) -> Result<LossValues, LibtorchError> {
    let kind = logits.kind();
    let Some(lengths) = &batch.target_lengths else {
        return Err(LibtorchError::new(
            "the batch does not say how long its targets are",
        ));
    };
    let log_probabilities = logits.f_log_softmax(-1, kind)?.f_transpose(0, 1)?;
    let each = Tensor::f_ctc_loss(
        &log_probabilities,
        &batch.targets,
        frames,
        Vec::<i64>::try_from(lengths)?,
        BLANK,
        Reduction::None,
        false,
    )?;
    let (per_example, valid) = match &batch.weights {
        None => (each, lengths.f_sum(kind)?),
        Some(weights) => {
            let counts = weights.f_ne(0.0)?.f_logical_and(&lengths.f_gt(0)?)?;
            (each.f_mul(&weights.f_to_kind(kind)?)?, counts.f_sum(kind)?)
        }
    };
    Ok(LossValues {
        summed: per_example.f_sum(kind)?,
        per_example,
        valid: valid.f_clamp_min(1.0)?,
    })
}
