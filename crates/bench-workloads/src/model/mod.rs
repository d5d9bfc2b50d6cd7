//! Models: what a spec describes, built and run.

mod activation;
mod attention;
mod builder;
mod conformer;
mod decoder;
mod deepspeech;
mod dlrm;
mod gnn;
mod linear;
mod low_precision;
mod mlp;
mod norm;
mod positions;
mod resnet;
mod rotary;
pub(crate) mod speech;
pub(crate) mod transformer;
mod unet;
mod vit;

use crate::batch::Batch;
use crate::parameter::{Buffer, Parameter};
use bench_core::run::DatasetIdentity;
use bench_core::spec::interface::Misfit;
use bench_core::spec::workload::{self, Precision, Workload};
use bench_torch::errors::LibtorchError;
use low_precision::LowPrecision;
use tch::{Device, Kind, Tensor};

pub use bench_core::spec::interface::Interface;
pub use builder::Builder;
pub use conformer::Conformer;
pub use decoder::Decoder;
pub use deepspeech::Deepspeech;
pub use dlrm::Dlrm;
pub use gnn::Gnn;
pub use mlp::Mlp;
pub use resnet::Resnet;
pub use transformer::{Memory, Transformer};
pub use unet::Unet;
pub use vit::Vit;

/// A network with its parameters and buffers. A replica is another one built from the same spec; [`copy_state`] makes it equal.
pub trait Model {
    /// Trainable tensors, in the reference implementation's order.
    fn parameters(&self) -> &[Parameter];

    /// Other state, in the reference implementation's order.
    fn buffers(&self) -> &[Buffer];

    /// Outputs for a batch: logits `[N, classes]` or `[N, T, vocabulary]`, or numbers shaped like the targets.
    ///
    /// # Errors
    /// What libtorch says: shapes that do not fit, memory that is not there.
    fn forward(&self, batch: &Batch, pass: &Pass) -> Result<Tensor, LibtorchError>;

    /// What decoding needs, of a model that writes one token after the other.
    fn writer(&self) -> Option<&dyn Writer> {
        None
    }
}

/// A model that writes text about a source, one token after the other, in evaluation mode.
pub trait Writer {
    /// What it keeps of sources `[N, T]`.
    ///
    /// # Errors
    /// What libtorch says.
    fn remember(&self, sources: &Tensor) -> Result<Memory, LibtorchError>;

    /// Scores of the token that follows each text `[N, T]`, whose first token is 0: `[N, vocabulary]`.
    ///
    /// # Errors
    /// What libtorch says.
    fn follow(&self, texts: &Tensor, memory: &Memory) -> Result<Tensor, LibtorchError>;
}

/// How one forward is run.
pub struct Pass<'a> {
    /// Batch statistics and dropout (training), or running statistics and none (evaluation).
    pub train: bool,
    /// Whether a training forward moves running statistics. Off: the buffers stay as they are.
    pub update_buffers: bool,
    /// In place of every share of the model's own that is left out in training; none leaves them as they are.
    pub dropout: Option<f64>,
    /// Shown every layer's name, input and output as it runs.
    pub observer: Option<&'a Observer<'a>>,
}

/// Shown a layer's name, input and output.
pub type Observer<'a> = dyn Fn(&str, &Tensor, &Tensor) + 'a;

impl Pass<'_> {
    /// A training forward.
    pub const TRAIN: Pass<'static> = Pass {
        train: true,
        update_buffers: true,
        dropout: None,
        observer: None,
    };
    /// An evaluation forward.
    pub const EVAL: Pass<'static> = Pass {
        train: false,
        update_buffers: false,
        dropout: None,
        observer: None,
    };

    /// Leaves out a share of `x`, the one of this place in the model, and scales the rest up, in training. Drawn from libtorch's default generator.
    fn drop_out(&self, share: f64, x: Tensor) -> Result<Tensor, LibtorchError> {
        let share = self.dropout.unwrap_or(share);
        match self.train && share > 0.0 {
            true => Ok(x.f_dropout(share, true)?),
            false => Ok(x),
        }
    }

    /// Shows a layer (of a part of the model, or of the model itself) to the observer, where there is one; hands its output on.
    fn observed(&self, part: &str, layer: &str, input: &Tensor, output: Tensor) -> Tensor {
        match (self.observer, part) {
            (None, _) => {}
            (Some(observer), "") => observer(layer, input, &output),
            (Some(observer), _) => observer(&format!("{part}.{layer}"), input, &output),
        }
        output
    }
}

