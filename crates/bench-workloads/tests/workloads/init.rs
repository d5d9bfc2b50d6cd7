//! Initial values by their moments, and what they depend on.

use crate::fixture::{model, numbers, workload};
use crate::goldens::shared;
use bench_core::spec::columns::{Rows, Values};
use bench_core::spec::interface::Slot;
use bench_core::spec::submission::Role;
use bench_workloads::Parameter;
use bench_workloads::model::{self, Builder, Interface};
use serde_json::json;
use tch::{Device, Kind};

/// Mean, deviation, smallest and largest.
fn moments(parameter: &Parameter) -> [f64; 4] {
    let x = parameter.tensor.detach().to_kind(Kind::Double);
    [x.mean(Kind::Double), x.std(false), x.min(), x.max()].map(|moment| moment.double_value(&[]))
}

/// Within five standard errors of the mean and of the deviation of that many draws.
fn assert_moments(parameter: &Parameter, deviation: f64, bound: f64) {
    let [mean, std, min, max] = moments(parameter);
    let error = 5.0 / (parameter.tensor.numel() as f64).sqrt();
    assert!(
        mean.abs() <= error * deviation,
        "{}: mean {mean}",
        parameter.name
    );
    assert!(
        (std / deviation - 1.0).abs() <= error,
        "{}: deviation {std}, not {deviation}",
        parameter.name
    );
    assert!(
        -bound <= min && max <= bound,
        "{}: {min} to {max}, beyond {bound}",
        parameter.name
    );
    assert!(
        max > 0.9 * bound || bound.is_infinite(),
        "{}: largest {max} of {bound}",
        parameter.name
    );
}

fn built(spec: serde_json::Value, interface: &Interface) -> Box<dyn bench_workloads::Model> {
    let spec = serde_json::from_value(spec).unwrap();
    model::build(&spec, interface, Builder::new(Device::Cpu, Kind::Float, 11)).unwrap()
}

#[test]
fn uniform_layers_start_as_torch_starts_linear_ones() {
    let interface = Interface::classes(&[1, 28, 28], 10);
    let model = built(json!({ "mlp": { "hidden": [300] } }), &interface);
    for parameter in model.parameters() {
        let bound = 1.0 / (parameter.fan_in as f64).sqrt();
        assert_moments(parameter, bound / 3.0_f64.sqrt(), bound * 1.0001);
    }
}

#[test]
fn lecun_layers_start_truncated_and_without_bias() {
    let interface = Interface::classes(&[1, 28, 28], 10);
    let model = built(
        json!({ "mlp": { "hidden": [300], "init": "lecun-truncated" } }),
        &interface,
    );
    for parameter in model.parameters() {
        if parameter.role == Role::Bias {
            assert_eq!(moments(parameter)[1], 0.0);
            continue;
        }
        let deviation = 1.0 / (parameter.fan_in as f64).sqrt();
        assert_moments(
            parameter,
            deviation,
            2.0 * deviation / 0.879_625_66 * 1.0001,
        );
    }
}

#[test]
fn the_residual_network_starts_as_the_reference_does() {
    let interface = Interface::classes(&[3, 32, 32], 10);
    let model = built(
        json!({ "resnet": { "stages": [2, 2], "filters": 32 } }),
        &interface,
    );
    for parameter in model.parameters() {
        let [mean, std, ..] = moments(parameter);
        match parameter.role {
            Role::Convolution => {
                let deviation = 1.0 / (parameter.fan_in as f64).sqrt();
                assert_moments(
                    parameter,
                    deviation,
                    2.0 * deviation / 0.879_625_66 * 1.0001,
                );
            }
            Role::OutputHead => assert_moments(parameter, 0.01, f64::INFINITY),
            Role::NormScale => {
                let expected = if parameter.name.ends_with("bn2.weight") {
                    0.0
                } else {
                    1.0
                };
                assert_eq!((mean, std), (expected, 0.0), "{}", parameter.name);
            }
            _ => assert_eq!((mean, std), (0.0, 0.0), "{}", parameter.name),
        }
    }
}

