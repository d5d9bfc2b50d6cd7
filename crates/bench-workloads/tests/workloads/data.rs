//! Split files: what is read, what is refused, and that no bytes make the reader panic.

use crate::fixture::{CLASSES, SIDE, dataset, split_file, workload, write_shard, write_split};
use bench_core::run::SplitName;
use bench_core::spec::columns::{Column, Columns, Number, Rows, Values};
use bench_core::spec::interface::{Interface, Slot};
use bench_core::spec::workload::Workload;
use bench_torch::random::Key;
use bench_workloads::{DataError, Examples, data};
use proptest::prelude::*;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::json;
use std::path::Path;
use tch::{Device, Kind, Tensor};

fn mlp() -> Workload {
    workload(json!({ "mlp": { "hidden": [4] } }))
}

fn decoder() -> Workload {
    workload(json!({ "decoder": { "width": 4, "layers": 1, "heads": 2, "hidden": 4 } }))
}

fn open(path: &Path, workload: &Workload, examples: u64) -> Result<Box<dyn Examples>, DataError> {
    let dataset = dataset([examples, 0, 0]);
    data::open(
        path,
        SplitName::Train,
        workload,
        &dataset,
        Device::Cpu,
        Kind::Float,
    )
}

#[test]
fn a_batch_holds_the_examples_asked_for_in_that_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train");
    write_split(&path, 9);
    let examples = open(&path, &mlp(), 9).unwrap();
    assert_eq!(examples.len(), 9);
    let batch = examples
        .batch(&Tensor::from_slice(&[8_i64, 0, 3, 3]), None)
        .unwrap();
    assert_eq!(batch.inputs().size(), [4, 1, SIDE, SIDE]);
    assert_eq!(Vec::<i64>::try_from(&batch.targets).unwrap(), [3, 0, 3, 3]);
    // (8 / 255 - mean 0.5) / std 0.25
    let expected = (8.0 / 255.0 - 0.5) / 0.25;
    assert!((batch.inputs().double_value(&[0, 0, 7, 7]) - expected).abs() < 1e-6);
    assert_eq!(batch.examples(), 4);
}

#[test]
fn an_index_beyond_the_split_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train");
    write_split(&path, 3);
    let examples = open(&path, &mlp(), 3).unwrap();
    for index in [3_i64, -1, i64::MAX] {
        let error = examples
            .batch(&Tensor::from_slice(&[index]), None)
            .unwrap_err()
            .to_string();
        assert_eq!(error, format!("there is no example {index} among 3"));
    }
    assert!(
        examples
            .batch(&Tensor::from_slice(&[0.0_f32]), None)
            .is_err()
    );
    assert_eq!(
        examples
            .batch(&Tensor::from_slice::<i64>(&[]), None)
            .unwrap()
            .examples(),
        0
    );
}

#[test]
fn a_split_that_is_not_what_the_data_set_says_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train");
    let side = SIDE as usize;
    let pixels = vec![0; 2 * side * side];
    let cases: [(Vec<u8>, u64, &str); 5] = [
        (
            split_file(&pixels, &[2, 1, side, side], &[0, 1]),
            3,
            "2 examples where 3 were expected",
        ),
        (
            split_file(&pixels, &[2, 1, side, side], &[0, CLASSES as u8]),
            2,
            "example 1 has 5 in column `targets` of u8, classes (5)",
        ),
        (
            split_file(&pixels, &[2, 1, side, side], &[0]),
            2,
            "there are 2 examples of `inputs`, but 1 of `targets`",
        ),
        (
            split_file(&pixels, &[2, 1, side * side], &[0, 1]),
            2,
            "`images` holds U8 of shape [2, 1, 256] where u8 [1, 16, 16], real numbers was expected",
        ),
        (split_file(&[], &[0, 1, side, side], &[]), 0, "no examples"),
    ];
    for (bytes, examples, expected) in cases {
        write_shard(&path, &bytes);
        let error = open(&path, &mlp(), examples).err().unwrap().to_string();
        assert!(
            error.contains(expected) && error.contains("/train"),
            "{error}"
        );
    }
    let mut workload = mlp();
    workload.input.mean = vec![0.1, 0.2];
    write_split(&path, 3);
    let error = open(&path, &workload, 3).err().unwrap().to_string();
    assert!(
        error.contains("1 channels, but the workload's `input.mean` has 2 values"),
        "{error}"
    );
}

