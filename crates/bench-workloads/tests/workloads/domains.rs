//! A small workload of each domain: its data in split files, its model trained on them, its metrics computed.

use crate::fixture::{one_thread, run_spec, step, write_shard};
use bench_core::run::{DatasetIdentity, SplitName};
use bench_core::spec::columns::{Column, Columns, Number, Rows, Values};
use bench_core::spec::workload::Workload;
use bench_workloads::{Examples, Loss, Model, Pass, build_model, data, metric};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use std::path::Path;
use tch::{Device, Kind, Tensor};

const EXAMPLES: usize = 8;

/// A workload and what its data is.
struct Domain {
    model: Value,
    loss: Value,
    metrics: Value,
    columns: Columns,
}

fn domain(model: Value, loss: &str, metrics: Value, columns: Columns) -> Domain {
    Domain {
        model,
        loss: json!(loss),
        metrics,
        columns,
    }
}

fn real(shape: &[u64]) -> Column {
    Column::new(Number::F32, shape)
}

fn ragged(column: Column) -> Column {
    Column {
        rows: Rows::Ragged,
        ..column
    }
}

fn tokens(vocabulary: u64) -> Column {
    ragged(Column::new(Number::I32, &[]).of(Values::Tokens(vocabulary)))
}

fn index() -> Column {
    ragged(Column::new(Number::U8, &[]).of(Values::Index))
}

fn speech() -> Columns {
    Columns::from([
        ("frames", ragged(real(&[6]))),
        ("text", tokens(5).as_target()),
    ])
}