#[test]
fn the_decoder_starts_as_the_reference_does() {
    let interface = Interface::text(1024, 300);
    let spec = json!({ "decoder": { "width": 64, "layers": 3, "heads": 4, "hidden": 128 } });
    let model = built(spec, &interface);
    for parameter in model.parameters() {
        let name = parameter.name.as_str();
        let [mean, std, ..] = moments(parameter);
        if name.ends_with("attn_scale") {
            assert!((mean - 19.9986).abs() < 1e-4, "{name}: {mean}");
        } else if parameter.role == Role::NormScale {
            assert_eq!((mean, std), (1.0, 0.0), "{name}");
        } else if name.ends_with("w_out.weight") || name.ends_with("fc2.weight") {
            assert_moments(parameter, 0.02 / 6.0_f64.sqrt(), f64::INFINITY);
        } else {
            assert_moments(parameter, 0.02, f64::INFINITY);
        }
    }
}

/// AlgoPerf's own initial values, by the moments of one construction: `[mean, deviation, smallest, largest]`, four digits each.
#[test]
fn full_size_models_start_as_the_reference_did() {
    let ragged = |name: &str, shape: &[u64], values| Slot::new(name, shape, Rows::Ragged, values);
    let only = |input, target| Interface {
        inputs: vec![input],
        beside: Vec::new(),
        target,
    };
    let text = || ragged("targets", &[], Values::Tokens(1024));
    let scan = |name: &str| Slot::new(name, &[320, 320], Rows::One, Values::Real);
    let graphs = Interface {
        inputs: vec![
            ragged("nodes", &[9], Values::Real),
            ragged("edges", &[3], Values::Real),
            ragged("senders", &[], Values::Index),
            ragged("receivers", &[], Values::Index),
        ],
        beside: Vec::new(),
        target: Slot::new("targets", &[128], Rows::One, Values::Binary),
    };
    let cases = [
        (
            "imagenet_vit",
            json!({ "vit": { "patch": 16, "width": 384, "layers": 12, "heads": 6, "hidden": 1536 } }),
            Interface::classes(&[3, 224, 224], 1000),
        ),
        (
            "imagenet_resnet",
            json!({ "resnet": { "stages": [3, 4, 6, 3], "filters": 64, "block": "bottleneck", "stem": "imagenet" } }),
            Interface::classes(&[3, 224, 224], 1000),
        ),
        (
            "fastmri",
            json!({ "unet": { "channels": 32, "pools": 4 } }),
            only(scan("inputs"), scan("targets")),
        ),
        (
            "ogbg",
            json!({ "gnn": { "latent": 256, "hidden": [256], "rounds": 5 } }),
            graphs,
        ),
        (
            "librispeech_conformer",
            json!({ "conformer": { "width": 512, "layers": 4, "heads": 8 } }),
            only(ragged("inputs", &[], Values::Real), text()),
        ),
        (
            "librispeech_deepspeech",
            json!({ "deepspeech": { "width": 512, "recurrent": 6, "feed-forward": 3 } }),
            only(ragged("inputs", &[], Values::Real), text()),
        ),
    ];
    for (workload, spec, interface) in cases {
        let Some(path) = shared(&format!("model_goldens/{workload}.json")) else {
            continue;
        };
        let golden = std::fs::read_to_string(path).unwrap();
        let golden: serde_json::Value = serde_json::from_str(&golden).unwrap();
        let theirs = golden["full_size"]["parameters"].as_array().unwrap();
        for (ours, theirs) in built(spec, &interface).parameters().iter().zip(theirs) {
            let init: Vec<f64> = serde_json::from_value(theirs["init"].clone()).unwrap();
            assert_eq!(theirs["name"], ours.name);
            let [mean, std, min, max] = moments(ours);
            // Both are draws.
            let error = 7.0 / (ours.tensor.numel() as f64).sqrt();
            let told = format!("{}: {:?} and {init:?}", ours.name, [mean, std, min, max]);
            assert!(
                (mean - init[0]).abs() <= error * init[1] + 1e-4 * init[0].abs(),
                "{told}"
            );
            assert!((std - init[1]).abs() <= (error + 1e-3) * init[1], "{told}");
            let reach = min.abs().max(max) / init[2].abs().max(init[3].abs()).max(1e-300);
            assert!(init[1] == 0.0 || (0.6..1.7).contains(&reach), "{told}");
        }
    }
}

