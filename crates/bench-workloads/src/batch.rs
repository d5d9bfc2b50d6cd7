//! What a model is given at once.

use bench_torch::errors::LibtorchError;
use std::sync::Arc;
use tch::{Kind, Tensor};

/// Some examples, ready for a model: on its device, in its number format.
///
/// Models and losses take the whole batch, so that a kind with more inputs (graphs, source and target texts) changes no signature.
#[derive(Debug)]
#[non_exhaustive]
pub struct Batch {
    first: Named,
    others: Vec<Named>,
    /// What the loss compares with: classes `[N]` or tokens `[N, T]`, `i64`; or real numbers, shaped as the data declares them.
    pub targets: Tensor,
    /// Of ragged targets, which are padded: how long each example's are, `i64` `[N]`.
    pub target_lengths: Option<Tensor>,
    /// How much each example (or token) counts, shaped like `targets`: 0 for padding and for missing entries. None: each counts 1.
    pub weights: Option<Tensor>,
    /// Whether all that an example is asked for counts as one: a map, or a mixture of classes.
    whole: bool,
}

/// A column of a batch.
#[derive(Debug)]
pub struct Named {
    /// The model's name for it.
    pub name: Arc<str>,
    /// Images `[N, C, H, W]`, token numbers `[N, T]`, or whatever the data declares, behind the number of examples.
    pub values: Tensor,
    /// Of a ragged column, whose examples are padded to the longest: how many rows each has, `i64` `[N]`.
    pub lengths: Option<Tensor>,
}

impl Named {
    /// As many rows for each example.
    pub fn new(name: &str, values: Tensor) -> Named {
        Named {
            name: name.into(),
            values,
            lengths: None,
        }
    }

    fn shallow_clone(&self) -> Named {
        Named {
            name: self.name.clone(),
            values: self.values.shallow_clone(),
            lengths: self.lengths.as_ref().map(Tensor::shallow_clone),
        }
    }
}

impl Batch {
    /// Examples of one input that all count the same.
    pub fn new(inputs: Tensor, targets: Tensor) -> Batch {
        Batch::of(
            Named::new("inputs", inputs),
            Vec::new(),
            Named::new("targets", targets),
        )
    }

    /// Examples of several inputs, in the order of the model's interface.
    pub fn of(first: Named, others: Vec<Named>, targets: Named) -> Batch {
        Batch {
            first,
            others,
            targets: targets.values,
            target_lengths: targets.lengths,
            weights: None,
            whole: false,
        }
    }

    /// The same where all that an example is asked for counts as one.
    #[must_use]
    pub fn of_wholes(self) -> Batch {
        Batch {
            whole: true,
            ..self
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
            first: self.first.shallow_clone(),
            others: self.others.iter().map(Named::shallow_clone).collect(),
            targets,
            target_lengths: self.target_lengths.as_ref().map(Tensor::shallow_clone),
            weights: self.weights.as_ref().map(Tensor::shallow_clone),
            whole: self.whole,
        }
    }

    /// What the model reads: its only input, or the first of its interface.
    pub fn inputs(&self) -> &Tensor {
        &self.first.values
    }

    /// What the model reads under this name.
    ///
    /// # Errors
    /// When it has no such input.
    pub fn input(&self, name: &str) -> Result<&Named, LibtorchError> {
        let mut all = std::iter::once(&self.first).chain(&self.others);
        all.find(|input| *input.name == *name)
            .ok_or_else(|| LibtorchError::new(&format!("the batch has no input `{name}`")))
    }

    /// How long each example of the first input is, where that is ragged.
    pub fn lengths(&self) -> Option<&Tensor> {
        self.first.lengths.as_ref()
    }

    /// How much each target counts: its weight; of padded targets without weights 1 as far as they are there. None: each counts 1.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn counted(&self) -> Result<Option<Tensor>, tch::TchError> {
        match (&self.weights, &self.target_lengths) {
            (Some(weights), _) => Ok(Some(weights.shallow_clone())),
            (None, None) => Ok(None),
            (None, Some(lengths)) => {
                let longest = self.targets.size().get(1).copied().unwrap_or(0);
                let places = Tensor::f_arange(longest, (Kind::Int64, self.targets.device()))?;
                let there = places
                    .f_unsqueeze(0)?
                    .f_lt_tensor(&lengths.f_unsqueeze(1)?)?;
                Ok(Some(there.f_to_kind(Kind::Float)?))
            }
        }
    }

    /// Number of targets that count: all, or the sum of the weights.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn labels(&self) -> Result<f64, tch::TchError> {
        match self.counted()? {
            Some(weights) => weights.f_sum(Kind::Double)?.f_double_value(&[]),
            None if self.whole => Ok(self.examples() as f64),
            None => Ok(self.targets.numel() as f64),
        }
    }

    /// Number of examples.
    pub fn examples(&self) -> i64 {
        let counted = self.first.lengths.as_ref().unwrap_or(&self.first.values);
        counted.size().first().copied().unwrap_or(0)
    }
}