fn domains() -> Vec<Domain> {
    let images = || Columns::images(3, 32, 32, 5);
    let graphs = Columns::from([
        ("nodes", ragged(real(&[3]))),
        ("edges", ragged(real(&[2]))),
        ("senders", index()),
        ("receivers", index()),
        ("labels", real(&[4]).of(Values::Binary).as_target()),
    ]);
    let scans = Columns::from([
        ("image", real(&[16, 24])),
        ("full", real(&[16, 24]).as_target()),
        ("mean", real(&[])),
        ("std", real(&[])),
        ("volume-max", real(&[])),
    ]);
    let clicks = Columns::from([
        ("dense", real(&[4])),
        (
            "sparse",
            Column::new(Number::I64, &[3]).of(Values::Classes(50)),
        ),
        ("clicked", real(&[]).of(Values::Binary).as_target()),
    ]);
    let texts = Columns::from([
        ("source", tokens(9)),
        ("translation", tokens(9).as_target()),
    ]);
    let packed = Columns::from([
        ("source", tokens(9)),
        ("translation", tokens(9).as_target()),
        ("inputs-position", index()),
        ("inputs-segmentation", index()),
        ("targets-position", index()),
        ("targets-segmentation", index()),
    ]);
    let amounts = Columns::from([("features", real(&[5])), ("price", real(&[]).as_target())]);
    let pictures = Columns::from([
        ("image", real(&[3, 8, 8])),
        ("angles", real(&[2]).as_target()),
    ]);
    let questions = Columns::from([
        ("image", Column::new(Number::U8, &[3, 8, 8])),
        ("seen", real(&[3]).of(Values::Binary).as_target()),
    ]);
    let answer = Columns::from([
        ("features", real(&[5])),
        ("ill", real(&[]).of(Values::Binary).as_target()),
    ]);
    let distances = json!(["r2", "mean-squared-error", "mean-absolute-error"]);
    let classes = json!(["error-rate", "cross-entropy"]);
    let answers = json!(["mean-average-precision", "cross-entropy"]);
    let spelled = json!(["ctc-loss", "token-error-rate"]);
    vec![
        domain(
            json!({ "mlp": { "hidden": [16] } }),
            "mean-squared-error",
            distances.clone(),
            amounts,
        ),
        domain(
            json!({ "mlp": { "hidden": [16] } }),
            "binary-cross-entropy",
            json!(["auc", "mean-average-precision", "cross-entropy"]),
            answer,
        ),
        domain(
            json!({ "resnet": { "stages": [1], "filters": 4 } }),
            "mean-squared-error",
            distances,
            pictures,
        ),
        domain(
            json!({ "vit": { "patch": 4, "width": 16, "layers": 1, "heads": 2, "hidden": 16 } }),
            "binary-cross-entropy",
            json!(["auc", "cross-entropy"]),
            questions,
        ),
        domain(
            json!({ "vit": { "patch": 8, "width": 16, "layers": 1, "heads": 2, "hidden": 16, "pool": "attention" } }),
            "cross-entropy",
            classes.clone(),
            images(),
        ),
        domain(
            json!({ "resnet": { "stages": [1, 1], "filters": 4, "block": "bottleneck", "stem": "imagenet", "last-norm-scale": 1.0 } }),
            "cross-entropy",
            classes.clone(),
            images(),
        ),
        domain(
            json!({ "dlrm": { "vocabulary": 20, "width": 4, "bottom": [8, 4], "top": [16, 8], "layer-norm": true } }),
            "binary-cross-entropy",
            answers.clone(),
            clicks,
        ),
        domain(
            json!({ "gnn": { "latent": 8, "hidden": [8], "rounds": 2, "activation": "silu" } }),
            "binary-cross-entropy",
            answers,
            graphs,
        ),
        domain(
            json!({ "unet": { "channels": 4, "pools": 2, "layer-norm": true } }),
            "mean-absolute-error",
            json!(["ssim", "mean-absolute-error"]),
            scans,
        ),
        domain(
            json!({ "transformer": { "width": 16, "layers": 1, "heads": 2, "hidden": 16, "gated": true, "norm": "after", "positions": 12 } }),
            "cross-entropy",
            json!(["perplexity", "accuracy", "token-bleu"]),
            texts,
        ),
        domain(
            json!({ "transformer": { "width": 16, "layers": 1, "heads": 2, "hidden": 8 } }),
            "cross-entropy",
            json!(["perplexity"]),
            packed,
        ),
        domain(
            json!({ "conformer": { "width": 16, "layers": 1, "heads": 2, "front-end": "none", "channels": 4, "batch-norm-share": 0.1 } }),
            "ctc",
            spelled.clone(),
            speech(),
        ),
        domain(
            json!({ "deepspeech": { "width": 16, "recurrent": 1, "feed-forward": 1, "front-end": "none", "channels": 4, "norm": "layer" } }),
            "ctc",
            spelled.clone(),
            speech(),
        ),
        domain(
            json!({ "deepspeech": { "width": 8, "recurrent": 1, "feed-forward": 1, "channels": 2, "length": 12000 } }),
            "ctc",
            spelled,
            Columns::from([
                ("sound", ragged(real(&[]))),
                ("text", tokens(5).as_target()),
            ]),
        ),
    ]
}

impl Domain {
    fn workload(&self, changes: Value) -> Workload {
        let metric = &self.metrics[0];
        let mut workload = json!({
            "schema": 1, "dataset": "small", "model": self.model, "loss": self.loss, "metrics": self.metrics,
            "target": { "metric": metric, "validation": 0.5 },
            "budget": { "time": "10s", "steps": 10 }, "step-hint": 10,
            "evaluate": { "every-steps": 5, "batch-size": 3, "train-subset": 8 },
        });
        let (_, settings) = workload["model"]
            .as_object_mut()
            .unwrap()
            .iter_mut()
            .next()
            .unwrap();
        let settings = settings.as_object_mut().unwrap();
        settings.extend(changes.as_object().unwrap().clone());
        serde_json::from_value(workload).unwrap()
    }

    fn dataset(&self) -> DatasetIdentity {
        DatasetIdentity {
            name: "small".to_owned(),
            columns: self.columns.clone(),
            ..crate::fixture::dataset([EXAMPLES as u64; 3])
        }
    }

    fn open(&self, folder: &Path) -> Box<dyn Examples> {
        let path = folder.join("train");
        self.write(&path);
        let (workload, dataset) = (self.workload(json!({})), self.dataset());
        let (split, device) = (SplitName::Train, Device::Cpu);
        data::open(&path, split, &workload, &dataset, device, Kind::Float).unwrap()
    }