#[test]
fn augmentation_is_drawn_from_its_key_and_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train");
    let side = SIDE as usize;
    let pixels: Vec<u8> = (0..side * side).map(|i| (i % 251) as u8).collect();
    write_shard(&path, &split_file(&pixels, &[1, 1, side, side], &[0]));
    let mut workload = mlp();
    workload.input.augment =
        Some(serde_json::from_value(json!({ "crop-padding": 2, "flip": true })).unwrap());
    let examples = open(&path, &workload, 1).unwrap();
    let indices = Tensor::from_slice(&[0_i64; 64]);
    let inputs = |key: Option<&Key>| examples.batch(&indices, key).unwrap().inputs().copy();
    let (first, second) = (
        Key::new(1, "augmentation").step(1),
        Key::new(1, "augmentation").step(2),
    );
    assert_eq!(inputs(Some(&first)), inputs(Some(&first)));
    assert_ne!(inputs(Some(&first)), inputs(Some(&second)));
    assert_eq!(
        inputs(None),
        open(&path, &mlp(), 1)
            .unwrap()
            .batch(&indices, None)
            .unwrap()
            .inputs()
            .copy()
    );
    assert_views(&inputs(None).get(0), &inputs(Some(&first)));
}

/// Every view is one of the crops of the padded image, as it is or mirrored, and all 50 of them but few come up.
fn assert_views(image: &Tensor, views: &Tensor) {
    let zero_pixel = -0.5 / 0.25;
    let padded = image.constant_pad_nd([2, 2, 2, 2]).copy();
    let outside = Tensor::ones_like(image)
        .constant_pad_nd([2, 2, 2, 2])
        .eq(0.0);
    let padded = padded.masked_fill(&outside, zero_pixel);
    let mut crops = Vec::new();
    for (row, column) in (0..5).flat_map(|row| (0..5).map(move |column| (row, column))) {
        let crop = padded.narrow(1, row, SIDE).narrow(2, column, SIDE);
        crops.extend([crop.flip([2]), crop]);
    }
    let mut found = vec![false; crops.len()];
    for i in 0..views.size()[0] {
        let view = views.get(i);
        let place = crops
            .iter()
            .position(|crop| (crop - &view).abs().max().double_value(&[]) < 1e-5);
        found[place.expect("a view that is no crop of the image")] = true;
    }
    assert!(found.iter().filter(|&&found| found).count() > 25);
}

fn tokens_file(bytes: &[u8], dtype: Dtype) -> Vec<u8> {
    let count = bytes.len() * 8 / dtype.bitsize();
    let tokens = TensorView::new(dtype, vec![count], bytes).unwrap();
    safetensors::serialize([("tokens", tokens)], None).unwrap()
}

/// Text of this vocabulary, of which a model reads three tokens at once.
fn open_text(
    path: &Path,
    number: Number,
    vocabulary: u64,
    tokens: u64,
) -> Result<Box<dyn Examples>, DataError> {
    let mut dataset = dataset([tokens, 0, 0]);
    dataset.columns = Columns::text(number, vocabulary);
    let mut workload = decoder();
    workload.input.sequence_length = Some(3);
    data::open(
        path,
        SplitName::Train,
        &workload,
        &dataset,
        Device::Cpu,
        Kind::Float,
    )
}

#[test]
fn text_is_cut_into_pieces_that_do_not_overlap() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train");
    let bytes: Vec<u8> = (0..10).collect();
    let pairs: Vec<u8> = (0..10_u16)
        .flat_map(|token| (token + 400).to_le_bytes())
        .collect();
    for (file, number, vocabulary, first) in [
        (tokens_file(&bytes, Dtype::U8), Number::U8, 10, 0),
        (tokens_file(&pairs, Dtype::U16), Number::U16, 410, 400),
    ] {
        write_shard(&path, &file);
        let examples = open_text(&path, number, vocabulary, 10).unwrap();
        assert_eq!(examples.len(), 2);
        let batch = examples
            .batch(&Tensor::from_slice(&[1_i64, 0]), None)
            .unwrap();
        let numbers =
            |tensor: &Tensor| Vec::<i64>::try_from(tensor.flatten(0, -1) - first).unwrap();
        assert_eq!(numbers(batch.inputs()), [4, 5, 6, 0, 1, 2]);
        assert_eq!(numbers(&batch.targets), [5, 6, 7, 1, 2, 3]);
        assert!(examples.batch(&Tensor::from_slice(&[2_i64]), None).is_err());
    }
}

