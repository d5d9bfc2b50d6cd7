//! What a workload does to its training: a part of the data, wrong labels, smoothed targets, dropout, bf16.

use crate::fixture::{
    CLASSES, SIDE, dataset, image_models, model, random_batch, step, workload, write_split,
};
use bench_core::run::SplitName;
use bench_core::spec::columns::{Columns, Number};
use bench_core::spec::workload::{self as spec, CrossEntropy, Precision, Workload};
use bench_torch::precision::has_bf16;
use bench_torch::random::{self, Key};
use bench_workloads::model::{Builder, Interface, Pass, build};
use bench_workloads::{Batch, Loss, Model, build_model, data, metric};
use proptest::prelude::*;
use serde_json::json;
use tch::{Device, Kind, Tensor};

/// Examples of the split files here; the pixels of example i are all i.
const EXAMPLES: i64 = 200;

/// Number and label of every example of a split, in order.
fn examples(workload: &Workload, split: SplitName) -> Vec<(i64, i64)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("split");
    write_split(&path, EXAMPLES as usize);
    let dataset = dataset([EXAMPLES as u64; 3]);
    let opened = data::open(&path, split, workload, &dataset, Device::Cpu, Kind::Float).unwrap();
    let all = Tensor::arange(opened.len() as i64, (Kind::Int64, Device::Cpu));
    let batch = opened.batch(&all, None).unwrap();
    // Out of (i / 255 - 0.5) / 0.25.
    let pixels =
        (batch.inputs().select(1, 0).select(1, 0).select(1, SIDE - 1) * 0.25 + 0.5) * 255.0;
    let numbers = Vec::<i64>::try_from(&pixels.round().to_kind(Kind::Int64)).unwrap();
    let labels = Vec::<i64>::try_from(&batch.targets).unwrap();
    assert!(
        opened
            .batch(&Tensor::from_slice(&[opened.len() as i64]), None)
            .is_err()
    );
    numbers.into_iter().zip(labels).collect()
}

fn with(train_examples: Option<u64>, label_noise: f64) -> Workload {
    Workload {
        train_examples,
        label_noise,
        ..workload(json!({ "mlp": { "hidden": [4] } }))
    }
}

fn right(number: i64) -> i64 {
    number % CLASSES
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn a_part_is_drawn_once_and_lies_within_larger_ones(few in 1_u64..=EXAMPLES as u64, more in 1_u64..=EXAMPLES as u64) {
        let (few, more) = (few.min(more), few.max(more));
        let part = |count| examples(&with(Some(count), 0.0), SplitName::Train);
        let (small, large) = (part(few), part(more));
        prop_assert_eq!((small.len() as u64, large.len() as u64), (few, more));
        prop_assert!(large.windows(2).all(|pair| pair[0].0 < pair[1].0));
        prop_assert!(small.iter().all(|example| large.contains(example)));
        prop_assert!(large.iter().all(|&(number, label)| label == right(number)));
        prop_assert_eq!(examples(&with(Some(few), 0.0), SplitName::Validation).len(), EXAMPLES as usize);
    }

    #[test]
    fn a_share_of_labels_is_another_class_and_the_wrong_ones_stay_wrong(low in 0.0..1.0_f64, high in 0.0..1.0_f64, part in 1_u64..=EXAMPLES as u64) {
        let (low, high) = (low.min(high), low.max(high));
        let noisy = |share| examples(&with(None, share), SplitName::Train);
        let (some, more) = (noisy(low), noisy(high));
        for ((number, label), (_, other)) in some.iter().zip(&more) {
            prop_assert!((0..CLASSES).contains(label));
            prop_assert!(*label == right(*number) || label == other);
        }
        let wrong = some.iter().filter(|(number, label)| *label != right(*number)).count();
        // Four deviations of a sum of draws.
        let spread = 4.0 * (EXAMPLES as f64 * low * (1.0 - low)).sqrt() + 1.0;
        prop_assert!((wrong as f64 - low * EXAMPLES as f64).abs() < spread, "{} at {}", wrong, low);
        // An example of a part has the label that it has in the whole, and only training labels are touched.
        let of_part = examples(&with(Some(part), low), SplitName::Train);
        prop_assert!(of_part.iter().all(|example| some.contains(example)));
        let clean = examples(&with(Some(part), low), SplitName::Test);
        prop_assert!(clean.iter().all(|&(number, label)| label == right(number)));
    }
}