/// Why a model cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// libtorch refused.
    #[error("libtorch failed while the model was built: {0}")]
    Torch(#[from] LibtorchError),
    /// The device does not compute in the workload's number format.
    #[error(
        "the workload's `precision: bf16` needs a device that computes in it, and {device} does not: a processor with AVX-512 BF16 does, and a card of compute capability 8.0; write `precision: f32`, which is another workload, or run it elsewhere"
    )]
    Precision {
        /// Its name.
        device: String,
    },
    /// The model does not fit the data.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// The spec's sizes make no model for this data.
    #[error("no {model} of these sizes: {problem}")]
    Sizes {
        /// Kind of model.
        model: &'static str,
        /// What is wrong with which value.
        problem: String,
    },
}

/// The model of a workload on its data set, with the initial values of this seed: the same on every device.
///
/// # Errors
/// When the model's sizes make no model for this data, or the device does not compute in the workload's number format.
pub fn build_model(
    workload: &Workload,
    dataset: &DatasetIdentity,
    device: Device,
    kind: Kind,
    seed: u64,
) -> Result<Box<dyn Model>, ModelError> {
    let model = build(
        &workload.model,
        &workload.interface(&dataset.name, &dataset.columns)?,
        Builder::new(device, kind, seed),
    )?;
    match workload.precision {
        Precision::F32 => Ok(model),
        Precision::Bf16 => Ok(Box::new(LowPrecision::new(model, device)?)),
    }
}

/// The model of a spec for data of these sizes.
///
/// # Errors
/// As [`build_model`].
pub fn build(
    model: &workload::Model,
    interface: &Interface,
    builder: Builder,
) -> Result<Box<dyn Model>, ModelError> {
    let kind = model.kind();
    if let Some(problem) = kind.misfit(interface) {
        let model = kind.name();
        return Err(ModelError::Sizes { model, problem });
    }
    Ok(match model {
        workload::Model::Mlp(spec) => Box::new(Mlp::new(spec, interface, builder)?),
        workload::Model::Decoder(spec) => Box::new(Decoder::new(spec, interface, builder)?),
        workload::Model::Resnet(spec) => Box::new(Resnet::new(spec, interface, builder)?),
        workload::Model::Vit(spec) => Box::new(Vit::new(spec, interface, builder)?),
        workload::Model::Transformer(spec) => Box::new(Transformer::new(spec, interface, builder)?),
        workload::Model::Dlrm(spec) => Box::new(Dlrm::new(spec, interface, builder)?),
        workload::Model::Gnn(spec) => Box::new(Gnn::new(spec, interface, builder)?),
        workload::Model::Unet(spec) => Box::new(Unet::new(spec, interface, builder)?),
        workload::Model::Conformer(spec) => Box::new(Conformer::new(spec, interface, builder)?),
        workload::Model::Deepspeech(spec) => Box::new(Deepspeech::new(spec, interface, builder)?),
    })
}

/// Parameters, then buffers, by name: what `eval.safetensors` holds.
pub fn state(model: &dyn Model) -> Vec<(&str, &Tensor)> {
    let parameters = model
        .parameters()
        .iter()
        .map(|p| (p.name.as_str(), &p.tensor));
    let buffers = model.buffers().iter().map(|b| (b.name.as_str(), &b.tensor));
    parameters.chain(buffers).collect()
}

/// Copies parameters and buffers of one model into another of the same spec.
///
/// # Errors
/// When the two differ in shape.
pub fn copy_state(from: &dyn Model, to: &dyn Model) -> Result<(), LibtorchError> {
    let _guard = tch::no_grad_guard();
    for ((_, source), (_, target)) in state(from).into_iter().zip(state(to)) {
        target.shallow_clone().f_copy_(source)?;
    }
    Ok(())
}
