//! Names, shapes and count of the real model's parameters, without their memory.

use super::config::Config;
use super::file::{File, Shape, Variant};
use super::findings::{Findings, settle};
use super::subject::{self, Subject};
use super::{GoldenError, Verdict};
use crate::model::{self, Builder};
use serde_json::{Value, json};

/// AlgoPerf's own arguments of a workload and what a variant changes; none where its kind is not built.
pub(super) fn config(workload: &str, variant: &str) -> Option<Config> {
    let mut config = base(workload)?;
    let changes = changes(workload, variant)?;
    config.as_object_mut()?.extend(changes.as_object()?.clone());
    serde_json::from_value(config).ok()
}

fn base(workload: &str) -> Option<Value> {
    Some(match workload {
        "mnist" => json!({ "input_size": 784, "num_hidden": 128, "num_classes": 10 }),
        "cifar" => json!({
            "block": "basic", "stage_sizes": [2, 2, 2, 2], "num_filters": 64, "num_classes": 10,
        }),
        "finewebedu_lm" => json!({
            "model_dim": 1024, "num_heads": 8, "seq_len": 1024, "num_layers": 12, "vocab_size": 50257,
            "expanded_model_dim": 4096, "multiple_of": 256, "tie_embeddings": true,
        }),
        "imagenet_resnet" => json!({
            "block": "bottleneck", "stage_sizes": [3, 4, 6, 3], "num_filters": 64, "num_classes": 1000, "act_fnc": "relu",
        }),
        "imagenet_vit" => json!({
            "num_classes": 1000, "image_size": [224, 224], "patch_size": [16, 16], "width": 384, "depth": 12, "mlp_dim": 1536,
            "num_heads": 6, "use_glu": false, "use_post_layer_norm": false, "use_map": false,
        }),
        "criteo1tb" => json!({
            "use_resnet": false, "vocab_size": 4_194_304, "num_dense_features": 13, "num_sparse_features": 26,
            "mlp_bottom_dims": [512, 256, 128], "mlp_top_dims": [1024, 1024, 512, 256, 1], "embed_dim": 128, "use_layer_norm": false,
        }),
        "fastmri" => json!({
            "num_channels": 32, "num_pool_layers": 4, "use_tanh": false, "use_layer_norm": false,
        }),
        "ogbg" => json!({
            "num_outputs": 128, "latent_dim": 256, "hidden_dims": [256], "num_message_passing_steps": 5, "activation_fn_name": "relu",
        }),
        "wmt" => json!({
            "ntoken": 32000, "d_model": 1024, "nhead": 16, "d_hid": 1024, "nlayers": 6, "activation": "relu", "glu": false,
            "attention_temp": 1.0, "pre_ln": true,
        }),
        "librispeech_conformer" => json!({
            "vocab_size": 1024, "encoder_dim": 512, "num_attention_heads": 8, "num_encoder_layers": 4, "convolution_kernel_size": 5,
            "feed_forward_expansion_factor": 4, "attention_temperature": 1.0, "activation_function_name": "swish",
            "use_post_layer_norm": true, "num_bins": 80, "preprocessor": true,
        }),
        "librispeech_deepspeech" => json!({
            "vocab_size": 1024, "encoder_dim": 512, "num_lstm_layers": 6, "num_ffn_layers": 3, "enable_residual_connections": true,
            "enable_decoder_layer_norm": true, "layernorm_everywhere": false, "use_tanh": false, "num_bins": 80, "preprocessor": true,
        }),
        _ => return None,
    })
}

