//! What a model is given at once.

use tch::{Kind, Tensor};

/// Some examples, ready for a model: on its device, in its number format.
///
/// Models and losses take the whole batch, so that a kind with more inputs (graphs, source and target texts) adds a field and no signature changes.
#[derive(Debug)]
#[non_exhaustive]
pub struct Batch {
    /// What the model reads: images `[N, C, H, W]`, or token numbers `[N, T]`.
    pub inputs: Tensor,
    /// What the loss compares with: classes `[N]`, or tokens `[N, T]`; `i64`.
    pub targets: Tensor,
    /// How much each example (or token) counts, shaped like `targets`: 0 for padding. None: each counts 1.
    pub weights: Option<Tensor>,
}

impl Batch {
    /// Examples that all count the same.
    pub fn new(inputs: Tensor, targets: Tensor) -> Batch {
        Batch {
            inputs,
            targets,
            weights: None,
        }
    }

    /// The same with a weight for each.
    #[must_use]
    pub fn weighted(self, weights: Tensor) -> Batch {
        Batch {
            weights: Some(weights),
            ..self
        }
    }

    /// The same inputs with other targets: labels drawn from the model, mixed, or flipped.
    #[must_use]
    pub fn with_targets(&self, targets: Tensor) -> Batch {
        Batch {
            inputs: self.inputs.shallow_clone(),
            targets,
            weights: self.weights.as_ref().map(Tensor::shallow_clone),
        }
    }

    /// Number of targets that count: all, or the sum of the weights.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn labels(&self) -> Result<f64, tch::TchError> {
        match &self.weights {
            Some(weights) => weights.f_sum(Kind::Double)?.f_double_value(&[]),
            None => Ok(self.targets.numel() as f64),
        }
    }

    /// Number of examples: the first dimension of the inputs.
    pub fn examples(&self) -> i64 {
        self.inputs.size().first().copied().unwrap_or(0)
    }
}
