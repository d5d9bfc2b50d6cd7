//! A trial's identity: pinned, blind to spelling, and sensitive to everything that means something.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod common;
mod respell;

use bench_core::run::{DeviceKind, Purpose, RunSpec, Seed};
use bench_core::spec::catalog::Catalog;
use bench_core::spec::resolve::Request;
use bench_core::spec::schema::Kind;
use bench_core::spec::search::Point;
use bench_core::spec::submission::Value;
use common::{files_with, request, run_with, sound};
use proptest::prelude::*;
use respell::Respeller;
use std::collections::BTreeSet;

/// Of the sound checkout. Another one means that all trials that ever ran are other trials: then [`bench_core::run::PROTOCOL`] goes up too.
const CONFIG: &str = "d2b542bf1be8cbfd170bb6361979e7487b5356eaef97ea945b2ac000318b1e12";
const COMPARABILITY: &str = "a086ff066cb34db45c4a40d6836a91683d8b2e0d525c26e654c53b995bcfe84e";

fn base() -> RunSpec {
    run_with(Kind::Workload, sound(Kind::Workload))
}

fn config(run: &RunSpec) -> String {
    run.config_hash().unwrap()
}

fn comparability(run: &RunSpec) -> String {
    run.comparability_key().unwrap()
}

#[test]
fn hashes_are_pinned() {
    assert_eq!(config(&base()), CONFIG);
    assert_eq!(comparability(&base()), COMPARABILITY);
    insta::assert_snapshot!(bench_core::canonical::to_string(&base()).unwrap());
}

#[test]
fn seeds_are_pinned() {
    let value = |purpose, base, study, trial| Seed::new(purpose, base, study, trial).value;
    insta::assert_debug_snapshot!([
        value(Purpose::Scoring, 0, 1, 1),
        value(Purpose::Scoring, 0, 1, 2),
        value(Purpose::Scoring, 0, 2, 1),
        value(Purpose::Scoring, 1, 1, 1),
        value(Purpose::Calibrating, 0, 1, 1),
        value(Purpose::Comparing, 0, 1, 1),
    ]);
}

#[test]
fn a_record_read_back_keeps_its_identity() {
    let text = serde_json::to_string(&base()).unwrap();
    let back: RunSpec = serde_json::from_str(&text).unwrap();
    assert_eq!(config(&back), CONFIG);
}

#[test]
fn remarks_and_sources_of_targets_are_no_part_of_it() {
    for (kind, right, other) in [
        (
            Kind::Workload,
            "source: provisional",
            "source: results/calibration/tiny",
        ),
        (Kind::Workload, ", source: provisional", ""),
        (Kind::Workload, "about: a small one\n", ""),
        (Kind::Workload, "schema: 1", "# remark\nschema: 1"),
        (Kind::Dataset, "licence: MIT", "licence: BSD"),
        (Kind::Dataset, "train-images: a", "train-images: z"),
        (
            Kind::Submission,
            "about: a plain one",
            "paper: arXiv:1\nabout: another",
        ),
        (
            Kind::Submission,
            "rulesets: [external-tuning]",
            "rulesets: [self-tuning, external-tuning]",
        ),
        (
            Kind::Submission,
            "workloads: { tiny: 16 }",
            "workloads: { tiny: 16.0 }",
        ),
        (
            Kind::Harness,
            "results: results/runs",
            "results: /elsewhere",
        ),
        (Kind::Harness, "stall: 1m", "stall: 2m"),
        (Kind::Harness, "claim: 0.05", "claim: 0.5"),
        (
            Kind::Harness,
            "smoke: [tiny]",
            "smoke: [tiny]\n  more: [tiny]",
        ),
        (Kind::Workload, "time: 60s", "time: 1m"),
        // Regimes and settings at their defaults.
        (
            Kind::Workload,
            "schema: 1",
            "schema: 1\none-epoch: false\nlabel-noise: 0\nprecision: f32",
        ),
        (
            Kind::Workload,
            "loss: cross-entropy",
            "loss: { cross-entropy: { label-smoothing: 0 } }",
        ),
        (
            Kind::Workload,
            "loss: cross-entropy",
            "loss: { cross-entropy: {} }",
        ),
        (Kind::Workload, "relu }", "relu, dropout: 0 }"),
    ] {
        assert!(sound(kind).contains(right), "{right}");
        let run = run_with(kind, &sound(kind).replacen(right, other, 1));
        assert_eq!(config(&run), CONFIG, "{right} -> {other}");
    }
}