#[test]
fn the_transformer_starts_as_the_reference_does() {
    let ragged = |name: &str| Slot::new(name, &[], Rows::Ragged, Values::Tokens(400));
    let interface = Interface {
        inputs: vec![ragged("inputs")],
        beside: Vec::new(),
        target: ragged("targets"),
    };
    let spec = json!({ "transformer": { "width": 64, "layers": 2, "heads": 4, "hidden": 96 } });
    for parameter in built(spec, &interface).parameters() {
        let (name, shape) = (parameter.name.as_str(), parameter.tensor.size());
        let [mean, std, ..] = moments(parameter);
        match parameter.role {
            Role::Embedding => assert_moments(parameter, 1.0, f64::INFINITY),
            Role::NormScale => assert_eq!((mean, std), (1.0, 0.0), "{name}"),
            Role::Bias if name.contains("norm") => assert_eq!((mean, std), (0.0, 0.0), "{name}"),
            Role::Bias => assert_moments(parameter, 1e-6, f64::INFINITY),
            _ => {
                let bound = (6.0 / (shape[0] + shape[1]) as f64).sqrt();
                assert_moments(parameter, bound / 3.0_f64.sqrt(), bound * 1.0001);
            }
        }
    }
}

#[test]
fn embeddings_of_categories_start_above_0() {
    let interface = Interface {
        inputs: vec![
            Slot::new("dense", &[4], Rows::One, Values::Real),
            Slot::new("sparse", &[3], Rows::One, Values::Classes(50)),
        ],
        beside: Vec::new(),
        target: Slot::new("targets", &[], Rows::One, Values::Binary),
    };
    let spec = |more: serde_json::Value| {
        let mut spec = json!({ "vocabulary": 1024, "width": 32, "bottom": [32], "top": [256] });
        spec.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({ "dlrm": spec })
    };
    for (more, bound) in [
        (json!({}), 1.0 / 32.0),
        (json!({ "embedding-init": 1.0 }), 1.0),
    ] {
        let model = built(spec(more), &interface);
        let [mean, _, min, max] = moments(&model.parameters()[0]);
        assert!((mean / bound - 0.5).abs() < 0.02 && min >= 0.0 && max <= bound);
        let top = model
            .parameters()
            .iter()
            .find(|p| p.name == "top_mlp.0.weight")
            .unwrap();
        let inputs = top.tensor.size()[1] as f64;
        assert_moments(top, (2.0 / (inputs + 256.0)).sqrt(), f64::INFINITY);
    }
}

#[test]
fn initial_values_depend_on_the_seed_alone() {
    let workload = workload(json!({ "mlp": { "hidden": [8] } }));
    let values = |kind, seed| numbers(model(&workload, kind, seed).as_ref());
    assert_eq!(values(Kind::Float, 1), values(Kind::Float, 1));
    assert_eq!(values(Kind::Float, 1), values(Kind::Double, 1));
    assert_ne!(values(Kind::Float, 1), values(Kind::Float, 2));
}

#[test]
fn parameters_know_their_role_layer_and_fan_in() {
    let workload = workload(json!({ "mlp": { "hidden": [8] } }));
    let model = model(&workload, Kind::Float, 1);
    let known: Vec<_> = model
        .parameters()
        .iter()
        .map(|p| {
            (
                p.name.as_str(),
                p.role,
                p.layer,
                p.fan_in,
                p.tensor.requires_grad(),
            )
        })
        .collect();
    assert_eq!(
        known,
        [
            ("net.layer1.weight", Role::Weight, 0, 256, true),
            ("net.layer1.bias", Role::Bias, 0, 256, true),
            ("net.layer2.weight", Role::OutputHead, 1, 8, true),
            ("net.layer2.bias", Role::Bias, 1, 8, true),
        ]
    );
}

#[test]
fn sizes_that_make_no_model_are_errors_that_say_so() {
    let images = Interface::classes(&[1, 16, 16], 5);
    let text = Interface::text(8, 5);
    let cases = [
        (
            json!({ "resnet": { "stages": [1, 1, 1, 1], "filters": 4 } }),
            &images,
            "4 stages make maps of 2x2",
        ),
        (
            json!({ "resnet": { "stages": [1], "filters": 4 } }),
            &text,
            "no image",
        ),
        (
            json!({ "resnet": { "stages": [], "filters": 4 } }),
            &images,
            "empty",
        ),
        (
            json!({ "decoder": { "width": 12, "layers": 1, "heads": 5, "hidden": 4 } }),
            &text,
            "`width` 12",
        ),
        (
            json!({ "decoder": { "width": 12, "layers": 1, "heads": 2, "hidden": 4 } }),
            &images,
            "no sequence",
        ),
    ];
    for (spec, interface, expected) in cases {
        let spec = serde_json::from_value(spec).unwrap();
        let result = model::build(&spec, interface, Builder::shapes_only());
        let error = result
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(error.contains(expected), "{error}");
    }
}
