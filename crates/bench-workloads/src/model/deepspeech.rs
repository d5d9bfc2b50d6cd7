//! DeepSpeech. AlgoPerf's `librispeech_deepspeech` is `{ width: 512, recurrent: 6, feed-forward: 3, spec-augment: {}, dropout: 0.1, length: 320000 }` on
//! 1,024 tokens.

use super::builder::{Builder, Initial, Layer};
use super::linear::{Linear, Start};
use super::speech::norm::{DeltaNorm, FrameNorm};
use super::speech::{Ear, Frames, Subsample};
use super::{Interface, Model, ModelError, Pass, activation};
use crate::batch::Batch;
use crate::parameter::{Buffer, Parameter};
use bench_core::spec::submission::Role;
use bench_core::spec::workload::{self, SpeechNorm};
use bench_torch::errors::LibtorchError;
use tch::{Device, Tensor};

/// `subsample`, `lstms.0` …, `ffns.0` …, `ln`, `lin`.
pub struct Deepspeech {
    parameters: Vec<Parameter>,
    buffers: Vec<Buffer>,
    ear: Ear,
    subsample: Subsample,
    recurrent: Vec<(Norm, Lstm)>,
    feed_forward: Vec<(Norm, Linear)>,
    norm: Option<DeltaNorm>,
    head: Linear,
    spec: workload::Deepspeech,
}

/// How a layer normalises what it is given.
enum Norm {
    Batch(FrameNorm),
    Layer(DeltaNorm),
}

/// A recurrent layer that reads both ways, half of the width each.
struct Lstm {
    /// Input and recurrent matrix, and their biases, for each direction.
    parameters: Vec<Tensor>,
    hidden: i64,
}

impl Deepspeech {
    /// Layers of the spec's sizes between the data's frames and tokens.
    ///
    /// # Errors
    /// When libtorch has no memory for them. `interface` is one that the spec fits.
    pub fn new(
        spec: &workload::Deepspeech,
        interface: &Interface,
        mut builder: Builder,
    ) -> Result<Deepspeech, ModelError> {
        let width = spec.width as i64;
        let features = spec.front_end.features(interface.input()) as i64;
        let channels = spec.channels.unwrap_or(spec.width) as i64;
        let sizes = [features, channels, width];
        let subsample = Subsample::new(&mut builder, sizes, "lin", spec.activation)?;
        let mut recurrent = Vec::new();
        for number in 0..spec.recurrent {
            let (name, mut layer) = (format!("lstms.{number}"), builder.next_layer());
            let norm = Norm::new(spec, &mut layer, &name)?;
            recurrent.push((norm, Lstm::new(&mut layer, &format!("{name}.lstm"), width)?));
        }
        let mut feed_forward = Vec::new();
        for number in 0..spec.feed_forward {
            let (name, mut layer) = (format!("ffns.{number}"), builder.next_layer());
            let norm = Norm::new(spec, &mut layer, &name)?;
            let start = Start::xavier([width; 2]);
            let linear = Linear::new(&mut layer, &format!("{name}.lin"), [width; 2], start)?;
            feed_forward.push((norm, linear));
        }
        let mut layer = builder.next_layer();
        let norm = match spec.final_norm {
            true => Some(DeltaNorm::new(&mut layer, "ln", width)?),
            false => None,
        };
        let sizes = [width, interface.outputs() as i64];
        let head = Linear::head(&mut layer, "lin", sizes, Start::xavier(sizes))?;
        let (kind, device) = builder.options();
        let (parameters, buffers) = builder.finish();
        let (augment, length) = (spec.spec_augment.as_ref(), spec.length);
        Ok(Deepspeech {
            parameters,
            buffers,
            ear: Ear::new(&spec.front_end, augment, length, kind, device)?,
            subsample,
            recurrent,
            feed_forward,
            norm,
            head,
            spec: spec.clone(),
        })
    }

    /// What a layer makes of `x`, or of it and `x` together.
    fn around(&self, x: &Tensor, y: Tensor) -> Result<Tensor, LibtorchError> {
        match self.spec.residual {
            true => Ok(x.f_add(&y)?),
            false => Ok(y),
        }
    }
}

