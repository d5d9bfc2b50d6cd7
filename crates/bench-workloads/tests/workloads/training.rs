//! Every kind of model takes steps, learns a batch by heart, repeats itself bit for bit, and keeps training and evaluation apart.

use crate::fixture::{image_models, model, numbers, one_thread, random_batch, step, workload};
use bench_core::spec::workload::{CrossEntropy, Workload};
use bench_torch::random::{Key, Stream};
use bench_torch::snapshot::{self, Snapshot};
use bench_workloads::model::{self as models, Builder, Interface, Pass};
use bench_workloads::{Batch, Loss, Model};
use serde_json::json;
use std::cell::RefCell;
use tch::{Device, Kind, Tensor};

type Built = (Box<dyn Model>, Batch);

/// Every kind of model, with a batch for it.
fn kinds() -> Vec<(String, Box<dyn Fn() -> Built>)> {
    let images = image_models()
        .into_iter()
        .map(|spec| -> (String, Box<dyn Fn() -> Built>) {
            let workload: Workload = workload(spec.clone());
            (
                spec.to_string(),
                Box::new(move || (model(&workload, Kind::Float, 5), random_batch(12))),
            )
        });
    let decoders = [
        json!({}),
        json!({ "mlp": "squared-relu", "convolutions": true, "tie-embeddings": false }),
    ];
    let decoders = decoders
        .into_iter()
        .map(|switches| -> (String, Box<dyn Fn() -> Built>) {
            let mut spec = json!({ "width": 16, "layers": 2, "heads": 2, "hidden": 24 });
            spec.as_object_mut()
                .unwrap()
                .extend(switches.as_object().unwrap().clone());
            let spec = json!({ "decoder": spec });
            (
                spec.to_string(),
                Box::new(move || (decoder(&spec), tokens())),
            )
        });
    images.chain(decoders).collect()
}

fn decoder(spec: &serde_json::Value) -> Box<dyn Model> {
    one_thread();
    let spec = serde_json::from_value(spec.clone()).unwrap();
    let interface = Interface::text(9, 11);
    models::build(&spec, &interface, Builder::new(Device::Cpu, Kind::Float, 5)).unwrap()
}

fn tokens() -> Batch {
    let mut stream = Stream::new(&Key::new(4, "test")).unwrap();
    let tokens = stream.integers(&[3, 10], 0, 11).unwrap();
    Batch::new(tokens.narrow(1, 0, 9), tokens.narrow(1, 1, 9))
}

fn smoothed(label_smoothing: f64) -> Loss {
    Loss::cross_entropy(CrossEntropy { label_smoothing })
}

fn loss() -> Loss {
    smoothed(0.0)
}

#[test]
fn one_step_changes_every_parameter_and_lowers_the_loss() {
    for (kind, build) in kinds() {
        let (model, batch) = build();
        let before: Vec<Tensor> = model
            .parameters()
            .iter()
            .map(|p| p.tensor.detach().copy())
            .collect();
        let first = step(model.as_ref(), &batch, &loss(), 0.01);
        for (parameter, before) in model.parameters().iter().zip(&before) {
            // Behind a scale of 0 nothing moves in the first step.
            let blocked = kind.contains("resnet")
                && parameter.name.starts_with("layer")
                && !parameter.name.contains("bn2.")
                && !parameter.name.contains("downsample");
            assert!(
                blocked || parameter.tensor != *before,
                "{kind}: {} did not move",
                parameter.name
            );
        }
        assert!(
            step(model.as_ref(), &batch, &loss(), 0.01) < first,
            "{kind}"
        );
    }
}

#[test]
fn a_batch_is_learned_by_heart() {
    for (kind, build) in kinds() {
        let (model, batch) = build();
        let rate = if kind.contains("decoder") { 0.5 } else { 0.1 };
        let losses: Vec<f64> = (0..300)
            .map(|_| step(model.as_ref(), &batch, &loss(), rate))
            .collect();
        assert!(
            losses[299] < 0.2 * losses[0],
            "{kind}: {} to {}",
            losses[0],
            losses[299]
        );
    }
}

#[test]
fn the_same_steps_give_the_same_bits() {
    for (kind, build) in kinds() {
        let train = || {
            let (model, batch) = build();
            for _ in 0..3 {
                step(model.as_ref(), &batch, &loss(), 0.1);
            }
            numbers(model.as_ref())
        };
        assert_eq!(train(), train(), "{kind}");
    }
}