    fn model(&self, workload: &Workload) -> Box<dyn Model> {
        one_thread();
        build_model(workload, &self.dataset(), Device::Cpu, Kind::Float, 3).unwrap()
    }

    /// Numbers that mean what their column says, other ones in each example.
    fn write(&self, path: &Path) {
        let mut arrays: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
        for (name, column) in self.columns.iter() {
            let rows = |example: usize| match (column.rows, name) {
                (Rows::One, _) => 1,
                (_, "frames") => 60 + example,
                (_, "sound") => 9_000 + 300 * example,
                (_, "text") => 2 + example % 2,
                _ => 3 + example % 3,
            };
            let (mut offsets, mut bytes) = (vec![0_i64], Vec::new());
            for example in 0..EXAMPLES {
                let count = rows(example) * column.row_numbers() as usize;
                for place in 0..count {
                    bytes.extend(number(column, name, example, place));
                }
                offsets.push(offsets[example] + rows(example) as i64);
            }
            let dtype = match column.number {
                Number::U8 => Dtype::U8,
                Number::I32 => Dtype::I32,
                Number::I64 => Dtype::I64,
                _ => Dtype::F32,
            };
            let total: usize = (0..EXAMPLES).map(rows).sum();
            let shape = [total]
                .into_iter()
                .chain(column.shape.iter().map(|&n| n as usize));
            let shape: Vec<usize> = shape.collect();
            match column.rows {
                Rows::Ragged => {
                    arrays.push((format!("{name}.values"), dtype, shape, bytes));
                    let bytes = offsets.iter().flat_map(|at| at.to_le_bytes()).collect();
                    let offsets = format!("{name}.offsets");
                    arrays.push((offsets, Dtype::I64, vec![EXAMPLES + 1], bytes));
                }
                _ => arrays.push((name.to_owned(), dtype, shape, bytes)),
            }
        }
        let views = arrays.iter().map(|(name, dtype, shape, bytes)| {
            (name, TensorView::new(*dtype, shape.clone(), bytes).unwrap())
        });
        write_shard(path, &safetensors::serialize(views, None).unwrap());
    }
}

fn number(column: &Column, name: &str, example: usize, place: usize) -> Vec<u8> {
    let mixed = (example * 7 + place * 5 + place * place) % 97;
    let value = match column.values {
        Values::Real if name == "std" || name == "volume-max" => 1.0 + example as f64,
        Values::Real => ((mixed * (example + 1)) as f64).sin(),
        Values::Binary if place == 1 && example == 2 => f64::NAN,
        Values::Binary => f64::from((example + place).is_multiple_of(2)),
        Values::Classes(below) => (mixed as u64 % below) as f64,
        Values::Tokens(below) => (1 + mixed as u64 % (below - 1)) as f64,
        Values::Index if name.ends_with("segmentation") => 1.0,
        Values::Index => (mixed % 3) as f64,
    };
    match column.number {
        Number::U8 => vec![value as u8],
        Number::I32 => (value as i32).to_le_bytes().to_vec(),
        Number::I64 => (value as i64).to_le_bytes().to_vec(),
        _ => (value as f32).to_le_bytes().to_vec(),
    }
}

fn all() -> Tensor {
    Tensor::arange(EXAMPLES as i64, (Kind::Int64, Device::Cpu))
}

#[test]
fn every_domain_learns_its_examples_by_heart_and_is_scored() {
    for domain in domains() {
        let folder = tempfile::tempdir().unwrap();
        let (examples, workload) = (domain.open(folder.path()), domain.workload(json!({})));
        let (model, name) = (domain.model(&workload), workload.model.kind().name());
        let batch = examples.batch(&all(), None).unwrap();
        let loss = Loss::new(&workload.loss, &workload.model);
        let first = step(model.as_ref(), &batch, &loss, 0.02);
        let last = (0..40).fold(first, |_, _| step(model.as_ref(), &batch, &loss, 0.02));
        assert!(last < first, "{name}: {first} to {last}");
        let scores = metric::score(&workload, model.as_ref(), examples.as_ref(), &all()).unwrap();
        assert_eq!(scores.examples(), EXAMPLES as u64);
        let values = scores.metrics();
        for metric in &workload.metrics {
            let value = values[metric.name()].0;
            let possible = metric.smallest()..=metric.largest().min(f64::MAX);
            assert!(possible.contains(&value), "{name}: {metric:?} {value}");
        }
    }
}