/// What means something, in every file, and whether it decides which trials are comparable.
const CHANGES: &[(Kind, &str, &str, bool)] = &[
    (Kind::Workload, "mean: [0.5]", "mean: [0.50000001]", true),
    (Kind::Workload, "std: [0.25]", "std: [0.5]", true),
    (Kind::Workload, "pixels: unit", "pixels: byte", true),
    (
        Kind::Workload,
        "pixels: unit",
        "augment: { flip: true }",
        true,
    ),
    (Kind::Workload, "[16, 8]", "[8, 16]", true),
    (Kind::Workload, "relu", "gelu", true),
    (
        Kind::Workload,
        "relu }",
        "relu, init: lecun-truncated }",
        true,
    ),
    (
        Kind::Workload,
        "[error-rate, cross-entropy]",
        "[error-rate]",
        true,
    ),
    (Kind::Workload, "validation: 0.1", "validation: 0.11", true),
    (Kind::Workload, "test: 0.12, ", "", true),
    (Kind::Workload, "time: 60s", "time: 61s", true),
    (Kind::Workload, "steps: 400", "steps: 401", true),
    (Kind::Workload, "step-hint: 300", "step-hint: 301", true),
    (Kind::Workload, "every-steps: 50", "every-steps: 49", true),
    (
        Kind::Workload,
        "train-subset: 100",
        "train-subset: 99",
        true,
    ),
    (
        Kind::Workload,
        "step-hint: 300",
        "step-hint: 300\nthreads: 1",
        true,
    ),
    (
        Kind::Workload,
        "schema: 1",
        "schema: 1\ntrain-examples: 150",
        true,
    ),
    (
        Kind::Workload,
        "schema: 1",
        "schema: 1\nlabel-noise: 0.2",
        true,
    ),
    (
        Kind::Workload,
        "schema: 1",
        "schema: 1\nprecision: bf16",
        true,
    ),
    (
        Kind::Workload,
        "loss: cross-entropy",
        "loss: { cross-entropy: { label-smoothing: 0.1 } }",
        true,
    ),
    (Kind::Workload, "relu }", "relu, dropout: 0.1 }", true),
    (Kind::Dataset, "hash: aaaa", "hash: baaa", true),
    (Kind::Dataset, "count: 200", "count: 199", true),
    (Kind::Dataset, "classes: 10", "classes: 11", true),
    (
        Kind::Harness,
        "studies: 3, trials: 5",
        "studies: 3, trials: 6",
        true,
    ),
    (
        Kind::Harness,
        "studies: 3, trials: 5",
        "studies: 4, trials: 5",
        true,
    ),
    (
        Kind::Harness,
        "trials: 5 }",
        "trials: 5, confirm: false }",
        true,
    ),
    (
        Kind::Harness,
        "trials: 5 }",
        "trials: 5, test: always }",
        true,
    ),
    (
        Kind::Harness,
        "trials: 5 }",
        "trials: 5, budget-factor: 2 }",
        true,
    ),
    (
        Kind::Harness,
        "trials: 5 }",
        "trials: 5, evaluate-every: 10s }",
        true,
    ),
    (Kind::Harness, "threads: 2", "threads: 1", false),
    (Kind::Harness, "device: cpu", "device: cuda:0", false),
    (Kind::Submission, "warmup: 5%", "warmup: 6%", false),
    (
        Kind::Submission,
        "schedule: { warmup-cosine: { warmup: 5% } }",
        "schedule: constant",
        false,
    ),
    (Kind::Submission, "tiny: 16", "tiny: 17", false),
    (
        Kind::Submission,
        "global-norm: 1.0",
        "global-norm: 2.0",
        false,
    ),
    (
        Kind::Submission,
        "roles: [bias]",
        "roles: [bias, norm-scale]",
        false,
    ),
    (
        Kind::Submission,
        "{ weight-decay: 0.0 }",
        "{ weight-decay: 0.01 }",
        false,
    ),
    (Kind::Submission, "max: 1e-2", "max: 2e-2", false),
    (Kind::Submission, "nesterov: true", "nesterov: false", false),
];

