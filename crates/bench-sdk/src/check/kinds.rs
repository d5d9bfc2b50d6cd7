//! A small workload of every kind of model whose targets can be drawn from it.

use crate::problem::{Problem, WorkloadProblem};
use anyhow::Result;
use bench_core::spec::columns::{Rows, Values};
use bench_core::spec::interface::Slot;
use bench_core::spec::workload::{Model, Workload};
use bench_workloads::data::DummyExamples;
use bench_workloads::model::{self, Builder, Interface};
use serde_json::json;
use std::sync::Arc;
use tch::{Device, Kind};

/// Classes, or tokens.
const OUTPUTS: u64 = 10;

/// A kind of model, small, on data it fits.
pub(crate) struct Small {
    pub(crate) name: &'static str,
    model: serde_json::Value,
    loss: &'static str,
    interface: Interface,
}

/// One of each kind.
pub(crate) fn all() -> Vec<Small> {
    vec![
        Small {
            name: "mlp",
            model: json!({ "mlp": { "hidden": [16] } }),
            loss: "cross-entropy",
            interface: Interface::classes(&[1, 8, 8], OUTPUTS),
        },
        Small {
            name: "mlp of numbers",
            model: json!({ "mlp": { "hidden": [16] } }),
            loss: "mean-squared-error",
            interface: interface(
                vec![Slot::new("inputs", &[6], Rows::One, Values::Real)],
                Slot::new("targets", &[2], Rows::One, Values::Real),
            ),
        },
        with_running_statistics(),
        Small {
            name: "decoder",
            model: json!({ "decoder": { "width": 16, "layers": 2, "heads": 2, "hidden": 32 } }),
            loss: "cross-entropy",
            interface: Interface::text(12, OUTPUTS),
        },
        Small {
            name: "vit",
            model: json!({ "vit": { "patch": 4, "width": 16, "layers": 1, "heads": 2, "hidden": 32 } }),
            loss: "cross-entropy",
            interface: Interface::classes(&[3, 8, 8], OUTPUTS),
        },
        Small {
            name: "transformer",
            model: json!({ "transformer": { "width": 16, "layers": 1, "heads": 2, "hidden": 32 } }),
            loss: "cross-entropy",
            interface: interface(
                vec![Slot::new(
                    "inputs",
                    &[],
                    Rows::Ragged,
                    Values::Tokens(OUTPUTS),
                )],
                Slot::new("targets", &[], Rows::Ragged, Values::Tokens(OUTPUTS)),
            ),
        },
        Small {
            name: "dlrm",
            model: json!({ "dlrm": { "vocabulary": 12, "width": 4, "bottom": [8, 4], "top": [8, 8] } }),
            loss: "binary-cross-entropy",
            interface: interface(
                vec![
                    Slot::new("dense", &[3], Rows::One, Values::Real),
                    Slot::new("sparse", &[2], Rows::One, Values::Classes(30)),
                ],
                Slot::new("targets", &[], Rows::One, Values::Binary),
            ),
        },
        Small {
            name: "gnn",
            model: json!({ "gnn": { "latent": 8, "hidden": [8], "rounds": 2 } }),
            loss: "binary-cross-entropy",
            interface: interface(
                vec![
                    Slot::new("nodes", &[3], Rows::Ragged, Values::Real),
                    Slot::new("edges", &[2], Rows::Ragged, Values::Real),
                    Slot::new("senders", &[], Rows::Ragged, Values::Index),
                    Slot::new("receivers", &[], Rows::Ragged, Values::Index),
                ],
                Slot::new("targets", &[4], Rows::One, Values::Binary),
            ),
        },
        Small {
            name: "unet",
            model: json!({ "unet": { "channels": 4, "pools": 2 } }),
            loss: "mean-absolute-error",
            interface: interface(
                vec![Slot::new("inputs", &[8, 12], Rows::One, Values::Real)],
                Slot::new("targets", &[8, 12], Rows::One, Values::Real),
            ),
        },
    ]
}

/// That of normalisations by batches.
pub(crate) fn with_running_statistics() -> Small {
    Small {
        name: "resnet",
        model: json!({ "resnet": { "stages": [1, 1, 1, 1], "filters": 4 } }),
        loss: "cross-entropy",
        interface: Interface::classes(&[3, 32, 32], OUTPUTS),
    }
}

fn interface(inputs: Vec<Slot>, target: Slot) -> Interface {
    Interface {
        inputs,
        beside: Vec::new(),
        target,
    }
}

impl Small {
    /// The model on dummy examples.
    pub(crate) fn problem(&self) -> Result<Box<dyn Problem>> {
        let metric = match self.loss {
            "binary-cross-entropy" => "cross-entropy",
            loss => loss,
        };
        let workload: Workload = serde_json::from_value(json!({
            "schema": 1, "dataset": "dummy", "model": self.model, "loss": self.loss, "metrics": [metric],
            "target": { "metric": metric, "validation": 0.0 },
            "budget": { "time": "1s", "steps": 1 }, "step-hint": 1,
            "evaluate": { "every-steps": 1, "batch-size": 8, "train-subset": 8 },
        }))?;
        let interface = self.interface.clone();
        let (device, kind) = (Device::Cpu, Kind::Float);
        let spec: &Model = &workload.model;
        let model = model::build(spec, &interface, Builder::new(device, kind, 1))?;
        let examples = DummyExamples {
            interface,
            rows: spec.kind().example_rows(),
            examples: 64,
            device,
        };
        Ok(Box::new(WorkloadProblem::new(
            &workload,
            model,
            Arc::new(examples),
            device,
        )))
    }
}