/// Metrics are sums over a split: it makes no difference which examples share a batch, where a kind does not normalise by batches or pad to the longest.
#[test]
fn scores_do_not_depend_on_the_evaluation_batch() {
    for domain in domains() {
        let folder = tempfile::tempdir().unwrap();
        let examples = domain.open(folder.path());
        let mut workload = domain.workload(json!({}));
        if workload.model.kind().name() != "unet" && !workload.model.kind().is_aligned() {
            // Frames of padding shift windows where the longest example has an odd number of frames.
            let (key, length) = match domain.columns.get("sound") {
                Some(_) => ("length", 12_000),
                None => ("length", 80),
            };
            workload = domain.workload(json!({ key: length }));
        }
        let model = domain.model(&workload);
        let mut score = |size: u64| {
            workload.evaluate.batch_size = size;
            let scores = metric::score(&workload, model.as_ref(), examples.as_ref(), &all());
            scores.unwrap().metrics()
        };
        for ((metric, one), (_, three)) in score(1).into_iter().zip(score(3)) {
            let gap = (one.0 - three.0).abs() / one.0.abs().max(1.0);
            assert!(gap < 1e-4, "{metric}: {} and {}", one.0, three.0);
        }
    }
}

#[test]
fn dropout_by_place_is_of_training_alone() {
    let places = |domain: &Domain| match domain.workload(json!({})).model.kind().name() {
        "vit" | "transformer" => vec!["embedding", "attention", "residual", "hidden"],
        "conformer" => vec!["input", "attention", "convolution", "feed-forward"],
        "deepspeech" => vec!["input", "feed-forward"],
        _ => Vec::new(),
    };
    for domain in domains() {
        let folder = tempfile::tempdir().unwrap();
        let examples = domain.open(folder.path());
        let batch = examples.batch(&all(), None).unwrap();
        let outputs = |workload: &Workload, pass: &Pass| {
            tch::manual_seed(4);
            domain.model(workload).forward(&batch, pass).unwrap()
        };
        let plain = domain.workload(json!({}));
        assert!(!plain.model.kind().drops_out());
        let [trained, evaluated] = [Pass::TRAIN, Pass::EVAL].map(|pass| outputs(&plain, &pass));
        let by_place = places(&domain)
            .into_iter()
            .map(|place| json!({ place: 0.5 }));
        let shares = by_place.chain(match plain.model.kind().name() {
            "resnet" => None,
            _ => Some(json!("50%")),
        });
        for share in shares {
            let dropping = domain.workload(json!({ "dropout": share }));
            let name = format!("{} {share}", plain.model.kind().name());
            assert!(dropping.model.kind().drops_out(), "{name}");
            // A head that starts at 0 hides what comes before it.
            if !name.starts_with("vit") {
                assert_ne!(outputs(&dropping, &Pass::TRAIN), trained, "{name}");
            }
            assert_eq!(outputs(&dropping, &Pass::EVAL), evaluated, "{name}");
        }
    }
}

#[test]
fn missing_answers_weigh_nothing() {
    let domains = domains();
    let graphs = domains
        .iter()
        .find(|domain| domain.columns.get("nodes").is_some());
    let folder = tempfile::tempdir().unwrap();
    let batch = graphs
        .unwrap()
        .open(folder.path())
        .batch(&all(), None)
        .unwrap();
    let weights = batch.weights.as_ref().unwrap();
    assert_eq!(weights.size(), [EXAMPLES as i64, 4]);
    assert_eq!(weights.double_value(&[2, 1]), 0.0);
    assert_eq!(batch.targets.double_value(&[2, 1]), 0.0);
    assert_eq!(batch.labels().unwrap(), 4.0 * EXAMPLES as f64 - 1.0);
}