#[test]
fn every_meaningful_change_is_another_identity() {
    let mut seen = BTreeSet::from([config(&base())]);
    for (kind, right, other, comparable) in CHANGES {
        assert!(sound(*kind).contains(right), "{right}");
        let run = run_with(*kind, &sound(*kind).replacen(right, other, 1));
        assert!(
            seen.insert(config(&run)),
            "{right} -> {other} changes nothing"
        );
        let same = comparability(&run) == COMPARABILITY;
        assert_eq!(same, !comparable, "{right} -> {other}");
    }
}

#[test]
fn one_epoch_is_another_identity() {
    let short = sound(Kind::Workload)
        .replace("steps: 400", "steps: 6")
        .replace("every-steps: 50", "every-steps: 6");
    let (many, one) = (
        run_with(Kind::Workload, &short),
        run_with(Kind::Workload, &format!("{short}one-epoch: true\n")),
    );
    assert_ne!(comparability(&many), comparability(&one));
    assert_ne!(config(&many), config(&one));
}

#[test]
fn every_request_is_another_identity_among_comparable_ones() {
    let catalog = Catalog::parse(files_with(Kind::Harness, sound(Kind::Harness)));
    let requests = [
        request(),
        Request {
            study: 2,
            ..request()
        },
        Request {
            trial: 2,
            ..request()
        },
        Request {
            base_seed: 1,
            ..request()
        },
        Request {
            purpose: Purpose::Calibrating,
            ..request()
        },
        Request {
            threads: Some(1),
            ..request()
        },
        Request {
            device: Some(DeviceKind::Cuda),
            ..request()
        },
    ];
    let runs: Vec<RunSpec> = requests
        .iter()
        .map(|request| catalog.resolve(request).unwrap())
        .collect();
    let configs: BTreeSet<String> = runs.iter().map(config).collect();
    assert_eq!(configs.len(), requests.len());
    assert!(runs.iter().all(|run| comparability(run) == COMPARABILITY));
}

#[test]
fn given_values_are_comparable_with_given_values_alone() {
    let catalog = Catalog::parse(files_with(Kind::Harness, sound(Kind::Harness)));
    let resolve = |purpose, learning_rate: f64| {
        let point = Point::from([("learning-rate".to_owned(), Value::Number(learning_rate))]);
        let request = Request {
            purpose,
            hyperparameters: Some(&point),
            ..request()
        };
        catalog.resolve(&request).unwrap()
    };
    let [one, other] = [1e-3, 2e-3].map(|rate| resolve(Purpose::Scoring, rate));
    assert_ne!(comparability(&one), COMPARABILITY);
    assert_eq!(comparability(&one), comparability(&other));
    // A comparison gives both sides their values: what it compares are those.
    let compared = resolve(Purpose::Comparing, 1e-3);
    assert_eq!(comparability(&compared), COMPARABILITY);
    let written = sound(Kind::Harness).replacen("points: defaults", "points: given", 1);
    assert_ne!(written, sound(Kind::Harness));
    assert!(
        Catalog::parse(files_with(Kind::Harness, &written))
            .harness
            .is_none()
    );
}

fn values() -> impl Strategy<Value = (Kind, Vec<u8>)> {
    let kinds = prop::sample::select(Kind::ALL.to_vec());
    (kinds, prop::collection::vec(any::<u8>(), 1..200))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn spelling_means_nothing((kind, choices) in values()) {
        let value: serde_json::Value = serde_yaml::from_str(sound(kind)).unwrap();
        let text = Respeller::new(choices).document(&value);
        let run = run_with(kind, &text);
        prop_assert_eq!(config(&run), CONFIG, "{}", text);
    }

    #[test]
    fn any_number_is_read_as_it_is_written(x in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
        let text = sound(Kind::Submission).replacen("nesterov: true", &format!("nesterov: {x:e}"), 1);
        let run = run_with(Kind::Submission, &text);
        let read = run.hyperparameters["nesterov"].as_number().unwrap();
        prop_assert_eq!(read, x);
        let back: RunSpec = serde_json::from_str(&serde_json::to_string(&run).unwrap()).unwrap();
        prop_assert_eq!(config(&back), config(&run));
    }

    #[test]
    fn other_numbers_are_other_identities(a in 0.0..1.0_f64, b in 0.0..1.0_f64) {
        let with = |x: f64| {
            let text = sound(Kind::Workload).replacen("validation: 0.1", &format!("validation: {x}"), 1);
            config(&run_with(Kind::Workload, &text))
        };
        prop_assert_eq!(a == b, with(a) == with(b));
    }
}