#[test]
fn wrong_labels_are_each_other_class_as_often() {
    let all = examples(&with(None, 1.0), SplitName::Train);
    let steps = all
        .iter()
        .map(|(number, label)| (label - right(*number)).rem_euclid(CLASSES));
    let mut counts = [0; CLASSES as usize];
    steps.for_each(|step| counts[step as usize] += 1);
    assert_eq!(counts[0], 0);
    // 50 of each are expected, with a deviation of 6.
    assert!(
        counts[1..].iter().all(|count| (25..75).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn smoothing_is_of_training_alone() {
    let (batch, e) = (random_batch(6), 0.3);
    let logits = Tensor::arange(6 * CLASSES, (Kind::Float, Device::Cpu))
        .sin()
        .view([6, CLASSES]);
    let smooth = Loss::cross_entropy(CrossEntropy { label_smoothing: e });
    let value = |loss: &Loss| loss.mean(&logits, &batch).unwrap().double_value(&[]);
    let plain = value(&Loss::cross_entropy(CrossEntropy::default()));
    let log = logits.log_softmax(-1, Kind::Double);
    // (1 - e) of the right class, and e of all classes evenly.
    let uniform = -log.mean(Kind::Double).double_value(&[]);
    let expected = (1.0 - e) * plain + e * uniform;
    assert!((value(&smooth) - expected).abs() < 1e-6);
    let values = smooth.values(&logits, &batch).unwrap();
    assert!((values.mean().unwrap().double_value(&[]) - expected).abs() < 1e-6);

    let mut workload = workload(json!({ "mlp": { "hidden": [4] } }));
    let score = |workload: &Workload| {
        let model = model(workload, Kind::Float, 5);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("split");
        write_split(&path, 9);
        let split = SplitName::Validation;
        let opened = data::open(
            &path,
            split,
            workload,
            &dataset([9; 3]),
            Device::Cpu,
            Kind::Float,
        );
        let all = Tensor::arange(9, (Kind::Int64, Device::Cpu));
        metric::score(workload, model.as_ref(), opened.unwrap().as_ref(), &all)
            .unwrap()
            .metrics()
    };
    let before = score(&workload);
    workload.loss = spec::Loss::CrossEntropy(CrossEntropy { label_smoothing: e });
    assert_eq!(score(&workload), before);
}

/// A model of every kind, with a batch for it, in this precision.
fn built(precision: Precision, dropout: f64) -> Vec<(Box<dyn Model>, Batch)> {
    tch::set_num_threads(1);
    let mut built: Vec<(Box<dyn Model>, Batch)> = Vec::new();
    for mut spec in image_models() {
        if let Some(mlp) = spec.get_mut("mlp") {
            mlp["dropout"] = json!(dropout);
        }
        let workload = Workload {
            precision,
            ..workload(spec)
        };
        built.push((model(&workload, Kind::Float, 5), random_batch(12)));
    }
    let decoder = json!({ "decoder": { "width": 16, "layers": 2, "heads": 2, "hidden": 24, "convolutions": true, "dropout": dropout } });
    let mut workload = Workload {
        precision,
        ..workload(decoder)
    };
    workload.input.sequence_length = Some(9);
    let mut text = dataset([0; 3]);
    text.columns = Columns::text(Number::U8, 11);
    let decoder = build_model(&workload, &text, Device::Cpu, Kind::Float, 5).unwrap();
    built.push((decoder, tokens()));
    built
}

fn tokens() -> Batch {
    let tokens = Tensor::arange(40, (Kind::Int64, Device::Cpu))
        .remainder(11)
        .view([4, 10]);
    Batch::new(tokens.narrow(1, 0, 9), tokens.narrow(1, 1, 9))
}

#[test]
fn bf16_computes_in_bf16_and_keeps_weights_and_losses_wide() {
    if !has_bf16(Device::Cpu) {
        let low = Workload {
            precision: Precision::Bf16,
            ..workload(json!({ "mlp": { "hidden": [4] } }))
        };
        let error = build_model(&low, &dataset([0; 3]), Device::Cpu, Kind::Float, 5)
            .err()
            .unwrap();
        assert!(
            error.to_string().contains("`precision: bf16` needs"),
            "{error}"
        );
        return;
    }
    let loss = Loss::cross_entropy(CrossEntropy::default());
    for ((wide, batch), (low, _)) in built(Precision::F32, 0.0)
        .into_iter()
        .zip(built(Precision::Bf16, 0.0))
    {
        let outputs = [&wide, &low].map(|model| model.forward(&batch, &Pass::EVAL).unwrap());
        assert_eq!(outputs[1].kind(), Kind::Float);
        let gap = (&outputs[0] - &outputs[1]).abs().max().double_value(&[]);
        let size = outputs[0].abs().max().double_value(&[]);
        assert!(gap > 0.0 && gap < 0.05 * size, "{gap} of {size}");
        let losses: Vec<f64> = (0..60)
            .map(|_| step(low.as_ref(), &batch, &loss, 0.1))
            .collect();
        assert!(losses[59] < losses[0], "{losses:?}");
        assert!(
            low.parameters()
                .iter()
                .all(|p| p.tensor.kind() == Kind::Float)
        );
    }
}

#[test]
fn dropout_is_drawn_from_the_generator_in_training_alone() {
    for (model, batch) in built(Precision::F32, 0.5) {
        let run = |step: u64, pass: &Pass| {
            random::reseed_default(&Key::new(1, "dropout").step(step), Device::Cpu).unwrap();
            model.forward(&batch, pass).unwrap()
        };
        let trained = Pass {
            update_buffers: false,
            ..Pass::TRAIN
        };
        let drops = run(1, &trained) != run(2, &trained);
        // The residual network has none, like AlgoPerf's.
        assert_eq!(drops, model.buffers().is_empty());
        assert_eq!(run(1, &trained), run(1, &trained));
        assert_eq!(run(1, &Pass::EVAL), run(2, &Pass::EVAL));
    }
}

#[test]
fn dropout_of_the_last_hidden_layer_changes_no_mean() {
    let spec =
        serde_json::from_value(json!({ "mlp": { "hidden": [8, 64], "dropout": 0.2 } })).unwrap();
    let interface = Interface::classes(&[1, SIDE as u64, SIDE as u64], CLASSES as u64);
    tch::set_num_threads(1);
    let model = build(&spec, &interface, Builder::new(Device::Cpu, Kind::Float, 5)).unwrap();
    let batch = random_batch(3);
    random::reseed_default(&Key::new(2, "dropout"), Device::Cpu).unwrap();
    let runs: Vec<Tensor> = (0..2000)
        .map(|_| model.forward(&batch, &Pass::TRAIN).unwrap())
        .collect();
    let runs = Tensor::stack(&runs, 0);
    let error = (runs.mean_dim([0_i64].as_slice(), false, Kind::Float)
        - model.forward(&batch, &Pass::EVAL).unwrap())
    .abs();
    let spread = runs.std_dim([0_i64].as_slice(), true, false) / 2000_f64.sqrt();
    assert!((error / spread).max().double_value(&[]) < 5.0);
}
