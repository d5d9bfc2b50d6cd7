//! Data sets: images, texts, generated ones.

use super::common::{DATASET, WORKLOAD, file, files_with};
use super::{told, told_of};
use bench_core::spec::schema::Kind;

#[test]
fn datasets() {
    snapshot!(told(
        Kind::Dataset,
        &[
            ("overlapping splits", "start: 200", "start: 199"),
            ("a split of nothing", "count: 200", "count: 0"),
            ("a short hash", "cccccccccccccccccccccccccccccccc }", "}"),
            ("a sum of a file", "splits:", "sha256: { a: 12 }\nsplits:"),
            ("an upper-case hash", "hash: aaaa", "hash: AAAA"),
            ("an unknown file", "from: test", "from: tset"),
            (
                "no source",
                "sources:\n  - folder:\n      train-images: a\n      train-labels: b\n      test-images: c\n      test-labels: d\n",
                ""
            ),
            ("a file missing", "      test-labels: d\n", ""),
            ("a file misnamed", "test-labels: d", "test-lables: d"),
            ("an unknown source", "- folder:", "- ftp:"),
            (
                "a bad address",
                "- folder:\n      train-images: a",
                "- https:\n      train-images: { url: http://x, sha256: 12 }"
            ),
            (
                "text from images",
                "idx-images: { height: 8, width: 8, channels: 1, classes: 10 }",
                "tokens: { vocabulary: 70000 }"
            ),
            (
                "sources of generated data",
                "idx-images: { height: 8, width: 8, channels: 1, classes: 10 }",
                "generated: { image: { height: 8, width: 8, channels: 1, classes: 10 }, train: 240, test: 50, seed: 1, noise: 0 }"
            ),
        ]
    ));
}

/// [`DATASET`] as a collection of texts.
fn documents() -> String {
    let images = "idx-images: { height: 8, width: 8, channels: 1, classes: 10 }";
    let files = "      train-images: a\n      train-labels: b\n      test-images: c\n      test-labels: d\n";
    DATASET
        .replace(
            images,
            "documents: { markup: tagged, every: 20, validation: 10, test: 20 }",
        )
        .replace(files, "      documents: \"*.txt\"\n")
        .replace("from: train, start: 200", "from: validation")
}

#[test]
fn datasets_of_text() {
    let on_text = WORKLOAD
        .replace(
            "input: { pixels: unit, mean: [0.5], std: [0.25] }",
            "input: { sequence-length: 4 }",
        )
        .replace(
            "{ mlp: { hidden: [16, 8], activation: relu } }",
            "{ decoder: { width: 4, layers: 1, heads: 2, hidden: 4 } }",
        );
    let told = |name: &str, dataset: &str, workload: &str| {
        let mut files = files_with(Kind::Dataset, dataset);
        files[2] = file(Kind::Workload, "tiny", workload);
        let told = told_of(files);
        assert_eq!(name == "sound", told.is_empty(), "{name}: {told}");
        format!("== {name}\n{told}")
    };
    let wrong = |name: &str, right: &str, other: &str| {
        assert!(documents().contains(right), "{right}");
        told(name, &documents().replacen(right, other, 1), &on_text)
    };
    let heads = on_text.replace("heads: 2", "heads: 3");
    let package = "- npm:\n      package: texts\n      version: 1.0.0\n      sha256: 12\n      files: { texts: \"c*\" }";
    snapshot!(
        [
            told("sound", &documents(), &on_text),
            wrong("rounds of two", "every: 20", "every: 2"),
            wrong("a document beyond its round", "test: 20", "test: 21"),
            wrong("the same documents twice", "test: 20", "test: 10"),
            wrong("an unknown markup", "tagged", "taged"),
            wrong("a split of no file", "from: validation", "from: valid"),
            wrong(
                "a file of another format",
                "documents: \"*.txt\"",
                "train: a.txt"
            ),
            wrong(
                "a package without hash and file",
                "- folder:\n      documents: \"*.txt\"",
                package
            ),
            told("images read as text", DATASET, &on_text),
            told("text read as images", &documents(), WORKLOAD),
            told(
                "text of no length",
                &documents(),
                &on_text.replace("input: { sequence-length: 4 }\n", "")
            ),
            told("heads that do not share a width", &documents(), &heads),
            told(
                "views of text",
                &documents(),
                &on_text.replace(
                    "sequence-length: 4",
                    "sequence-length: 4, augment: { flip: true }"
                )
            ),
            told(
                "lengths of images",
                DATASET,
                &WORKLOAD.replace("pixels: unit", "sequence-length: 4")
            ),
        ]
        .concat()
    );
}