/// Of a file of gigabytes only the beginning is looked at before training.
#[test]
fn a_token_beyond_the_vocabulary_is_refused_where_it_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train");
    let mut tokens = vec![1; 2 << 20];
    tokens[(3 << 19) + 1] = 10;
    write_shard(&path, &tokens_file(&tokens, Dtype::U8));
    let columns = Columns::text(Number::U8, 10);
    let column = columns.running().unwrap();
    let text = data::Tokens::open(&path, column, None, 3, Device::Cpu).unwrap();
    let batch = |piece: i64| text.batch(&Tensor::from_slice(&[piece]), None);
    batch(0).unwrap();
    let told = batch((3 << 19) / 4).unwrap_err().to_string();
    assert!(
        told.contains("has token 10 in a vocabulary of 10"),
        "{told}"
    );
}

#[test]
fn text_that_is_not_what_the_data_set_says_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train");
    let cases = [
        (
            tokens_file(&[1, 2, 3], Dtype::U8),
            10,
            3,
            "3 tokens are less than one piece of 3",
        ),
        (
            tokens_file(&[1, 2, 3, 4], Dtype::U8),
            10,
            5,
            "4 tokens where 5 were expected",
        ),
        (
            tokens_file(&[1, 2, 10, 4], Dtype::U8),
            10,
            4,
            "token 2 is 10 in a vocabulary of 10",
        ),
        (
            tokens_file(&[0; 8], Dtype::F32),
            10,
            2,
            "`tokens` holds F32 of shape [2] where u8 running, tokens (10) was expected",
        ),
        (
            split_file(&[0], &[1, 1, 1, 1], &[0]),
            10,
            4,
            "no array `tokens`",
        ),
    ];
    for (bytes, vocabulary, tokens, expected) in cases {
        write_shard(&path, &bytes);
        let error = open_text(&path, Number::U8, vocabulary, tokens)
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
    let mut text = dataset([4, 0, 0]);
    text.columns = Columns::text(Number::U8, 10);
    let result = data::open(
        &path,
        SplitName::Train,
        &decoder(),
        &text,
        Device::Cpu,
        Kind::Float,
    );
    let error = result.err().unwrap().to_string();
    assert!(error.contains("how much of it is read at once"), "{error}");
}

/// Text in shards of these lengths.
fn write_text(split: &Path, tokens: &[u8], shards: &[usize]) {
    std::fs::create_dir_all(split).unwrap();
    let mut rest = tokens;
    for (number, &length) in shards.iter().enumerate() {
        let (shard, later) = rest.split_at(length.min(rest.len()));
        let file = split.join(format!("{number:05}.safetensors"));
        std::fs::write(file, tokens_file(shard, Dtype::U8)).unwrap();
        rest = later;
    }
    let file = split.join(format!("{:05}.safetensors", shards.len()));
    std::fs::write(file, tokens_file(rest, Dtype::U8)).unwrap();
}