fn changes(workload: &str, variant: &str) -> Option<Value> {
    Some(match (workload, variant) {
        (_, "base") => json!({}),
        ("imagenet_resnet", "silu" | "gelu") => json!({ "act_fnc": variant }),
        // Other initial values alone.
        ("imagenet_resnet", "large_bn_init") | ("criteo1tb", "embed_init") => json!({}),
        ("imagenet_vit", "glu") => json!({ "use_glu": true }),
        ("imagenet_vit", "post_ln") => json!({ "use_post_layer_norm": true }),
        ("imagenet_vit", "map") => json!({ "use_map": true }),
        ("criteo1tb", "layernorm") => json!({ "use_layer_norm": true }),
        ("criteo1tb", "resnet") => json!({
            "use_resnet": true, "mlp_bottom_dims": [256, 256, 256], "mlp_top_dims": [256, 256, 256, 256, 1],
        }),
        ("fastmri", "tanh") => json!({ "use_tanh": true }),
        ("fastmri", "layernorm") => json!({ "use_layer_norm": true }),
        ("fastmri", "model_size") => json!({ "num_pool_layers": 3, "num_channels": 64 }),
        ("ogbg", "gelu" | "silu") => json!({ "activation_fn_name": variant }),
        ("ogbg", "model_size") => json!({
            "latent_dim": 128, "hidden_dims": [256, 256], "num_message_passing_steps": 3,
        }),
        ("wmt", "post_ln") => json!({ "pre_ln": false }),
        ("wmt", "attention_temp") => json!({ "attention_temp": 4.0 }),
        ("wmt", "glu_tanh") => json!({ "glu": true, "activation": "tanh" }),
        ("librispeech_conformer", "attention_temperature") => {
            json!({ "attention_temperature": 1.6 })
        }
        ("librispeech_conformer", "gelu") => json!({ "activation_function_name": "gelu" }),
        ("librispeech_conformer", "layernorm") => json!({ "use_post_layer_norm": false }),
        ("librispeech_deepspeech", "tanh") => json!({ "use_tanh": true }),
        ("librispeech_deepspeech", "no_resnet") => json!({ "enable_residual_connections": false }),
        ("librispeech_deepspeech", "norm_and_spec_aug") => {
            json!({ "layernorm_everywhere": true, "enable_decoder_layer_norm": false })
        }
        _ => return None,
    })
}

/// Compares names, shapes and count of the real model and its variants.
pub(super) fn compare(file: &File) -> Vec<(String, Verdict)> {
    let base = (&file.full_size.parameters, file.full_size.count);
    let variants = file
        .full_size
        .variants
        .iter()
        .map(|(name, variant)| match variant {
            Variant::Own { parameters, count } => (name.as_str(), (parameters, *count)),
            Variant::Same { same_as } => {
                (name.as_str(), variant_shapes(file, same_as).unwrap_or(base))
            }
        });
    std::iter::once(("base", base))
        .chain(variants)
        .map(|(name, (shapes, count))| {
            let verdict = match subject::full_size(&file.workload, name) {
                None => Verdict::NotBuilt,
                Some(subject) => {
                    settle(subject.and_then(|subject| compare_shapes(&subject, shapes, count)))
                }
            };
            (name.to_owned(), verdict)
        })
        .collect()
}

fn variant_shapes<'a>(file: &'a File, name: &str) -> Option<(&'a Vec<Shape>, i64)> {
    match file.full_size.variants.get(name)? {
        Variant::Own { parameters, count } => Some((parameters, *count)),
        Variant::Same { .. } => None,
    }
}

fn compare_shapes(
    subject: &Subject,
    shapes: &[Shape],
    count: i64,
) -> Result<Findings, GoldenError> {
    let model = model::build(&subject.model, &subject.interface, Builder::shapes_only())?;
    let ours: Vec<_> = model
        .parameters()
        .iter()
        .map(|p| (p.name.as_str(), p.tensor.size()))
        .collect();
    let theirs: Vec<_> = shapes
        .iter()
        .map(|shape| (shape.name.as_str(), shape.shape.clone()))
        .collect();
    let mut findings = Findings::default();
    findings.lists("parameters", &ours, &theirs);
    let total: i64 = ours
        .iter()
        .map(|(_, shape)| shape.iter().product::<i64>())
        .sum();
    findings.number("count", total as f64, count as f64);
    Ok(findings)
}
