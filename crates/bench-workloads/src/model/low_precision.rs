//! A model whose matrix products and convolutions are computed in bf16. Weights, and what the loss is given, stay as wide as they are.

use super::{Model, ModelError, Pass, Writer};
use crate::batch::Batch;
use crate::parameter::{Buffer, Parameter};
use bench_torch::device;
use bench_torch::errors::LibtorchError;
use bench_torch::precision;
use tch::{Device, Tensor};

/// Any model, run under libtorch's autocast.
pub(super) struct LowPrecision {
    model: Box<dyn Model>,
    device: Device,
}

impl LowPrecision {
    /// The model, on the device that it was built for.
    ///
    /// # Errors
    /// When the device has no bf16.
    pub(super) fn new(model: Box<dyn Model>, device: Device) -> Result<LowPrecision, ModelError> {
        LowPrecision::on(model, device, precision::has_bf16(device))
    }

    fn on(model: Box<dyn Model>, device: Device, has: bool) -> Result<LowPrecision, ModelError> {
        match has {
            true => Ok(LowPrecision { model, device }),
            false => Err(ModelError::Precision {
                device: device::name(device),
            }),
        }
    }
}

impl Model for LowPrecision {
    fn parameters(&self) -> &[Parameter] {
        self.model.parameters()
    }

    fn buffers(&self) -> &[Buffer] {
        self.model.buffers()
    }

    fn forward(&self, batch: &Batch, pass: &Pass) -> Result<Tensor, LibtorchError> {
        let outputs = precision::in_bf16(self.device, || self.model.forward(batch, pass))?;
        let weights = self.parameters().first().map(|p| p.tensor.kind());
        match weights {
            Some(kind) => Ok(outputs.f_to_kind(kind)?),
            None => Ok(outputs),
        }
    }

    fn writer(&self) -> Option<&dyn Writer> {
        self.model.writer()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Builder, Interface, build};
    use super::*;
    use tch::Kind;

    #[test]
    fn a_device_without_it_is_refused_by_name() {
        let spec = serde_json::from_value(serde_json::json!({ "mlp": { "hidden": [2] } })).unwrap();
        let interface = Interface::classes(&[1, 2, 2], 2);
        let model = build(&spec, &interface, Builder::new(Device::Cpu, Kind::Float, 1)).unwrap();
        let error = LowPrecision::on(model, Device::Cpu, false).err().unwrap();
        let text = error.to_string();
        assert!(
            text.contains("cpu does not") && text.contains("`precision: f32`"),
            "{text}"
        );
    }
}
