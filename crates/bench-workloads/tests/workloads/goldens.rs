//! Models, losses and metrics against reference numbers, where the folder with them is there.

use crate::fixture::one_thread;
use bench_workloads::golden::{self, Verdict};
use std::path::PathBuf;

/// The reference folder; says loudly that a test is skipped where there is none.
pub(crate) fn shared(file: &str) -> Option<PathBuf> {
    one_thread();
    let folder = std::env::var_os("BENCH_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = folder.join("algoperf").join(file);
    if path.exists() {
        return Some(path);
    }
    eprintln!(
        "SKIPPED: no reference numbers at {} (set BENCH_SHARED)",
        path.display()
    );
    None
}

const WORKLOADS: [&str; 11] = [
    "cifar",
    "criteo1tb",
    "fastmri",
    "finewebedu_lm",
    "imagenet_resnet",
    "imagenet_vit",
    "librispeech_conformer",
    "librispeech_deepspeech",
    "mnist",
    "ogbg",
    "wmt",
];

#[test]
fn models_equal_their_references() {
    for workload in WORKLOADS {
        let Some(path) = shared(&format!("model_goldens/{workload}.json")) else {
            continue;
        };
        for compared in golden::compare_models(&path).unwrap() {
            let Verdict::Equal(worst) = compared.verdict else {
                panic!("{compared}");
            };
            assert!(worst < 1e-12, "{compared}");
        }
    }
}

#[test]
fn losses_metrics_and_features_equal_their_references() {
    let Some(path) = shared("metric_goldens.json") else {
        return;
    };
    let report = golden::compare_metrics(&path).unwrap();
    assert_eq!(report.len(), 16);
    for compared in report {
        assert!(matches!(compared.verdict, Verdict::Equal(_)), "{compared}");
    }
}

/// A comparison that cannot fail proves nothing: every kind of number in a golden is changed in turn.
#[test]
fn a_changed_reference_is_noticed() {
    let cifar = [
        "/cases/0/parameters/0/scale",
        "/cases/0/outputs/logits/values/3",
        "/cases/0/outputs/logits/sum",
        "/cases/0/loss/summed",
        "/cases/1/loss/n_valid_examples",
        "/cases/1/loss/label_smoothing",
        "/cases/0/gradients/bn1.bias/values/0",
        "/cases/0/gradients/conv1.weight/sumsq",
        "/cases/0/buffers_after/bn1.running_var/values/1",
        "/cases/2/metrics/correct",
        "/full_size/count",
    ];
    let others = [
        ("criteo1tb", "/cases/3/gradients/embedding_chunk_2/sum"),
        ("criteo1tb", "/functions/0/outputs/bucket/values/0"),
        ("fastmri", "/cases/1/metrics/ssim/1"),
        ("fastmri", "/functions/0/outputs/std/values/0"),
        ("imagenet_vit", "/cases/2/loss/per_example/values/1"),
        ("imagenet_vit", "/full_size/variants/map/count"),
        (
            "librispeech_conformer",
            "/cases/0/buffers_after/conformers.1.conv.bn.running_var/values/2",
        ),
        ("librispeech_conformer", "/cases/1/metrics/decoded/1/3"),
        (
            "librispeech_conformer",
            "/cases/2/outputs/features/values/5",
        ),
        (
            "librispeech_conformer",
            "/functions/2/outputs/words/values/1",
        ),
        (
            "librispeech_deepspeech",
            "/cases/0/outputs/logit_paddings/values/6",
        ),
        ("ogbg", "/cases/0/inputs/2/values/1"),
        ("wmt", "/cases/1/inputs/4/values/2"),
        ("wmt", "/cases/5/metrics/decoded/2/1"),
    ];
    let cifar = cifar.into_iter().map(|place| ("cifar", place));
    for (workload, place) in cifar.chain(others) {
        let Some(path) = shared(&format!("model_goldens/{workload}.json")) else {
            return;
        };
        let text = std::fs::read_to_string(path).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut golden: serde_json::Value = serde_json::from_str(&text).unwrap();
        let number = golden.pointer_mut(place).unwrap();
        *number = match number.as_i64() {
            Some(whole) => (whole + 1).into(),
            None => (number.as_f64().unwrap() * (1.0 + 1e-6) + 1e-6).into(),
        };
        let path = folder.path().join("golden.json");
        std::fs::write(&path, golden.to_string()).unwrap();
        let report = golden::compare_models(&path).unwrap();
        let differing = report
            .iter()
            .filter(|compared| matches!(compared.verdict, Verdict::Differs(_)));
        assert!(
            differing.count() > 0,
            "a change of {workload}{place} went unnoticed"
        );
    }
}

#[test]
fn a_golden_that_is_none_is_an_error_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("golden.json");
    for (text, expected) in [
        ("{", "no golden"),
        (
            r#"{"format":2,"workload":"mnist","seed":1,"cases":[],"full_size":{"parameters":[],"count":0}}"#,
            "format 2",
        ),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = golden::compare_models(&path).unwrap_err().to_string();
        assert!(
            error.contains("golden.json") && error.contains(expected),
            "{error}"
        );
    }
    assert!(golden::compare_metrics(&folder.path().join("absent")).is_err());
}
