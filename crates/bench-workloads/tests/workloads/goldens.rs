//! Models, losses and metrics against reference numbers, where the folder with them is there.

use crate::fixture::one_thread;
use bench_workloads::golden::{self, Verdict};
use std::path::PathBuf;

/// The reference folder; says loudly that a test is skipped where there is none.
fn shared(file: &str) -> Option<PathBuf> {
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

#[test]
fn models_equal_their_references() {
    for workload in ["mnist", "cifar", "finewebedu_lm"] {
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
fn models_that_are_not_built_are_said_to_be_so() {
    let Some(path) = shared("model_goldens/ogbg.json") else {
        return;
    };
    let report = golden::compare_models(&path).unwrap();
    assert!(
        report
            .iter()
            .all(|compared| compared.verdict == Verdict::NotBuilt)
    );
}

#[test]
fn losses_and_metrics_equal_their_references() {
    let Some(path) = shared("metric_goldens.json") else {
        return;
    };
    let report = golden::compare_metrics(&path).unwrap();
    let of = |group: &str| report.iter().find(|compared| compared.name == group);
    for group in ["cross_entropy", "token_cross_entropy", "accuracy", "halton"] {
        let compared = of(group).unwrap();
        assert!(matches!(compared.verdict, Verdict::Equal(_)), "{compared}");
    }
    // Crops and flips of `cifar`; other workloads' augmentations are not built.
    let views = of("image_augmentation").unwrap();
    assert!(
        matches!(views.verdict, Verdict::Partly { built: 3, .. }),
        "{views}"
    );
}

/// A comparison that cannot fail proves nothing: every kind of number in a golden is changed in turn.
#[test]
fn a_changed_reference_is_noticed() {
    let Some(path) = shared("model_goldens/cifar.json") else {
        return;
    };
    let text = std::fs::read_to_string(path).unwrap();
    let places = [
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
    let folder = tempfile::tempdir().unwrap();
    for place in places {
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
        assert!(differing.count() > 0, "a change of {place} went unnoticed");
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
