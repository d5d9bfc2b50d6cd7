//! AlgoPerf's workloads as models here: their arguments translated into specs.

use super::GoldenError;
use super::file::Config;
use crate::model::Interface;
use bench_core::spec::workload::{
    Activation, CrossEntropy, Decoder, DecoderMlp, Init, Loss, Mlp, Model, Resnet,
};

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
        ("cifar", "base") => Some(cifar(config)),
        ("finewebedu_lm", "base") => Some(finewebedu(config)),
        _ => None,
    }
}

/// AlgoPerf's own settings of a workload; none where its kind is not built.
pub(super) fn full_size(workload: &str, variant: &str) -> Option<Result<Subject, GoldenError>> {
    let config = match workload {
        "mnist" => serde_json::json!({ "input_size": 784, "num_hidden": 128, "num_classes": 10 }),
        "cifar" => {
            serde_json::json!({ "block": "basic", "stage_sizes": [2, 2, 2, 2], "num_filters": 64, "num_classes": 10 })
        }
        "finewebedu_lm" => serde_json::json!({
            "model_dim": 1024, "num_heads": 8, "seq_len": 1024, "num_layers": 12, "vocab_size": 50257,
            "expanded_model_dim": 4096, "multiple_of": 256, "tie_embeddings": true,
        }),
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
            dropout: 0.0,
        }),
        interface: Interface::classes(
            &[integer(config, "input_size")? as u64],
            integer(config, "num_classes")? as u64,
        ),
        loss: Loss::CrossEntropy(CrossEntropy::default()),
    })
}

/// On three channels of 32x32 pixels, whatever the arguments.
fn cifar(config: &Config) -> Result<Subject, GoldenError> {
    let stages = config
        .get("stage_sizes")
        .and_then(serde_json::Value::as_array);
    let stages: Option<Vec<u64>> =
        stages.and_then(|list| list.iter().map(serde_json::Value::as_u64).collect());
    Ok(Subject {
        model: Model::Resnet(Resnet {
            stages: stages.ok_or(GoldenError::Value {
                key: "stage_sizes".to_owned(),
                expected: "a list of whole numbers",
            })?,
            filters: integer(config, "num_filters")? as u64,
            activation: Activation::Relu,
            last_norm_scale: 0.0,
        }),
        interface: Interface::classes(&[3, 32, 32], integer(config, "num_classes")? as u64),
        loss: Loss::CrossEntropy(CrossEntropy::default()),
    })
}

fn finewebedu(config: &Config) -> Result<Subject, GoldenError> {
    let multiple = integer(config, "multiple_of")?;
    let hidden = (integer(config, "expanded_model_dim")? + multiple - 1) / multiple * multiple;
    Ok(Subject {
        model: Model::Decoder(Decoder {
            width: integer(config, "model_dim")? as u64,
            layers: integer(config, "num_layers")? as u64,
            heads: integer(config, "num_heads")? as u64,
            hidden: hidden as u64,
            mlp: DecoderMlp::Gated,
            convolutions: false,
            tie_embeddings: config
                .get("tie_embeddings")
                .and_then(serde_json::Value::as_bool)
                .unwrap_or(true),
            dropout: 0.0,
        }),
        interface: Interface::text(
            integer(config, "seq_len")? as u64,
            integer(config, "vocab_size")? as u64,
        ),
        loss: Loss::CrossEntropy(CrossEntropy::default()),
    })
}

fn integer(config: &Config, key: &str) -> Result<i64, GoldenError> {
    let value = config.get(key).and_then(serde_json::Value::as_i64);
    value.filter(|&value| value > 0).ok_or(GoldenError::Value {
        key: key.to_owned(),
        expected: "a positive whole number",
    })
}
