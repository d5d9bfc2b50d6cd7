//! The most likely token of each frame, repetitions and blanks left out.

use super::words::distance;
use super::{Accumulator, Scored};
use crate::loss::ctc::{self, BLANK};
use crate::metric::accuracy::predicted;
use bench_core::spec::workload::Model;
use bench_torch::errors::LibtorchError;
use tch::Tensor;

/// Tokens of each example, out of logits `[N, T, tokens]` of which the first `frames` count.
pub(crate) fn decode(logits: &Tensor, frames: &[i64]) -> Result<Vec<Vec<i64>>, LibtorchError> {
    let likely = predicted(logits)?;
    let mut decoded = Vec::with_capacity(frames.len());
    for (example, &count) in frames.iter().enumerate() {
        let mut tokens = Vec::<i64>::try_from(likely.f_select(0, example as i64)?)?;
        tokens.truncate(count as usize);
        tokens.dedup();
        tokens.retain(|&token| token != BLANK);
        decoded.push(tokens);
    }
    Ok(decoded)
}

/// Edits, and tokens that there should be.
#[derive(Debug)]
pub(crate) struct TokenErrors {
    model: Model,
    edits: f64,
    tokens: f64,
}

impl TokenErrors {
    /// Of what a model of this spec gives.
    pub(crate) fn new(model: &Model) -> TokenErrors {
        TokenErrors {
            model: model.clone(),
            edits: 0.0,
            tokens: 0.0,
        }
    }
}

impl Accumulator for TokenErrors {
    fn add(&mut self, scored: &Scored) -> Result<(), LibtorchError> {
        let batch = scored.batch;
        let decoded = decode(scored.outputs, &ctc::frames(&self.model, batch)?)?;
        let missing = || LibtorchError::new("the batch does not say how long its targets are");
        let lengths = batch.target_lengths.as_ref().ok_or_else(missing)?;
        let lengths = Vec::<i64>::try_from(lengths)?;
        for (example, (said, length)) in decoded.iter().zip(lengths).enumerate() {
            let mut right = Vec::<i64>::try_from(batch.targets.f_select(0, example as i64)?)?;
            right.truncate(length as usize);
            self.edits += distance(said, &right) as f64;
            self.tokens += right.len() as f64;
        }
        Ok(())
    }

    fn value(&self) -> f64 {
        self.edits / self.tokens
    }
}
