//! Workloads, and the regimes that they set.

use super::common::{DATASET, WORKLOAD, file, files_with};
use super::{told, told_of};
use bench_core::spec::schema::Kind;

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
                "a model whose sizes do not go with the images",
                "{ mlp: { hidden: [16, 8], activation: relu } }",
                "{ resnet: { stages: [1, 1, 1], filters: 4 } }"
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
fn kinds_of_model() {
    let model = "{ mlp: { hidden: [16, 8], activation: relu } }";
    let mistakes = [
        (
            "patches that do not cut the images",
            "{ vit: { patch: 3, width: 16, layers: 1, heads: 2, hidden: 16 } }",
        ),
        (
            "patches of two sides, and heads that do not share the width",
            "{ vit: { patch: [2, 4], width: 18, layers: 1, heads: 4, hidden: 16 } }",
        ),
        (
            "an unknown pool",
            "{ vit: { patch: 4, width: 16, layers: 1, heads: 2, hidden: 16, pool: mena } }",
        ),
        (
            "dropout of no place",
            "{ vit: { patch: 4, width: 16, layers: 1, heads: 2, hidden: 16, dropout: { hiden: 0.1 } } }",
        ),
        (
            "dropout of everything",
            "{ vit: { patch: 4, width: 16, layers: 1, heads: 2, hidden: 16, dropout: 1.0 } }",
        ),
        (
            "dropout of everything at a place",
            "{ vit: { patch: 4, width: 16, layers: 1, heads: 2, hidden: 16, dropout: { hidden: 1.0 } } }",
        ),
        (
            "an unknown block",
            "{ resnet: { stages: [1], filters: 4, block: bottelneck } }",
        ),
        (
            "clicks on images",
            "{ dlrm: { vocabulary: 10, width: 4, bottom: [8], top: [8] } }",
        ),
        (
            "a molecule of pixels",
            "{ gnn: { latent: 4, hidden: [8], rounds: 1 } }",
        ),
        ("scans of classes", "{ unet: { channels: 4, pools: 1 } }"),
        (
            "a translation of images",
            "{ transformer: { width: 8, layers: 1, heads: 3, hidden: 16, gated: true } }",
        ),
        (
            "speech of pixels",
            "{ conformer: { width: 8, layers: 1, heads: 2, kernel: 4, front-end: { log-mel: { bins: 40 } } } }",
        ),
        (
            "speech of an odd width",
            "{ deepspeech: { width: 7, recurrent: 1, feed-forward: 1 } }",
        ),
    ];
    let mistakes = mistakes.map(|(name, wrong)| (name, model, wrong));
    snapshot!(told(Kind::Workload, &mistakes));
}

#[test]
fn losses_and_metrics_that_do_not_fit() {
    let metrics = "[error-rate, cross-entropy]";
    snapshot!(told(
        Kind::Workload,
        &[
            (
                "a loss of yes or no on classes",
                "loss: cross-entropy",
                "loss: binary-cross-entropy"
            ),
            (
                "a distance from classes",
                "loss: cross-entropy",
                "loss: mean-absolute-error"
            ),
            ("frames of classes", "loss: cross-entropy", "loss: ctc"),
            (
                "a smoothing that the loss does not have",
                "loss: cross-entropy",
                "loss: { ctc: { label-smoothing: 0.1 } }"
            ),
            ("a similarity of classes", metrics, "[error-rate, ssim]"),
            ("texts of a classifier", metrics, "[error-rate, token-bleu]"),
            (
                "precision of classes",
                metrics,
                "[error-rate, mean-average-precision]"
            ),
            (
                "edits of classes",
                metrics,
                "[error-rate, token-error-rate, ctc-loss]"
            ),
            (
                "changes of colour in grey images",
                "std: [0.25]",
                "std: [0.25], augment: { rand-augment: true, mixup: 2 }"
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
