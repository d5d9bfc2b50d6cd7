//! Models as workloads describe them: a file a kind, with its keys, the columns it wants, and which sizes go together.
//!
//! What computes is a file of the same name in `bench-workloads`.

mod decoder;
mod mlp;
mod resnet;

pub use decoder::{Decoder, DecoderMlp};
pub use mlp::Mlp;
pub use resnet::Resnet;

use super::interface::{Interface, Wanted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is known of a kind of model without libtorch.
pub trait Kind {
    /// Its key in workloads.
    fn name(&self) -> &'static str;

    /// The columns it reads, and what it can be asked for.
    fn wanted(&self) -> Wanted;

    /// Whether training steps leave out a share of the numbers anywhere. The share is each place's own.
    fn drops_out(&self) -> bool {
        false
    }

    /// Settings that make no model of any data.
    fn mistakes(&self) -> Vec<Mistake> {
        Vec::new()
    }

    /// Why its sizes make no model of data that has the columns it wants.
    fn misfit(&self, _interface: &Interface) -> Option<String> {
        None
    }
}

/// A setting that makes no model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Its key.
    pub key: &'static str,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: &'static str,
}

/// Makes the enum of the kinds: the variants, and the way to what is known of each.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident,)*) => {
        /// The kinds of model.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum Model {
            $($(#[$doc])* $kind($kind),)*
        }

        impl Model {
            /// What is known of its kind.
            pub fn kind(&self) -> &dyn Kind {
                match self {
                    $(Model::$kind(kind) => kind,)*
                }
            }
        }
    };
}

// The list of models.
kinds! {
    /// Fully connected layers.
    Mlp,
    /// Residual convolutional network with batch normalisation, for small images.
    Resnet,
    /// Decoder-only Transformer.
    Decoder,
}

/// Elementwise functions between layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// max(x, 0).
    #[default]
    Relu,
    /// 1 / (1 + exp(-x)).
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// x * Phi(x), exact.
    Gelu,
    /// x * sigmoid(x).
    Silu,
}

/// How weights start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// Weights and biases uniform in +-1/sqrt(fan-in): what PyTorch's `Linear` starts with.
    #[default]
    Uniform,
    /// Truncated normal at two deviations of sqrt(1/fan-in)/0.87962566, biases 0.
    LecunTruncated,
}

fn is_zero(number: &f64) -> bool {
    *number == 0.0
}
