//! Models as workloads describe them: a file a kind, with its keys, the columns it wants, and which sizes go together.
//!
//! What computes is a file of the same name in `bench-workloads`.

mod conformer;
mod decoder;
mod deepspeech;
mod dlrm;
mod dropout;
mod gnn;
mod mlp;
mod resnet;
pub mod speech;
mod transformer;
mod unet;
mod vit;

pub use conformer::Conformer;
pub use decoder::{Decoder, DecoderMlp};
pub use deepspeech::{Deepspeech, SpeechNorm};
pub use dlrm::{Dlrm, Interaction};
pub use dropout::{ConformerDropout, DecoderDropout, DeepspeechDropout, TransformerDropout};
pub use gnn::Gnn;
pub use mlp::Mlp;
pub use resnet::{Block, Resnet, Stem};
pub use speech::{FrontEnd, LogMel, SpecAugment};
pub use transformer::Transformer;
pub use unet::Unet;
pub use vit::{NormPlace, Patch, Pool, Vit};

use super::interface::{Interface, Wanted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is known of a kind of model without libtorch.
pub trait Kind {
    /// Its key in workloads.
    fn name(&self) -> &'static str;

    /// The columns it reads, and what it can be asked for.
    fn wanted(&self) -> Wanted;

    /// Rows of what it gives for an example of so many ragged rows, in a batch padded to `padded` rows.
    fn output_rows(&self, rows: u64, _padded: u64) -> u64 {
        rows
    }

    /// Whether it gives one row for each row of the targets. Otherwise the loss has to find out which belong together.
    fn is_aligned(&self) -> bool {
        true
    }

    /// Whether it can write a text about what it is given, token by token.
    fn writes(&self) -> bool {
        false
    }

    /// Ragged rows of an example that is made up to try it.
    fn example_rows(&self) -> u64 {
        8
    }

    /// Whether training steps leave out numbers at random anywhere. The share is each place's own.
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
    /// Residual convolutional network with batch normalisation.
    Resnet,
    /// Vision Transformer.
    Vit,
    /// Decoder-only Transformer.
    Decoder,
    /// Encoder-decoder Transformer.
    Transformer,
    /// Numbers and categories to one answer.
    Dlrm,
    /// Graph network.
    Gnn,
    /// U-Net.
    Unet,
    /// Conformer.
    Conformer,
    /// DeepSpeech.
    Deepspeech,
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
    /// The same by the approximation 0.5 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) of Phi.
    GeluTanh,
    /// x * sigmoid(x).
    Silu,
    /// max(x, 0.2 * x).
    LeakyRelu,
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
