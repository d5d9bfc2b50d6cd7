//! AlgoPerf's workloads as models here: their arguments translated into specs.

use super::GoldenError;
use super::file::Config;
use crate::model::Interface;
use bench_core::spec::workload::{Activation, Init, Loss, Mlp, Model};

/// A model to compare, with its loss.
pub(super) struct Subject {
    pub(super) model: Model,
    pub(super) interface: Interface,
    pub(super) loss: Loss,
}

/// The model of a case; none where its kind is not built.
pub(super) fn of_case(
    workload: &str,
    variant: &str,
    config: &Config,
) -> Option<Result<Subject, GoldenError>> {
    match (workload, variant) {
        ("mnist", "base") => Some(mnist(config)),
        _ => None,
    }
}

/// AlgoPerf's own settings of a workload; none where its kind is not built.
pub(super) fn full_size(workload: &str, variant: &str) -> Option<Result<Subject, GoldenError>> {
    let config = match workload {
        "mnist" => serde_json::json!({ "input_size": 784, "num_hidden": 128, "num_classes": 10 }),
        _ => return None,
    };
    of_case(workload, variant, config.as_object()?)
}

fn mnist(config: &Config) -> Result<Subject, GoldenError> {
    Ok(Subject {
        model: Model::Mlp(Mlp {
            hidden: vec![integer(config, "num_hidden")? as u64],
            activation: Activation::Sigmoid,
            init: Init::Uniform,
        }),
        interface: Interface {
            input: vec![integer(config, "input_size")?],
            outputs: integer(config, "num_classes")?,
        },
        loss: Loss::CrossEntropy,
    })
}

fn integer(config: &Config, key: &str) -> Result<i64, GoldenError> {
    let value = config.get(key).and_then(serde_json::Value::as_i64);
    value.filter(|&value| value > 0).ok_or(GoldenError::Value {
        key: key.to_owned(),
        expected: "a positive whole number",
    })
}
