//! A model's trainable tensors and its other state.

use bench_core::spec::submission::Role;
use tch::Tensor;

/// A trainable tensor, and what an algorithm may want to know of it.
///
/// The model holds the same tensor: an update in place, and `set_data`, reach its next forward.
#[derive(Debug)]
pub struct Parameter {
    /// As in the reference implementation: `net.layer1.weight`.
    pub name: String,
    /// A leaf that requires a gradient.
    pub tensor: Tensor,
    /// What it is in the model.
    pub role: Role,
    /// Depth of its layer, from the input on, counting from 0.
    pub layer: usize,
    /// Inputs that each output of its layer sums over; of the matrix before it for a bias, 1 for a scale and an embedding.
    pub fan_in: i64,
}

/// State that forwards change and gradients do not: a normalisation's running statistics.
#[derive(Debug)]
pub struct Buffer {
    /// As in the reference implementation: `bn1.running_mean`.
    pub name: String,
    /// Requires no gradient.
    pub tensor: Tensor,
}