impl Norm {
    fn new(
        spec: &workload::Deepspeech,
        layer: &mut Layer,
        name: &str,
    ) -> Result<Norm, LibtorchError> {
        let (width, share) = (spec.width as i64, spec.batch_norm_share);
        Ok(match spec.norm {
            SpeechNorm::Batch => {
                let name = format!("{name}.bn_normalization_layer");
                Norm::Batch(FrameNorm::new(layer, &name, "weight", width, share)?)
            }
            SpeechNorm::Layer => {
                let name = format!("{name}.normalization_layer");
                Norm::Layer(DeltaNorm::new(layer, &name, width)?)
            }
        })
    }

    fn forward(&self, frames: &Frames, pass: &Pass) -> Result<Tensor, LibtorchError> {
        match self {
            Norm::Batch(norm) => norm.forward(&frames.values, frames, pass),
            Norm::Layer(norm) => norm.forward(&frames.values),
        }
    }
}

impl Lstm {
    fn new(layer: &mut Layer, name: &str, width: i64) -> Result<Lstm, LibtorchError> {
        let hidden = width / 2;
        let initial = Initial::Uniform {
            bound: (1.0 / hidden as f64).sqrt(),
        };
        let mut parameters = Vec::new();
        for direction in ["", "_reverse"] {
            for (part, inputs) in [("weight_ih", width), ("weight_hh", hidden)] {
                let name = format!("{name}.{part}_l0{direction}");
                let shape = [4 * hidden, inputs];
                parameters.push(layer.parameter(&name, &shape, initial, Role::Weight)?);
            }
            for part in ["bias_ih", "bias_hh"] {
                let name = format!("{name}.{part}_l0{direction}");
                parameters.push(layer.parameter(&name, &[4 * hidden], initial, Role::Bias)?);
            }
        }
        Ok(Lstm { parameters, hidden })
    }

    /// Each example by its own frames alone: backwards from the last one that is there. Padding gives 0.
    fn forward(&self, x: &Tensor, lengths: &Tensor) -> Result<Tensor, LibtorchError> {
        let (count, longest, _) = x.size3()?;
        // Packing wants at least one frame, and the longest examples first.
        let lengths = lengths.f_clamp_min(1)?;
        let (sorted, order) = lengths.f_sort(0, true)?;
        let back = order.f_argsort(0, false)?;
        let sorted = sorted.f_to_device(Device::Cpu)?;
        let ordered = x.f_index_select(0, &order)?;
        let (packed, sizes) = ordered.f_internal_pack_padded_sequence(&sorted, true)?;
        let zeros = Tensor::f_zeros([2, count, self.hidden], (x.kind(), x.device()))?;
        let start = [&zeros, &zeros];
        let parameters: Vec<&Tensor> = self.parameters.iter().collect();
        let (read, _, _) = Tensor::f_lstm_data(
            &packed,
            &sizes,
            &start,
            &parameters,
            true,
            1,
            0.0,
            false,
            true,
        )?;
        let (padded, _) =
            Tensor::f_internal_pad_packed_sequence(&read, &sizes, true, 0.0, longest)?;
        Ok(padded.f_index_select(0, &back)?)
    }
}

impl Model for Deepspeech {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    fn forward(&self, batch: &Batch, pass: &Pass) -> Result<Tensor, LibtorchError> {
        let (spec, frames) = (&self.spec, self.ear.frames(batch, pass)?);
        let mut frames = self.subsample.forward(&frames, pass)?;
        frames.values = pass.drop_out(spec.dropout.input, frames.values)?;
        for (norm, lstm) in &self.recurrent {
            let read = lstm.forward(&norm.forward(&frames, pass)?, &frames.lengths)?;
            frames.values = self.around(&frames.values, read)?;
        }
        for (norm, linear) in &self.feed_forward {
            let y = linear.forward(&norm.forward(&frames, pass)?, pass)?;
            let y = activation::apply(spec.activation, &y)?.f_mul(&frames.there)?;
            let y = pass.drop_out(spec.dropout.feed_forward, y)?;
            frames.values = self.around(&frames.values, y)?;
        }
        let x = match &self.norm {
            Some(norm) => norm.forward(&frames.values)?,
            None => frames.values,
        };
        self.head.forward(&x, pass)
    }
}