#[test]
fn evaluation_changes_nothing_and_training_moves_buffers_only_when_asked() {
    for (kind, build) in kinds() {
        let (model, batch) = build();
        let start = numbers(model.as_ref());
        let frozen = Pass {
            update_buffers: false,
            ..Pass::TRAIN
        };
        for pass in [Pass::EVAL, frozen] {
            let _ = model.forward(&batch, &pass).unwrap();
            assert_eq!(numbers(model.as_ref()), start, "{kind}");
        }
        let trained = model.forward(&batch, &Pass::TRAIN).unwrap();
        assert_eq!(
            numbers(model.as_ref()) != start,
            !model.buffers().is_empty(),
            "{kind}"
        );
        let evaluated = model.forward(&batch, &Pass::EVAL).unwrap();
        assert_eq!(trained == evaluated, model.buffers().is_empty(), "{kind}");
    }
}

#[test]
fn saved_and_loaded_a_model_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eval.safetensors");
    for (kind, build) in kinds() {
        let (trained, batch) = build();
        step(trained.as_ref(), &batch, &loss(), 0.1);
        snapshot::save(&path, &models::state(trained.as_ref()), &Default::default()).unwrap();
        let (loaded, _) = build();
        Snapshot::open(&path)
            .unwrap()
            .load(&models::state(loaded.as_ref()))
            .unwrap();
        assert_eq!(
            numbers(loaded.as_ref()),
            numbers(trained.as_ref()),
            "{kind}"
        );
        let (replica, _) = build();
        models::copy_state(trained.as_ref(), replica.as_ref()).unwrap();
        assert_eq!(
            numbers(replica.as_ref()),
            numbers(trained.as_ref()),
            "{kind}"
        );
    }
}

#[test]
fn an_update_and_other_data_both_reach_the_next_forward() {
    for (kind, build) in kinds() {
        let (model, batch) = build();
        let run = || model.forward(&batch, &Pass::EVAL).unwrap();
        let start = run();
        let last = &model.parameters().last().unwrap().tensor;
        let elsewhere = last.detach() + 1.0;
        let home = last.detach();
        last.shallow_clone().set_data(&elsewhere);
        assert_ne!(run(), start, "{kind}");
        last.shallow_clone().set_data(&home);
        assert_eq!(run(), start, "{kind}");
    }
}

#[test]
fn an_observer_sees_every_layer() {
    for (kind, build) in kinds() {
        let (model, batch) = build();
        let seen = RefCell::new(Vec::new());
        let observer = |name: &str, input: &Tensor, output: &Tensor| {
            assert!(input.defined() && output.defined());
            seen.borrow_mut().push(format!("{name}.weight"));
        };
        let _ = model
            .forward(
                &batch,
                &Pass {
                    observer: Some(&observer),
                    ..Pass::EVAL
                },
            )
            .unwrap();
        let seen = seen.into_inner();
        let matrices = model.parameters().iter().filter(|p| p.tensor.dim() > 1);
        for parameter in
            matrices.filter(|p| !p.name.contains("embed") && !p.name.contains("attn.convolution"))
        {
            assert!(
                seen.contains(&parameter.name),
                "{kind}: {} of {seen:?}",
                parameter.name
            );
        }
    }
}

#[test]
fn a_decoder_does_not_look_ahead() {
    let model = decoder(
        &json!({ "decoder": { "width": 16, "layers": 2, "heads": 2, "hidden": 24, "convolutions": true } }),
    );
    let batch = tokens();
    let start = model.forward(&batch, &Pass::EVAL).unwrap();
    let mut changed = batch.inputs().copy();
    let _ = changed.select(1, 6).fill_(0).set_requires_grad(false);
    let other = model
        .forward(
            &Batch::new(changed.shallow_clone(), batch.targets.copy()),
            &Pass::EVAL,
        )
        .unwrap();
    let _ = &mut changed;
    assert_eq!(start.narrow(1, 0, 6), other.narrow(1, 0, 6));
    assert_ne!(start.narrow(1, 6, 3), other.narrow(1, 6, 3));
}

#[test]
fn sampled_targets_follow_the_model() {
    let logits =
        Tensor::from_slice(&[0.0_f32, 3.0_f32.ln(), f32::NEG_INFINITY]).repeat([40_000, 1]);
    let mut stream = Stream::new(&Key::new(9, "test")).unwrap();
    let uniform = stream.uniform(&[40_000], 0.0, 1.0, Kind::Float).unwrap();
    let drawn = loss().sample_targets(&logits, &uniform).unwrap();
    let share = drawn
        .eq(1)
        .to_kind(Kind::Double)
        .mean(Kind::Double)
        .double_value(&[]);
    assert!((share - 0.75).abs() < 0.02, "{share}");
    assert_eq!(drawn.max().int64_value(&[]), 1);
}
