//! A small workload of every kind of model.

use crate::problem::{Problem, WorkloadProblem};
use anyhow::Result;
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
    interface: Interface,
}

/// One of each kind.
pub(crate) fn all() -> Vec<Small> {
    vec![
        Small {
            name: "mlp",
            model: json!({ "mlp": { "hidden": [16] } }),
            interface: Interface::classes(&[1, 8, 8], OUTPUTS),
        },
        with_running_statistics(),
        Small {
            name: "decoder",
            model: json!({ "decoder": { "width": 16, "layers": 2, "heads": 2, "hidden": 32 } }),
            interface: Interface::text(12, OUTPUTS),
        },
    ]
}

/// That of normalisations by batches.
pub(crate) fn with_running_statistics() -> Small {
    Small {
        name: "resnet",
        model: json!({ "resnet": { "stages": [1, 1, 1, 1], "filters": 4 } }),
        interface: Interface::classes(&[3, 32, 32], OUTPUTS),
    }
}

impl Small {
    /// The model on dummy examples.
    pub(crate) fn problem(&self) -> Result<Box<dyn Problem>> {
        let workload: Workload = serde_json::from_value(json!({
            "schema": 1, "dataset": "dummy", "model": self.model, "loss": "cross-entropy", "metrics": ["cross-entropy"],
            "target": { "metric": "cross-entropy", "validation": 0.0 },
            "budget": { "time": "1s", "steps": 1 }, "step-hint": 1,
            "evaluate": { "every-steps": 1, "batch-size": 8, "train-subset": 8 },
        }))?;
        let interface = self.interface.clone();
        let (device, kind) = (Device::Cpu, Kind::Float);
        let spec: &Model = &workload.model;
        let model = model::build(spec, &interface, Builder::new(device, kind, 1))?;
        let examples = DummyExamples {
            interface,
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
