//! What a person is told about a mistake: the place, the message, the help. One table, one snapshot a kind of file.

mod common;

use bench_core::spec::catalog::{Catalog, File};
use bench_core::spec::diagnostic::Diagnostic;
use bench_core::spec::schema::Kind;
use common::{DATASET, SUBMISSION, WORKLOAD, file, files_with, sound, source};

/// A mistake: its name, and what is written in place of what.
type Mistake = (&'static str, &'static str, &'static str);

/// A snapshot without the table that it is of.
macro_rules! snapshot {
    ($text:expr) => {
        insta::with_settings!({omit_expression => true}, {
            insta::assert_snapshot!($text);
        })
    };
}

fn told(kind: Kind, mistakes: &[Mistake]) -> String {
    let mut told = String::new();
    for (name, right, wrong) in mistakes {
        assert!(sound(kind).contains(right), "{right}");
        let text = sound(kind).replacen(right, wrong, 1);
        let catalog = Catalog::parse(files_with(kind, &text));
        assert!(!catalog.diagnostics.is_empty(), "{name}: nothing is told");
        told += &format!("== {name}\n");
        told.extend(catalog.diagnostics.iter().map(shown));
    }
    told
}

/// Place, line, underline, message, help.
fn shown(diagnostic: &Diagnostic) -> String {
    let (line, column) = diagnostic.position();
    let text = diagnostic.source.text.lines().nth(line - 1).unwrap_or("");
    let rest = text.chars().count().saturating_sub(column - 1);
    let underlined = diagnostic.span.length.clamp(1, rest.max(1));
    format!(
        "{diagnostic}\n  | {text}\n  | {:>start$}{}\n  help: {}\n",
        "",
        "^".repeat(underlined),
        diagnostic.help.as_deref().unwrap_or("-"),
        start = column - 1,
    )
}

fn told_of(files: Vec<File>) -> String {
    Catalog::parse(files)
        .diagnostics
        .iter()
        .map(shown)
        .collect()
}

#[test]
fn text() {
    snapshot!(told(
        Kind::Workload,
        &[
            ("not YAML", "[16, 8]", "[16, 8"),
            ("tabs", "step-hint: 300", "\tstep-hint: 300"),
            ("not a map", WORKLOAD, "- schema: 1\n"),
            ("an empty file", WORKLOAD, ""),
            ("a second document", "step-hint:", "---\nstep-hint:"),
            (
                "duplicate keys, everywhere",
                "step-hint: 300",
                "step-hint: 300\nbudget: { time: 1s, time: 2s, steps: 9 }"
            ),
            ("not a number", "validation: 0.1", "validation: .nan"),
            ("infinite", "validation: 0.1", "validation: 1e999"),
            ("a word for infinity", "test: 0.12", "test: -inf"),
            ("an unknown alias", "step-hint: 300", "step-hint: *hint"),
            ("a key that is no text", "step-hint: 300", "{ a: 1 }: 300"),
        ]
    ));
}

#[test]
fn workloads() {
    snapshot!(told(
        Kind::Workload,
        &[
            ("unknown field", "step-hint:", "step-hnt:"),
            ("unknown field inside", "every-steps:", "evry-steps:"),
            (
                "unknown field, nothing near",
                "about: a small one",
                "colour: blue"
            ),
            ("missing field", "loss: cross-entropy\n", ""),
            ("wrong type", "steps: 400", "steps: many"),
            (
                "a map for a number",
                "step-hint: 300",
                "step-hint: { steps: 300 }"
            ),
            (
                "a fraction for a whole number",
                "steps: 400",
                "steps: 400.5"
            ),
            (
                "too large for a whole number",
                "steps: 400",
                "steps: 18446744073709551616"
            ),
            ("below zero", "step-hint: 300", "step-hint: -3"),
            ("no time", "time: 60s", "time: 0s"),
            ("no length of time", "time: 60s", "time: 60"),
            ("an unknown unit of time", "time: 60s", "time: 60 parsecs"),
            ("no steps", "steps: 400", "steps: 0"),
            (
                "evaluations of nothing",
                "every-steps: 50",
                "every-steps: 0"
            ),
            (
                "no evaluation in the budget",
                "every-steps: 50",
                "every-steps: 500"
            ),
            (
                "a metric that is not computed",
                "[error-rate, cross-entropy]",
                "[cross-entropy]"
            ),
            (
                "an unknown metric",
                "[error-rate, cross-entropy]",
                "[error-rate, cros-entropy]"
            ),
            (
                "a metric twice",
                "[error-rate, cross-entropy]",
                "[error-rate, error-rate]"
            ),
            ("a percentage", "validation: 0.1", "validation: 10"),
            ("an unknown model", "mlp:", "mpl:"),
            (
                "two models",
                "{ mlp: ",
                "{ resnet: { stages: [1], filters: 4 }, mlp: "
            ),
            ("a field of no model", "hidden: [16, 8]", "hiden: [16, 8]"),
            ("a layer of nothing", "[16, 8]", "[16, 0]"),
            ("an unknown activation", "relu", "rellu"),
            ("an unknown data set", "dataset: dots", "dataset: dost"),
            ("nothing to divide by", "std: [0.25]", "std: [0.0]"),
            (
                "means without deviations",
                "mean: [0.5]",
                "mean: [0.5, 0.5, 0.5]"
            ),
            (
                "more means than channels",
                "mean: [0.5], std: [0.25]",
                "mean: [0.5, 0.5], std: [0.25, 0.25]"
            ),
            ("a newer format", "schema: 1", "schema: 2"),
            (
                "a model of text on images",
                "{ mlp: { hidden: [16, 8], activation: relu } }",
                "{ decoder: { width: 6, layers: 1, heads: 2, hidden: 4 } }"
            ),
            (
                "an unknown base",
                "schema: 1\n",
                "schema: 1\nextends: tny\n"
            ),
        ]
    ));
}

#[test]
fn regimes() {
    let key = |lines: &'static str| ("step-hint: 300", lines);
    let mistakes = [
        (
            "an epoch of no number",
            key("step-hint: 300\none-epoch: once"),
        ),
        ("a misspelt epoch", key("step-hint: 300\none-epok: true")),
        (
            "an epoch shorter than the budget",
            key("step-hint: 300\none-epoch: true"),
        ),
        (
            "more examples than there are",
            key("step-hint: 300\ntrain-examples: 201"),
        ),
        ("no examples", key("step-hint: 300\ntrain-examples: 0")),
        ("noise beyond all", key("step-hint: 300\nlabel-noise: 20")),
        ("noise below none", key("step-hint: 300\nlabel-noise: -0.1")),
        (
            "an unknown precision",
            key("step-hint: 300\nprecision: bf61"),
        ),
        (
            "an unknown loss",
            ("loss: cross-entropy", "loss: cros-entropy"),
        ),
        ("no loss", ("loss: cross-entropy", "loss: 3")),
        (
            "a loss's unknown setting",
            (
                "loss: cross-entropy",
                "loss: { cross-entropy: { lable-smoothing: 0.1 } }",
            ),
        ),
        (
            "smoothing beyond all",
            (
                "loss: cross-entropy",
                "loss: { cross-entropy: { label-smoothing: 10 } }",
            ),
        ),
        ("dropout of all", ("relu }", "relu, dropout: 1 }")),
        ("dropout below none", ("relu }", "relu, dropout: -0.1 }")),
        (
            "dropout where there is none",
            (
                "{ mlp: { hidden: [16, 8], activation: relu } }",
                "{ resnet: { stages: [1], filters: 4, dropout: 0.1 } }",
            ),
        ),
    ];
    let mistakes = mistakes.map(|(name, (right, wrong))| (name, right, wrong));
    snapshot!(told(Kind::Workload, &mistakes));
}

#[test]
fn regimes_that_the_data_does_not_allow() {
    let text = WORKLOAD
        .replace(
            "input: { pixels: unit, mean: [0.5], std: [0.25] }",
            "input: { sequence-length: 4 }",
        )
        .replace(
            "{ mlp: { hidden: [16, 8], activation: relu } }",
            "{ decoder: { width: 4, layers: 1, heads: 2, hidden: 4 } }",
        )
        .replace(
            "schema: 1\n",
            "schema: 1\nlabel-noise: 0.1\ntrain-examples: 41\n",
        );
    let dataset = DATASET.replace(
        "idx-images: { height: 8, width: 8, channels: 1, classes: 10 }",
        "tokens: { vocabulary: 10 }",
    );
    let dataset = dataset.replace(
        "      train-images: a\n      train-labels: b\n      test-images: c\n      test-labels: d\n",
        "      train: a\n      test: b\n",
    );
    let one_class = DATASET.replace("classes: 10", "classes: 1");
    let noisy = WORKLOAD.replace("schema: 1\n", "schema: 1\nlabel-noise: 0.1\n");
    let with = |workload: &str, dataset: &str| {
        let mut files = files_with(Kind::Workload, workload);
        files[1] = file(Kind::Dataset, "dots", dataset);
        told_of(files)
    };
    snapshot!([with(&text, &dataset), with(&noisy, &one_class)].concat());
}

#[test]
fn a_batch_size_for_one_epoch_that_is_too_short() {
    let text = WORKLOAD
        .replace("schema: 1\n", "schema: 1\none-epoch: true\n")
        .replace("steps: 400", "steps: 50");
    snapshot!(told_of(files_with(Kind::Workload, &text)));
}

#[test]
fn datasets() {
    snapshot!(told(
        Kind::Dataset,
        &[
            ("overlapping splits", "start: 200", "start: 199"),
            ("a split of nothing", "count: 200", "count: 0"),
            ("a short hash", "cccccccccccccccccccccccccccccccc }", "}"),
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
        ]
        .concat()
    );
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

#[test]
fn submissions() {
    snapshot!(told(
        Kind::Submission,
        &[
            (
                "min above max",
                "{ min: 1e-4, max: 1e-2,",
                "{ min: 1e-1, max: 1e-2,"
            ),
            (
                "no logarithm",
                "{ min: 1e-4, max: 1e-2,",
                "{ min: 0, max: 1e-2,"
            ),
            ("a default outside", "default: 1e-3", "default: 1"),
            ("a default of no value", "default: 0.9 }", "default: 0.8 }"),
            ("no default", ", default: 0.1 }", " }"),
            ("a range's field misspelt", "scale: log", "scle: log"),
            ("an unknown scale", "scale: log", "scale: logarithmic"),
            (
                "nothing to choose from",
                "values: [0.0, 0.9, 0.99]",
                "values: []"
            ),
            (
                "a range that is a list",
                "{ min: 0.0, max: 0.5, default: 0.1 }",
                "[0.0, 0.5]"
            ),
            (
                "a group of an unknown role",
                "roles: [bias]",
                "roles: [biases]"
            ),
            (
                "a group's unknown hyperparameter",
                "{ weight-decay: 0.0 }",
                "{ weight-decy: 0.0 }"
            ),
            (
                "a point's unknown hyperparameter",
                "search-space:",
                "points: [{ lr: 1 }]\nsearch-space:"
            ),
            ("no ruleset", "[external-tuning]", "[]"),
            ("an unknown ruleset", "[external-tuning]", "[extern-tuning]"),
            ("a share beyond all", "warmup: 5%", "warmup: 105%"),
            (
                "a schedule without settings",
                "{ warmup-cosine: { warmup: 5% } }",
                "warmup-cosine"
            ),
            (
                "settings for a schedule without",
                "{ warmup-cosine: { warmup: 5% } }",
                "{ constant: {} }"
            ),
            ("an unknown schedule", "warmup-cosine:", "warmup-cosin:"),
            (
                "an unknown shape of cooldown",
                "{ warmup-cosine: { warmup: 5% } }",
                "{ wsd: { cooldown: 20%, shape: linar } }"
            ),
            (
                "shares beyond the horizon",
                "{ warmup-cosine: { warmup: 5% } }",
                "{ wsd: { warmup: 50%, cooldown: 60%, shape: exponential } }"
            ),
            (
                "a power of nothing",
                "{ warmup-cosine: { warmup: 5% } }",
                "{ power: { a: 4.6, b: 0.5, batch-size: 0, tokens-per-step: 8, peak: 1 } }"
            ),
            ("no norm", "global-norm: 1.0", "global-norm: 0"),
            ("an unknown workload", "{ tiny: 16 }", "{ tinny: 16 }"),
            ("a batch of nothing", "default: 32", "default: 0"),
        ]
    ));
}

#[test]
fn harness() {
    snapshot!(told(
        Kind::Harness,
        &[
            ("an unknown device", "device: cpu", "device: gpu"),
            (
                "more threads than a number holds",
                "threads: 2",
                "threads: 5000000000"
            ),
            ("a suite of an unknown workload", "[tiny]", "[tiny, tny]"),
            ("a workload twice", "[tiny]", "[tiny, tiny]"),
            ("an empty suite", "[tiny]", "[]"),
            ("no trials", "trials: 5", "trials: 0"),
            (
                "trials of self-tuning",
                "studies: 3, trials: 1",
                "studies: 3, trials: 2"
            ),
            ("no budget", "budget-factor: 1.5", "budget-factor: 0"),
            ("a limit of no time", "shut-down: 10s", "shut-down: 0s"),
            ("a tolerance of everything", "claim: 0.05", "claim: 5"),
        ]
    ));
}

#[test]
fn all_at_once() {
    let text = "\
schema: 1
schema: 1
dataset: dost
model: { mlp: { hiden: [16, 0], activation: rellu } }
loss: cross-entropy
metrics: [cross-entropy]
target: { metric: error-rate, validation: .nan, test: 12 }
budget: { time: 60 parsecs, steps: 0 }
step-hint: many
evaluate: { evry-steps: 50, batch-size: 100, train-subset: 100 }
";
    snapshot!(told_of(files_with(Kind::Workload, text)));
}

#[test]
fn mistakes_of_a_base_are_told_once_and_in_the_base() {
    let mut files = files_with(Kind::Workload, &WORKLOAD.replace("relu", "rellu"));
    files.push(file(
        Kind::Workload,
        "wide",
        "extends: tiny\nschema: 1\nmodel: { mlp: { hidden: [0] } }\n",
    ));
    files.push(file(
        Kind::Workload,
        "own",
        "extends: nothing\nschema: 1\nmodl: 1\nthreads: 0\n",
    ));
    snapshot!(told_of(files));
}

#[test]
fn circles_are_named() {
    let files = vec![
        file(Kind::Workload, "a", "extends: b\n"),
        file(Kind::Workload, "b", "extends: c\n"),
        file(Kind::Workload, "c", "extends: b\n"),
        file(Kind::Submission, "x", "extends: ../x\n"),
        file(Kind::Submission, "y", "extends: ../z\n"),
    ];
    snapshot!(told_of(files));
}

#[test]
fn a_submission_needs_a_program() {
    let mut files = files_with(Kind::Submission, SUBMISSION);
    files.iter_mut().for_each(|file| file.has_crate = false);
    snapshot!(told_of(files));
}

#[test]
fn algoperf_search_spaces() {
    let space = |text: &str, submission: &str| {
        let mut files = files_with(Kind::Submission, submission);
        let path = "submissions/plain/tuning_search_space.json";
        files[3].search_space = Some(source(path, text));
        format!("== {text}\n{}", told_of(files))
    };
    let fixed = "schema: 1\nrulesets: [external-tuning]\nbatch-size: { default: 1 }\nsearch-space: { learning-rate: 0.1 }\n";
    snapshot!([
        space(r#"{"learning_rate": {"min": 1, "max": 0, "scaling": "log"}, "b": 3}"#, fixed),
        space(r#"{"learnin_rate": {"min": 1, "max": 2, "scaling": "log"}, "beta": {"feasible_points": [1]}}"#, fixed),
        space(r#"[{"learning_rate": 1}, {"beta": 2}]"#, fixed),
        space("[{]", fixed),
        space("{}", SUBMISSION),
    ].concat());
}