#[test]
fn labels_are_what_the_mean_loss_divides_by() {
    for domain in domains() {
        let folder = tempfile::tempdir().unwrap();
        let batch = domain.open(folder.path()).batch(&all(), None).unwrap();
        let workload = domain.workload(json!({}));
        let outputs = domain
            .model(&workload)
            .forward(&batch, &Pass::EVAL)
            .unwrap();
        let loss = Loss::new(&workload.loss, &workload.model);
        let valid = loss
            .values(&outputs, &batch)
            .unwrap()
            .valid
            .double_value(&[]);
        let name = workload.model.kind().name();
        assert_eq!(batch.labels().unwrap(), valid, "{name}");
    }
}

/// Views that change colours and shapes, and examples that are mixed: of training alone, the same for the same key.
#[test]
fn images_are_changed_and_mixed_in_training_alone() {
    let is_images = |domain: &Domain| domain.columns.get("images").is_some();
    let images = domains().into_iter().find(is_images).unwrap();
    let folder = tempfile::tempdir().unwrap();
    images.write(&folder.path().join("train"));
    let open = |augment: Value| {
        let mut workload = images.workload(json!({}));
        workload.input.augment = serde_json::from_value(augment).unwrap();
        let (path, split) = (folder.path().join("train"), SplitName::Train);
        let dataset = images.dataset();
        data::open(&path, split, &workload, &dataset, Device::Cpu, Kind::Float).unwrap()
    };
    let key = |step| bench_torch::random::Key::new(1, "augmentation").step(step);
    let plain = open(Value::Null).batch(&all(), Some(&key(1))).unwrap();
    let changed = open(json!({ "rand-augment": true }));
    let views = [1, 1, 2].map(|step| changed.batch(&all(), Some(&key(step))).unwrap());
    assert_eq!(views[0].inputs(), views[1].inputs());
    assert_ne!(views[0].inputs(), views[2].inputs());
    assert_ne!(views[0].inputs(), plain.inputs());
    assert_eq!(
        changed.batch(&all(), None).unwrap().inputs(),
        plain.inputs()
    );
    let mixed = open(json!({ "mixup": 0.2 }))
        .batch(&all(), Some(&key(3)))
        .unwrap();
    assert_eq!(mixed.targets.size(), [EXAMPLES as i64, 5]);
    assert_eq!(mixed.labels().unwrap(), EXAMPLES as f64);
    let sums = mixed
        .targets
        .sum_dim_intlist([1_i64].as_slice(), false, Kind::Double);
    assert!((sums - 1.0).abs().max().double_value(&[]) < 1e-6);
    // The share of an example's own class is that of its own pixels.
    let share = mixed
        .targets
        .select(0, 1)
        .select(0, plain.targets.int64_value(&[1]));
    let pixels = plain.inputs();
    let other: Tensor = 1.0 - &share;
    let expected: Tensor = pixels.select(0, 1) * &share + pixels.select(0, 0) * other;
    if plain.targets.int64_value(&[0]) != plain.targets.int64_value(&[1]) {
        let gap = (expected - mixed.inputs().select(0, 1)).abs().max();
        assert!(gap.double_value(&[]) < 1e-5);
    }
}

#[test]
fn an_edge_to_a_node_that_is_not_there_is_an_error() {
    let domains = domains();
    let graphs = domains
        .iter()
        .find(|domain| domain.columns.get("nodes").is_some());
    let (graphs, folder) = (graphs.unwrap(), tempfile::tempdir().unwrap());
    let examples = graphs.open(folder.path());
    let mut batch = examples.batch(&all(), None).unwrap();
    let senders = batch.input("senders").unwrap();
    let _ = senders.values.shallow_clone().fill_(3);
    let workload = graphs.workload(json!({}));
    let error = graphs
        .model(&workload)
        .forward(&batch, &Pass::EVAL)
        .unwrap_err();
    assert!(
        error.to_string().contains("its graph does not have"),
        "{error}"
    );
    batch.weights = None;
}

#[test]
fn runs_of_all_kinds_are_told_in_their_specs() {
    for domain in domains() {
        let run = run_spec(domain.workload(json!({})), domain.dataset());
        let text = serde_json::to_string(&run.workload).unwrap();
        let again: Workload = serde_json::from_str(&text).unwrap();
        assert_eq!(again, run.workload);
    }
}
