//! Small workloads, split files and training steps.

use bench_core::run::{DatasetIdentity, RunSpec, SplitIdentity, SplitName};
use bench_core::spec::columns::Columns;
use bench_core::spec::workload::Workload;
use bench_torch::gradient::{self, Graph};
use bench_workloads::{Batch, Loss, Model, Pass, build_model};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use std::path::Path;
use tch::{Device, Kind, Tensor};

pub(crate) const CLASSES: i64 = 5;
pub(crate) const SIDE: i64 = 16;

/// A workload with this model on 16x16 grey images of 5 classes.
pub(crate) fn workload(model: Value) -> Workload {
    serde_json::from_value(json!({
        "schema": 1,
        "dataset": "tiny",
        "input": { "pixels": "unit", "mean": [0.5], "std": [0.25] },
        "model": model,
        "loss": "cross-entropy",
        "metrics": ["error-rate", "accuracy", "cross-entropy"],
        "target": { "metric": "error-rate", "validation": 0.5 },
        "budget": { "time": "10s", "steps": 10 },
        "step-hint": 10,
        "evaluate": { "every-steps": 5, "batch-size": 4, "train-subset": 7 },
    }))
    .unwrap()
}

/// Every kind of model for such images, small.
pub(crate) fn image_models() -> Vec<Value> {
    vec![
        json!({ "mlp": { "hidden": [32], "activation": "gelu" } }),
        json!({ "resnet": { "stages": [1, 1], "filters": 4 } }),
    ]
}

pub(crate) fn dataset(examples: [u64; 3]) -> DatasetIdentity {
    let splits = SplitName::ALL
        .into_iter()
        .zip(examples)
        .map(|(split, examples)| {
            let identity = SplitIdentity {
                examples,
                hash: String::new(),
            };
            (split, identity)
        });
    DatasetIdentity {
        name: "tiny".to_owned(),
        columns: Columns::images(1, SIDE as u64, SIDE as u64, CLASSES as u64),
        splits: splits.collect(),
    }
}

pub(crate) fn run_spec(workload: Workload, dataset: DatasetIdentity) -> RunSpec {
    serde_json::from_value(json!({
        "protocol": bench_core::run::PROTOCOL,
        "workload-name": "tiny",
        "workload": workload,
        "dataset": dataset,
        "submission": {
            "name": "none", "program": "none", "schedule": "constant", "batch-size": 4,
            "gradient-clipping": "none", "groups": [],
        },
        "hyperparameters": {},
        "ruleset-name": "quick",
        "ruleset": { "tuning": "external-tuning", "studies": 1, "trials": 1 },
        "seed": { "purpose": "scoring", "base": 0, "study": 1, "trial": 1, "value": 7 },
        "threads": 1,
        "device": "cpu",
    }))
    .unwrap()
}

/// Writes the only shard of a split.
pub(crate) fn write_shard(split: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(split).unwrap();
    std::fs::write(split.join("00000.safetensors"), bytes).unwrap();
}

/// A split of images and labels; the pixels of example i are all i.
pub(crate) fn write_split(path: &Path, examples: usize) {
    let plane = (SIDE * SIDE) as usize;
    let pixels: Vec<u8> = (0..examples).flat_map(|i| vec![i as u8; plane]).collect();
    let labels: Vec<u8> = (0..examples)
        .map(|i| (i % CLASSES as usize) as u8)
        .collect();
    let shape = [examples, 1, SIDE as usize, SIDE as usize];
    write_shard(path, &split_file(&pixels, &shape, &labels));
}

pub(crate) fn split_file(pixels: &[u8], shape: &[usize], labels: &[u8]) -> Vec<u8> {
    let images = TensorView::new(Dtype::U8, shape.to_vec(), pixels).unwrap();
    let labels = TensorView::new(Dtype::U8, vec![labels.len()], labels).unwrap();
    safetensors::serialize([("images", images), ("labels", labels)], None).unwrap()
}

/// One thread for this test: tests run side by side, and spinning threads would wait for each other.
pub(crate) fn one_thread() {
    tch::set_num_threads(1);
}

pub(crate) fn model(workload: &Workload, kind: Kind, seed: u64) -> Box<dyn Model> {
    one_thread();
    build_model(workload, &dataset([0; 3]), Device::Cpu, kind, seed).unwrap()
}

/// Images that differ, and their labels.
pub(crate) fn random_batch(examples: i64) -> Batch {
    let key = bench_torch::random::Key::new(3, "test");
    let mut stream = bench_torch::random::Stream::new(&key).unwrap();
    let inputs = stream
        .normal(&[examples, 1, SIDE, SIDE], 0.0, 1.0, Kind::Float)
        .unwrap();
    Batch::new(inputs, stream.integers(&[examples], 0, CLASSES).unwrap())
}

/// One step of gradient descent; the loss before it.
pub(crate) fn step(model: &dyn Model, batch: &Batch, loss: &Loss, rate: f64) -> f64 {
    let outputs = model.forward(batch, &Pass::TRAIN).unwrap();
    let mean = loss.mean(&outputs, batch).unwrap();
    let tensors: Vec<&Tensor> = model.parameters().iter().map(|p| &p.tensor).collect();
    let gradients = gradient::gradients(&mean, &tensors, Graph::Free).unwrap();
    let _guard = tch::no_grad_guard();
    for (tensor, gradient) in tensors.into_iter().zip(gradients) {
        let _ = tensor.shallow_clone().g_sub_(&(gradient.unwrap() * rate));
    }
    mean.double_value(&[])
}

/// All numbers of a model, buffers too.
pub(crate) fn numbers(model: &dyn Model) -> Vec<f64> {
    let flat = |tensor: &Tensor| -> Vec<f64> {
        tensor
            .detach()
            .to_kind(Kind::Double)
            .flatten(0, -1)
            .try_into()
            .unwrap()
    };
    bench_workloads::model::state(model)
        .iter()
        .flat_map(|(_, tensor)| flat(tensor))
        .collect()
}