/// Examples of 2, 0 and 3 rows of two numbers each, with a class, in two shards.
#[test]
fn ragged_examples_are_padded_and_know_their_lengths() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train");
    std::fs::create_dir_all(&path).unwrap();
    let shard = |number: usize, values: &[f32], offsets: &[i64], labels: &[u8]| {
        let values: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        let bytes: Vec<u8> = offsets.iter().flat_map(|x| x.to_le_bytes()).collect();
        let rows = values.len() / 8;
        let arrays = [
            (
                "sounds.values",
                TensorView::new(Dtype::F32, vec![rows, 2], &values).unwrap(),
            ),
            (
                "sounds.offsets",
                TensorView::new(Dtype::I64, vec![offsets.len()], &bytes).unwrap(),
            ),
            (
                "labels",
                TensorView::new(Dtype::U8, vec![labels.len()], labels).unwrap(),
            ),
        ];
        let bytes = safetensors::serialize(arrays, None).unwrap();
        std::fs::write(path.join(format!("{number:05}.safetensors")), bytes).unwrap();
    };
    shard(0, &[1.0, 2.0, 3.0, 4.0], &[0, 2, 2], &[1, 0]);
    shard(1, &[5.0, 6.0, 7.0, 8.0, 9.0, 10.0], &[0, 3], &[2]);
    let sounds = Column {
        rows: Rows::Ragged,
        ..Column::new(Number::F32, &[2])
    };
    let labels = Column::new(Number::U8, &[])
        .of(Values::Classes(3))
        .as_target();
    let mut dataset = dataset([3, 0, 0]);
    dataset.columns = Columns::from([("sounds", sounds), ("labels", labels)]);
    let slot = |name: &str, column: &str| {
        let declared = dataset.columns.get(column).unwrap();
        Slot {
            name: name.to_owned(),
            column: column.to_owned(),
            shape: declared.shape.clone(),
            rows: declared.rows,
            values: declared.values,
        }
    };
    let interface = Interface {
        inputs: vec![slot("inputs", "sounds")],
        beside: Vec::new(),
        target: slot("targets", "labels"),
    };
    let input = bench_core::spec::workload::Input::default();
    let open = |examples| {
        let (device, kind) = (Device::Cpu, Kind::Float);
        data::Table::open(
            &path,
            &interface,
            &dataset,
            Some(examples),
            &input,
            device,
            kind,
        )
    };
    let table = open(3).unwrap();
    let batch = table
        .batch(&Tensor::from_slice(&[2_i64, 0, 1]), None)
        .unwrap();
    let numbers = |tensor: &Tensor| {
        Vec::<f64>::try_from(tensor.to_kind(Kind::Double).flatten(0, -1)).unwrap()
    };
    assert_eq!(batch.inputs().size(), [3, 3, 2]);
    assert_eq!(
        numbers(batch.inputs()),
        [
            5., 6., 7., 8., 9., 10., 1., 2., 3., 4., 0., 0., 0., 0., 0., 0., 0., 0.
        ]
    );
    let sounds = batch.input("inputs").unwrap();
    assert_eq!(numbers(sounds.lengths.as_ref().unwrap()), [3., 2., 0.]);
    assert_eq!(numbers(&batch.targets), [2., 1., 0.]);
    assert_eq!(batch.examples(), 3);
    assert!(batch.input("sounds").is_err());
    // Offsets that lead out of the shard are found where they are used.
    shard(1, &[5.0, 6.0], &[0, 3], &[2]);
    let table = open(3).unwrap();
    assert!(table.batch(&Tensor::from_slice(&[0_i64]), None).is_ok());
    let error = table
        .batch(&Tensor::from_slice(&[2_i64]), None)
        .unwrap_err();
    assert!(
        error.to_string().contains("has no rows that are there"),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn text_is_the_same_in_shards_of_any_size(shards in proptest::collection::vec(1_usize..9, 0..6)) {
        let folder = tempfile::tempdir().unwrap();
        let tokens: Vec<u8> = (0..40).collect();
        let whole = shards.iter().sum::<usize>() < 40;
        let all = Tensor::arange(10, (Kind::Int64, Device::Cpu));
        let read = |name: &str, shards: &[usize]| {
            let path = folder.path().join(name);
            write_text(&path, &tokens, shards);
            let text = open_text(&path, Number::U8, 40, 40).unwrap();
            text.batch(&all, None).unwrap()
        };
        prop_assume!(whole);
        let (one, many) = (read("one", &[]), read("many", &shards));
        prop_assert_eq!(one.inputs(), many.inputs());
        prop_assert_eq!(&one.targets, &many.targets);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train");
        write_shard(&path, &bytes);
        prop_assert!(open(&path, &mlp(), 1).is_err());
        prop_assert!(open_text(&path, Number::U8, 10, 4).is_err());
    }

    #[test]
    fn damaged_text_is_refused_or_read_in_bounds(at in 0_usize..200, value in any::<u8>(), cut in 0_usize..200, wide: bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train");
        let (dtype, number) = if wide { (Dtype::U16, Number::U16) } else { (Dtype::U8, Number::U8) };
        let mut bytes = tokens_file(&[1; 24], dtype);
        let at = at.min(bytes.len() - 1);
        bytes[at] = value;
        bytes.truncate(bytes.len() - cut.min(bytes.len()));
        write_shard(&path, &bytes);
        if let Ok(examples) = open_text(&path, number, 1000, if wide { 12 } else { 24 }) {
            let all: Vec<i64> = (0..examples.len() as i64).collect();
            prop_assert!(examples.batch(&Tensor::from_slice(&all), None).is_ok());
        }
    }

    #[test]
    fn a_damaged_file_is_refused_or_read_in_bounds(at in 0_usize..400, value in any::<u8>(), cut in 0_usize..2000) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train");
        write_split(&path, 5);
        let mut bytes = std::fs::read(path.join("00000.safetensors")).unwrap();
        let at = at.min(bytes.len() - 1);
        bytes[at] = value;
        bytes.truncate(bytes.len() - cut.min(bytes.len()));
        write_shard(&path, &bytes);
        if let Ok(examples) = open(&path, &mlp(), 5) {
            let all: Vec<i64> = (0..examples.len() as i64).collect();
            prop_assert!(examples.batch(&Tensor::from_slice(&all), None).is_ok());
        }
    }
}