#[test]
fn bits_a_byte_want_bytes() {
    let dataset = |vocabulary: &str| {
        let tokens = format!("tokens: {{ vocabulary: {vocabulary} }}");
        documents()
            .replace(
                "documents: { markup: tagged, every: 20, validation: 10, test: 20 }",
                &tokens,
            )
            .replace(
                "      documents: \"*.txt\"\n",
                "      train: a\n      test: b\n",
            )
            .replace("from: validation", "from: train, start: 200")
    };
    let workload = WORKLOAD
        .replace(
            "input: { pixels: unit, mean: [0.5], std: [0.25] }",
            "input: { sequence-length: 4 }",
        )
        .replace(
            "{ mlp: { hidden: [16, 8], activation: relu } }",
            "{ decoder: { width: 4, layers: 1, heads: 2, hidden: 4 } }",
        )
        .replace("error-rate", "bits-per-byte");
    let told = |vocabulary: &str| {
        let mut files = files_with(Kind::Dataset, &dataset(vocabulary));
        files[2] = file(Kind::Workload, "tiny", &workload);
        told_of(files)
    };
    assert_eq!(told("256"), "");
    snapshot!(told("257"));
}

#[test]
fn generated_datasets() {
    let generated = "generated: { image: { height: 8, width: 8, channels: 1, classes: 10 }, train: 249, test: 50, seed: 1, noise: 0 }";
    let dataset = DATASET.replace(
        "idx-images: { height: 8, width: 8, channels: 1, classes: 10 }",
        generated,
    );
    let (before, splits) = dataset.split_once("sources:").unwrap_or_default();
    let splits = splits.split_once("splits:").unwrap_or_default().1;
    let dataset = format!("{before}splits:{splits}");
    snapshot!(told_of(files_with(Kind::Dataset, &dataset)));
}

/// [`DATASET`] as a table.
const TABLE: &str = "schema: 1
licence: none
format:
  arrays:
    columns:
      inputs: { from: [a, b, c], one-hot: { c: [x, y] } }
      label: { number: u8, values: { classes: 10 }, target: true }
    split: { validation: 10%, test: 10% }
sources:
  - files: { data: a.csv }
splits:
  train: { from: train, count: 200 }
  validation: { from: validation, count: 40 }
  test: { from: test, count: 50 }
";

#[test]
fn datasets_of_arrays() {
    let workload = WORKLOAD.replace("mean: [0.5], std: [0.25]", "mean: [0.5, 1, 0, 0], std: [1]");
    let workload = workload.replace("std: [1]", "std: [1, 1, 1, 1]");
    let told = |name: &str, dataset: &str| {
        let mut files = files_with(Kind::Dataset, dataset);
        files[2] = file(Kind::Workload, "tiny", &workload);
        let told = told_of(files);
        assert_eq!(name == "sound", told.is_empty(), "{name}: {told}");
        format!("== {name}\n{told}")
    };
    let mut all = told("sound", TABLE);
    for (name, right, wrong) in [
        ("no target", ", target: true", ""),
        ("two targets", "[x, y] } }", "[x, y] }, target: true }"),
        ("more classes than numbers", "classes: 10", "classes: 300"),
        ("classes of floats", "number: u8, ", ""),
        (
            "too few words",
            "target: true",
            "target: true, words: [p, q]",
        ),
        ("words of an input", "one-hot: {", "words: [p], one-hot: {"),
        ("words of another column", "{ c: [x, y] }", "{ d: [x, y] }"),
        (
            "a pattern without a shape",
            "from: [a, b, c], one-hot: { c: [x, y] }",
            "from: [\"a*\"]",
        ),
        (
            "a shape that is too small",
            "from: [a",
            "shape: [3], from: [a",
        ),
        (
            "channels of a table",
            "from: [a",
            "channels-last: true, from: [a",
        ),
        ("ragged rows", "from: [a", "rows: ragged, from: [a"),
        ("a deviation of 0", "from: [a", "std: 0, from: [a"),
        ("a mean of classes", "number: u8", "mean: 1, number: u8"),
        ("a split of all", "validation: 10%", "validation: 95%"),
        (
            "a split by hand as well",
            "{ from: test, count: 50 }",
            "{ from: train, start: 200, count: 50 }",
        ),
        (
            "other files",
            "files: { data: a.csv }",
            "files: { train: a.csv, test: b.csv }",
        ),
        (
            "files that are split already",
            "    split: { validation: 10%, test: 10% }\n",
            "",
        ),
        ("a text among others", "from: [a", "rows: running, from: [a"),
    ] {
        assert!(TABLE.contains(right), "{right}");
        all += &told(name, &TABLE.replacen(right, wrong, 1));
    }
    snapshot!(all);
}
